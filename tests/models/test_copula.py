"""Copulas against known correlations, closed-form densities and conditionals, and integrals over boxes."""

import numpy as np
import pytest
import torch
from scipy import stats

from genwright.core.config import configure
from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, FitError
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Field, Real, Space
from genwright.models.copula import Copula, CopulaConfig, line_of, repaired

R = np.array([[1.0, 0.7, -0.4, 0.2], [0.7, 1.0, -0.1, 0.0], [-0.4, -0.1, 1.0, 0.5], [0.2, 0.0, 0.5, 1.0]])
N = 20_000
LOWER = np.tril_indices(4, -1)


def _normal(n: int = N, seed: int = 0, matrix: np.ndarray = R) -> np.ndarray:
    return np.random.default_rng(seed).multivariate_normal(np.zeros(len(matrix)), matrix, n)


def _t(n: int = N, seed: int = 0, df: float = 4.0) -> np.ndarray:
    return _normal(n, seed) / np.sqrt(np.random.default_rng(seed + 1).chisquare(df, (n, 1)) / df)


def _real(x: np.ndarray, atoms: tuple[float, ...] = (), n_quantiles: int = 129) -> Field:
    known = x[~np.isnan(x)]
    quantiles = tuple(np.quantile(known, np.linspace(0, 1, n_quantiles)))
    return Field(Real(known.min(), known.max(), 0.0, atoms, quantiles, has_missing=len(known) < len(x)))


def _continuous(x: np.ndarray) -> Dataset:
    names = [f"x{j}" for j in range(x.shape[1])]
    columns = dict(zip(names, x.T.copy(), strict=True))
    return Dataset(Space({name: _real(column) for name, column in columns.items()}), columns)


def _cut(x: np.ndarray, numbers: tuple[int, ...] = (2, 3, 4, 5)) -> Dataset:
    """Columns cut into categories at uneven places; codes are shuffled."""
    columns, fields = {}, {}
    for j, k in enumerate(numbers):
        cuts = np.quantile(x[:, j], np.linspace(0, 1, k + 1)[1:-1] ** 1.3)
        shuffled = np.random.default_rng(j).permutation(k)
        columns[f"c{j}"], fields[f"c{j}"] = shuffled[np.searchsorted(cuts, x[:, j])], Field(Category(k))
    return Dataset(Space(fields), columns)


def _fitted(data: Dataset, **settings: object) -> Copula:
    model = Copula(data.space, configure(CopulaConfig, settings))
    model.solve(data, torch_generator(0), lambda done, line: None)
    return model


def _bound(model: Copula, batch: Batch, seed: int = 0) -> np.ndarray:
    return model.bound(batch, torch_generator(seed)).numpy()


@pytest.mark.parametrize("change", [lambda x: x, np.exp, lambda x: x**3 - 7], ids=["none", "exp", "cube"])
def test_correlation_survives_monotone_margins(change: object) -> None:
    found = _fitted(_continuous(change(_normal()))).R  # type: ignore[operator]
    error = (1 - R**2) / N**0.5
    assert (np.abs(found - R)[LOWER] < 5 * error[LOWER] + 1e-3).all()


@pytest.mark.parametrize("n_em", [0, 20])
def test_cutting_columns_into_categories_does_not_attenuate(n_em: int) -> None:
    """The error is the spread of the estimate over halves of the rows; a reversed order turns signs."""
    x = _normal()
    found = [np.abs(_fitted(_cut(part), n_em=n_em).R) for part in (x, *np.split(x, 8))]
    error = np.std(found[1:], axis=0, ddof=1) / 8**0.5
    assert (np.abs(found[0] - np.abs(R))[LOWER] < 5 * error[LOWER] + 0.01).all()


def test_a_line_of_categories_is_found_in_shuffled_codes() -> None:
    x = _normal(5_000)
    code = np.searchsorted([-1.0, 0.0, 0.5, 1.2], x[:, 0])
    shuffled = np.array([3, 0, 4, 1, 2])
    line = line_of(shuffled[code], 5, x[:, 1:].T)
    assert line.tolist() in (shuffled.tolist(), shuffled[::-1].tolist())


