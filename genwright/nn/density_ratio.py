"""How much likelier a row is among real rows than among draws: the odds of a calibrated detector (Sugiyama, 2012).

https://doi.org/10.1017/CBO9781139035613

    log r(x) = log p(x | real) / p(x | drawn) = logit P(real | x) − log n_real / n_drawn

The detector learns once a fold from the other folds. Platt's sigmoid, learnt from margins of rows that a detector had
not seen, turns margins into probabilities: a detector that overfits would otherwise be too sure. New rows get the mean
margin of all detectors.
"""

from collections.abc import Callable

import numpy as np
import torch

from genwright.core.calibration import Calibration
from genwright.core.classifier import Classifier, MatrixClassifier
from genwright.core.dataset import Dataset, concat, n_rows, select
from genwright.core.errors import ConfigError, FitError
from genwright.core.paired import dealt
from genwright.core.registry import CLASSIFIERS
from genwright.core.rng import derive, numpy_generator
from genwright.core.space import Batch, Category, Field, Space
from genwright.core.statistics import Estimate, auc

Teach = Callable[[str, Dataset, str, int], Classifier]  # family, rows, target, seed → taught
N_FOLDS = 5
LEAST_ROWS = 20  # of each side
SUREST = 1e-6  # probabilities nearer to 0 or 1 count as it


def in_one_go(name: str, data: Dataset, target: str, seed: int) -> Classifier:
    """Teaches a family that learns from a matrix in one go.

    Raises:
        ConfigError: this one does not.
    """
    family = CLASSIFIERS.get(name)
    if not issubclass(family, MatrixClassifier):
        raise ConfigError(f"{name} does not learn in one go, as is needed here; name one that does: boosting")
    machine: MatrixClassifier = family().bind(data.space, target)
    machine.fit_rows(data, seed)
    return machine


class DensityRatio:
    """log r(x), learnt from real rows and draws.

    Args:
        space: What rows look like.
        detector: A family in `genwright.classifiers`.
        seed: Of the folds and the detectors.
        n_folds: Each has a detector of its own.
        teach: How a detector learns.
    """

    def __init__(
        self,
        space: Space,
        detector: str = "boosting",
        seed: int = 0,
        n_folds: int = N_FOLDS,
        teach: Teach = in_one_go,
    ):
        self.space, self.detector, self.seed, self.n_folds, self.teach = space, detector, seed, n_folds, teach
        self.label = "real" + "'" * (1 + max((len(name) for name in space), default=0))  # no column is called so

    def fit(self, real: Batch, drawn: Batch) -> "DensityRatio":
        """Learns to tell them apart.

        Raises:
            FitError: there are too few rows of either.
            ConfigError: such a detector cannot be taught so.
        """
        n_real, n_drawn = n_rows(real), n_rows(drawn)
        if min(n_real, n_drawn) < LEAST_ROWS:
            found = f"{n_real:,} real rows and {n_drawn:,} draws"
            raise FitError(f"a detector needs at least {LEAST_ROWS} rows of each side, and found {found}")
        rows, y = concat([real, drawn]), np.repeat([1, 0], [n_real, n_drawn])
        fold = dealt(y, self.n_folds, numpy_generator(self.seed, "density ratio"))
        folds = range(self.n_folds)
        self.machines = [self._machine(select(rows, np.flatnonzero(fold != k)), y[fold != k]) for k in folds]
        margins = np.empty(len(y))
        for k, machine in enumerate(self.machines):
            margins[fold == k] = _margin(machine, select(rows, np.flatnonzero(fold == k)))
        self.calibration = Calibration("platt").fit(margins, y)
        self.shift = float(np.log(n_real / n_drawn))
        self.unseen = self._log_ratio(margins)  # (n_real + n_drawn,) by detectors that had not seen the row
        self.auc: Estimate = auc(self.unseen, y == 1)
        return self

    def __call__(self, rows: Batch) -> np.ndarray:
        """log r (B,) of rows that no detector has seen."""
        return self._log_ratio(np.mean([_margin(machine, rows) for machine in self.machines], 0))

    def _machine(self, rows: Batch, y: np.ndarray) -> Classifier:
        space = Space({**self.space, self.label: Field(Category(2))})
        arrays = {name: x.numpy() for name, x in {**rows, self.label: torch.from_numpy(y)}.items()}
        return self.teach(self.detector, Dataset(space, arrays), self.label, derive(self.seed, "detector"))

    def _log_ratio(self, margins: np.ndarray) -> np.ndarray:
        p = np.clip(self.calibration(margins)[:, 1], SUREST, 1 - SUREST)
        return np.log(p) - np.log1p(-p) - self.shift


def _margin(machine: Classifier, rows: Batch) -> np.ndarray:
    """logit P(real | x) (B,)."""
    p = np.clip(machine.predict_rows(rows)[:, 1], SUREST, 1 - SUREST)
    return np.log(p) - np.log1p(-p)


def likeliest(log_ratio: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """n different rows picked one after the other in proportion to r, sorted (Gumbel's maxima; Efraimidis, 2006).

    Importance resampling without replacement: no row comes twice.
    """
    keys = log_ratio + rng.gumbel(size=len(log_ratio))
    return np.sort(np.argpartition(-keys, n - 1)[:n]) if 0 < n < len(keys) else np.arange(min(n, len(keys)))
