"""Numbers: exactness over every type, and the rules for step, atoms and quantiles."""

import json
import logging
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.codecs._marginal import N_QUANTILES, IntegerScale, is_rounded
from genwright.codecs.number import Number, NumberConfig
from genwright.core.errors import ConfigError, DataError
from genwright.core.space import Space

QUICK = settings(max_examples=40, deadline=None)

FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=64)
RNG = np.random.default_rng(0)


def _fitted(values: pa.Array, config: NumberConfig | None = None) -> Number:
    codec = Number(config)
    codec.update(values)
    codec.finish()
    again = Number(config)
    again.load_state(json.loads(json.dumps(codec.state(), allow_nan=False)))
    return again


def _support(values: pa.Array) -> Any:
    return _fitted(values).field.support


def _same_bits(a: pa.Array, b: pa.Array) -> bool:
    """Equal, signs of zeros included."""
    return a.type == b.type and repr(a.to_pylist()) == repr(b.to_pylist())


@QUICK
@given(st.lists(st.none() | FLOATS, min_size=1))
def test_floats_come_back_to_the_last_bit(numbers: list[float | None]) -> None:
    values = pa.array(numbers, pa.float64())
    codec = _fitted(values)
    codes = codec.encode(values)
    assert _same_bits(codec.decode(codes), values)
    assert Space({"x": codec.field}).check({"x": codes}) == len(numbers)


@QUICK
@given(st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1))
def test_float32_comes_back_to_the_last_bit(numbers: list[float | None]) -> None:
    values = pa.array(numbers, pa.float32())
    codec = _fitted(values)
    assert _same_bits(codec.decode(codec.encode(values)), values)


@QUICK
@given(st.lists(st.integers(-(2**53), 2**53), min_size=1), st.integers(-(2**62), 2**62))
def test_integers_come_back_wherever_they_lie(numbers: list[int], offset: int) -> None:
    spread = max(numbers) - min(numbers)
    numbers = [n + offset for n in numbers] if spread <= 2**53 else numbers
    values = pa.array(numbers, pa.int64())
    codec = _fitted(values)
    assert codec.decode(codec.encode(values)).equals(values)


@QUICK
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_of_any_spread_come_back_as_far_as_float64_holds_them(numbers: list[int]) -> None:
    values = pa.array(numbers, pa.int64())
    codec = _fitted(values)
    codes = codec.encode(values)
    assert Space({"x": codec.field}).check({"x": codes}) == len(numbers)
    for number, back in zip(numbers, codec.decode(codes).to_pylist(), strict=True):
        ends = back in (min(numbers), max(numbers))
        assert back == number or back == int(float(number)) or (ends and float(back) == float(number))
    if min(numbers) < 0:  # no offset is taken for so wide a range: the ends themselves are exact
        both = pa.array([min(numbers), max(numbers)])
        assert codec.decode(codec.encode(both)).equals(both)


@QUICK
@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
def test_unsigned_ends_come_back(numbers: list[int]) -> None:
    codec = _fitted(pa.array(numbers, pa.uint64()))
    ends = pa.array([min(numbers), max(numbers)], pa.uint64())
    assert codec.decode(codec.encode(ends)).equals(ends)


@QUICK
@given(st.lists(st.integers(-(10**14), 10**14), min_size=1), st.integers(0, 9))
def test_decimals_come_back_and_have_their_step(numbers: list[int], scale: int) -> None:
    values = pa.array([Decimal(n).scaleb(-scale) for n in numbers], pa.decimal128(24, scale))
    codec = _fitted(values)
    assert codec.decode(codec.encode(values)).equals(values)
    needed = max(0, *(-Decimal(n).scaleb(-scale).normalize().as_tuple().exponent for n in numbers))
    assert codec.field.support.step == float(f"1e-{needed}")  # type: ignore[union-attr]