def test_mixed_columns_with_atoms_and_holes_keep_their_correlation() -> None:
    x = _normal()
    x[:, 0] = np.maximum(x[:, 0], 0.0)  # half of them are one value
    x[np.random.default_rng(1).random(N) < 0.3, 1] = np.nan
    names = ["x0", "x1", "x2", "x3"]
    fields = {name: _real(x[:, j], (0.0,) if j == 0 else ()) for j, name in enumerate(names)}
    model = _fitted(Dataset(Space(fields), dict(zip(names, x.T.copy(), strict=True))))
    values = ~model.is_whether
    found = model.R[np.ix_(values, values)]
    assert (np.abs(found - R)[LOWER] < 5 * 1.6 * (1 - R**2)[LOWER] / (0.5 * N) ** 0.5 + 2e-3).all()
    assert (np.abs(model.R[~values][:, values]) < 5 * 1.3 / N**0.5).all()


@pytest.mark.parametrize("kind", ["gaussian", "t"])
def test_draws_have_kendalls_tau_of_their_correlation(kind: str) -> None:
    model = _fitted(_continuous(_t() if kind == "t" else _normal()), kind=kind)
    rows = model.sample(10_000, {}, torch_generator(3))
    for i, j in zip(*LOWER, strict=True):
        tau = stats.kendalltau(rows[f"x{i}"], rows[f"x{j}"]).statistic
        assert abs(tau - 2 / np.pi * np.arcsin(model.R[i, j])) < 5 * 2 / (3 * 100)


def test_degrees_of_freedom_are_found() -> None:
    model = _fitted(_continuous(_t(df=4.0)), kind="t")
    assert 2.5 < model.df < 6.5
    assert _fitted(_continuous(_normal()), kind="t").df > 20
    assert _fitted(_cut(_normal(500)), kind="t", degrees_of_freedom=3).df == 3


def test_bound_is_the_density_where_all_columns_are_continuous() -> None:
    for kind, x in (("gaussian", _normal(3_000)), ("t", _t(3_000))):
        data = _continuous(x)
        model = _fitted(data, kind=kind)
        rows = data.take(slice(0, 200))
        u = np.stack([m.intervals(rows[name].numpy())[0, 0] for name, m in model.margins.items()], axis=1)  # (B, 4)
        margin = sum(m.log_density(rows[name].numpy()) for name, m in model.margins.items())
        if kind == "gaussian":
            z = stats.norm.ppf(u)
            copula = stats.multivariate_normal(np.zeros(4), model.R).logpdf(z) - stats.norm.logpdf(z).sum(1)
        else:
            z = stats.t(model.df).ppf(u)
            joint = stats.multivariate_t(np.zeros(4), model.R, df=model.df).logpdf(z)
            copula = joint - stats.t(model.df).logpdf(z).sum(1)
        np.testing.assert_allclose(_bound(model, rows), copula + margin, rtol=1e-7)


@pytest.mark.parametrize("kind", ["gaussian", "t"])
def test_bound_is_below_log_p_of_categories_and_close_to_it(kind: str) -> None:
    """log p is the probability of a rectangle, from the bivariate distribution function."""
    data = _cut(_normal(4_000)[:, :2], (3, 4))
    model = _fitted(data, kind=kind, degrees_of_freedom=5, n_draws=1)
    every = torch.cartesian_prod(torch.arange(3), torch.arange(4))
    cells = {"c0": every[:, 0], "c1": every[:, 1]}
    u = np.stack([model.margins[name].intervals(x.numpy())[0] for name, x in cells.items()])  # (2, 2, 12)
    exact = np.log([_rectangle(model, box) for box in u.transpose(2, 0, 1)])
    assert abs(np.exp(exact).sum() - 1) < 1e-3
    n = 4_000
    batch = {name: x.repeat(n) for name, x in cells.items()}
    single = _bound(model, batch).reshape(n, 12)
    assert (single.mean(0) < exact + 5 * single.std(0) / n**0.5 + 1e-3).all()
    many = np.log(np.exp(single).mean(0))
    error = np.exp(single).std(0) / n**0.5 / np.exp(exact)
    assert (np.abs(many - exact) < 5 * error + 2e-3).all()


def _rectangle(model: Copula, box: np.ndarray) -> float:
    """Probability of a rectangle (2, 2) of u."""
    z = np.clip(model.law.ppf(box), -60, 60)
    if model.law.is_normal:
        return float(stats.multivariate_normal(np.zeros(2), model.R).cdf(z[:, 1], lower_limit=z[:, 0]))
    law = stats.multivariate_t(np.zeros(2), model.R, df=model.df, seed=0)
    return float(law.cdf(z[:, 1], lower_limit=z[:, 0], maxpts=200_000, random_state=0))


