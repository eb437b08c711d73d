"""Rows of a space as features for classifiers: numbers, codes, pixels and weighted n-grams.

Numbers stay as they are (NaN is missing), categories are codes, pictures are flattened to [0, 1]. Of texts, and of
other sequences of codes, the 1- and 2-grams (of characters up to 5) are counted and weighted by how rare they are
(Spärck Jones, 1972, https://doi.org/10.1108/eb026526; as scikit-learn's TfidfVectorizer):

    w_g = (1 + log c_g) (1 + log((1 + N) / (1 + N_g))),   each row scaled to ‖w‖ = 1

c_g: how often g stands in a row; N_g: rows that have it, of N. Families that want few numbers instead of many weights
get w on its first singular vectors (latent semantic analysis, Deerwester et al., 1990,
https://doi.org/10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.errors import SpaceMismatchError
from genwright.core.space import Batch, Category, Field, Pixels, Real, Space, Tokens, row_shape

if TYPE_CHECKING:
    import torch
    from scipy import sparse

N_GRAMS = 200_000  # n-grams kept a column, the most frequent
MIN_ROWS = 2  # rows of the fit that must have an n-gram; 1 where there are fewer than `FEW_ROWS`
FEW_ROWS = 100
N_GRAMS_OF_TOPICS = 20_000  # the same where topics are learnt from them
N_TOPICS = 100  # singular vectors
LONGEST = 2  # tokens of the longest n-gram
FEW_CODES = 1_000  # vocabularies below it are of characters, or as telling, and get longer ones
LONGEST_OF_FEW = 5
AT_ONCE = 2_000_000  # tokens whose n-grams are looked at together
MOST_GRAMS = 8_000_000  # n-grams that are remembered while counting


@dataclass(frozen=True)
class Features:
    """Features of B rows."""

    X: np.ndarray  # float64 (B, D): numbers, NaN where missing, and codes
    is_category: np.ndarray  # bool (D,): columns of X that are codes
    pixels: np.ndarray  # float32 (B, P) in [0, 1]
    counts: "sparse.csr_matrix"  # (B, G) how often each n-gram stands in the row
    weights: "sparse.csr_matrix"  # (B, G) the same as w

    @classmethod
    def of(cls, X: np.ndarray, is_category: np.ndarray) -> "Features":
        """A plain matrix."""
        nothing = _no_grams(len(X))
        return cls(X, is_category, np.zeros((len(X), 0), np.float32), nothing, nothing)

    def __len__(self) -> int:
        return len(self.X)

    def take(self, rows: np.ndarray) -> "Features":
        """Those of some rows, by their numbers."""
        return Features(self.X[rows], self.is_category, self.pixels[rows], self.counts[rows], self.weights[rows])

    @property
    def width(self) -> int:
        """D + P + G."""
        return self.X.shape[1] + self.pixels.shape[1] + self.counts.shape[1]


class FeatureView:
    """How rows of a space become features; fitted, with a state.

    Args:
        space: The columns to read.
        is_dense: Everything becomes a column of X: pixels as numbers, texts as their topics.
    """

    def __init__(self, space: Space, is_dense: bool = False):
        self.space, self.is_dense = space, is_dense
        self.pictures = [name for name, f in space.items() if isinstance(f.support, Pixels)]
        self.grams = {name: Grams(f.support) for name, f in space.items() if isinstance(f.support, Tokens)}
        self.numbers = [name for name, f in space.items() if isinstance(f.support, Real | Category)]

    @property
    def is_category(self) -> np.ndarray:
        """Columns of X that are codes (D,)."""
        own = [np.full(_size(f), isinstance(f.support, Category)) for f in (self.space[name] for name in self.numbers)]
        n_pixels = sum(_size(self.space[name]) for name in self.pictures) if self.is_dense else 0
        n_topics = sum(len(g.topics) for g in self.grams.values()) if self.is_dense else 0
        return np.concatenate([*own, np.zeros(n_pixels + n_topics, bool)])

    def fit(self, rows: Batch, seed: int) -> "FeatureView":
        """Learns which n-grams there are, how rare they are, and their topics."""
        for name, grams in self.grams.items():
            grams.fit(_column(rows, name, self.space[name]), seed if self.is_dense else None)
        return self

    def features(self, rows: Batch) -> Features:
        """Features of rows.

        Raises:
            SpaceMismatchError: a column is absent or has another shape.
        """
        n, columns = n_rows(rows), {name: _column(rows, name, f) for name, f in self.space.items()}
        X = np.concatenate([np.zeros((n, 0)), *(columns[c].reshape(n, -1) for c in self.numbers)], 1)
        parts = [columns[c].reshape(n, -1) / np.float32(self._levels(c) - 1) for c in self.pictures]
        pixels = np.concatenate([np.zeros((n, 0), np.float32), *parts], 1)  # (B, P)
        counts = {name: g.counts(columns[name]) for name, g in self.grams.items()}
        weights = [g.weights(counts[name]) for name, g in self.grams.items()]
        if self.is_dense:
            topics = [w @ g.topics.T for w, g in zip(weights, self.grams.values(), strict=True)]
            return Features.of(np.concatenate([X, pixels, *topics], 1), self.is_category)
        return Features(X, self.is_category, pixels, _beside(n, list(counts.values())), _beside(n, weights))

    def state(self) -> "dict[str, torch.Tensor]":
        """Everything learnt."""
        return {f"{name}.{key}": x for name, g in self.grams.items() for key, x in g.state().items()}

    def load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        """The inverse of `state`."""
        for name, grams in self.grams.items():
            grams.load_state({key: state[f"{name}.{key}"] for key in ("kept", "rarity", "topics")})

    def _levels(self, name: str) -> int:
        support = self.space[name].support
        assert isinstance(support, Pixels)
        return support.n


class Grams:
    """The n-grams of one column of tokens."""

    def __init__(self, support: Tokens):
        self.support = support
        self.longest = LONGEST_OF_FEW if support.n < FEW_CODES else LONGEST
        self.kept = np.zeros(0, np.int64)  # (G,) numbers of n-grams, sorted
        self.rarity = np.zeros(0)  # (G,) 1 + log((1 + N) / (1 + N_g))
        self.topics = np.zeros((0, 0), np.float32)  # (S, G)

    def fit(self, codes: np.ndarray, seed: int | None) -> None:
        """Learns from rows (N, T).

        Args:
            codes: Tokens.
            seed: Of the search for topics; None: there are none.
        """
        values, n_all, n_have = np.zeros((3, 0), np.int64)
        for part in self._parts(codes):
            row, gram = self._all(part)
            own, place = np.unique(gram, return_inverse=True)
            counts = _matrix(row, place, (len(part), len(own)))
            tallies = np.bincount(place, minlength=len(own)), np.bincount(counts.indices, minlength=len(own))
            values, n_all, n_have = _merged((values, n_all, n_have), (own, *tallies))
        frequent = np.lexsort((values, -n_all))[: N_GRAMS if seed is None else N_GRAMS_OF_TOPICS]
        chosen = np.sort(frequent[n_have[frequent] >= (MIN_ROWS if len(codes) >= FEW_ROWS else 1)])
        self.kept = values[chosen]
        self.rarity = 1 + np.log((1 + len(codes)) / (1 + n_have[chosen]))
        self.topics = np.zeros((0, len(chosen)), np.float32)
        if seed is not None and len(chosen):
            self.topics = _topics(self.weights(self.counts(codes)), seed)

    def counts(self, codes: np.ndarray) -> "sparse.csr_matrix":
        """How often each n-gram stands in each row (B, G)."""
        from scipy import sparse

        if not len(self.kept) or not len(codes):
            return sparse.csr_matrix((len(codes), len(self.kept)))
        return sparse.vstack([self._counts(part) for part in self._parts(codes)], format="csr")

    def _counts(self, codes: np.ndarray) -> "sparse.csr_matrix":
        row, gram = self._all(codes)
        place = np.minimum(np.searchsorted(self.kept, gram), len(self.kept) - 1)
        is_kept = self.kept[place] == gram
        return _matrix(row[is_kept], place[is_kept], (len(codes), len(self.kept)))

    def weights(self, counts: "sparse.csr_matrix") -> "sparse.csr_matrix":
        """w (B, G)."""
        from sklearn.preprocessing import normalize

        if not counts.shape[1]:
            return counts
        weighted = counts.copy()
        weighted.data = (1 + np.log(weighted.data)) * self.rarity[weighted.indices]
        return normalize(weighted, copy=False)

    def state(self) -> "dict[str, torch.Tensor]":
        """Everything learnt."""
        import torch

        arrays = {"kept": self.kept, "rarity": self.rarity, "topics": self.topics}
        return {key: torch.from_numpy(x) for key, x in arrays.items()}

    def load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        """The inverse of `state`."""
        self.kept, self.rarity, self.topics = (state[key].numpy() for key in ("kept", "rarity", "topics"))

    def _parts(self, codes: np.ndarray) -> Iterator[np.ndarray]:
        """Rows in order, as many at once as fit into memory."""
        size = max(1, AT_ONCE // max(1, codes.shape[1]))
        return (codes[start : start + size] for start in range(0, len(codes), size))

    def _all(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Row and number of every n-gram there is: its codes, one more each, are the number's digits to base V + 1."""
        s = self.support
        is_text = (np.cumsum(codes == s.end, 1) == 0) & (codes != s.pad)
        digits = codes.astype(np.int64) + 1
        rows, grams, number, is_whole = [], [], digits, is_text
        for n in range(1, min(self.longest, codes.shape[1]) + 1):
            if n > 1:
                number = number[:, :-1] * (s.n + 1) + digits[:, n - 1 :]
                is_whole = is_whole[:, :-1] & is_text[:, n - 1 :]
            rows.append(np.nonzero(is_whole)[0])
            grams.append(number[is_whole])
        return np.concatenate(rows), np.concatenate(grams)


