"""Sequential trees end to end: exact probabilities, draws that follow them, no copies, hard tables."""

import warnings

import numpy as np
import pytest
import torch

from genwright.core.config import configure, to_json
from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, FitError, UnknownNameError
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Field, Real, Space
from genwright.models.trees import Trees, TreesConfig
from tests.nn.worlds import assert_same_shares, integral, jumps

N_DRAWS = 20_000


def _real(x: np.ndarray, step: float = 0.0) -> Field:
    known = x[~np.isnan(x)]
    ends = (float(known.min()), float(known.max())) if len(known) else (None, None)
    return Field(Real(*ends, step=step, has_missing=len(known) < len(x)))


def _fitted(data: Dataset, seed: int = 0, **settings: object) -> Trees:
    model = Trees(data.space, configure(TreesConfig, settings))
    model.solve(data, torch_generator(seed, "fit"), lambda done, line: None)
    return model


def _draw(model: Trees, n: int = N_DRAWS, given: Batch | None = None, temperature: float = 1.0) -> Batch:
    return model.sample(n, given or {}, torch_generator(1, "draw"), temperature)


def _mixed(last: str, n: int = 400) -> Dataset:
    """A category, a number with an atom at 0 and holes, and a last column of the sort asked for."""
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 3, n)
    size = np.where(rng.random(n) < 0.3, 0.0, rng.gamma(2.0, 1.0 + colour))
    size[rng.random(n) < 0.1] = np.nan
    x = np.nan_to_num(size) + colour + rng.normal(size=n)
    y = {
        "category": np.digitize(x, [1, 2, 4]),
        "steps": np.round(3 * x),
        "number": np.where(rng.random(n) < 0.2, 0.0, x),
        "sloped": np.nan_to_num(size) + 0.05 * rng.normal(size=n),
    }[last]
    if last == "number":
        y[rng.random(n) < 0.1] = np.nan
    field = Field(Category(4)) if last == "category" else _real(y, step=float(last == "steps"))
    space = Space({"colour": Field(Category(3)), "size": _real(size), "y": field})
    return Dataset(space, {"colour": colour, "size": size, "y": y})


CONTEXTS = ((0, 0.0), (1, 3.21), (2, float("nan")), (2, 6.5))


def _context(model: Trees, colour: int, size: float, n: int) -> tuple[Batch, np.ndarray]:
    """n rows with the same first two columns, and their coordinates."""
    given = {"colour": torch.full((n,), colour), "size": torch.full((n,), size, dtype=torch.float64)}
    where = np.zeros((n, 3), np.float32, order="F")
    for t, name in enumerate(given):
        where[:, t] = model.columns[t].coordinate(given[name].numpy())
    return given, where


def _column_prob(model: Trees, where: np.ndarray, x: np.ndarray) -> np.ndarray:
    last, n = len(model.order) - 1, len(x)
    return np.exp(model._column_log_prob(last, np.repeat(where[:1], n, axis=0), x, np.zeros((n, 0))))


@pytest.mark.parametrize("last", ["category", "steps"])
def test_mass_of_the_last_column_sums_to_one_and_draws_follow_it(last: str) -> None:
    model = _fitted(_mixed(last))
    low, high = (0, 3) if last == "category" else (model.columns[2].low, model.columns[2].high)
    line = np.arange(low, high + 1)
    for colour, size in CONTEXTS:
        given, where = _context(model, colour, size, N_DRAWS)
        p = _column_prob(model, where, line)
        assert p.sum() == pytest.approx(1, abs=1e-9)
        y = _draw(model, given=given)["y"].numpy()
        assert_same_shares(np.bincount((y - low).astype(int), minlength=len(line)), p)


