"""Whether drawn rows are as varied as real ones and lie where these do: what tells that adversaries have gone astray.

Rows are points. Of pictures, whose pixels are many, a fixed random projection keeps distances (Johnson and
Lindenstrauss, 1984).

    variety    E‖y − y'‖ / E‖x − x'‖                          neighbours of a sample, drawn beside real
    distance   (2 E‖x − y‖ − E‖x − x'‖ − E‖y − y'‖) / E‖x − x'‖     energy distance (Székely and Rizzo, 2013,
               https://doi.org/10.1016/j.jspi.2013.03.018): 0 where both are one distribution
    repeats    share of draws whose nearest other draw is nearer than nearly all real rows have theirs

x, x' are real rows, y, y' drawn ones.
"""

import numpy as np
import torch
from torch import Tensor

N_DIRECTIONS = 128  # of the projection
NEAREST = 0.02  # share of real rows that count as repeats


def spacing(codes: Tensor, z: Tensor) -> float:
    """Mean distance between neighbouring rows of a sample: other codes (B, J), and the difference of scores (B, R)."""
    parts = [(codes != codes.roll(1, 0)).double(), (z - z.roll(1, 0)).abs().double()]
    return float(sum(part.mean() for part in parts if part.numel()))


def points(pictures: Tensor) -> Tensor:
    """Pictures (B, C, H, W) of any numbers, projected on directions that are always the same (B, D)."""
    flat = pictures.flatten(1).float()
    if flat.shape[1] <= N_DIRECTIONS:
        return flat
    directions = np.random.default_rng(0).normal(size=(flat.shape[1], N_DIRECTIONS)) / N_DIRECTIONS**0.5
    return flat @ torch.from_numpy(directions).float()


def likeness(real: Tensor, drawn: Tensor) -> dict[str, float]:
    """`variety`, `distance` and `repeats` of points (n, D) and (m, D), at least two of each."""
    within, among = _apart(real, real), _apart(drawn, drawn)  # (n, n), (m, m)
    own, others, across = _mean(within), _mean(among), float(_apart(real, drawn).mean())
    unit = max(own, 1e-9)
    found = {"variety": others / unit, "distance": (2 * across - own - others) / unit}
    near = _nearest(within).quantile(NEAREST)
    return found | {"repeats": float((_nearest(among) < near).float().mean())}


def _apart(a: Tensor, b: Tensor) -> Tensor:
    """Distances (n, m), exact where points are equal."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def _mean(distances: Tensor) -> float:
    """Between different points (n, n)."""
    n = len(distances)
    return float(distances.sum()) / (n * (n - 1))


def _nearest(distances: Tensor) -> Tensor:
    """From each point to the nearest other one (n,)."""
    return (distances + torch.diag(torch.full((len(distances),), torch.inf))).min(1).values