@QUICK
@given(st.lists(st.integers(-(10**9), 10**9), min_size=1), st.integers(0, 6))
def test_floats_with_few_decimals_have_their_step(numbers: list[int], decimals: int) -> None:
    x = np.array(numbers) / 10**decimals
    needed = max(0, *(-Decimal(n).scaleb(-decimals).normalize().as_tuple().exponent for n in numbers))
    assert _support(pa.array(x)).step == float(f"1e-{needed}")


@QUICK
@given(st.integers(0, 2**64 - 1))
def test_is_rounded_knows_what_float64_holds(number: int) -> None:
    assert is_rounded(np.array([number], np.uint64))[0] == (int(float(number)) != number)


def test_integer_scale_takes_an_offset_only_when_it_helps() -> None:
    assert IntegerScale(0, 2**53).offset == 0
    assert IntegerScale(2**60, 2**60 + 9).offset == 2**60
    assert IntegerScale(-(2**60), 2**60).offset == 0
    assert not IntegerScale(-(2**60), 2**60).is_exact


def test_draws_are_rounded_and_clipped_and_nothing_else() -> None:
    codec = _fitted(pa.array([1, 5, 5, 9, None], pa.int16()))
    drawn = codec.decode(torch.tensor([-3.0, 2.4, 2.6, 12.0, float("nan")]))
    assert drawn.equals(pa.array([1, 2, 3, 9, None], pa.int16()))
    codec = _fitted(pa.array([0.25, 1.5, 2.75]))
    assert codec.decode(torch.tensor([0.0, 0.333, 9.0])).to_pylist() == [0.25, 0.33, 2.75]
    codec = _fitted(pa.array([0.1 + 0.2, 1.0]))
    assert codec.decode(torch.tensor([0.7000000000000001], dtype=torch.float64)).to_pylist() == [0.7000000000000001]


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.decimal128(5, 1)])
def test_no_draw_is_rounded_to_minus_zero(kind: pa.DataType) -> None:
    codec = _fitted(pa.array([-0.5, 0.5, 1.5]).cast(kind))
    drawn = codec.decode(torch.tensor([-0.04, -1e-12, 0.04, -0.06]))
    assert _same_bits(drawn, pa.array([0.0, 0.0, 0.0, -0.1]).cast(kind))


@pytest.mark.parametrize(
    ("values", "step"),
    [
        (pa.array([1, 2, 3]), 1.0),
        (pa.array([1.0, 2.0]), 1.0),
        (pa.array([0.5, 0.25]), 0.01),
        (pa.array([1e-9, 3.0]), 1e-9),
        (pa.array([1e-10, 3.0]), 0.0),
        (pa.array([0.1 + 0.2]), 0.0),
        (pa.array([1e300, 2e300]), 0.0),
        (pa.array([0.1, 1e16]), 0.0),
        (pa.array([5e-324]), 0.0),
        (pa.array(np.array([0.1, 0.7], np.float32)), 0.1),
        (pa.array(RNG.random(50)), 0.0),
        (pa.array(RNG.random(50) * 1e12), 0.0),
        (pa.array(RNG.random(50).astype(np.float32)), 0.0),
    ],
)
def test_step(values: pa.Array, step: float) -> None:
    assert _support(values).step == step


@pytest.mark.parametrize("kind", [pa.decimal128(18, 2), pa.decimal128(38, 4), pa.decimal256(76, 0)])
def test_the_largest_decimals_of_a_type_come_back(kind: pa.DataType) -> None:
    """They are what marks no value in many a database, and float64 rounds them up to more than their type holds."""
    most = Decimal((0, (9,) * kind.precision, -kind.scale))
    values = pa.array([most, most.copy_negate(), Decimal(0), None], kind)
    codec = _fitted(values)
    assert codec.decode(codec.encode(values)).equals(values)


def test_decimals_can_be_set() -> None:
    with pytest.raises(ConfigError, match="decimals = -2; expected 0 or more"):
        NumberConfig(decimals=-2)
    codec = _fitted(pa.array([0.123, 4.567]), NumberConfig(decimals=1))
    assert codec.field.support.step == 0.1  # type: ignore[union-attr]
    assert codec.decode(codec.encode(pa.array([0.123, 4.567]))).to_pylist() == [0.1, 4.6]