@pytest.mark.parametrize(("last", "n"), [("number", 400), pytest.param("sloped", 1000, marks=pytest.mark.slow)])
def test_density_of_the_last_column_integrates_to_one_and_draws_follow_it(last: str, n: int) -> None:
    model = _fitted(_mixed(last, n))
    assert last != "sloped" or "y" in model.describe()["slopes"]
    column = model.columns[2]
    assert column.smooth
    is_point = (column.smooth_index[: len(column.values)] < 0) | (column.counts > 1)
    points = np.append(column.values[is_point], [np.nan] if column.field.support.has_missing else [])
    edges = np.append(np.quantile(column.values, np.linspace(0, 0.95, 20)), column.high)
    knots = np.concatenate([jumps(column), column.smooth.value(np.linspace(0, 1, 401))])
    given, where = _context(model, 2, 3.21, N_DRAWS)
    area = integral(lambda x: _column_prob(model, where, x), edges, knots)
    mass = _column_prob(model, where, points)
    assert area.sum() + mass.sum() == pytest.approx(1, abs=0.01)
    y = _draw(model, given=given)["y"].numpy()
    hits = [np.isnan(y).sum() if np.isnan(p) else (y == p).sum() for p in points]
    is_spread = ~np.isin(y, points) & ~np.isnan(y)
    count = np.concatenate([hits, np.histogram(y[is_spread], edges)[0]])
    assert_same_shares(count, np.concatenate([mass, area]), slack=0.002)


def test_log_prob_is_the_sum_over_the_columns() -> None:
    data = _mixed("number")
    model, rows = _fitted(data), data.take(slice(0, 60))
    arrays = {name: x.numpy() for name, x in rows.items()}
    where = model._coordinates(arrays)
    total = sum(
        model._column_log_prob(t, where, arrays[name], model._equals(t, arrays, 60))
        for t, name in enumerate(model.order)
    )
    np.testing.assert_allclose(model.log_prob(rows).numpy(), total)


def _entropy(x: np.ndarray) -> float:
    p = np.unique(x, return_counts=True)[1] / len(x)
    return float(-(p * np.log(p)).sum())


def test_temperature_orders_the_spread() -> None:
    model = _fitted(_mixed("category"))
    given, _ = _context(model, 1, 3.21, N_DRAWS)
    cold, plain, hot = (_entropy(_draw(model, given=given, temperature=t)["y"].numpy()) for t in (0.5, 1.0, 2.0))
    assert cold < plain - 0.02
    assert plain < hot - 0.02


def _discrete(n: int = 500) -> Dataset:
    rng = np.random.default_rng(2)
    a = rng.integers(0, 3, n)
    b = (a + (rng.random(n) < 0.3)) % 3
    c = np.minimum(a, b) + (rng.random(n) < 0.2)
    space = Space({name: Field(Category(4)) for name in "abc"})
    return Dataset(space, {"a": a, "b": b, "c": c.astype(np.int64)})


@pytest.mark.parametrize("fixed", [["c"], ["b"], ["a", "c"]])
def test_weighted_proposals_reproduce_conditionals(fixed: list[str]) -> None:
    """Oracle: the joint distribution by enumeration."""
    model = _fitted(_discrete())
    grid = torch.cartesian_prod(*[torch.arange(4)] * 3)
    joint = model.log_prob({name: grid[:, j].contiguous() for j, name in enumerate("abc")}).exp().numpy()
    assert joint.sum() == pytest.approx(1, abs=1e-9)
    value = {"a": 1, "b": 2, "c": 1}
    keep = np.all([grid[:, "abc".index(k)].numpy() == value[k] for k in fixed], axis=0)
    p = np.where(keep, joint, 0) / joint[keep].sum()
    n = 40_000
    rows, log_weight = model.propose(n, {k: torch.full((n,), value[k]) for k in fixed}, torch_generator(3))
    weight = (log_weight - log_weight.max()).exp().numpy()
    code = (rows["a"] * 16 + rows["b"] * 4 + rows["c"]).numpy()
    share = np.bincount(code, weights=weight, minlength=64) / weight.sum()
    # Delta method: the variance of a ratio of sums.
    error = np.array([np.sqrt((weight**2 * ((code == k) - s) ** 2).sum()) / weight.sum() for k, s in enumerate(share)])
    assert (np.abs(share - p) < 5 * error + 1e-3).all()


