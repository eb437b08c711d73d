"""A column alone: its probabilities sum to one and its draws follow them."""

import warnings

import numpy as np
import pytest

from genwright.core.packing import Packer, Unpacker
from genwright.core.space import Category, Field, Real
from genwright.nn.trees.column import TreeColumn, learn_column
from tests.nn.worlds import assert_same_shares, integral, jumps, real_column

RNG = np.random.default_rng(0)
N_DRAWS = 50_000


def _with(x: np.ndarray, value: float, share: float) -> np.ndarray:
    return np.where(RNG.random(len(x)) < share, value, x)


SMOOTH = RNG.gamma(2.0, size=400)
REALS = {
    "smooth": real_column(SMOOTH),
    "atoms": real_column(_with(_with(SMOOTH, 0.0, 0.3), 1.5, 0.1)),
    "few repeats": real_column(np.concatenate([SMOOTH, SMOOTH[:40], SMOOTH[:40]])),
    "missing": real_column(_with(SMOOTH, np.nan, 0.2)),
    "missing and atoms": real_column(_with(_with(SMOOTH, 0.0, 0.5), np.nan, 0.2)),
    "few values": real_column(RNG.choice([0.5, 0.7, 9.1], 300)),
    "narrow": real_column(1e-6 * _with(SMOOTH, 2.0, 0.3)),
    "integers": real_column(RNG.poisson(6.0, 400).astype(float), step=1.0),
    "wide integers": real_column(np.round(RNG.gamma(1.0, 300, size=400)), step=1.0),
    "cents": real_column(_with(np.round(SMOOTH, 2), np.nan, 0.1), step=0.01),
    "one value": real_column(np.full(30, 7.25)),
    "one integer": real_column(np.full(30, 7.0), step=1.0),
    "all missing": real_column(np.full(30, np.nan)),
    "missing, not seen": learn_column(Field(Real(low=0.0, high=9.0, has_missing=True)), np.linspace(0, 9, 50)),
    "no known range": learn_column(Field(Real()), SMOOTH),
}


@pytest.fixture(params=REALS)
def column(request: pytest.FixtureRequest) -> TreeColumn:
    return REALS[request.param]


def _points(column: TreeColumn) -> np.ndarray:
    """Everything that can have mass: missing, values seen, and all multiples of the step."""
    step = column.field.support.step  # type: ignore[union-attr]
    line = np.concatenate([column.values, [column.low]])
    if step:
        every = np.arange(round(column.low / step), round(column.high / step) + 1) * step
        line = column.field.support.on_step(every)  # type: ignore[union-attr]
    return np.append(np.unique(line), np.nan)


def _mass(column: TreeColumn, points: np.ndarray) -> np.ndarray:
    """Probability mass of the points: those that a single, spread value occupies have none."""
    p = column.prob_alone(points)
    if column.field.support.step or column.low == column.high:  # type: ignore[union-attr]
        return p
    seen = column.seen(points)
    is_spread = (seen < 0) if column.smooth is None else (column.smooth_index[seen] >= 0) & (column.counts[seen] == 1)
    return np.where(is_spread & ~np.isnan(points), 0.0, p)


def test_probabilities_sum_to_one(column: TreeColumn) -> None:
    points = _points(column)
    total = _mass(column, points).sum()
    if not column.field.support.step and column.high > column.low:  # type: ignore[union-attr]
        total += integral(column.prob_alone, np.array([column.low, column.high]), jumps(column)).sum()
    assert total == pytest.approx(1, abs=1e-6)


def test_draws_agree_with_probabilities(column: TreeColumn) -> None:
    rng = np.random.default_rng(1)
    x = column.draw_alone(rng.random(N_DRAWS), rng.random(N_DRAWS))
    points = _points(column)
    mass = _mass(column, points)
    is_point = mass > 0
    hits = np.array([np.isnan(x).sum() if np.isnan(p) else (x == p).sum() for p in points[is_point]])
    if column.field.support.step or column.high == column.low:  # type: ignore[union-attr]
        assert hits.sum() == N_DRAWS
        assert_same_shares(hits, mass[is_point])
        return
    edges = np.quantile(column.values, np.linspace(0, 1, 13))
    spread = x[~np.isin(x, points[is_point]) & ~np.isnan(x)]
    p = integral(column.prob_alone, edges, jumps(column))
    assert_same_shares(np.concatenate([hits, np.histogram(spread, edges)[0]]), np.concatenate([mass[is_point], p]))


def test_draws_lie_in_the_range(column: TreeColumn) -> None:
    rng = np.random.default_rng(2)
    x = column.draw_alone(rng.random(5000), rng.random(5000), temperature=3.0)
    known = x[~np.isnan(x)]
    assert ((known >= column.low) & (known <= column.high)).all()


def test_all_missing_draws_mostly_missing() -> None:
    x = REALS["all missing"].draw_alone(np.linspace(0, 0.97, 50), np.linspace(0, 1, 50))
    assert np.isnan(x).all()