def test_quantiles_are_order_statistics() -> None:
    x = RNG.normal(size=N_QUANTILES)
    assert _support(pa.array(x)).quantiles == tuple(np.sort(x))
    support = _support(pa.array(np.repeat([0, 10], [3, 1])))
    assert set(support.quantiles) == {0.0, 10.0}
    assert (support.low, support.high) == (0.0, 10.0)


def test_smooth_data_have_no_atoms() -> None:
    assert _support(pa.array(RNG.normal(size=50_000))).atoms == ()
    assert _support(pa.array(RNG.normal(0, 3000, 50_000).round().astype(int))).atoms == ()
    assert _support(pa.array(RNG.lognormal(8, 1, 50_000).round(2))).atoms == ()


@pytest.mark.parametrize("decimals", [0, 2, 15])
def test_planted_atoms_are_found(decimals: int) -> None:
    x = RNG.lognormal(8, 1, 20_000).round(decimals)
    x[:1000], x[1000:1100], x[1100:1160] = 0.0, 99999.0, 2500.0
    assert _support(pa.array(x)).atoms == (0.0, 2500.0, 99999.0)


def test_heaped_numbers_have_atoms_at_the_heaps() -> None:
    x = RNG.normal(50_000, 10_000, 20_000).round().astype(int)
    x[:10_000] = x[:10_000].round(-4)
    assert set(_support(pa.array(x)).atoms) >= {40_000.0, 50_000.0, 60_000.0}


def test_columns_with_few_values_consist_of_atoms() -> None:
    assert _support(pa.array(RNG.integers(17, 91, 5000))).atoms == tuple(map(float, range(17, 91)))
    assert _support(pa.array(np.arange(100))).atoms == ()  # every one of them only once


def test_missing_and_nan_are_the_same() -> None:
    codec = _fitted(pa.array([1.5, None, float("nan")]))
    assert codec.field.support.has_missing  # type: ignore[union-attr]
    assert codec.decode(codec.encode(pa.array([float("nan"), 1.5]))).to_pylist() == [None, 1.5]


def test_other_types_can_be_encoded_later() -> None:
    codec = _fitted(pa.array([1, 200], pa.int64()))
    for values in (pa.array([7.0]), pa.array(["7"]), pa.array([7], pa.uint8()), pa.array([Decimal(7)])):
        assert codec.encode(values).tolist() == [7.0]
    assert codec.encode(pa.array([1e300, float("-inf")])).tolist() == [200.0, 1.0]
    with pytest.raises(DataError, match=r"expected numbers, found string values such as x"):
        codec.encode(pa.array(["x"]))


def test_errors_name_what_was_found() -> None:
    with pytest.raises(DataError, match=r"infinite"):
        Number().update(pa.array([1.0, float("inf")]))
    with pytest.raises(DataError, match=r"text, not numbers; set its kind"):
        Number().update(pa.array(["x"]))
    codec = Number()
    codec.update(pa.array([1]))
    with pytest.raises(DataError, match="make the parts one type"):
        codec.update(pa.array([1.5]))


def test_rounding_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "genwright")
    _fitted(pa.array([2**63 - 1, 2**63 - 2, 0]))
    _fitted(pa.array([Decimal("0.12345678901234567890")]))
    _fitted(pa.array([2**63 - 1, 2**63 - 2]))  # fits with an offset
    _fitted(pa.array([Decimal("0.5")], pa.decimal128(38, 20)))
    assert len(caplog.records) == 2
    assert "more digits than float64 holds" in caplog.text


@QUICK
@given(st.lists(FLOATS, min_size=1, max_size=30), st.integers(1, 5), st.randoms())
def test_chunks_and_order_do_not_matter(numbers: list[float], n_chunks: int, random: Any) -> None:
    once, often = Number(), Number()
    once.update(pa.array(numbers))
    random.shuffle(numbers)
    for chunk in np.array_split(np.array(numbers), n_chunks):
        often.update(pa.array(chunk))
    once.finish()
    often.finish()
    assert repr(once.state()) == repr(often.state())
