import numpy as np
import pytest
import torch

from genwright.core.space import Category, Field, Real, Space
from genwright.nn.row_view import NumberView, RowView

SMOOTH = Real(low=-4.0, high=4.0, quantiles=tuple(np.linspace(-4, 4, 17)), has_missing=True)
STEPPED = Real(low=0.0, high=9.0, step=1.0, atoms=(0.0, 4.0), quantiles=tuple(np.arange(10.0)))
ATOMS = Real(low=1.0, high=3.0, step=1.0, atoms=(1.0, 2.0, 3.0), quantiles=(1.0, 1.0, 2.0, 3.0))
TAIL = Real(low=0.0, high=1e6, atoms=(0.0,), quantiles=(*[0.0] * 20, 5.0, 100.0, 1e6))


@pytest.mark.parametrize("support", [SMOOTH, STEPPED, ATOMS, TAIL])
def test_values_come_back(support: Real) -> None:
    view = NumberView(support)
    grid = np.linspace(support.low, support.high, 1001)
    x = np.unique(support.on_step(grid)) if support.step else grid
    x = np.append(x, np.nan) if support.has_missing else x
    back = view.decoded(view.codes(x), view.scores(x))
    np.testing.assert_allclose(back, x, rtol=1e-6, atol=1e-9)


def test_scores_follow_ranks() -> None:
    view = NumberView(SMOOTH)
    scores = view.scores(np.linspace(-4, 4, 50))
    assert (np.diff(scores) > 0).all()
    assert abs(float(view.scores(np.array([0.0]))[0])) < 1e-6  # the median
    assert view.scores(np.array([np.nan]))[0] == 0


@pytest.mark.parametrize("support", [STEPPED, TAIL])
def test_a_score_within_the_span_of_a_value_comes_out_as_it(support: Real) -> None:
    view = NumberView(support)
    x = np.array([1.0, 5.0, 7.0]) if support.step else np.array([3.0, 50.0])
    low, high = view.span(x)
    if support.step:
        for share in (0.01, 0.5, 0.99):
            np.testing.assert_array_equal(view.values(low + share * (high - low)), x)
    else:
        np.testing.assert_allclose(low, high)


def test_slope_is_the_derivative_of_the_score() -> None:
    view = NumberView(SMOOTH)
    x, d = np.array([-3.3, 0.1, 2.7]), 1e-6
    slope = (view.scores(x + d) - view.scores(x - d)) / (2 * d)
    np.testing.assert_allclose(np.exp(view.log_slope(x)), slope, rtol=1e-5)


def test_rows_and_batches_are_inverse_for_every_event_shape() -> None:
    image = Field(Category(2), (2, 2))
    space = Space({"c": Field(Category(3)), "image": image, "x": Field(SMOOTH), "y": Field(STEPPED)})
    g = torch.Generator().manual_seed(0)
    batch = {
        "c": torch.randint(3, (20,), generator=g),
        "image": torch.randint(2, (20, 2, 2), generator=g),
        "x": torch.rand(20, generator=g, dtype=torch.float64) * 8 - 4,
        "y": torch.randint(10, (20,), generator=g).double(),
    }
    view = RowView(space)
    rows = view.rows(batch)
    assert rows["codes"].shape == (20, 7)
    assert rows["z"].shape == (20, 2)
    back = view.batch(rows["codes"], rows["z"])
    space.check(back)
    for name, x in batch.items():
        torch.testing.assert_close(back[name], x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("n_columns", "n_rows"), [(1, 4096), (256, 4096), (257, 2048), (5_000, 128), (10**6, 16)])
def test_wide_rows_are_drawn_a_few_at_a_time(n_columns: int, n_rows: int) -> None:
    assert RowView(Space({"pixels": Field(Category(2), (n_columns,))})).n_at_once == n_rows


@pytest.mark.parametrize(("n_codes", "n_rows"), [(16_384, 4096), (20_000, 2048), (10**6, 64), (10**8, 16)])
def test_rows_with_many_categories_are_drawn_a_few_at_a_time(n_codes: int, n_rows: int) -> None:
    assert RowView(Space({"c": Field(Category(n_codes))})).n_at_once == n_rows


def test_scores_count_as_much_as_codes() -> None:
    number = Field(Real(low=-2.0, high=2.0, quantiles=(-1.0, 0.0, 1.0)), (256,))
    assert RowView(Space({"x": number})).n_at_once == 2048


@pytest.mark.parametrize("size", [10.0**6, 2.0**60])
def test_widths_of_steps_are_those_of_slopes_however_fine(size: float) -> None:
    quantiles = tuple(np.linspace(0, size, 129).round())
    number = Field(Real(low=0.0, high=size, step=1.0, quantiles=quantiles))
    rows = RowView(Space({"x": number})).rows(
        {"x": torch.linspace(0.1, 0.9, 50, dtype=torch.float64).mul(size).round()}
    )
    torch.testing.assert_close(rows["log_width"], rows["log_slope"], rtol=1e-3, atol=2e-2)