def test_first_columns_come_first_and_only_they_are_exact() -> None:
    model = _fitted(_discrete(), first=("c", "a"))
    assert model.order == ["c", "a", "b"]
    assert model.conditions_exactly([])
    assert model.conditions_exactly(["c"])
    assert model.conditions_exactly(["a", "c"])
    assert model.conditions_exactly(["b", "a", "c"])
    assert not model.conditions_exactly(["a"])
    assert not model.conditions_exactly(["b", "c"])
    assert list(_draw(model, 5)) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "wrong",
    [
        *({name: 0} for name in ("min_leaf", "min_fill", "min_fill_coarse", "max_predictors", "max_grown")),
        *({name: -1} for name in ("n_halvings", "hole", "hole_smooth", "hole_slope", "n_slopes", "n_threads")),
        *({"background": x} for x in (0.0, 1.0, np.nan)),
        *({"coarse": x} for x in (-0.1, 0.9999, np.nan)),
        *({"slope_var": x} for x in (0.0, -1.0, np.inf)),
        {"max_rows": 1},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TreesConfig(**wrong)  # type: ignore[arg-type]


def test_settings_are_checked() -> None:
    with pytest.raises(UnknownNameError):
        Trees(_discrete().space, TreesConfig(first=("d",)))
    with pytest.raises(FitError):
        _fitted(Dataset(_discrete().space, {name: np.zeros(1, np.int64) for name in "abc"}))


def test_no_continuous_value_is_copied() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=300)
    columns = {"x": x, "near": x + 0.01 * rng.normal(size=300), "far": rng.gamma(1.0, size=300)}
    data = Dataset(Space({name: _real(v) for name, v in columns.items()}), columns)
    rows = _draw(_fitted(data))
    for name, v in columns.items():
        assert not np.isin(rows[name].numpy(), v).any(), name


