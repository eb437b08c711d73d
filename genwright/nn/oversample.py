"""Rows of a class without a model: copies, moved pictures, points between neighbours (SMOTE-NC; Chawla et al., 2002).

https://doi.org/10.1613/jair.953

    x_new = x + u (x_neighbour − x),   u uniform in [0, 1)

of numbers, with a neighbour among the k nearest rows of the class; a category is the most frequent one among them. Rows
are near by their scaled numbers, and a category that differs costs as much as the median number does.
"""

import numpy as np
import torch
from scipy.spatial.distance import cdist

from genwright.core.dataset import Dataset, concat, select
from genwright.core.space import Batch, Category, Pixels, Real
from genwright.nn.augment import applied, drawn

N_NEIGHBOURS = 5  # k
MOST_ROWS = 5_000  # of a class, between which points are laid
AT_ONCE = 256  # rows whose neighbours are looked for together


class Copies:
    """Random oversampling: rows again.

    Args:
        data: Rows, the target among their columns.
        target: The class.
    """

    def __init__(self, data: Dataset, target: str):
        self.data, self.y = data, data.arrays[target]

    def draw(self, counts: np.ndarray, rng: np.random.Generator) -> Batch:
        """counts[k] rows of class k, one class below the other."""
        picks = [rng.choice(np.flatnonzero(self.y == k), n) for k, n in enumerate(counts) if n]
        return self.data.take(np.concatenate(picks)) if picks else {}


class Moved(Copies):
    """Copies, half of whose pictures are moved by up to an eighth of a side; what comes in repeats the edge."""

    def draw(self, counts: np.ndarray, rng: np.random.Generator) -> Batch:
        """counts[k] rows of class k, one class below the other."""
        rows, generator = super().draw(counts, rng), torch.Generator().manual_seed(int(rng.integers(2**62)))
        for name, x in rows.items():
            if isinstance(self.data.space[name].support, Pixels):
                rows[name] = applied(x, drawn(len(x), ("shift",), generator))
        return rows


class Between:
    """SMOTE-NC.

    Args:
        data: Rows of numbers and categories, the target among their columns.
        target: The class.
    """

    def __init__(self, data: Dataset, target: str):
        self.data, self.target, self.y = data, target, data.arrays[target]
        self.names = [name for name in data.space if name != target]

    def draw(self, counts: np.ndarray, rng: np.random.Generator) -> Batch:
        """counts[k] rows of class k, one class below the other."""
        return concat([self._of_class(k, int(n), rng) for k, n in enumerate(counts) if n])

    def _of_class(self, k: int, n: int, rng: np.random.Generator) -> Batch:
        rows = self.data.take(rng.permutation(np.flatnonzero(self.y == k))[:MOST_ROWS])
        n_rows = len(rows[self.target])
        base = rng.integers(n_rows, size=n)
        if n_rows == 1:
            return select(rows, base)
        near = self._neighbours(rows, base)  # (n, k)
        one = near[np.arange(n), rng.integers(near.shape[1], size=n)]
        u = torch.from_numpy(rng.random(n))
        found = {name: self._laid(name, rows[name], base, one, near, u) for name in self.names}
        return {name: (found | {self.target: rows[self.target][base]})[name] for name in self.data.space}

    def _laid(
        self, name: str, x: torch.Tensor, base: np.ndarray, one: np.ndarray, near: np.ndarray, u: torch.Tensor
    ) -> torch.Tensor:
        support = self.data.space[name].support
        if not isinstance(support, Real):
            return x[near].mode(1).values
        new = x[base] + u * (x[one] - x[base])
        new = torch.where(new.isnan(), x[base], new)  # one of the two is missing
        return torch.from_numpy(support.on_step(new.numpy()))

    def _neighbours(self, rows: Batch, base: np.ndarray) -> np.ndarray:
        """The nearest rows of each base row, itself not among them (n, k)."""
        asked, back = np.unique(base, return_inverse=True)
        numbers, codes, penalty = self._seen(rows)
        k, found = min(N_NEIGHBOURS, len(numbers) - 1), []
        for some in np.array_split(asked, -(-len(asked) // AT_ONCE)):
            apart = cdist(numbers[some], numbers, "sqeuclidean")  # (S, B)
            for column in codes:
                apart += penalty**2 * (column[some, None] != column)
            apart[np.arange(len(some)), some] = np.inf
            found.append(np.argpartition(apart, k - 1, axis=1)[:, :k])
        return np.concatenate(found)[back]

    def _seen(self, rows: Batch) -> tuple[np.ndarray, list[np.ndarray], float]:
        """Scaled numbers (B, R), codes of categories (B,) each, and how far apart two categories are."""
        numbers, codes = [np.zeros((len(rows[self.target]), 0))], []
        for name in self.names:
            x, support = rows[name].numpy(), self.data.space[name].support
            if isinstance(support, Category):
                codes.append(x)
            else:
                known = x[~np.isnan(x)]
                middle = np.median(known) if len(known) else 0.0
                numbers.append((np.where(np.isnan(x), middle, x) / support.scale)[:, None])  # type: ignore[union-attr]
        penalty = np.median([x.std() for x in numbers[1:]]) if len(numbers) > 1 else 1.0
        return np.concatenate(numbers, 1), codes, float(penalty)
