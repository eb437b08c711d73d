"""Pictures changed by chance, so that few of them teach more: mirrored, moved, cut out.

    flip    mirrored left to right
    shift   moved by up to an eighth of its side; what comes in repeats the edge
    crop    a window of at least four fifths of it, as large as the picture was

Whoever learns p(x) from such pictures draws mirrored and moved ones, too. Two ways keep them out of the draws:

- the parameters a of each change are told to the network, which learns p(x | a), and draws are made with a = 0, the
  picture as it was (Karras et al., 2022, https://arxiv.org/abs/2206.00364, appendix F.2);
- an adversary sees real and drawn pictures changed alike, and gradients pass through the change (Zhao et al., 2020,
  https://arxiv.org/abs/2006.10738).

Every change is made of half the pictures, so that the others keep a = 0. As a place u in [−½, ½] of the new picture
shows place u' of the old one, u' = ± u (1 − zoom) + move, both are products with a matrix for each side:

    x' = R x Cᵀ
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

Augmentation = Literal["flip", "shift", "crop"]
N_PARAMETERS = 4  # of a change, P: mirrored (0 or 1), zoom (0 … 1), moves down and right (−1 … 1)
ZOOM = 0.2  # share of the side that a zoom of 1 cuts away
MOVE = 0.25  # share of the side that a move of 1 moves
SHIFT = 0.125  # share of the side that `shift` moves at most


def drawn(n: int, names: Sequence[Augmentation], generator: torch.Generator) -> Tensor:
    """Parameters of n changes (n, P), 0 where nothing is changed; scaled to be read by a network.

    Args:
        n: Pictures.
        names: Which changes may happen.
        generator: Of all randomness.
    """
    u = torch.rand(n, 8, generator=generator)
    is_done = u[:, :3] < 0.5
    flip, shift, crop = (is_done[:, i] * float(name in names) for i, name in enumerate(("flip", "shift", "crop")))
    zoom = crop * u[:, 3]
    inside = zoom * ZOOM / 2 / MOVE  # how far the window can move
    moves = [shift * (2 * u[:, 4 + i] - 1) * SHIFT / MOVE + inside * (2 * u[:, 6 + i] - 1) for i in (0, 1)]
    return torch.stack([flip, zoom, *moves], 1)


def applied(x: Tensor, parameters: Tensor) -> Tensor:
    """Changed pictures; gradients pass through where they are floats.

    Args:
        x: (B, C, H, W), brightness or codes; codes come out as the nearest ones.
        parameters: (B, P); moves are rounded to whole pixels.
    """
    flip, zoom, down, right = parameters.unbind(1)
    rows = _matrix(x.shape[2], torch.ones_like(flip), zoom, down)  # (B, H, H)
    columns = _matrix(x.shape[3], 1 - 2 * flip, zoom, right)  # (B, W, W)
    y = rows.unsqueeze(1) @ x.to(rows.dtype) @ columns.mT.unsqueeze(1)
    return y if x.is_floating_point() else y.round().to(x.dtype)


def _matrix(n: int, sign: Tensor, zoom: Tensor, move: Tensor) -> Tensor:
    """How much each old place (columns) counts in each new one (rows), linear between neighbours (B, n, n)."""
    places = torch.arange(n, dtype=zoom.dtype)
    middle = (n - 1) / 2
    pixels = (move * MOVE * n).round().unsqueeze(1)
    at = (places - middle) * (sign * (1 - ZOOM * zoom)).unsqueeze(1) + middle + pixels  # (B, n)
    return (1 - (at.clamp(0, n - 1).unsqueeze(2) - places).abs()).clamp(min=0)