def test_draws_given_a_number_follow_the_normal_conditional() -> None:
    data = _continuous(_normal())
    model = _fitted(data)
    assert model.conditions_exactly(["x0", "x2"])
    n = 10_000
    given = {"x0": torch.full((n,), 1.0, dtype=torch.float64), "x2": torch.full((n,), -0.5, dtype=torch.float64)}
    rows = model.sample(n, given, torch_generator(1))
    z = np.array([stats.norm.ppf(model.margins[c].intervals(given[c].numpy()[:1])[0, 0, 0]) for c in given])
    gain = model.R[np.ix_([1, 3], [0, 2])] @ np.linalg.inv(model.R[np.ix_([0, 2], [0, 2])])
    mean, cov = gain @ z, model.R[np.ix_([1, 3], [1, 3])] - gain @ model.R[np.ix_([0, 2], [1, 3])]
    u = np.stack([model.margins[c].intervals(rows[c].numpy())[0, 0] for c in ("x1", "x3")])
    drawn = stats.norm.ppf(u)
    assert (np.abs(drawn.mean(1) - mean) < 5 * np.sqrt(np.diag(cov) / n)).all()
    assert (np.abs(np.cov(drawn) - cov) < 5 * np.sqrt(2) * np.abs(np.diag(cov)).max() / n**0.5).all()


def test_draws_given_one_category_are_those_that_resampling_keeps() -> None:
    data = _cut(_normal(4_000))
    model = _fitted(data)
    assert model.conditions_exactly(["c3"])
    assert not model.conditions_exactly(["c2", "c3"])
    n = 40_000
    rows = model.sample(n, {"c3": torch.full((n,), 2)}, torch_generator(1))
    free = model.sample(8 * n, {}, torch_generator(2))
    kept = free["c3"] == 2
    for name in ("c0", "c1", "c2"):
        p = np.bincount(free[name][kept], minlength=4) / int(kept.sum())
        share = np.bincount(rows[name], minlength=4) / n
        assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) * (1 / n + 1 / int(kept.sum()))) + 1e-12).all()


@pytest.mark.parametrize("is_masked", [False, True])
def test_weighted_proposals_reproduce_the_conditional(is_masked: bool) -> None:
    """p(c0, c1 | c2, c3) by proposals against rows that resampling keeps."""
    model = _fitted(_cut(_normal(4_000)), kind="t" if is_masked else "gaussian", degrees_of_freedom=4, n_em=5)
    n = 20_000
    given = {"c2": torch.full((n,), 0), "c3": torch.full((n,), 2)}
    known = {name: torch.ones(n, dtype=torch.bool) for name in given}
    if is_masked:
        given["c1"], known["c1"] = torch.full((n,), 1), torch.zeros(n, dtype=torch.bool)
    rows, log_weight = model.propose(n, given, torch_generator(1), known if is_masked else None)
    weight = (log_weight - log_weight.max()).exp().numpy()
    share = np.bincount((rows["c0"] * 3 + rows["c1"]).numpy(), weights=weight, minlength=6) / weight.sum()
    free = model.sample(8 * n, {}, torch_generator(2))
    kept = (free["c2"] == 0) & (free["c3"] == 2)
    p = np.bincount((free["c0"] * 3 + free["c1"])[kept].numpy(), minlength=6) / int(kept.sum())
    n_effective = weight.sum() ** 2 / (weight**2).sum()
    assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) * (1 / n_effective + 1 / int(kept.sum())))).all()


def test_proposals_keep_their_known_cells_and_fill_each_row_by_its_own() -> None:
    data = _continuous(_normal(2_000))
    model, rows = _fitted(data), data.take(slice(0, 500))
    known = {name: torch.arange(500) % 4 != j for j, name in enumerate(rows)}
    found, log_weight = model.propose(500, rows, torch_generator(0), known)
    assert all(torch.equal(found[name][is_known], rows[name][is_known]) for name, is_known in known.items())
    assert torch.isfinite(log_weight).all()
    hole = ~known["x1"]
    assert np.corrcoef(found["x1"][hole], rows["x0"][hole])[0, 1] > 0.4


def test_low_temperature_narrows_and_keeps_the_correlation() -> None:
    model = _fitted(_continuous(_normal()))
    cold = model.sample(10_000, {}, torch_generator(1), temperature=0.25)
    assert cold["x0"].std() == pytest.approx(0.5, abs=5 * 0.5 / 20_000**0.5 + 0.02)
    assert np.corrcoef(cold["x0"], cold["x1"])[0, 1] == pytest.approx(0.7, abs=0.03)
    shares = _fitted(_cut(_normal(2_000))).sample(40_000, {}, torch_generator(1), temperature=0.5)["c0"]
    p = np.bincount(_cut(_normal(2_000)).arrays["c0"]) ** 2.0
    assert float((shares == 0).double().mean()) == pytest.approx(p[0] / p.sum(), abs=0.015)