def test_a_single_value_of_a_smooth_column_is_not_drawn() -> None:
    column = REALS["smooth"]
    rng = np.random.default_rng(3)
    assert not np.isin(column.draw_alone(rng.random(N_DRAWS), rng.random(N_DRAWS)), column.values).any()


def test_categories_count_and_unseen_ones_are_possible() -> None:
    column = learn_column(Field(Category(4)), np.array([0, 0, 0, 1, 3, 3]))
    p = column.prob_alone(np.arange(4))
    np.testing.assert_allclose(p, np.array([3, 1, 0.5, 2]) / 6.5)
    rng = np.random.default_rng(4)
    assert_same_shares(np.bincount(column.draw_alone(rng.random(N_DRAWS), rng.random(N_DRAWS)), minlength=4), p)


def test_temperature_sharpens_categories_by_its_power() -> None:
    column = learn_column(Field(Category(3)), np.array([0] * 6 + [1] * 3 + [2]))
    rng = np.random.default_rng(5)
    for temperature in (0.5, 2.0):
        p = column.prob_alone(np.arange(3)) ** (1 / temperature)
        draws = column.draw_alone(rng.random(N_DRAWS), rng.random(N_DRAWS), temperature)
        assert_same_shares(np.bincount(draws, minlength=3), p / p.sum())


def test_temperature_narrows_and_widens_a_normal_column() -> None:
    x = np.random.default_rng(6).normal(size=4000)
    rng = np.random.default_rng(7)
    for temperature in (0.25, 2.0):
        drawn = real_column(x).draw_alone(rng.random(N_DRAWS), rng.random(N_DRAWS), temperature)
        assert np.std(drawn) / np.std(x) == pytest.approx(temperature**0.5, rel=0.1)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_numbers_at_the_ends_of_floating_point(scale: float) -> None:
    x = SMOOTH * scale
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        column = real_column(x)
        rng = np.random.default_rng(8)
        drawn = column.draw_alone(rng.random(2000), rng.random(2000))
        p = column.prob_alone(drawn)
    plain = real_column(SMOOTH)
    np.testing.assert_allclose(drawn / scale, plain.draw_alone(*np.random.default_rng(8).random((2, 2000))), rtol=1e-9)
    assert (np.isfinite(np.log(p))).all()


def test_codes_values_and_coordinates() -> None:
    column = real_column(np.array([3.0, 1.0, 1.0, np.nan, 2.0]))
    code = column.code(np.array([1.0, 2.0, 3.0, np.nan]))
    assert code.tolist() == [0, 1, 2, -1]
    np.testing.assert_array_equal(column.value(code), [1.0, 2.0, 3.0, np.nan])
    np.testing.assert_allclose(column.coordinate_of_code(code), [0.25, 0.625, 0.875, -1])  # mid-ranks of four
    np.testing.assert_array_equal(column.coordinate(column.value(code)), column.coordinate_of_code(code))
    assert column.seen(np.array([2.0, 2.5])).tolist() == [1, -1]


def test_unpacking_undoes_packing(column: TreeColumn) -> None:
    packer = Packer()
    column.pack(packer)
    again = TreeColumn.unpack(Unpacker(packer.tensors()), column.field)
    u, v = np.random.default_rng(9).random((2, 500))
    np.testing.assert_array_equal(again.draw_alone(u, v), column.draw_alone(u, v))


def test_steps_finer_than_rounding_are_densities() -> None:
    """Numbers of 60 bits, some of which repeat, are as likely as without a step."""
    rng = np.random.default_rng(11)
    x = np.round(np.append(rng.uniform(0, 2.0**60, 400), np.repeat(rng.uniform(0, 2.0**60, 40), 3)))
    stepped, plain = real_column(x, step=1.0), real_column(x)
    at = np.append(x, rng.uniform(x.min(), x.max(), 200).round())
    at = at[(at > x.min()) & (at < x.max())]
    expected, found = plain.smooth.ranks(at), stepped.smooth.ranks(at)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(np.nan_to_num(b), np.nan_to_num(a), rtol=1e-9)
    ordinary = real_column(np.round(SMOOTH * 100), step=1.0)
    assert np.isnan(ordinary.smooth.ranks(ordinary.smooth.values)[2]).all()


def test_no_density_lies_between_smooth_numbers_and_an_atom_beyond_them() -> None:
    x = np.concatenate([np.random.default_rng(0).uniform(0, 10, 300), np.full(100, 1_000.0)])
    edges = np.linspace(10.5, 999.0, 2_001)
    mass = (real_column(x).prob_alone((edges[1:] + edges[:-1]) / 2) * np.diff(edges)).sum()
    assert mass == pytest.approx(0.5 / 400.5 * 988.5 / (1_000 - x.min()), rel=1e-3)  # what stands for the unseen