def test_nearly_unique_decimals_are_copied_no_more_than_by_chance() -> None:
    """Chance: a value that one row has is spread over the multiples half-way to its neighbours, itself one of them."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=400)
    train = {"x": np.round(x, 3), "y": np.round(x + 0.3 * rng.normal(size=400), 3)}
    data = Dataset(Space({name: _real(v, step=0.001) for name, v in train.items()}), train)
    rows = _draw(_fitted(data))
    for name, v in train.items():
        values, counts = np.unique(v, return_counts=True)
        middle = (values[1:] + values[:-1]) / 2
        width = np.diff(np.concatenate([[values[0] - 0.0005], middle, [values[-1] + 0.0005]]))
        is_single = counts == 1
        chance = (0.001 / width[is_single]).clip(0, 1).sum() / len(v)
        copied = np.isin(rows[name].numpy(), values[is_single]).mean()
        assert copied < 1.05 * chance + 5 * np.sqrt(chance * (1 - chance) / N_DRAWS), name


def _hard() -> dict[str, Dataset]:
    rng = np.random.default_rng(6)
    n = 300
    colour, x = rng.integers(0, 3, n), rng.normal(size=n)
    none = np.full(n, np.nan)
    tables: dict[str, dict[str, tuple[Field, np.ndarray]]] = {
        "one category": {"a": (Field(Category(1)), np.zeros(n, np.int64)), "x": (_real(x), x)},
        "one category, last": {"x": (_real(x), x), "a": (Field(Category(1)), np.zeros(n, np.int64))},
        "all rows equal": {
            "a": (Field(Category(2)), np.ones(n, np.int64)),
            "x": (_real(np.full(n, 2.5)), np.full(n, 2.5)),
        },
        "two rows": {"a": (Field(Category(3)), colour[:2]), "x": (_real(x[:2]), x[:2])},
        "seven rows": {"a": (Field(Category(3)), colour[:7]), "x": (_real(x[:7]), x[:7])},
        "one column": {"x": (_real(x), x)},
        "all missing": {"a": (Field(Category(3)), colour), "none": (_real(none), none), "x": (_real(x), x)},
        "large integers": {
            "a": (Field(Category(3)), colour),
            "x": (lambda v: (_real(v, 1.0), v))(np.round(1e15 * rng.random(n))),
            "y": (_real(x), x),
        },
        "tiny": {"a": (Field(Category(3)), colour), "x": (_real(x * 1e-300), x * 1e-300), "y": (_real(x), x)},
        "huge": {"a": (Field(Category(3)), colour), "x": (_real(x * 1e300), x * 1e300), "y": (_real(x), x)},
    }
    return {
        name: Dataset(Space({k: f for k, (f, _) in t.items()}), {k: v for k, (_, v) in t.items()})
        for name, t in tables.items()
    }


HARD = _hard()


@pytest.mark.parametrize("name", HARD)
def test_hard_tables(name: str) -> None:
    """Fitted, drawn, weighed, saved and loaded bit for bit, without a warning."""
    data = HARD[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = _fitted(data)
        rows = _draw(model, 500)
        assert model.space.check(rows) == 500 if name != "all missing" else True
        for temperature in (0.1, 3.0):
            assert len(next(iter(_draw(model, 200, temperature=temperature).values()))) == 200
        log_prob = model.log_prob(rows)
        assert torch.isfinite(log_prob).all()
        assert torch.isfinite(model.log_prob(data.take(slice(None)))).all()
        again = Trees(Space.from_json(model.space.to_json()), configure(TreesConfig, to_json(model.config)))
        state = model.state()
        assert all(isinstance(x, torch.Tensor) for x in state.values())
        again.load_state({k: v.clone() for k, v in state.items()})
    for k, x in _draw(again, 500).items():
        assert x.numpy().tobytes() == rows[k].numpy().tobytes()
    assert torch.equal(again.log_prob(rows), log_prob)
    assert {k: v.numpy().tobytes() for k, v in again.state().items()} == {
        k: v.numpy().tobytes() for k, v in state.items()
    }


def test_ten_thousand_categories_as_target_and_as_predictor() -> None:
    rng = np.random.default_rng(7)
    n = 3_000
    many = np.minimum(rng.zipf(1.3, n), 10_000) - 1
    x = rng.normal(size=n)
    space = Space({"x": _real(x), "many": Field(Category(10_000)), "z": Field(Category(2))})
    data = Dataset(space, {"x": x, "many": many, "z": (many % 2).astype(np.int64)})
    model = _fitted(data)
    rows = _draw(model, 2_000)
    assert space.check(rows) == 2_000
    assert torch.isfinite(model.log_prob(rows)).all()
    is_known = np.isin(rows["many"].numpy(), many[np.isin(many, np.flatnonzero(np.bincount(many) >= 50))])
    hits = (rows["z"] == rows["many"] % 2).numpy()[is_known]
    assert hits.mean() > 0.9


@pytest.mark.slow
def test_fifteen_hundred_columns_of_sixty_rows() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(60, 1_500))
    space = Space({f"x{k}": _real(x[:, k]) for k in range(1_500)})
    model = _fitted(Dataset(space, {f"x{k}": x[:, k].copy() for k in range(1_500)}))
    rows = _draw(model, 50)
    assert space.check(rows) == 50
    assert torch.isfinite(model.log_prob(rows)).all()


def _paid(step: float, n: int = 3_000) -> Dataset:
    """Bills, and payments that are the bill in 40 % of the rows."""
    rng = np.random.default_rng(3)
    bill, other = (rng.gamma(2.0, 1500.0, n) for _ in range(2))
    paid = np.where(rng.random(n) < 0.4, bill, np.minimum(other, 4_000.0))
    columns = {name: np.round(x) if step else x for name, x in (("bill", bill), ("paid", paid))}
    return Dataset(Space({name: _real(x, step) for name, x in columns.items()}), columns)


@pytest.mark.parametrize("step", [0.0, 1.0])
def test_numbers_that_are_an_earlier_columns_stay_equal(step: float) -> None:
    data = _paid(step)
    model = _fitted(data)
    rows = _draw(model)
    found, real = ((r["bill"] == r["paid"]).double() for r in (rows, data.take(slice(None))))
    error = 4 * (0.24 * (1 / len(found) + 1 / len(real))) ** 0.5
    assert found.mean().item() == pytest.approx(real.mean().item(), abs=error + 0.01)
    assert torch.isfinite(model.log_prob(rows)).all()
    equal = found.bool()
    assert len(np.unique(rows["paid"][equal])) > 1_000 or step  # not the donors' numbers


def test_mass_of_an_equal_number_is_the_share_of_draws() -> None:
    """One bill: the masses of all payments sum to one, and draws follow them."""
    model = _fitted(_paid(1.0))
    assert model.columns[1].equals.tolist() == [0]
    given = {"bill": torch.full((N_DRAWS,), 3_010.0, dtype=torch.float64)}
    line = np.arange(model.columns[1].low, model.columns[1].high + 1)
    where = model._coordinates({"bill": np.full(len(line), 3_010.0), "paid": line})
    p = np.exp(model._column_log_prob(1, where, line, np.full((len(line), 1), 3_010.0)))
    assert p.sum() == pytest.approx(1, abs=1e-6)
    assert p[line == 3_010.0][0] == pytest.approx(0.4, abs=0.12)
    x = _draw(model, given=given)["paid"].numpy().astype(int) - int(line[0])
    assert_same_shares(np.bincount(x, minlength=len(line)), p)


def test_columns_are_not_equal_by_chance() -> None:
    """Few distinct numbers meet often in independent columns."""
    rng = np.random.default_rng(4)
    columns = {name: np.round(rng.gamma(4.0, 20.0, 3_000)) for name in "abc"}
    model = _fitted(Dataset(Space({name: _real(x, 1.0) for name, x in columns.items()}), columns))
    assert not any(len(c.equals) for c in model.columns)


def _curved(last: str) -> tuple[Dataset, Batch]:
    """Two numbers, and a column that follows a curve of them: rows to learn from, and fresh ones."""
    rng, n = np.random.default_rng(0), 1_500
    a, b = rng.normal(size=(2, 2 * n))
    y = 2 * np.cos(2 * a) + b**2 + 0.3 * rng.normal(size=2 * n)
    y = y if last == "number" else (y > 1).astype(np.int64)
    space = Space({"a": _real(a), "b": _real(b), "y": _real(y) if last == "number" else Field(Category(2))})
    data = Dataset(space, {"a": a, "b": b, "y": y})
    return data.subset(np.arange(n)), data.take(slice(n, 2 * n))


@pytest.mark.parametrize("last", ["category", "number"])
def test_scored_columns_follow_curves_better(last: str) -> None:
    data, fresh = _curved(last)
    loss = []
    for model, is_scored in ((_fitted(data), True), (_fitted(data, boosted_rounds=0), False)):
        assert (model.steps[2].score is not None) is is_scored
        given = {name: fresh[name].repeat(10) for name in ("a", "b")}
        drawn = _draw(model, 10 * len(fresh["y"]), given)["y"].reshape(10, -1).double()
        loss.append(float((drawn.mean(0) - fresh["y"]).square().mean()))
    assert loss[0] < 0.97 * loss[1]


def test_draws_of_a_scored_category_follow_its_probabilities() -> None:
    model = _fitted(_curved("category")[0])
    for a, b in ((0.4, 0.4), (-1.2, 1.0)):
        both = {"a": torch.full((2,), a), "b": torch.full((2,), b), "y": torch.tensor([0, 1])}
        both = {name: x.double() if name != "y" else x for name, x in both.items()}
        p = float(torch.softmax(model.log_prob(both), 0)[1])
        drawn = _draw(model, given={name: both[name][:1].repeat(N_DRAWS) for name in ("a", "b")})["y"].double()
        assert abs(float(drawn.mean()) - p) < 5 * (p * (1 - p) / N_DRAWS) ** 0.5 + 1e-9


def test_density_of_a_scored_number_integrates_to_one() -> None:
    data, _ = _curved("number")
    model = _fitted(data)
    known = data.arrays["y"]
    y = np.linspace(known.min() + 1e-9, known.max() - 1e-9, 50_001)
    where = np.full((1, 3), 0.4, np.float32)
    p = _column_prob(model, where, y)
    assert abs(float(np.trapezoid(p, y)) - 1) < 0.01


@pytest.mark.parametrize("is_known_by_row", [False, True])
def test_weights_of_a_scored_category_have_its_probability_as_mean(is_known_by_row: bool) -> None:
    model = _fitted(_curved("category")[0])
    given = {"y": torch.ones(N_DRAWS, dtype=torch.int64)}
    known = {"y": torch.ones(N_DRAWS, dtype=torch.bool)} if is_known_by_row else None
    _, weight = model.propose(N_DRAWS, given, torch_generator(2, "draw"), known)
    drawn = _draw(model)["y"].double()
    error = ((weight.exp().var() + drawn.var()) / N_DRAWS) ** 0.5
    assert abs(weight.exp().mean() - drawn.mean()) < 5 * error


def _billed(step: float, n: int = 1_500) -> Dataset:
    """Months, a service, its price with the service's surcharge, and a total within a few per cent of their product."""
    rng = np.random.default_rng(0)
    months, service = rng.integers(2, 72, n).astype(float), rng.integers(0, 3, n)
    charge = np.array([20.0, 45.0, 80.0])[service] + rng.uniform(-1, 1, n)
    total = months * charge * np.exp(0.03 * rng.normal(size=n))
    charge, total = (np.round(x / step) * step if step else x for x in (charge, total))
    fields = {"months": _real(months, 1.0), "service": Field(Category(3)), "charge": _real(charge, step)}
    space = Space(fields | {"total": _real(total, step)})
    return Dataset(space, {"months": months, "service": service, "charge": charge, "total": total})


