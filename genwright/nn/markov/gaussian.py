"""Gaussian emissions, b_k(x) = N(x; μ_k, Σ_k), with numbers that may be missing integrated out.

Covariances are `diag`, `full`, `tied` (one for all states) or `spherical`. Of a frame with observed numbers o and
missing ones m, Σ_oo alone enters the likelihood, and the expectations of EM are (Ghahramani and Jordan 1994,
https://papers.nips.cc/paper/1993/hash/f2201f5191c4e92cc5af043eebfd0946-Abstract.html)

    E[x_m] = μ_m + Σ_mo Σ_oo⁻¹ (x_o - μ_o)        Cov[x_m] = Σ_mm - Σ_mo Σ_oo⁻¹ Σ_om

A variance below the floor is raised to it, of full matrices the eigenvalues: the maximum likelihood under that bound.
"""

from dataclasses import dataclass, replace

import numpy as np

from genwright.nn.markov.numbers import Numbers

COVARIANCES = ("diag", "full", "tied", "spherical")
BLOCK = 4096  # frames worked on at a time, so that they stay in the cache


@dataclass(frozen=True)
class Gaussian:
    """Means and covariances of K states."""

    mean: np.ndarray  # (K, D)
    covar: np.ndarray  # diag (K, D), full (K, D, D), tied (D, D), spherical (K,)
    covariance: str = "diag"
    floor: float = 0.0  # least variance

    @property
    def n_states(self) -> int:
        """Number of states, K."""
        return len(self.mean)

    @property
    def full(self) -> np.ndarray:
        """Covariances as matrices (K, D, D)."""
        n_states, n_dims = self.mean.shape
        if self.covariance == "full":
            return self.covar
        if self.covariance == "tied":
            return np.broadcast_to(self.covar, (n_states, n_dims, n_dims))
        return self.variance[:, :, None] * np.eye(n_dims)

    @property
    def variance(self) -> np.ndarray:
        """Variance of each number (K, D)."""
        if self.covariance == "diag":
            return self.covar
        if self.covariance == "spherical":
            return np.repeat(self.covar[:, None], self.mean.shape[1], axis=1)
        return np.diagonal(self.full, axis1=1, axis2=2)

    def log_b(self, frames: Numbers) -> np.ndarray:
        """log N(x_t; μ_k, Σ_k) of the numbers that are there (K, F); 0 where none is."""
        out = np.zeros((self.n_states, len(frames.x)))
        if self.covariance in ("diag", "spherical"):
            self._add_diagonal(frames, out)
            return out
        for known, rows in frames.groups:
            if known.any():
                out[:, rows] = self._matrix_log_b(frames.x[np.ix_(rows, known)], known)
        return out

    def _add_diagonal(self, frames: Numbers, out: np.ndarray) -> None:
        variance = self.variance
        constant = -0.5 * np.log(2 * np.pi * variance)  # (K, D)
        scale = np.sqrt(0.5 / variance)
        z = np.empty(min(BLOCK, out.shape[1]))
        for begin in range(0, out.shape[1], BLOCK):
            x = frames.columns[:, begin : begin + BLOCK]
            for k, row in enumerate(out[:, begin : begin + BLOCK]):
                part = z[: len(row)]
                for d, values in enumerate(x):
                    np.subtract(values, self.mean[k, d], out=part)
                    part *= scale[k, d]
                    part *= part
                    if not frames.is_complete:
                        np.subtract(part, constant[k, d], out=part)
                        part[np.isnan(part)] = 0.0
                    row -= part
                if frames.is_complete:
                    row += constant[k].sum()

    def _matrix_log_b(self, x: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Of frames (G, O) that have the same numbers (K, G)."""
        out = np.empty((self.n_states, len(x)))
        for k, sigma in enumerate(self.full):
            lower = np.linalg.cholesky(sigma[np.ix_(known, known)])
            whiten = np.linalg.inv(lower)
            z = (x - self.mean[k, known]) @ whiten.T
            out[k] = -0.5 * np.einsum("fd,fd->f", z, z) + np.log(np.diag(whiten)).sum()
        return out - 0.5 * known.sum() * np.log(2 * np.pi)

    def updated(self, frames: Numbers, gamma: np.ndarray) -> "Gaussian":
        """The maximum of the expected log likelihood, with states' weights (K, F).

        A state without weight keeps what it has.
        """
        weight = gamma.sum(1)
        first, second = self._moments(frames, gamma)
        is_alive = weight > 1e-12
        n = np.where(is_alive, weight, 1.0)
        mean = np.where(is_alive[:, None], first / n[:, None], self.mean)
        return replace(self, mean=mean, covar=self._covar(second, mean, weight, is_alive))

    def _is_matrix(self) -> bool:
        return self.covariance in ("full", "tied")

    def _moments(self, frames: Numbers, gamma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Σ_t γ_t(k) E[x] (K, D) and Σ_t γ_t(k) E[x xᵀ] (K, D, D), or its diagonal (K, D)."""
        n_dims = self.mean.shape[1]
        first = np.zeros_like(self.mean)
        second = np.zeros((self.n_states, n_dims, n_dims) if self._is_matrix() else first.shape)
        for known, rows in frames.groups:
            g = gamma if len(rows) == gamma.shape[1] else gamma[:, rows]
            x = frames.x if len(rows) == len(frames.x) else frames.x[rows]
            if known.all():
                first += g @ x
                second += _second(g, x, self._is_matrix())
                continue
            for k in range(self.n_states):
                filled, spread = self._filled(k, x, known)
                first[k] += g[k] @ filled
                second[k] += _second(g[k : k + 1], filled, self._is_matrix())[0]
                second[k] += g[k].sum() * (spread if self._is_matrix() else np.diag(spread))
        return first, second

    def _filled(self, k: int, x: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """E[x] given what is there and state k (G, D), and the covariance of what is not (D, D)."""
        sigma, mean = self.full[k], self.mean[k]
        filled, spread = np.where(known, x, mean), np.zeros_like(sigma)
        absent = ~known
        gain = sigma[np.ix_(absent, known)] @ np.linalg.pinv(sigma[np.ix_(known, known)])
        filled[:, absent] = mean[absent] + (x[:, known] - mean[known]) @ gain.T
        spread[np.ix_(absent, absent)] = sigma[np.ix_(absent, absent)] - gain @ sigma[np.ix_(known, absent)]
        return filled, spread

    def _covar(self, second: np.ndarray, mean: np.ndarray, weight: np.ndarray, is_alive: np.ndarray) -> np.ndarray:
        """Covariances around these means, from second moments around 0."""
        n = np.where(is_alive, weight, 1.0)
        if self.covariance == "tied":
            scatter = (second - weight[:, None, None] * mean[:, :, None] * mean[:, None]).sum(0)
            return self.floored(scatter / weight.sum() if weight.sum() > 0 else self.covar)
        if self.covariance == "full":
            found = second / n[:, None, None] - mean[:, :, None] * mean[:, None]
            return self.floored(np.where(is_alive[:, None, None], found, self.covar))
        found = second / n[:, None] - mean**2
        if self.covariance == "spherical":
            return self.floored(np.where(is_alive, found.mean(1), self.covar))
        return self.floored(np.where(is_alive[:, None], found, self.covar))

    def floored(self, covar: np.ndarray) -> np.ndarray:
        """Covariances with no variance below the floor."""
        if not self._is_matrix():
            return np.maximum(covar, self.floor)
        covar = 0.5 * (covar + np.swapaxes(covar, -1, -2))
        values, vectors = np.linalg.eigh(covar)
        if self.floor == 0 or (values >= self.floor).all():
            return covar
        return (vectors * np.maximum(values, self.floor)[..., None, :]) @ np.swapaxes(vectors, -1, -2)

    def at_floor(self) -> list[int]:
        """States with a variance that stands at the floor."""
        spread = np.linalg.eigvalsh(self.full) if self._is_matrix() else self.variance
        return np.flatnonzero((spread <= self.floor * (1 + 1e-9)).any(1)).tolist()

    def draw(self, states: np.ndarray, normals: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
        """A frame for each state (F, D), from standard normal numbers (F, D).

        Args:
            states: (F,).
            normals: (F, D).
            known: Numbers (F, D) that the others of a frame are drawn given; NaN where there are none.
        """
        if not self._is_matrix():
            return self.mean[states] + np.sqrt(self.variance)[states] * normals
        lower = np.linalg.cholesky(self.full)
        drawn = self.mean[states] + np.einsum("fij,fj->fi", lower[states], normals)
        for is_known, rows in Numbers(known).groups if known is not None else ():
            if known is not None and is_known.any() and not is_known.all():
                for k in np.unique(states[rows]):
                    mine = rows[states[rows] == k]
                    filled, spread = self._filled(int(k), known[mine], is_known)
                    half = np.linalg.cholesky(spread[np.ix_(~is_known, ~is_known)])
                    drawn[np.ix_(mine, ~is_known)] = filled[:, ~is_known] + normals[np.ix_(mine, ~is_known)] @ half.T
        return drawn


def _second(gamma: np.ndarray, x: np.ndarray, is_matrix: bool) -> np.ndarray:
    """Σ_t γ_t(k) x xᵀ (K, D, D), or its diagonal (K, D)."""
    if not is_matrix:
        return gamma @ (x * x)
    return np.stack([(x * g[:, None]).T @ x for g in gamma])


def gaussian_like(x: np.ndarray, n_states: int, covariance: str, floor: float) -> Gaussian:
    """States that are all alike, with the mean and variance of the frames (F, D)."""
    n_dims = x.shape[1]
    known = ~np.isnan(x)
    n = np.maximum(known.sum(0), 1)
    mean = np.where(known, x, 0.0).sum(0) / n
    variance = np.maximum((np.where(known, x - mean, 0.0) ** 2).sum(0) / n, max(floor, 1e-300))
    shapes = {
        "diag": np.tile(variance, (n_states, 1)),
        "full": np.tile(np.diag(variance), (n_states, 1, 1)),
        "tied": np.diag(variance),
        "spherical": np.full(n_states, variance.mean()),
    }
    return Gaussian(
        np.tile(mean, (n_states, 1)),
        shapes[covariance].reshape(_shape(covariance, n_states, n_dims)),
        covariance,
        floor,
    )


def _shape(covariance: str, n_states: int, n_dims: int) -> tuple[int, ...]:
    return {
        "diag": (n_states, n_dims),
        "full": (n_states, n_dims, n_dims),
        "tied": (n_dims, n_dims),
        "spherical": (n_states,),
    }[covariance]
