"""How long sequences are, and how many rows a number of steps pays for.

A row of tokens is as long as the code that closes it says, a row of vectors as many steps as it holds; a row of several
sequences is as long as all of them, and a row without any is 1 long.
"""

from typing import TYPE_CHECKING

from genwright.core.dataset import n_rows
from genwright.core.space import Batch, Space, Tokens, Vectors

if TYPE_CHECKING:
    import torch

JUDGED_STEPS = 100_000  # tokens, or steps, of draws that judges look at: drawing them takes most of the time
WEIGHED_STEPS = 50_000  # the same of real rows whose likelihood is asked for
LEAST_ROWS = 50  # rows that are looked at however long they are


def lengths(x: "torch.Tensor", support: Tokens | Vectors) -> "torch.Tensor":
    """Steps of each row (B,): tokens with the end that closes them, vectors that are there; a row of pads has none."""
    if isinstance(support, Vectors):
        return (x != float("inf")).all(-1).sum(1)  # x (B, T, D)
    is_end = x == support.end  # (B, T)
    first = is_end.int().argmax(1) + 1
    return first.where(is_end.any(1), (x != support.pad).sum(1))


def total_lengths(batch: Batch, space: Space) -> "torch.Tensor":
    """Steps of each row over all its sequences (B,), at least 1."""
    import torch

    total = torch.zeros(n_rows(batch), dtype=torch.int64)
    for name, f in space.items():
        if isinstance(f.support, Tokens | Vectors):
            total += lengths(batch[name], f.support)
    return total.clamp(min=1)


def affordable_rows(batch: Batch, space: Space, n: int, steps: float = JUDGED_STEPS, least: int = LEAST_ROWS) -> int:
    """At most n rows: as many like these as `steps` pay for, and at least `least`; n where no column is a sequence."""
    if not any(isinstance(f.support, Tokens | Vectors) for f in space.values()) or not n_rows(batch):
        return n
    per_row = float(total_lengths(batch, space).double().mean())
    return min(n, max(least, int(steps / per_row)))
