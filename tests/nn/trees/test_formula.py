"""Formulas: products, ratios and sums are found, said in the number's own units, and nothing else is."""

import numpy as np
import pytest

from genwright.core.packing import Packer, Unpacker
from genwright.core.space import Category, Field
from genwright.nn.trees.column import TreeColumn, learn_column
from genwright.nn.trees.donors import Donors
from genwright.nn.trees.formula import Formula
from genwright.nn.trees.formulas import MIN_ROWS, find_formula
from genwright.nn.trees.target import Target
from tests.nn.worlds import real_column

N = 3_000


def _target(relation: str, noise: float = 0.03, n: int = N) -> tuple[Target, np.ndarray]:
    """Two positive numbers, another, a colour, and a column that follows them; with what it would be without noise."""
    rng = np.random.default_rng(0)
    a, b, c, colour = rng.gamma(2, size=n) + 0.1, rng.gamma(2, size=n) + 0.1, rng.normal(size=n), rng.integers(0, 3, n)
    price = np.array([20.0, 25.0, 70.0])[colour]
    said = {
        "product": 3 * a * b,
        "ratio": a / b,
        "inverse": 1 / (a * b),
        "sum": price + 10 * c - 5 * a,
        "one number": a,
        "nothing": rng.gamma(2, size=n),
        "alternate": price * np.cos(3 * c) ** 2 + 1,
    }[relation]
    y = said + 10 * noise * rng.normal(size=n) if relation == "sum" else said * np.exp(noise * rng.normal(size=n))
    values = [a, b, c, colour, y]
    columns: list[TreeColumn] = [
        real_column(x) if k != 3 else learn_column(Field(Category(3)), x) for k, x in enumerate(values)
    ]
    return Target.of(4, columns, Donors.of(columns, values)), said


def _found(target: Target) -> Formula | None:
    return find_formula(target, np.arange(4), np.random.default_rng(1))


@pytest.mark.parametrize(
    ("relation", "powers"), [("product", {0: 1, 1: 1}), ("ratio", {0: 1, 1: -1}), ("inverse", {0: -1, 1: -1})]
)
def test_products_and_ratios_are_found(relation: str, powers: dict[int, int]) -> None:
    formula = _found(_target(relation)[0])
    assert formula is not None
    assert formula.is_product
    assert {k: term.item() for k, term in formula.terms.items()} == powers
    error = 5 * 1.2533 * 0.03 / (N / 2) ** 0.5  # of the median of normal noise
    assert formula.base == pytest.approx(np.log(3) if relation == "product" else 0, abs=error)


def test_sums_are_found_with_their_prices() -> None:
    formula = _found(_target("sum")[0])
    assert formula is not None
    assert not formula.is_product
    error = 5 * 0.3 / (N / 2 / 3) ** 0.5
    assert formula.terms[2].item() == pytest.approx(10, abs=error)
    assert formula.terms[0].item() == pytest.approx(-5, abs=error)
    assert np.diff(formula.terms[3]) == pytest.approx([5, 45], abs=2 * error)


@pytest.mark.parametrize("relation", ["product", "ratio", "sum"])
def test_what_is_said_stands_where_the_number_without_noise_would(relation: str) -> None:
    target, said = _target(relation)
    formula = _found(target)
    assert formula is not None
    y = np.sort(target.column.value(target.donors.codes[:, 4]))
    rank = np.searchsorted(y, said) / N
    np.testing.assert_allclose(formula(target.donors.where), rank, atol=0.01)


@pytest.mark.parametrize("relation", ["one number", "nothing", "alternate"])
def test_other_relations_are_no_formula(relation: str) -> None:
    assert _found(_target(relation)[0]) is None


def test_loose_relations_and_few_rows_are_no_formula() -> None:
    assert _found(_target("product", noise=0.4)[0]) is None
    assert _found(_target("product", n=MIN_ROWS - 1)[0]) is None


@pytest.mark.parametrize("relation", ["product", "sum"])
def test_saved_formula_is_the_same(relation: str) -> None:
    target, _ = _target(relation)
    formula = _found(target)
    assert formula is not None
    packer = Packer()
    formula.pack(packer)
    loaded = Formula.unpack(Unpacker(packer.tensors()), target.columns, 4)
    assert np.array_equal(loaded(target.donors.where), formula(target.donors.where))


def test_zeros_and_missing_numbers_have_a_place() -> None:
    target, _ = _target("product")
    formula = _found(target)
    assert formula is not None
    where = np.array([[0, 0.5, 0.5, 0], [-1, 0.5, 0.5, 0], [1, 1, 0.5, 0]], np.float32)
    rank = formula(where)
    assert np.all((rank > 0) & (rank < 1))
    assert rank[0] < rank[1] < rank[2]
