"""Pictures as their scores on the first principal components of pixels (Pearson, 1901; Hotelling, 1933).

https://doi.org/10.1080/14786440109462720

    z = Vᵀ (x − μ),   Σ V = V Λ,   Σ the covariance of training pictures

Small pictures have their covariance summed over all rows; of large ones the components are those of the first rows,
worked out from the products of rows with each other, which has the same eigenvalues and is smaller.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

N_COMPONENTS = 64
MOST_PIXELS = 1_024  # of a picture whose covariance is summed
MOST_ROWS = 1_500  # rows that the components of larger ones rest on
AT_ONCE = 4_000_000  # pixels that are looked at in floating point at once


class PixelComponents:
    """Fitted components.

    Args:
        mean: (D,) of the training pictures.
        basis: (D, d) orthonormal columns.
    """

    def __init__(self, mean: Tensor, basis: Tensor):
        self.mean, self.basis = mean, basis

    @classmethod
    def fit(cls, codes: Tensor) -> "PixelComponents":
        """Of pictures (N, C, H, W)."""
        n_pixels = codes[0].numel()
        if n_pixels > MOST_PIXELS:
            codes = codes[:MOST_ROWS]
        mean = sum(part.sum(0, dtype=torch.float64) for part in _flat(codes)) / len(codes)  # (D,)
        assert isinstance(mean, Tensor)
        d = min(N_COMPONENTS, n_pixels, max(len(codes) - 1, 1))
        basis = _of_rows(codes, mean, d) if n_pixels > MOST_PIXELS else _of_covariance(codes, mean, d)
        return cls(mean.float(), basis.float())

    def __call__(self, codes: Tensor) -> Tensor:
        """Scores (B, d) float32 of pictures (B, C, H, W)."""
        parts = [(part - self.mean) @ self.basis for part in _flat(codes)]
        return torch.cat(parts) if parts else torch.zeros(0, self.basis.shape[1])

    def state(self) -> dict[str, Tensor]:
        """Mean and components."""
        return {"mean": self.mean, "basis": self.basis}

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> "PixelComponents":
        """The inverse of `state`."""
        return cls(state["mean"], state["basis"])


def _flat(codes: Tensor) -> Iterator[Tensor]:
    """Pieces of rows (b, D) in float32."""
    step = max(1, AT_ONCE // max(codes[0].numel(), 1)) if len(codes) else 1
    for start in range(0, len(codes), step):
        yield codes[start : start + step].flatten(1).float()


def _of_covariance(codes: Tensor, mean: Tensor, d: int) -> Tensor:
    total = torch.zeros(len(mean), len(mean), dtype=torch.float64)
    for part in _flat(codes):
        centred = part.double() - mean
        total += centred.T @ centred
    return _upright(torch.linalg.eigh(total).eigenvectors[:, -d:].flip(1))


def _of_rows(codes: Tensor, mean: Tensor, d: int) -> Tensor:
    """X Xᵀ u = λ u gives V = Xᵀ u / √λ."""
    X = torch.cat([part - mean.float() for part in _flat(codes)])  # (N, D)
    values, vectors = torch.linalg.eigh((X @ X.T).double())
    values, vectors = values[-d:].flip(0), vectors[:, -d:].flip(1)
    V = X.T @ (vectors / values.clamp(min=1e-9 * float(values[0]) + 1e-12).sqrt()).float()
    return _upright(V)


def _upright(V: Tensor) -> Tensor:
    """Each column's sign so that its largest entry is positive: which one a library answers is chance."""
    largest = V.gather(0, V.abs().argmax(0, keepdim=True))  # (1, d)
    return V * torch.where(largest < 0, -1.0, 1.0)