@pytest.mark.parametrize("step", [0.0, 0.01])
def test_numbers_stay_as_near_to_a_product_as_they_are(step: float) -> None:
    data = _billed(step)
    model = _fitted(data)
    formula = model.steps[3].formula
    assert formula is not None
    assert sorted(formula.terms) == [0, 2]
    rows = _draw(model)
    off = (rows["total"] / (rows["months"] * rows["charge"])).log().numpy()
    low, middle, high = np.quantile(off, [0.16, 0.5, 0.84])
    assert abs(middle) < 0.01
    assert (high - low) / 2 == pytest.approx(0.03, rel=0.25)


def test_mass_beside_a_product_sums_to_one() -> None:
    model = _fitted(_billed(1.0))
    total = model.columns[3]
    every = np.arange(total.low, total.high + 1)
    for where in (np.array([[0.5, 1, 0.4, 0]], np.float32), np.array([[0.2, 2, 0.9, 0]], np.float32)):
        assert _column_prob(model, where, every).sum() == pytest.approx(1, abs=1e-9)


def test_totals_are_likelier_beside_their_product() -> None:
    """Against a model whose months are shuffled, so that there is no product to be found."""
    data = _billed(0.0, n=2_000)
    known, fresh = data.subset(np.arange(1_500)), data.take(slice(1_500, 2_000))
    shuffled = Dataset(
        known.space, known.arrays | {"months": np.random.default_rng(1).permutation(known.arrays["months"])}
    )
    models = _fitted(known), _fitted(shuffled)
    assert models[1].steps[3].formula is None
    gain = models[0].log_prob(fresh) - models[1].log_prob(fresh)
    assert float(gain.mean()) > 5 * float(gain.std()) / len(gain) ** 0.5


def test_saved_products_and_turned_axes_draw_the_same() -> None:
    data = _billed(0.01)
    model = _fitted(data)
    again = Trees(data.space, model.config)
    again.load_state(model.state())
    assert again.steps[3].formula is not None
    rows, others = _draw(model, 500), _draw(again, 500)
    assert all(torch.equal(rows[name], others[name]) for name in rows)
    assert torch.equal(model.log_prob(rows), again.log_prob(rows))