def _merged(first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Values, sorted, with the sums of their two tallies; where there are too many, without the rarest."""
    values, place = np.unique(np.concatenate([first[0], second[0]]), return_inverse=True)
    sums = [np.bincount(place, np.concatenate(pair)).astype(np.int64) for pair in zip(first[1:], second[1:])]
    if len(values) > MOST_GRAMS:
        kept = np.sort(np.lexsort((values, -sums[0]))[: MOST_GRAMS // 2])
        return values[kept], *(x[kept] for x in sums)
    return values, *sums


def _topics(weights: "sparse.csr_matrix", seed: int) -> np.ndarray:
    """The first right singular vectors (S, G)."""
    from sklearn.utils.extmath import randomized_svd

    n_topics = min(N_TOPICS, *weights.shape)
    return randomized_svd(weights, n_topics, random_state=seed % 2**32)[2].astype(np.float32, order="C")


def _column(rows: Batch, name: str, f: Field) -> np.ndarray:
    if name not in rows:
        raise SpaceMismatchError(f"column {name!r} is absent from the rows; the classifier was taught with it")
    x = rows[name].detach().cpu().numpy()
    if x.shape[1:] != row_shape(f):
        raise SpaceMismatchError(f"column {name!r} has event shape {x.shape[1:]}, expected {row_shape(f)}")
    return x


def _size(f: Field) -> int:
    return int(np.prod(f.event_shape, dtype=int))


def _matrix(row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> "sparse.csr_matrix":
    """How often each (row, column) occurs."""
    from scipy import sparse

    counts = sparse.coo_matrix((np.ones(len(row)), (row, column)), shape).tocsr()
    counts.sum_duplicates()
    return counts


def _no_grams(n: int) -> Any:
    from scipy import sparse

    return sparse.csr_matrix((n, 0))


def _beside(n: int, parts: list[Any]) -> Any:
    from scipy import sparse

    return sparse.hstack(parts, format="csr") if parts else _no_grams(n)
