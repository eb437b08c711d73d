"""A small world whose density is known: five columns that hang together, for tests of judges."""

from collections.abc import Callable

import numpy as np
import torch

from genwright.core.dataset import concat, n_rows, select
from genwright.core.judge import Evidence
from genwright.core.space import Batch, Category, Field, Real, Space

SPACE = Space(
    {
        "size": Field(Real()),
        "weight": Field(Real(has_missing=True)),
        "debt": Field(Real(low=0.0, atoms=(0.0,))),
        "kind": Field(Category(4)),
        "is_old": Field(Category(2)),
    }
)
KIND = torch.tensor([[0.6, 0.25, 0.1, 0.05], [0.1, 0.1, 0.3, 0.5]]).double()  # p(kind | is_old)
MISSING, NO_DEBT, SLOPE, SPREAD = 0.1, 0.7, 0.8, 0.6  # weight | size ~ N(0.8 size, 0.6²): its margin is N(0, 1)


def draw(n: int, seed: int) -> Batch:
    """n rows of the world."""
    g = torch.Generator().manual_seed(seed)
    size = torch.randn(n, generator=g, dtype=torch.float64)
    weight = SLOPE * size + SPREAD * torch.randn(n, generator=g, dtype=torch.float64)
    weight[torch.rand(n, generator=g) < MISSING] = torch.nan
    debt = -torch.rand(n, generator=g, dtype=torch.float64).log()
    debt[torch.rand(n, generator=g) < NO_DEBT] = 0.0
    is_old = (torch.rand(n, generator=g, dtype=torch.float64) < torch.sigmoid(2 * size)).long()
    kind = torch.multinomial(KIND[is_old], 1, generator=g)[:, 0]
    return {"size": size, "weight": weight, "debt": debt, "kind": kind, "is_old": is_old}


def log_prob(rows: Batch) -> torch.Tensor:
    """Exact log density of the world (B,)."""
    p_old = torch.sigmoid(2 * rows["size"])
    old = torch.where(rows["is_old"] == 1, p_old, 1 - p_old).log()
    return (
        _normal(rows["size"], 0.0, 1.0)
        + _weight(rows["weight"], SLOPE * rows["size"], SPREAD)
        + _debt(rows["debt"])
        + old
        + KIND[rows["is_old"], rows["kind"]].log()
    )


def trivial_log_prob(rows: Batch) -> torch.Tensor:
    """The same with independent columns (B,)."""
    margins = _normal(rows["size"], 0.0, 1.0) + _weight(rows["weight"], 0.0 * rows["size"], 1.0) + _debt(rows["debt"])
    return margins + KIND.mean(0)[rows["kind"]].log() + np.log(0.5)


def blend(share: float) -> Callable[[Batch], torch.Tensor]:
    """Log density of a mixture of the world and independent columns."""

    def mixed(rows: Batch) -> torch.Tensor:
        weights = torch.tensor([1 - share, share]).double().log()
        return torch.logsumexp(torch.stack([log_prob(rows), trivial_log_prob(rows)], 1) + weights, 1)

    return mixed


def shuffled(rows: Batch, seed: int) -> Batch:
    """The columns of some rows, each in an order of its own."""
    g = torch.Generator().manual_seed(seed)
    return {name: x[torch.randperm(len(x), generator=g)] for name, x in rows.items()}


def damaged(rows: Batch, seed: int) -> Batch:
    """Shuffled columns, numbers three times as large, every category but the last called by its neighbour's code."""
    return {
        name: x * 3 if x.is_floating_point() else (x + 1).clamp(max=SPACE[name].support.n - 1)
        for name, x in shuffled(rows, seed).items()
    }


def mixed(rows: Batch, others: Batch, share: float, seed: int) -> Batch:
    """Some rows of which a share is replaced by others."""
    n = n_rows(rows)
    k = round(share * n)
    picked = np.random.default_rng(seed).permutation(n_rows(others))[:k]
    return concat([select(rows, slice(k, n)), select(others, picked)])


def world(n_train: int = 700, n_held_out: int = 350, seed: int = 0, fake: Batch | None = None) -> Evidence:
    """Evidence whose draws are a third real sample, unless others are given."""
    train, held_out = draw(n_train, 3 * seed + 1), draw(n_held_out, 3 * seed + 2)
    fake = draw(n_train, 3 * seed + 3) if fake is None else fake
    trivial = shuffled(draw(n_train, 3 * seed + 100_000), seed)
    return Evidence(
        SPACE, train, held_out, fake, trivial, log_prob=log_prob, trivial_log_prob=trivial_log_prob, seed=seed
    )


def _normal(x: torch.Tensor, mean: torch.Tensor | float, scale: float) -> torch.Tensor:
    return -0.5 * ((x - mean) / scale) ** 2 - np.log(scale * np.sqrt(2 * np.pi))


def _weight(x: torch.Tensor, mean: torch.Tensor, scale: float) -> torch.Tensor:
    known = _normal(torch.nan_to_num(x), mean, scale) + np.log(1 - MISSING)
    return torch.where(x.isnan(), np.log(MISSING), known)


def _debt(x: torch.Tensor) -> torch.Tensor:
    return torch.where(x == 0, np.log(NO_DEBT), np.log(1 - NO_DEBT) - x)
