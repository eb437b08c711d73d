"""The velocity that is right where rows are normal, N(m, Σ): in closed form, along the axes of Σ.

    x_t = (1 − t) x_0 + t x_1,  x_0 ~ N(0, I),  x_1 ~ N(m, V diag(s²) Vᵀ)
    v(x, t) = E[x_1 − x_0 | x_t = x] = m + V diag(a(t)) Vᵀ (x − t m),   a = (t s² − (1 − t)) / ((1 − t)² + t² s²)

Its flow is known too: x_1 = m + V diag(s) Vᵀ x_0. With fewer axes than numbers, what they leave over counts as
independent numbers.
"""

import torch
from torch import Tensor, nn

MOST_AXES = 1024
LEAST_VAR = 1e-8


class GaussianVelocity(nn.Module):
    """v(x, t) of normal rows.

    Args:
        n: Numbers a row, D.
        n_axes: Axes of their covariance, K; None: all, but at most `MOST_AXES`.
        is_kept: Whether it is part of the state that is saved.
    """

    mean: Tensor
    axes: Tensor
    var: Tensor
    rest: Tensor

    def __init__(self, n: int, n_axes: int | None = None, is_kept: bool = True):
        super().__init__()
        k = min(n, MOST_AXES) if n_axes is None else n_axes
        self.register_buffer("mean", torch.zeros(n), is_kept)  # m (D,)
        self.register_buffer("axes", torch.eye(n, k), is_kept)  # V (D, K)
        self.register_buffer("var", torch.ones(k), is_kept)  # s² along the axes (K,)
        self.register_buffer("rest", torch.ones(n) if k < n else torch.ones(0), is_kept)  # s² of what is left over (D,)

    def fit(self, x: Tensor) -> None:
        """From points (N, D): with few of them, covariances are drawn towards 0."""
        n, d = x.shape
        k = len(self.var)
        self.mean.copy_(x.mean(0))
        centred = x.double() - x.double().mean(0)
        own = centred.square().mean(0)  # variances (D,)
        shrunk = d / (d + 10 * n)
        if k == d:
            cov = (1 - shrunk) * (centred.T @ centred) / n
            cov.diagonal().add_(shrunk * own)
            var, axes = torch.linalg.eigh(cov)
        else:
            var, axes = _main_axes(centred, k)
            var = (1 - shrunk) * var
        self.axes.zero_()
        self.axes[:, : axes.shape[1]] = axes
        self.var.fill_(LEAST_VAR)
        self.var[: len(var)] = var.clamp(min=LEAST_VAR)
        if len(self.rest):
            told = (self.axes.square() * self.var).sum(1)
            self.rest.copy_((own.float() - told).clamp(min=LEAST_VAR))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """v (B, D) at points (B, D) and times (B, 1)."""
        centred = x - t * self.mean
        along = centred @ self.axes  # (B, K)
        v = self.mean + (_slope(self.var, t) * along) @ self.axes.T
        return v + _slope(self.rest, t) * (centred - along @ self.axes.T) if len(self.rest) else v


def _main_axes(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The largest variances, at most k, and their axes (D, at most k) of centred points (N, D).

    From the smaller of two matrices: Xᵀ X u = λ u, or X Xᵀ w = λ w with u = Xᵀ w / √λ.
    """
    is_wide = len(x) < x.shape[1]
    values, vectors = torch.linalg.eigh(x @ x.T if is_wide else x.T @ x)
    values, vectors = values.flip(0)[:k], vectors.flip(1)[:, :k]
    is_there = values > 1e-10 * values[0]
    values, vectors = values[is_there], vectors[:, is_there]
    return values / len(x), x.T @ vectors / values.sqrt() if is_wide else vectors


def _slope(var: Tensor, t: Tensor) -> Tensor:
    """a(t) for each variance (B, K)."""
    return (t * var - (1 - t)) / ((1 - t).square() + t.square() * var)
