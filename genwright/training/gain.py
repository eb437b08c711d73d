"""How much a family has learnt beyond the trivial model: nats that a held-out row gains over independent columns."""

import numpy as np

from genwright.core.dataset import Dataset
from genwright.core.errors import UnsupportedError
from genwright.core.lengths import affordable_rows
from genwright.core.model import HasBound, HasLogProb, HasLoss, HasStages
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import Category, Real, Space

N_ROWS, N_STEPS = 512, 16_384  # rows, and steps of sequences, that are compared


def gain_over_marginals(
    model: HasLoss, data: Dataset, learnt: np.ndarray, watched: np.ndarray, seed: int
) -> float | None:
    """Mean nats; None where one of the two has no likelihood, or nothing is watched.

    Args:
        model: Trained.
        data: All rows.
        learnt: Numbers of the rows that were learnt from.
        watched: Numbers of the rows set aside.
        seed: Of the training.
    """
    if not isinstance(model, (HasLogProb, HasBound)) or isinstance(model, HasStages) or not len(watched):
        return None  # stages are not yet all learnt
    if isinstance(model, HasBound) and not model.bounds_rows:
        return None
    try:
        trivial = MODELS.get("marginals")(_counted(getattr(model, "space", data.space)))
    except UnsupportedError:  # has no idea of arrays
        return None
    trivial.solve(data.subset(learnt), torch_generator(seed, "trivial"), lambda done, line: None)
    batch = data.take(watched[:N_ROWS])
    n = affordable_rows(batch, data.space, N_ROWS, N_STEPS, least=2)
    batch = {name: x[:n] for name, x in batch.items()}
    own = model.log_prob(batch) if isinstance(model, HasLogProb) else model.bound(batch, torch_generator(seed, "b"))
    return float((own - trivial.log_prob(batch)).mean())


def _counted(space: Space) -> Space:
    """The columns that a likelihood speaks of: texts, series and arrays that are always given are left out of it."""
    is_single = {name: isinstance(f.support, Real | Category) and not f.event_shape for name, f in space.items()}
    return Space({name: f for name, f in space.items() if is_single[name] or not f.is_given})
