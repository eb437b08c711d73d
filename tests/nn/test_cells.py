"""Cells partition the line: counts, bounds and round trips against enumeration."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genwright.core.space import Real
from genwright.nn.cells import Cells


def _support(cuts: list[int], atoms: list[int], step: float, has_missing: bool) -> Real:
    points = sorted({*cuts, *atoms})
    return Real(
        low=float(points[0]),
        high=float(points[-1]),
        step=step,
        atoms=tuple(float(a) for a in sorted(set(atoms))),
        quantiles=tuple(float(c) for c in points),
        has_missing=has_missing,
    )


supports = st.builds(
    _support,
    st.lists(st.integers(-50, 50), min_size=1, max_size=12),
    st.lists(st.integers(-50, 50), max_size=8),
    st.sampled_from([0.0, 1.0]),
    st.booleans(),
)


@given(supports)
def test_sizes_count_the_multiples(support: Real) -> None:
    cells = Cells(support)
    if support.step:
        line = np.arange(support.low, support.high + 1)  # type: ignore[arg-type]
        count = np.bincount(cells.index(line), minlength=cells.n)[: len(cells.low)]
        assert (count == cells.size).all()


@given(supports, st.integers(0, 2**32 - 1))
def test_a_placed_value_is_indexed_back(support: Real, seed: int) -> None:
    cells = Cells(support)
    rng = np.random.default_rng(seed)
    code = rng.integers(0, cells.n, 200)
    x = cells.place(code, rng.random(200))
    inside = x[~np.isnan(x)]
    assert (inside >= support.low).all()
    assert (inside <= support.high).all()
    is_edge = np.isin(x, cells.cuts) & (support.step == 0)  # has probability zero
    assert (cells.index(x) == code)[~is_edge].all()


@given(supports)
def test_probabilities_inside_a_cell_sum_to_one(support: Real) -> None:
    cells = Cells(support)
    log_inside = cells.log_inside(np.arange(cells.n))
    size = np.concatenate([cells.size, np.ones(cells.n - len(cells.size))])
    np.testing.assert_allclose(np.exp(log_inside) * size, 1.0)


def test_missing_is_the_last_cell() -> None:
    cells = Cells(_support([0, 10], [5], 1.0, True))
    assert cells.index(np.array([np.nan]))[0] == cells.n - 1
    assert np.isnan(cells.place(np.array([cells.n - 1]), np.zeros(1))).all()


def test_values_outside_get_the_nearest_cell() -> None:
    cells = Cells(_support([0, 10], [], 0.0, False))
    assert cells.index(np.array([-1e9, 1e9])).tolist() == [0, cells.n - 1]
