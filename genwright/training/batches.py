"""Which rows a step sees: a pure function of (seed, step), so that a resumed training sees the same ones.

Every epoch is a permutation of all rows, cut into batches; rows left over at its end wait for the next epoch.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch

from genwright.core.dataset import Dataset
from genwright.core.model import HasLoss
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Tokens

LIMIT = 400_000_000  # bytes of prepared rows that are kept in memory; beyond, batches are prepared when they are needed
MOST_WATCHED = 1 << 15  # tokens of a running text that are watched while a network learns from the rest
PROBE = 1024  # rows prepared to tell how large they are
PIECE = 1 << 22  # numbers that are encoded at a time: what stands between data and prepared rows may be far larger


@dataclass
class Rows:
    """Rows of a data set as a model's networks read them, prepared once where they fit into memory.

    Args:
        model: Whose `prepare` makes them.
        data: All rows.
        index: The numbers of the rows that count (M,).
    """

    model: HasLoss
    data: Dataset
    index: np.ndarray
    _ready: Batch | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        probe = self.model.prepare(self.data.take(self.index[:PROBE]))
        n_bytes = sum(x.element_size() * x.nelement() for x in probe.values()) / max(len(self.index[:PROBE]), 1)
        if n_bytes * len(self.index) <= LIMIT:
            self._ready = self._prepared(probe)

    def _prepared(self, like: Batch) -> Batch:
        """All rows, prepared piece by piece into tensors of the shapes that some of them had."""
        n = len(self.index)
        found = {name: x.new_empty((n, *x.shape[1:])) for name, x in like.items()}
        size = max(1, PIECE // max(sum(x[:1].numel() for x in like.values()), 1))
        for start in range(0, n, size):
            for name, x in self.model.prepare(self.data.take(self.index[start : start + size])).items():
                found[name][start : start + size] = x
        return found

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: np.ndarray) -> Batch:
        """Prepared rows with these places among those that count."""
        if self._ready is None:
            return self.model.prepare(self.data.take(self.index[rows]))
        at = torch.from_numpy(rows)
        return {name: x.index_select(0, at) for name, x in self._ready.items()}


@dataclass
class Order:
    """The order in which rows are seen.

    Args:
        n: Rows.
        size: Rows a batch; fewer where there are fewer rows.
        seed: Of the permutations.
    """

    n: int
    size: int
    seed: int
    _epoch: int = field(default=-1, init=False)
    _rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64), init=False, repr=False)

    def __post_init__(self) -> None:
        self.size = min(self.size, self.n)

    def batch(self, step: int) -> np.ndarray:
        """Places of the rows of a step (B,)."""
        epoch, k = divmod(step, self.n // self.size)
        if epoch != self._epoch:
            self._epoch, self._rows = epoch, numpy_generator(self.seed, "epoch", epoch).permutation(self.n)
        return self._rows[k * self.size : (k + 1) * self.size]


def cut(n: int, n_shards: int) -> list[slice]:
    """Where each shard of n rows lies; the first ones are longer by one where n does not divide."""
    ends = np.cumsum([n // n_shards + (i < n % n_shards) for i in range(n_shards)]).tolist()
    return [slice(start, stop) for start, stop in zip([0, *ends], ends, strict=False)]


def divide(data: Dataset, n_validation: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers to learn from and to watch, at most a tenth of all; none to watch where they are few.

    Those to watch are picked at random, but of a running text one stretch of some tokens from before its last tenth:
    passages between others that are learnt from are foretold better than what is new, and what stands nearest to the
    end teaches most of what goes on from there.
    """
    n = len(data)
    n_watched = min(n_validation, n // 10)
    rng = numpy_generator(seed, "validation")
    supports = (f.support for f in data.space.values())
    lengths = [s.length for s in supports if isinstance(s, Tokens) and s.runs_on]
    if lengths and n_watched:
        n_watched = min(n_watched, math.ceil(MOST_WATCHED / max(lengths)))
        start = int(rng.integers(n - n // 10 - n_watched + 1))
        watched = np.arange(start, start + n_watched)
        return np.delete(np.arange(n), watched), watched
    order = rng.permutation(n)
    return np.sort(order[n_watched:]), np.sort(order[:n_watched])
