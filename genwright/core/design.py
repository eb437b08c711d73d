"""Features as the columns of a linear machine: standardised numbers, hinges, indicators.

Of a number: its standardised value z, hinges max(0, z − knot) at quantiles of z, and whether it is missing (then z is
0, the mean), where that occurred in the fit; of a category: one indicator a code. Pixels and weights of n-grams stay as
they are.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from genwright.core.feature_view import Features

if TYPE_CHECKING:
    import torch

ALL = 1 << 62
FAR = 10.0  # |z| is cut here, so that one wild value does not rule
LARGEST = 1e145  # numbers are cut here first: such as ±1.8e308, which stand for "no data", have no variance in a float
MOST_DENSE = 2_000  # columns that are kept as a plain matrix at most


class Design:
    """φ of rows; fitted, with a state.

    Args:
        n_knots: Hinges a number has; 0: a straight line.
        max_levels: Categories with an indicator of their own, a column; the rest have none.
    """

    def __init__(self, n_knots: int = 0, max_levels: int = ALL):
        self.n_knots, self.max_levels = n_knots, max_levels
        self.columns: list[Hinges | Levels] = []

    def fit(self, rows: Features) -> "Design":
        """Learns means, scales, knots and codes."""
        self.columns = [
            Levels.of(x, self.max_levels) if is_code else Hinges.of(x, self.n_knots)
            for x, is_code in zip(rows.X.T, rows.is_category, strict=True)
        ]
        return self

    def __call__(self, rows: Features) -> Any:
        """φ (B, Φ), CSR."""
        from scipy import sparse

        own = [f(x) for f, x in zip(self.columns, rows.X.T, strict=True)]
        return sparse.hstack([*own, sparse.csr_matrix(rows.pixels, dtype=np.float64), rows.weights], format="csr")

    def plain(self, rows: Features) -> Any:
        """φ as a plain matrix (B, Φ), or CSR where there are n-grams or very many columns."""
        phi = self(rows)
        return phi if rows.weights.shape[1] or phi.shape[1] > MOST_DENSE else phi.toarray()

    def state(self) -> "dict[str, torch.Tensor]":
        """Everything learnt."""
        import torch

        arrays = {f"{j}.{key}": x for j, c in enumerate(self.columns) for key, x in c.arrays().items()}
        return {f"design.{key}": torch.from_numpy(np.ascontiguousarray(x)) for key, x in arrays.items()}

    def load_state(self, state: "Mapping[str, torch.Tensor]") -> None:
        """The inverse of `state`; what is not its own is passed over."""
        own = {key.removeprefix("design."): x.numpy() for key, x in state.items() if key.startswith("design.")}
        n = 1 + max((int(key.partition(".")[0]) for key in own), default=-1)
        parts = [{k.partition(".")[2]: x for k, x in own.items() if k.startswith(f"{j}.")} for j in range(n)]
        self.columns = [Levels(p["kept"]) if "kept" in p else Hinges(p["line"], p["knots"]) for p in parts]


class Hinges:
    """φ of a number.

    Args:
        line: Mean, scale, and whether it can be missing.
        knots: Of the hinges, in units of z.
    """

    def __init__(self, line: np.ndarray, knots: np.ndarray):
        self.line, self.knots = line, knots

    @classmethod
    def of(cls, x: np.ndarray, n_knots: int) -> "Hinges":
        """Learnt from values (N,)."""
        known = np.clip(x[~np.isnan(x)], -LARGEST, LARGEST)
        mean = float(known.mean()) if len(known) else 0.0
        scale = float(known.std()) if len(known) else 0.0
        scale = scale if scale > 1e-12 * abs(mean) else np.inf  # what did not vary tells nothing: z = 0
        inner = np.linspace(0, 1, n_knots + 2)[1:-1]
        knots = np.unique(np.quantile((known - mean) / scale, inner)) if len(known) and n_knots else np.zeros(0)
        return cls(np.array([mean, scale, float(len(known) < len(x))]), knots)

    def __call__(self, x: np.ndarray) -> Any:
        """φ (B, 1 + n_knots, and 1 where it can be missing)."""
        from scipy import sparse

        (mean, scale, has_missing), is_missing = self.line, np.isnan(x)
        x = np.clip(x, -LARGEST, LARGEST)
        z = np.where(is_missing, 0.0, np.clip((x - mean) / scale, -FAR, FAR))
        hinges = np.maximum(z[:, None] - self.knots, 0) * ~is_missing[:, None]  # (B, n_knots)
        return sparse.csr_matrix(np.column_stack([z, is_missing, hinges] if has_missing else [z, hinges]))

    def arrays(self) -> dict[str, np.ndarray]:
        """What was learnt."""
        return {"line": self.line, "knots": self.knots}


class Levels:
    """φ of a category: indicators of its most frequent codes; all others share none of them.

    Args:
        kept: These codes, sorted.
    """

    def __init__(self, kept: np.ndarray):
        self.kept = kept

    @classmethod
    def of(cls, x: np.ndarray, max_levels: int) -> "Levels":
        """Learnt from codes (N,)."""
        values, counts = np.unique(x, return_counts=True)
        return cls(np.sort(values[np.lexsort((values, -counts))[:max_levels]]))

    def __call__(self, x: np.ndarray) -> Any:
        """φ (B, number of kept codes)."""
        from scipy import sparse

        place = np.minimum(np.searchsorted(self.kept, x), len(self.kept) - 1)
        rows = np.flatnonzero(self.kept[place] == x)
        return sparse.csr_matrix((np.ones(len(rows)), (rows, place[rows])), (len(x), len(self.kept)))

    def arrays(self) -> dict[str, np.ndarray]:
        """What was learnt."""
        return {"kept": self.kept}
