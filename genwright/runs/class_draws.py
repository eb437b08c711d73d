"""Rows of a class from fitted families: p(rest of the row | class), a model a class.

One model of all rows with the class given would share what holds for all classes. On 300 rows with 40 of a class, draws
of `trees` and `copula` given the class lay nearer to the other classes than its rows did: where a class is rare, what
tells it apart is the first thing that a model of all rows smooths away, and here it is what matters.
"""

import numpy as np
import torch

from genwright.core.dataset import Dataset, concat
from genwright.core.errors import UnsupportedError
from genwright.core.model import HasSolution, Model
from genwright.core.registry import MODELS
from genwright.core.rng import derive, torch_generator
from genwright.core.space import Batch, Space

LEAST_ROWS = 20  # of a class; below, its columns are drawn independently


class ClassDraws:
    """A family that has learnt labelled rows.

    Args:
        name: The family; one that learns in one go.
        data: Rows, the target among their columns, with codes 0 … K−1.
        target: The class.
        seed: Of the fit.

    Raises:
        UnsupportedError: the family learns by gradient steps, or cannot model a column.
        FitError: it cannot learn these rows.
    """

    def __init__(self, name: str, data: Dataset, target: str, seed: int):
        family: type[Model] = MODELS.get(name)
        learns_at_once = issubclass(family, HasSolution)
        if not learns_at_once:
            raise UnsupportedError(f"{name} learns by gradient steps; rows of a class come from families that do not")
        self.space, self.target = data.space, target
        others = Space({n: f for n, f in data.space.items() if n != target})
        self.of_class: dict[int, Model] = {}
        y = data.arrays[target]
        for k, n in zip(*np.unique(y, return_counts=True), strict=True):
            rows = Dataset(others, {c: data.arrays[c][y == k] for c in others})
            chosen = family if n >= LEAST_ROWS else MODELS.get("marginals")
            self.of_class[int(k)] = _solved(chosen, rows, derive(seed, "class", int(k)))

    def draw(self, counts: np.ndarray, rng: np.random.Generator) -> Batch:
        """counts[k] rows of class k, one class below the other."""
        seed = int(rng.integers(2**62))
        return concat([self._of_class(k, int(n), seed) for k, n in enumerate(counts) if n])

    def _of_class(self, k: int, n: int, seed: int) -> Batch:
        model = self.of_class[k]
        sizes = [min(model.chunk, n - first) for first in range(0, n, model.chunk)]
        parts = [model.sample(m, {}, torch_generator(seed, "class", k, i)) for i, m in enumerate(sizes)]
        rows = {**concat(parts), self.target: torch.full((n,), k)}
        return {name: rows[name] for name in self.space}


def _solved(family: type[Model], data: Dataset, seed: int) -> Model:
    model = family(data.space)
    assert isinstance(model, HasSolution)
    model.solve(data, torch_generator(seed, "class draws"), lambda done, line: None)
    return model
