"""Races between training and held-out rows for the place nearest to a draw: does a model copy?

Platzer and Reutterer (2021), https://doi.org/10.3389/fdata.2021.679939: a draw should be as close to its nearest
training row as to its nearest row of an equally large held-out sample.

    closer = mean_i [ d(x_i, train) < d(x_i, held-out) ] + ½ [ = ],   d: distance to the nearest row

0.5 is ideal. What varies: the draws, and which real rows happened to be trained on. One real row can be the nearest of
many draws, so the interval is that of a mean in clusters, two-way, by the nearest held-out and by the nearest training
row (Cameron, Gelbach and Miller, 2011, https://doi.org/10.1198/jbes.2010.07136).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from genwright.core.judge import Measure
from genwright.core.statistics import normal_measure

MAX_FOLDS = 4  # disjoint training samples, each as large as the held-out one
TAIL = 0.05  # share of draws in the tail
SAME = 1e-6  # distances this close count as equal
Nearest = tuple[np.ndarray, np.ndarray]  # distance to the nearest row (B,), and its number (B,)


@dataclass(frozen=True)
class Races:
    """Every draw's race between held-out and training rows, one row a fold.

    Args:
        to_held_out: (B,) distance to the nearest held-out row.
        to_train: (F, B) distance to the nearest training row.
        held_out: (B,) number of the nearest held-out row.
        train: (F, B) number of the nearest training row.
    """

    to_held_out: np.ndarray
    to_train: np.ndarray
    held_out: np.ndarray
    train: np.ndarray

    @property
    def win(self) -> np.ndarray:
        """(F, B) 1 where the training row is nearer, ½ where both are equally near, else 0."""
        margin = self.to_held_out - self.to_train
        return np.where(margin > SAME, 1.0, np.where(margin < -SAME, 0.0, 0.5))

    @property
    def closest(self) -> np.ndarray:
        """(F, B) the smaller of the two distances."""
        return np.minimum(self.to_held_out, self.to_train)


def n_folds(n_train: int, n_held_out: int) -> int:
    """Disjoint training samples that there are."""
    return max(1, min(MAX_FOLDS, n_train // n_held_out))


def race(
    held_out: Nearest,
    n_held_out: int,
    to_train: Callable[[np.ndarray], Nearest],
    n_train: int,
    rng: np.random.Generator,
    is_held_out: bool = False,
) -> Races:
    """The races of some draws.

    Args:
        held_out: Their nearest held-out rows.
        n_held_out: Held-out rows.
        to_train: Numbers of training rows → the nearest of them, by its number among these.
        n_train: Training rows.
        rng: Says who is in which sample.
        is_held_out: The draws are the held-out rows themselves, each compared with the other ones.
    """
    size = min(n_train, n_held_out)
    order = rng.permutation(n_train)
    distances, numbers = [], []
    for k in range(n_folds(n_train, n_held_out)):
        rows = order[k * size : (k + 1) * size - is_held_out]  # a row without itself has one neighbour fewer
        distance, number = to_train(rows)
        distances.append(distance)
        numbers.append(rows[number])
    return Races(held_out[0], np.stack(distances), held_out[1], np.stack(numbers))


def shares(races: Races, rng: np.random.Generator) -> dict[str, Measure]:
    """`closer` over all draws, and `closer_tail` over the closest ones of each fold, ties in random order."""
    n_folds, n = races.to_train.shape
    distance = races.closest + rng.random((n_folds, n)) * SAME
    last = max(1, round(TAIL * n)) - 1
    is_tail = distance <= np.partition(distance, last, axis=1)[:, last : last + 1]
    steps = np.linspace(0, 1, 101)
    distances = {name: np.quantile(x, steps).tolist() for name, x in vars(races).items() if name.startswith("to_")}
    closer = replace(_share(races, np.ones_like(is_tail)), details={"distance_quantiles": distances})
    return {"closer": closer, "closer_tail": _share(races, is_tail)}


def _share(races: Races, chosen: np.ndarray) -> Measure:
    """Mean of the chosen races (F, B) with its two-way clustered interval."""
    win = races.win
    value = float(win[chosen].mean())
    excess = np.where(chosen, win - value, 0.0) / chosen.sum()  # (F, B)
    by_draw = excess.sum(0)  # (B,)
    by_held_out = np.bincount(races.held_out, weights=by_draw)
    by_train = np.bincount(races.train.ravel(), weights=excess.ravel())
    variance = sum(np.square(x).sum() for x in (by_held_out, by_train)) - np.square(excess).sum()
    n_draws = int(chosen.any(0).sum())
    return normal_measure(value, float(np.sqrt(max(variance, np.square(by_draw).sum()))), n_draws, 0, 1)