def test_the_first_rows_do_not_depend_on_how_many_are_drawn() -> None:
    model = _fitted(_cut(_normal(500)), kind="t")
    few, many = (model.sample(n, {}, torch_generator(1)) for n in (7, 300))
    assert all(torch.equal(few[name], many[name][:7]) for name in few)


@pytest.mark.parametrize("kind", ["gaussian", "t"])
def test_degenerate_columns_are_learnt(kind: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    columns = {"x": x, "same": 2 * x, "constant": np.full(300, 7.0), "one": np.zeros(300, int), "gone": x * np.nan}
    constant = Field(Real(7.0, 7.0, 0.0, (7.0,), (7.0,) * 9))
    fields = {"x": _real(x), "same": _real(2 * x), "constant": constant, "one": Field(Category(1))}
    data = Dataset(Space({**fields, "gone": Field(Real(has_missing=True))}), columns)
    model = _fitted(data, kind=kind)
    rows = model.sample(2_000, {}, torch_generator(0))
    assert data.space.check(rows) == 2_000
    assert np.corrcoef(rows["x"], rows["same"])[0, 1] > 0.99
    assert np.isfinite(_bound(model, rows)).all()


def test_more_columns_than_rows_are_drawn_towards_independence() -> None:
    data = _continuous(np.random.default_rng(0).normal(size=(8, 30)))
    model = _fitted(data)
    assert np.linalg.eigvalsh(model.R)[0] > 0
    assert np.abs(model.R - np.eye(30)).max() < 0.5
    assert np.isfinite(_bound(model, data.take(slice(None)))).all()


def test_one_row_is_refused() -> None:
    with pytest.raises(FitError, match="1 rows are too few"):
        _fitted(_cut(_normal(2)).subset(np.arange(1)))


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "clayton"},
        {"degrees_of_freedom": -1},
        {"n_draws": 0},
        {"n_bins": 1},
        {"shrinkage": 1.5},
        {"min_eigenvalue": 0},
        {"pseudo_count": 0},
        {"category_order": "name"},
        {"em_rows": 0},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        configure(CopulaConfig, settings)


def test_a_repaired_matrix_is_a_correlation_matrix_nearby() -> None:
    broken = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    found = repaired(broken, 1e-3)
    assert np.linalg.eigvalsh(found)[0] > 1e-4
    np.testing.assert_allclose(np.diag(found), 1)
    assert np.array_equal(repaired(R, 1e-3), R)


def test_an_unlikely_row_has_a_finite_bound() -> None:
    x = _normal(2_000, matrix=np.array([[1.0, 0.999], [0.999, 1.0]]))
    model = _fitted(_cut(x, (4, 5)))
    rows = {"c0": torch.arange(4).repeat_interleave(5), "c1": torch.arange(5).repeat(4)}
    assert np.isfinite(_bound(model, rows)).all()


def test_description_names_the_strongest_ties() -> None:
    found = _fitted(_continuous(_normal(2_000))).describe()
    assert found["kind"] == "gaussian"
    assert found["degrees_of_freedom"] is None
    assert found["correlations"][0][:2] == ["x0", "x1"]


@pytest.mark.parametrize("kind", ["gaussian", "t"])
@pytest.mark.parametrize("temperature", [1e-2, 1e-9])
def test_cold_draws_given_the_ends_of_a_line_are_numbers(kind: str, temperature: float) -> None:
    """What is given may have lost all its mass, and with it its place between the ends."""
    x = _normal(300)
    cut = _cut(x)
    field = _real(x[:, 2])
    data = Dataset(
        Space({**cut.space.fields, "x": field, "gone": Field(Real(0.0, 1.0, 1.0, (), (0.0, 1.0), has_missing=True))}),
        {**cut.arrays, "x": x[:, 2], "gone": np.where(x[:, 1] < -1, np.nan, x[:, 1] > 0)},
    )
    model = _fitted(data, kind=kind, degrees_of_freedom=4.0 if kind == "t" else 0.0, n_em=1)
    for code in range(5):
        given = {"c3": torch.full((8,), code), "x": torch.full((8,), float(x[0, 2]), dtype=torch.float64)}
        rows = model.sample(8, given, torch_generator(0), temperature)
        assert not rows["gone"].isnan().any()
        assert set(rows["c2"].tolist()) <= set(range(4))
