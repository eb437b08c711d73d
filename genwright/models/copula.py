"""Gaussian and t copula: any margins, tied together by one correlation matrix.

    z ~ N(0, R)  or  t_ν(0, R),     u_j = F(z_j),     x_j = F_j⁻¹(u_j)

Sklar (1959): every joint distribution is its margins and a copula. The t copula ties the tails of columns, too (Demarta
and McNeil, 2005, https://doi.org/10.1111/j.1751-5823.2005.tb00254.x). F_j are histograms (see `nn/latent_margin`).

A value with mass is an interval of z_j, and ranks would attenuate R. So R is estimated with intervals taken for what
they are, pair by pair (see `nn/polychoric`), is drawn towards I by as much as its entries are uncertain (Schäfer and
Strimmer, 2005, https://doi.org/10.2202/1544-6115.1175), and then takes steps of stochastic EM on all columns together
(Cappé and Moulines, 2009, https://doi.org/10.1111/j.1467-9868.2009.00698.x).

log p of a row is the logarithm of an integral over a box, which `nn/elliptical` estimates without bias; by Jensen's
inequality the logarithm of the mean of K estimates is, on average, a lower bound of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, ndtri, softmax
from scipy.stats import kendalltau

from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, FitError
from genwright.core.model import Conditions, HasBound, HasSolution, Model, Progress
from genwright.core.space import Batch, Category, Real, Space
from genwright.nn.elliptical import Elliptical, sweep
from genwright.nn.latent_margin import LatentMargin
from genwright.nn.polychoric import Correlation, polychoric

DF_ROWS = 1_000  # rows that choose the degrees of freedom
AT_END = 1e-12  # probability beyond which a latent is told from no other


@dataclass(frozen=True)
class CopulaConfig:
    """Settings of `copula`."""

    kind: Literal["gaussian", "t"] = "gaussian"  # the copula: t also ties the tails of columns
    degrees_of_freedom: float = 0.0  # of the t copula, ν; 0: by profile likelihood
    n_draws: int = 10  # products averaged for the bound of log p, K
    n_bins: int = 16  # bins of a column when it is correlated with one that has repeated values or steps
    category_order: Literal["scores", "frequency"] = "scores"  # categories in a line: by the other columns, by number
    pseudo_count: float = 0.5  # added to the count of every category and cell
    shrinkage: float = -1.0  # share of R that is I; below 0: as much as its entries are uncertain
    min_eigenvalue: float = 1e-3  # of R; below it columns are as good as equal
    n_em: int = 20  # steps of stochastic EM that R takes after its pairs
    em_rows: int = 5_000  # rows of one step
    max_rows: int = 100_000  # rows that R is learnt from

    def __post_init__(self) -> None:
        for name, low in (("n_draws", 1), ("n_bins", 2), ("n_em", 0), ("em_rows", 2), ("max_rows", 2)):
            if getattr(self, name) < low:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected {low} or more")
        if self.kind not in ("gaussian", "t"):
            raise ConfigError(f"kind = {self.kind!r}; expected gaussian or t")
        if self.category_order not in ("scores", "frequency"):
            raise ConfigError(f"category_order = {self.category_order!r}; expected scores or frequency")
        if not 0 <= self.degrees_of_freedom < np.inf:
            raise ConfigError(f"degrees_of_freedom = {self.degrees_of_freedom}; expected a number above 0, or 0")
        if not 0 < self.pseudo_count < np.inf:
            raise ConfigError(f"pseudo_count = {self.pseudo_count}; expected a number above 0")
        if not self.shrinkage <= 1:
            raise ConfigError(f"shrinkage = {self.shrinkage}; expected a share up to 1, or below 0 to have it chosen")
        if not 0 < self.min_eigenvalue < 1:
            raise ConfigError(f"min_eigenvalue = {self.min_eigenvalue}; expected a number between 0 and 1")


def mean_scores(u: np.ndarray) -> np.ndarray:
    """Mean of a standard normal in each interval (D, B), NaN where it may be anything."""
    z = ndtri(u)
    mass = u[:, 1] - u[:, 0]
    drop = np.exp(-(z[:, 0] ** 2) / 2) - np.exp(-(z[:, 1] ** 2) / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(mass > 0, drop / np.sqrt(2 * np.pi) / mass, z[:, 0])
    return np.where(mass >= 1, np.nan, mean)


def line_of(codes: np.ndarray, n: int, scores: np.ndarray, pseudo_count: float = 1.0) -> np.ndarray:
    """An order of n categories, so that their means of other columns' scores lie along one direction.

    The direction is the first singular vector of the weighted means, so that a score of the categories exists whose
    squared correlations with the other columns have the largest sum. Means of rare categories are drawn towards 0.

    Args:
        codes: Of the rows (B,).
        n: Number of categories.
        scores: Of the other columns (D, B), NaN where unknown.
        pseudo_count: Rows with score 0 that each category gets.
    """
    is_known = ~np.isnan(scores)
    mean = np.where(is_known, scores, 0).sum(1, keepdims=True) / np.maximum(is_known.sum(1, keepdims=True), 1)
    known = np.where(is_known, scores - mean, 0.0)
    sums = np.stack([np.bincount(codes, weights=s, minlength=n) for s in known], axis=1)  # (n, D)
    weight = np.sqrt(np.bincount(codes, minlength=n) + pseudo_count)
    direction = np.linalg.svd(sums / weight[:, None], full_matrices=False)[0][:, 0]
    return np.argsort(direction / weight, kind="stable")


def repaired(R: np.ndarray, min_eigenvalue: float) -> np.ndarray:
    """A correlation matrix near R whose eigenvalues are not below a bound."""
    values, vectors = np.linalg.eigh(R)
    if values[0] >= min_eigenvalue:
        return R
    S = (vectors * np.maximum(values, min_eigenvalue)) @ vectors.T
    scale = np.sqrt(np.diag(S))
    S = S / scale / scale[:, None]
    np.fill_diagonal(S, 1.0)
    return (S + S.T) / 2


class Copula(Model, HasSolution, HasBound, Conditions):
    """Gaussian or t copula with histograms as margins."""

    Config = CopulaConfig
    supports = (Real, Category)
    chunk = 16_384
    is_rowwise = True
    bound_name = "elbo"

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        self.margins = {name: LatentMargin(f) for name, f in space.items()}
        owners = [name for name, m in self.margins.items() for _ in range(1 + m.has_missing)]
        self.owners = np.array(owners, dtype=object)  # column of each latent (D,)
        self.is_whether = np.array([i > 0 and owners[i - 1] == name for i, name in enumerate(owners)], bool)  # missing?
        self.R = np.eye(len(owners))  # (D, D)
        self.df = np.inf  # ν

    @property
    def law(self) -> Elliptical:
        """Of the latents."""
        return Elliptical(self.df)

    @property
    def is_smooth(self) -> np.ndarray:
        """Whether a latent is a point for every value (D,)."""
        smooth = np.array([self.margins[name].is_smooth for name in self.owners], bool)
        return smooth & ~self.is_whether

    def solve(self, data: Dataset, generator: torch.Generator, progress: Progress) -> None:
        """Margins by counting, R pair by pair, degrees of freedom by profile likelihood."""
        if len(data) < 2:
            raise FitError(
                f"{len(data)} rows are too few to learn how columns depend on each other; expected 2 or more"
            )
        self._count(data, progress)
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        rows = data.sample_rows(self.config.max_rows, rng)
        self._order_categories(rows)
        self._tie(self._intervals(rows, self.margins), rng, progress)

    def _tie(self, u: np.ndarray, rng: np.random.Generator, progress: Progress) -> None:
        """Learns R and ν from intervals (D, 2, N)."""
        config, shuffled = self.config, u[:, :, rng.permutation(u.shape[2])]
        is_chosen = config.kind == "t" and not config.degrees_of_freedom
        self.df = np.inf if config.kind == "gaussian" else config.degrees_of_freedom or 8.0
        self.R, share = self._by_pairs(u, progress)
        if is_chosen:
            self.df = self._best_df(shuffled[:, :, :DF_ROWS], rng)
            self.R, share = self._by_pairs(u, progress)
        for k in range(0 if self.is_smooth.all() else config.n_em):
            at = np.arange(k * config.em_rows, (k + 1) * config.em_rows)[: u.shape[2]] % u.shape[2]
            self.R = self._em_step(shuffled[:, :, at], rng, min(1.0, 2 / (k + 1)), share)
            progress(0.5 + 0.5 * (k + 1) / config.n_em, f"step {k + 1} of EM")
        if is_chosen:
            self.df = self._best_df(shuffled[:, :, :DF_ROWS], rng)

    def _count(self, data: Dataset, progress: Progress) -> None:
        """Learns the margins; categories stand by number of rows."""
        counts = {
            name: np.full(m.n + m.has_missing, float(self.config.pseudo_count)) for name, m in self.margins.items()
        }
        for i, batch in enumerate(data.batches()):
            for name, x in batch.items():
                counts[name] += np.bincount(self.margins[name].codes(x.numpy()), minlength=len(counts[name]))
            progress(0.1 * min(1.0, (i + 1) * 65_536 / len(data)), "counting")
        for name, margin in self.margins.items():
            margin.learn(counts[name], len(data))
            if not margin.cells:
                margin.arrange(np.argsort(-counts[name], kind="stable"))

    def _order_categories(self, rows: Batch, n_turns: int = 3) -> None:
        """Gives categories the order that the other columns know most about, one column after the other."""
        wanted = [name for name, m in self.margins.items() if not m.cells and m.n > 2]
        if self.config.category_order == "frequency" or len(self.margins) < 2:
            return
        scores = mean_scores(self._intervals(rows, self.margins))
        for name in wanted * n_turns:
            margin, codes, own = self.margins[name], rows[name].numpy(), self.owners == name
            margin.arrange(line_of(codes, margin.n, scores[~own]))
            scores[own] = mean_scores(margin.intervals(codes))

    def _intervals(self, rows: Batch, margins: Mapping[str, LatentMargin]) -> np.ndarray:
        """Lower and upper u of each latent (D, 2, B)."""
        return np.concatenate([m.intervals(rows[name].numpy()) for name, m in margins.items()])

    def _by_pairs(self, u: np.ndarray, progress: Progress) -> tuple[np.ndarray, float]:
        """R (D, D) pair by pair, shrunk and repaired, and the share of it that is I."""
        D = len(u)
        pairs, R, var = _Pairs(self, u), np.eye(D), np.zeros((D, D))
        for i in range(D):
            for j in range(i):
                found = pairs.correlation(i, j)
                R[i, j] = R[j, i] = found.rho
                var[i, j] = found.var
            progress(0.1 + 0.4 * ((i + 1) / D) ** 2, f"correlations of {self.owners[i]}")
        chosen = min(1.0, var.sum() / max(np.square(np.tril(R, -1)).sum(), 1e-300))
        share = self.config.shrinkage if self.config.shrinkage >= 0 else chosen
        return repaired((1 - share) * R + share * np.eye(D), self.config.min_eigenvalue), share

    def _em_step(self, u: np.ndarray, rng: np.random.Generator, rate: float, share: float) -> np.ndarray:
        """R moved by `rate` to the correlation of latents of some rows given their intervals (D, 2, N).

        Each row has K weighted draws, which stand for its latents; a t row with large latents counts for less.
        """
        order, K = self._order(np.ones(len(u), bool)), self.config.n_draws
        R, v = self.R[np.ix_(order, order)], rng.random((len(u), u.shape[2] * K)).clip(1e-12, 1 - 1e-12)
        z, log_weight = sweep(R, np.repeat(self.law.ppf(u[order]), K, axis=2), v, self.law)
        weight = softmax(log_weight.reshape(-1, K), axis=1).ravel()
        if not self.law.is_normal:
            weight *= (self.df + len(u)) / (self.df + (z * np.linalg.solve(R, z)).sum(0))
        back = np.argsort(order)
        S = ((z * weight) @ z.T)[np.ix_(back, back)]
        new = (1 - share) * S / np.sqrt(np.outer(np.diag(S), np.diag(S)))
        new[self.owners[:, None] == self.owners] = 0.0
        np.fill_diagonal(new, 1.0)
        return repaired((1 - rate) * self.R + rate * new, self.config.min_eigenvalue)

    def _best_df(self, u: np.ndarray, rng: np.random.Generator) -> float:
        """The degrees of freedom with the highest likelihood of some rows, R held fixed."""
        order = self._order(np.ones(len(u), bool))
        v = rng.random((len(u), u.shape[2])).clip(1e-12, 1 - 1e-12)
        R = self.R[np.ix_(order, order)]

        def cost(log_df: float) -> float:
            law = Elliptical(np.exp(log_df))
            return -float(sweep(R, law.ppf(u[order]), v, law)[1].sum())

        found = minimize_scalar(cost, bounds=(0.0, np.log(200.0)), method="bounded", options={"xatol": 0.02})
        return float(np.exp(found.x))

    def _order(self, is_known: np.ndarray) -> np.ndarray:
        """Latents (D,) in the order of a sweep: known ones first, of these the sharpest ones first."""
        blur = np.concatenate([[np.square(h.width).sum() for h in m.histograms] for m in self.margins.values()])
        blur[self.is_smooth] = 0.0
        return np.lexsort((blur, ~is_known))

    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Latents given the intervals of the given columns, then the margins; tempering is the margins'.

        For jointly normal columns that is p(row)^(1/T): the correlation stays.
        """
        margins = {name: m.tempered(temperature) for name, m in self.margins.items()}
        v = self._uniforms(n, generator)
        known = np.array([name in given for name in self.owners], bool)
        u, _ = self._latents(v, given, margins, known)
        return {**self._values(u, margins), **given}

    def _uniforms(self, n: int, generator: torch.Generator) -> np.ndarray:
        """Uniforms (D, n), the same for row i however many are asked for."""
        v = torch.rand(max(n, self.chunk), len(self.R), generator=generator, dtype=torch.float64).numpy()[:n]
        return np.ascontiguousarray(v.T).clip(1e-12, 1 - 1e-12)

    def _latents(
        self, v: np.ndarray, given: Batch, margins: Mapping[str, LatentMargin], known: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """u of every latent (D, B) given some columns, whose latents are `known` (D,), and the log weight (B,)."""
        order = self._order(known)
        ends = np.full((len(v), 2, v.shape[1]), np.inf)
        ends[:, 0] = -np.inf
        for name in given:
            own = self.owners == name
            if known[own].any():
                ends[own] = self.law.ppf(_within(margins[name].intervals(given[name].numpy())))
        z, weight = sweep(self.R[np.ix_(order, order)], ends[order], v[order], self.law, bool(known.any()))
        drawn = np.empty_like(v)
        drawn[order] = self.law.cdf(z)
        return drawn, weight

    def _values(self, u: np.ndarray, margins: Mapping[str, LatentMargin]) -> Batch:
        """Rows from the u of their latents (D, B)."""
        return {name: torch.from_numpy(m.value(u[self.owners == name])) for name, m in margins.items()}

    def bound(self, batch: Batch, generator: torch.Generator) -> torch.Tensor:
        """log of the mean of `n_draws` sweeps (B,); log p itself where no column has steps, atoms or categories."""
        u = self._intervals(batch, self.margins)
        order = self._order(np.ones(len(u), bool))
        ends, R, n = (
            self.law.ppf(u[order]),
            self.R[np.ix_(order, order)],
            1 if self.is_smooth.all() else self.config.n_draws,
        )
        draws = []
        for _ in range(n):
            v = torch.rand(u.shape[0], u.shape[2], generator=generator, dtype=torch.float64).numpy()
            draws.append(sweep(R, ends, v.clip(1e-12, 1 - 1e-12), self.law)[1])
        density = sum(m.log_density(batch[name].numpy()) for name, m in self.margins.items())
        return torch.from_numpy(logsumexp(draws, axis=0) - np.log(n) + density)

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Where at most one of their latents is an interval: it is drawn first, and the others given it."""
        return int((~self.is_smooth & np.isin(self.owners, columns)).sum()) <= 1

    def propose(
        self, n: int, given: Batch, generator: torch.Generator, known: Mapping[str, torch.Tensor] | None = None
    ) -> tuple[Batch, torch.Tensor]:
        """Rows with the given cells in place; their weights are those of the rows together with their latents."""
        v, weight = self._uniforms(n, generator), np.zeros(n)
        everywhere = {name: torch.ones(n, dtype=torch.bool) for name in given}
        known = {name: x for name, x in (everywhere if known is None else known).items() if name in given}
        mask = np.array([known[name].numpy() if name in known else np.zeros(n, bool) for name in self.owners])  # (D, n)
        u = np.empty_like(v)
        for pattern in np.unique(mask, axis=1).T:
            at = np.flatnonzero((mask == pattern[:, None]).all(0))
            part = {name: x[at] for name, x in given.items()}
            u[:, at], weight[at] = self._latents(v[:, at], part, self.margins, pattern)
        rows = self._values(u, self.margins)
        fixed = {name: torch.where(known[name], given[name], rows[name]) for name in known}
        density = sum((self._density(name, given[name], known[name]) for name in known), np.zeros(n))
        return {**rows, **fixed}, torch.from_numpy(weight + density)

    def _density(self, name: str, x: torch.Tensor, is_known: torch.Tensor) -> np.ndarray:
        """log du/dx of the known cells of a column (B,), 0 for the others."""
        return np.where(is_known.numpy(), self.margins[name].log_density(x.numpy()), 0.0)

    def describe(self) -> dict[str, Any]:
        """The copula, its degrees of freedom, and the columns that are tied most."""
        i, j = np.tril_indices(len(self.R), -1)
        top = np.argsort(-np.abs(self.R[i, j]), kind="stable")[:10]
        labels = [f"{o} is missing" if w else str(o) for o, w in zip(self.owners, self.is_whether, strict=True)]
        strongest = [[labels[j[k]], labels[i[k]], round(float(self.R[i[k], j[k]]), 3)] for k in top]
        df = None if np.isinf(self.df) else round(self.df, 2)
        return {"kind": self.config.kind, "degrees_of_freedom": df, "correlations": strongest}

    def state(self) -> dict[str, torch.Tensor]:
        """R, ν, and the counts and order of every column's codes."""
        found = {"R": torch.from_numpy(self.R), "df": torch.tensor(self.df, dtype=torch.float64)}
        for k, m in enumerate(self.margins.values()):
            found[f"counts.{k}"], found[f"line.{k}"] = torch.from_numpy(m.counts), torch.from_numpy(m.line)
            found["n_rows"] = torch.tensor(m.n_rows)
        return found

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """The inverse of `state`."""
        self.R, self.df = state["R"].numpy(), float(state["df"])
        for k, m in enumerate(self.margins.values()):
            m.line = state[f"line.{k}"].numpy()
            m.learn(state[f"counts.{k}"].numpy(), int(state["n_rows"]))


def _within(u: np.ndarray) -> np.ndarray:
    """Intervals (D, 2, B); those of a cold margin that have shrunk to an end of the line become a point beside it."""
    is_lost = (u[:, :1] > 1 - AT_END) | (u[:, 1:] < AT_END)
    return np.where(is_lost, u.clip(AT_END, 1 - AT_END), u)


class _Pairs:
    """The latents of some rows, two at a time."""

    def __init__(self, model: Copula, u: np.ndarray):
        self.model, self.law = model, model.law
        middle = u.mean(1)  # (D, N)
        self.is_seen = u[:, 1] - u[:, 0] < 1
        self.z = np.where(self.is_seen, self.law.ppf(middle), 0.0)
        histograms = [h for m in model.margins.values() for h in m.histograms]
        self.cuts = [h.bins(model.config.n_bins)[1] for h in histograms]
        self.bins = [np.searchsorted(cuts, x, side="right") for cuts, x in zip(self.cuts, middle, strict=True)]

    def correlation(self, i: int, j: int) -> Correlation:
        """Of latents i and j; none where one says whether the other is missing."""
        if self.model.owners[i] == self.model.owners[j]:
            return Correlation()
        seen = self.is_seen[i] & self.is_seen[j]
        if self.model.is_smooth[i] and self.model.is_smooth[j]:
            return self._of_points(self.z[i][seen], self.z[j][seen])
        shape = len(self.cuts[i]) + 1, len(self.cuts[j]) + 1
        cell = np.ravel_multi_index((self.bins[i][seen], self.bins[j][seen]), shape)
        counts = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
        return polychoric(counts, self.cuts[i], self.cuts[j], self.law.df)

    def _of_points(self, a: np.ndarray, b: np.ndarray) -> Correlation:
        """Of normal scores; of a t copula from Kendall's tau = 2/π arcsin ρ."""
        if len(a) < 2 or a.std() == 0 or b.std() == 0:
            return Correlation()
        rho = np.corrcoef(a, b)[0, 1] if self.law.is_normal else np.sin(np.pi / 2 * kendalltau(a, b).statistic)
        return Correlation(float(rho), float((1 - rho**2) ** 2 / (len(a) - 1)))
