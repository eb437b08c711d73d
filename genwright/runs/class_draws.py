"""Rows of a class from a fitted family: p(rest of the row | class).

A family that can fix the class exactly learns all rows together, so that a rare class profits from what holds for all
of them. Otherwise, and where columns would not depend on the class at all, each class has a model of its own.
"""

import numpy as np
import torch

from genwright.core.dataset import Dataset, concat
from genwright.core.errors import UnsupportedError
from genwright.core.model import Conditions, HasSolution, Model
from genwright.core.registry import MODELS
from genwright.core.rng import derive, torch_generator
from genwright.core.space import Batch, Space

ALONE = frozenset({"marginals"})  # families whose columns know nothing of each other


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
        self.space, self.target, self.seed = data.space, target, seed
        self.joint: Model | None = None
        self.of_class: dict[int, Model] = {}
        if name not in ALONE:
            joint = _solved(family, Dataset(data.space.given([target]), data.arrays), seed)
            if isinstance(joint, Conditions) and joint.conditions_exactly([target]):
                self.joint = joint
                return
        others = Space({n: f for n, f in data.space.items() if n != target})
        y = data.arrays[target]
        for k in np.unique(y).tolist():
            rows = Dataset(others, {n: data.arrays[n][y == k] for n in others})
            self.of_class[k] = _solved(family, rows, derive(seed, "class", k))

    def draw(self, counts: np.ndarray, rng: np.random.Generator) -> Batch:
        """counts[k] rows of class k, one class below the other."""
        seed = int(rng.integers(2**62))
        if self.joint is not None:
            return self._joint(np.repeat(np.arange(len(counts)), counts), seed)
        return concat([self._alone(k, int(n), seed) for k, n in enumerate(counts) if n])

    def _joint(self, codes: np.ndarray, seed: int) -> Batch:
        assert self.joint is not None
        found = []
        for first in range(0, len(codes), self.joint.chunk):
            y = torch.from_numpy(codes[first : first + self.joint.chunk])
            found.append(self.joint.sample(len(y), {self.target: y}, torch_generator(seed, "class", first)))
        return _ordered(concat(found), self.space)

    def _alone(self, k: int, n: int, seed: int) -> Batch:
        model = self.of_class[k]
        sizes = [min(model.chunk, n - first) for first in range(0, n, model.chunk)]
        rows = concat([model.sample(m, {}, torch_generator(seed, "class", k, i)) for i, m in enumerate(sizes)])
        return _ordered({**rows, self.target: torch.full((n,), k)}, self.space)


def _solved(family: type[Model], data: Dataset, seed: int) -> Model:
    model = family(data.space)
    assert isinstance(model, HasSolution)
    model.solve(data, torch_generator(seed, "class draws"), lambda done, line: None)
    return model


def _ordered(rows: Batch, space: Space) -> Batch:
    return {name: rows[name] for name in space} if rows else {}
