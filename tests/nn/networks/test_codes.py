"""Numbers as codes: the parts of p(x) multiply to a distribution, and placed values have their codes."""

import numpy as np
import pytest

from genwright.core.packing import Packer, Unpacker
from genwright.core.space import Category, Field, Real
from genwright.nn.networks.codes import HIDDEN, CategoryCodes, RealCodes, unpack_codes
from tests.nn.worlds import assert_same_shares

STEPPED = Real(0.0, 9.0, 1.0, (0.0, 4.0), tuple(np.arange(10.0)), has_missing=True)
COUNT = np.array([40, 7, 3, 9, 30, 1, 2, 5, 2, 1, 10])  # of 0 … 9 and missing


def _codes(is_hidden: bool = False, n_groups: int = 4) -> RealCodes:
    return RealCodes.learn(STEPPED, is_hidden, COUNT, n_groups)


def test_every_value_has_one_code_and_missing_is_the_last() -> None:
    codes = _codes()
    assert codes.index(np.append(np.arange(10.0), np.nan)).tolist() == [0, 1, 1, 1, 2, 3, 3, 3, 3, 3, 4]
    assert codes.n == 5
    assert codes.names() == ["0", "0 to 3", "4", "4 to 9", "missing"]
    hidden = _codes(is_hidden=True)
    assert hidden.n == 4
    assert hidden.index(np.array([np.nan])).tolist() == [HIDDEN]


def test_shares_inside_a_code_sum_to_one() -> None:
    codes, line = _codes(), np.append(np.arange(10.0), np.nan)
    total = np.bincount(codes.index(line), weights=np.exp(codes.log_inside(line)))
    np.testing.assert_allclose(total, 1.0)
    group = COUNT[5:10] + 0.5
    np.testing.assert_allclose(np.exp(codes.log_inside(line[5:10])), group / group.sum())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_placed_values_follow_the_tempered_shares(temperature: float) -> None:
    codes, u = _codes(), np.random.default_rng(0).random((40_000, 2))
    x = codes.place(np.full(40_000, 3), u, temperature)
    p = (COUNT[5:10] + 0.5) ** (1 / temperature)
    assert_same_shares(np.bincount(x.astype(int) - 5, minlength=5), p / p.sum())


def test_placed_values_have_their_codes_again() -> None:
    rng = np.random.default_rng(1)
    for codes in (_codes(), _codes(is_hidden=True), _codes(n_groups=1)):
        code = rng.integers(-1 if codes.n == 4 else 0, codes.n, 500)
        assert (codes.index(codes.place(code, rng.random((500, 2)), 1.0)) == code).all()


def test_density_of_a_continuous_column_integrates_to_one() -> None:
    x = np.random.default_rng(0).gamma(2.0, size=1_000)
    support = Real(float(x.min()), float(x.max()), quantiles=tuple(np.quantile(x, np.linspace(0, 1, 17))))
    count = np.full(16, 1_000 // 16)
    codes = RealCodes.learn(support, False, count, 5)
    edges = np.linspace(x.min(), x.max(), 100_001)
    middle = (edges[1:] + edges[:-1]) / 2
    area = np.bincount(codes.index(middle), weights=np.exp(codes.log_inside(middle)) * np.diff(edges))
    np.testing.assert_allclose(area, 1.0, atol=1e-3)


def test_the_last_code_of_a_category_can_be_hidden() -> None:
    codes = CategoryCodes(Category(3), is_hidden=True)
    assert codes.n == 2
    assert codes.index(np.array([0, 1, 2])).tolist() == [0, 1, HIDDEN]
    assert codes.place(np.array([0, HIDDEN]), np.zeros((2, 2)), 1.0).tolist() == [0, 2]


def test_packed_codes_come_back() -> None:
    packer = Packer()
    _codes().pack(packer)
    again = unpack_codes(Unpacker(packer.tensors()), Field(STEPPED), False)
    line = np.append(np.arange(10.0), np.nan)
    assert (again.index(line) == _codes().index(line)).all()
    assert (again.log_inside(line) == _codes().log_inside(line)).all()


def test_ranges_that_print_alike_are_told_apart() -> None:
    quantiles = tuple(1 + 1e-9 * np.arange(5))
    codes = RealCodes.learn(Real(1.0, quantiles[-1], quantiles=quantiles), False, np.full(4, 9), 4)
    assert len(set(codes.names())) == codes.n == 4
