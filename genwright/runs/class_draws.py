"""Rows of a class from fitted families: p(rest of the row | class).

Networks and families of texts learn all rows with the class given: they need all rows to learn what rows are. Of the
other families each class has a model of its own. One model of all rows would share what holds for all classes; on 300
rows with 40 of a class, draws of `trees` and `copula` given the class lay nearer to the other classes than its rows
did: where a class is rare, what tells it apart is the first thing that such a model smooths away, and here it is what
matters.
"""

from dataclasses import replace

import numpy as np
import torch

from genwright.core.dataset import Dataset, concat
from genwright.core.decoding import Decoding
from genwright.core.errors import UnsupportedError
from genwright.core.model import Autoregressive, Conditions, HasLoss, Model
from genwright.core.registry import MODELS
from genwright.core.rng import derive, torch_generator
from genwright.core.space import Batch, Field, Real, Space
from genwright.runs.beginnings import vocabularies
from genwright.runs.lessons import Lesson
from genwright.training.taught import Teacher

LEAST_ROWS = 20  # of a class; below, its columns are drawn independently


class ClassDraws:
    """A family that has learnt labelled rows.

    Args:
        name: The family.
        lesson: Rows, the target among their columns, with codes 0 … K−1.
        target: The class.
        seed: Of the fit.
        teacher: Teaches it.

    Raises:
        UnsupportedError: the family cannot model a column, or cannot be given the class.
        FitError: it cannot learn these rows.
    """

    def __init__(self, name: str, lesson: Lesson, target: str, seed: int, teacher: Teacher):
        self.data, self.target = lesson.train, target
        self.texts = vocabularies(lesson.codec)
        family: type[Model] = MODELS.get(name)
        self.is_shared = issubclass(family, HasLoss | Autoregressive)
        self.of_class: dict[int, Model] = {}
        if self.is_shared:
            model = _given(name, self.data, target, derive(seed, "classes"), teacher)
            self.of_class = dict.fromkeys(np.unique(lesson.y).tolist(), model)
            return
        for k, n in zip(*np.unique(lesson.y, return_counts=True), strict=True):
            rows = _of_class(self.data, target, lesson.y == k)
            own = name if n >= LEAST_ROWS else "marginals"
            self.of_class[int(k)] = teacher.model(own, rows, derive(seed, "class", int(k)))

    def draw(self, counts: np.ndarray, rng: np.random.Generator) -> Batch:
        """counts[k] rows of class k, one class below the other."""
        seed = int(rng.integers(2**62))
        return concat([self._of_class(k, int(n), seed) for k, n in enumerate(counts) if n])

    def _of_class(self, k: int, n: int, seed: int) -> Batch:
        chunk = self.of_class[k].chunk
        sizes = [min(chunk, n - first) for first in range(0, n, chunk)]
        rows = concat([self._drawn(k, m, torch_generator(seed, "class", k, i)) for i, m in enumerate(sizes)])
        rows[self.target] = torch.full((n,), k)
        return {name: rows[name] for name in self.data.space}

    def _drawn(self, k: int, n: int, generator: torch.Generator) -> Batch:
        model = self.of_class[k]
        given = {self.target: torch.full((n,), k)} if self.is_shared else {}
        if isinstance(model, Autoregressive):
            return model.decode_rows(n, given, generator, Decoding(), self.texts)
        return model.sample(n, given, generator)


def _of_class(data: Dataset, target: str, is_in: np.ndarray) -> Dataset:
    """The rows of a class, in a space that knows where they lie: with few of them, the others' margins would show."""
    arrays = {name: x[is_in] for name, x in data.arrays.items() if name != target}
    return Dataset(Space({name: _narrowed(data.space[name], x) for name, x in arrays.items()}), arrays)


def _narrowed(f: Field, x: np.ndarray) -> Field:
    """A column whose numbers have the ends and quantiles of some rows."""
    if not isinstance(f.support, Real) or not f.support.quantiles or np.isnan(x).all():
        return f
    own = f.support
    found = np.nanquantile(x, np.linspace(0, 1, len(own.quantiles)), method="nearest").tolist()
    low, high = (None if end is None else at for end, at in ((own.low, found[0]), (own.high, found[-1])))
    return replace(f, support=replace(own, quantiles=tuple(found), low=low, high=high))


def _given(name: str, data: Dataset, target: str, seed: int, teacher: Teacher) -> Model:
    """One model of all rows, which is given the class."""
    model = teacher.model(name, Dataset(data.space.given([target]), data.arrays), seed)
    if not (isinstance(model, Conditions) and model.conditions_exactly([target])):
        raise UnsupportedError(f"{name} cannot draw rows of a given {target!r}; name another family")
    return model
