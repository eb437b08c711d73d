"""Conditions: text and mapping say the same, and select the rows that plain Python would."""

import datetime
import operator

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given as for_all
from hypothesis import strategies as st

from genwright.core.errors import GivenError
from genwright.core.given import OPERATORS, Condition, meets, parse

COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
TABLE = pa.table(
    {
        "age": [20, 61, None],
        "x": [1.5, float("nan"), None],
        "income": ["<=50K", ">50K", None],
        "is new": [True, False, None],
        "day": pa.array([datetime.date(2020, 1, 1), datetime.date(2021, 5, 5), None]),
    }
)


def test_text():
    assert parse("income = '>50K' and age>60 AND \"is new\" != true") == (
        Condition("income", "=", (">50K",)),
        Condition("age", ">", (60,)),
        Condition("is new", "!=", (True,)),
    )
    assert parse("a in (1, 2.5, 'x', y) and b is missing and c is not missing") == (
        Condition("a", "in", (1, 2.5, "x", "y")),
        Condition("b", "is missing"),
        Condition("c", "is not missing"),
    )
    assert parse("a == 1 and b <> -2e3") == (Condition("a", "=", (1,)), Condition("b", "!=", (-2000.0,)))
    assert parse("name = 'O''Hara'") == (Condition("name", "=", ("O'Hara",)),)
    assert parse(None) == ()


def test_mapping():
    assert parse({"age": "> 60", "sex": "f", "zip": None, "n": 3}) == (
        Condition("age", ">", (60,)),
        Condition("sex", "=", ("f",)),
        Condition("zip", "is missing"),
        Condition("n", "=", (3,)),
    )
    assert parse({"region": ["north", "south"]}) == (Condition("region", "in", ("north", "south")),)
    assert parse({"age": (18, 30)}) == (Condition("age", ">=", (18,)), Condition("age", "<=", (30,)))
    assert parse({"age": (float("nan"), 30)}) == parse({"age": (None, 30)}) == (Condition("age", "<=", (30,)),)
    assert parse({"age": (None, 30)}) == (Condition("age", "<=", (30,)),)


@pytest.mark.parametrize(
    ("value", "operator", "expected"),
    [
        ("> 40 and x > 1", ">", "40 and x > 1"),
        ("< 1 year", "<", "1 year"),
        ("= < 1 year", "=", "< 1 year"),
        ("= > 60", "=", "> 60"),
        ("> 2020-05-01 10:00", ">", "2020-05-01 10:00"),
        ("!= 'O''Hara'", "!=", "O'Hara"),
        ("!= it's (so, so)", "!=", "it's (so, so)"),
        ("<=  2.5 ", "<=", 2.5),
        ("= true", "=", True),
    ],
)
def test_all_that_stands_behind_a_sign_is_one_value(value, operator, expected):
    assert parse({"age": value}) == (Condition("age", operator, (expected,)),)


@pytest.mark.parametrize("given", [["age > 40"], 42, ("age", 40), {"age > 40"}, b"age > 40"])
def test_neither_text_nor_a_mapping(given):
    with pytest.raises(GivenError, match="expected text such as 'age > 40', or a mapping"):
        parse(given)


def test_a_message_is_not_about_the_command_line():
    for text in ("", "age", "age ~ 3", "age > 60 or x < 3", "age in 3", "age is old", "name = 'x"):
        with pytest.raises(GivenError, match=r"^given"):
            parse(text)


def test_a_bare_value_that_begins_with_a_sign_means_equality():
    assert parse({"income": ">50K"}) == (Condition("income", "=", (">50K",)),)


@for_all(st.text(min_size=1), st.text())
def test_quoting_carries_any_name_and_text(name, text):
    quoted = "\"{}\" = '{}'".format(name.replace('"', '""'), text.replace("'", "''"))
    assert parse(quoted) == (Condition(name, "=", (text,)),)


@for_all(st.text(alphabet="ab1 '\"=<>!(),\\\nandis missgot", max_size=30))
def test_any_text_is_read_or_refused(text):
    try:
        found = parse(text)
    except GivenError:
        return
    assert found
    assert all(c.operator in OPERATORS for c in found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "too early"),
        ("age", "too early"),
        ("age >", "too early"),
        ("age 60", "expected one of"),
        ("age > 60 or age < 3", "each alternative on its own"),
        ("age > 60 age < 3", "expected 'and'"),
        ("age in 3", r"expected '\('"),
        ("age in (3 4)", r"expected '\)'"),
        ("age is old", "expected 'missing'"),
        ("name = 'x", "quote text"),
    ],
)
def test_wrong_text_says_where(text, message):
    with pytest.raises(GivenError, match=message):
        parse(text)


@for_all(st.lists(st.none() | st.integers(-5, 5), max_size=20), st.sampled_from(list(COMPARE)), st.integers(-5, 5))
def test_rows_that_meet_a_comparison(values, op, bound):
    met = meets(parse(f"x {op} {bound}"), pa.table({"x": pa.array(values, pa.int64())}))
    assert met.tolist() == [v is not None and COMPARE[op](v, bound) for v in values]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("income = '>50K'", [0, 1, 0]),
        ("income in ('>50K', 'other')", [0, 1, 0]),
        ("age is missing", [0, 0, 1]),
        ("age is not missing", [1, 1, 0]),
        ("x is missing", [0, 1, 1]),
        ("x = 1.5", [1, 0, 0]),
        ('"is new" = true', [1, 0, 0]),
        ("day >= 2021-01-01", [0, 1, 0]),
        ("age = '20'", [1, 0, 0]),
        ("age > 10 and age < 30", [1, 0, 0]),
        ("age = 21", [0, 0, 0]),
    ],
)
def test_rows_that_meet(text, expected):
    assert meets(parse(text), TABLE).tolist() == [bool(e) for e in expected]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("zip = 01234", [1, 0, 0, 0, 0, 0]),
        ("zip = 1234", [0, 1, 0, 0, 0, 0]),
        ({"zip": "= 01234"}, [1, 0, 0, 0, 0, 0]),
        ("zip in (01234, 1e5)", [1, 0, 1, 0, 0, 0]),
        ("zip != 1_0", [1, 1, 1, 0, 1, 1]),
        ("zip starts 01", [1, 0, 0, 0, 0, 0]),
        ("zip = true", [0, 0, 0, 0, 1, 0]),
        ("zip = NaN", [0, 0, 0, 0, 0, 1]),
        ({"zip": 1234}, [0, 1, 0, 0, 0, 0]),
    ],
)
def test_in_a_column_of_strings_a_bare_word_is_what_was_written(given, expected):
    table = pa.table({"zip": ["01234", "1234", "1e5", "1_0", "true", "NaN"]})
    assert meets(parse(given), table).tolist() == [bool(e) for e in expected]


def test_in_a_column_of_numbers_a_bare_word_is_a_number():
    assert meets(parse("age = 020"), TABLE).tolist() == [True, False, False]
    assert meets(parse("age > 6e1"), TABLE).tolist() == [False, True, False]


def test_bare_words_are_shown_as_they_were_written():
    for text in ("zip = 01234", "zip in (1e5, 1_0, true, 'x')"):
        assert str(parse(text)[0]) == text


def test_no_condition_is_met_by_all():
    assert meets((), TABLE).all()
    assert meets(parse({"age": np.int64(61)}), TABLE).tolist() == [False, True, False]


@pytest.mark.parametrize("text", ["age = old", '"is new" = perhaps', "day > soon"])
def test_a_value_of_another_type_names_the_column(text):
    with pytest.raises(GivenError, match=r"column .* holds"):
        meets(parse(text), TABLE)


def test_a_whole_number_against_a_fraction():
    assert meets(parse("age > 60.5"), TABLE).tolist() == [False, True, False]


@pytest.mark.parametrize("text", ['"is new" = 1', f"age < {10**30}"])
def test_values_that_do_not_fit_are_our_error(text):
    with pytest.raises(GivenError):
        meets(parse(text), TABLE)


def test_a_condition_reads_like_its_text():
    for text in ("age > 60", "income = '>50K'", "a in (1, 'x')", "b is missing"):
        assert str(parse(text)[0]) == text


def test_dates_and_numbers_of_any_type_read_like_text():
    moment = datetime.datetime(2024, 1, 31, 10, 30)
    shown = {
        "day = 2024-01-31": Condition("day", "=", (datetime.date(2024, 1, 31),)),
        "day < 2024-01-31": Condition("day", "<", (datetime.datetime(2024, 1, 31),)),
        "day > 2024-01-31T10:30:00": Condition("day", ">", (moment,)),
        "age in (3, 2.5)": Condition("age", "in", (np.int64(3), np.float64(2.5))),
        "name = 'O''Hara'": Condition("name", "=", ("O'Hara",)),
    }
    assert {str(condition): condition for condition in shown.values()} == shown
    assert parse("name = 'O''Hara'") == (shown["name = 'O''Hara'"],)


def test_a_message_names_types_in_words():
    with pytest.raises(GivenError, match="column age holds whole numbers"):
        meets(parse("age = old"), TABLE)


def test_a_fraction_beside_whole_numbers_that_no_float_holds():
    assert meets(parse("n > 0.5"), pa.table({"n": [2**60 + 1, -(2**60) - 1]})).tolist() == [True, False]


@pytest.mark.parametrize(
    ("given", "begins"),
    [
        ("text starts 'ROMEO:'", "ROMEO:"),
        ("text STARTS 'it''s'", "it's"),
        ({"text": "starts 'Once'"}, "Once"),
        ({"text": "starts 'it''s\n'"}, "it's\n"),
        ("text starts ''", ""),
        ("text starts once", "once"),
        ("text starts 12", "12"),
    ],
)
def test_beginnings(given, begins):
    (condition,) = parse(given)
    assert condition == Condition("text", "starts", (begins,))
    assert parse(str(condition)) == (condition,)


def test_texts_that_start_so():
    table = pa.table({"text": ["Once", "once", None, "On", "Once upon"]})
    assert meets(parse("text starts 'Once'"), table).tolist() == [True, False, False, False, True]
    assert meets(parse("text starts ''"), table).tolist() == [True, True, False, True, True]


def test_a_mapping_whose_text_only_looks_like_a_beginning_is_a_value():
    assert parse({"text": "starts early"}) == (Condition("text", "=", ("starts early",)),)


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT])
def test_what_stands_for_a_missing_value_in_a_frame_is_missing(missing: object) -> None:
    assert parse({"age": missing}) == (Condition("age", "is missing"),)


@pytest.mark.parametrize(
    "several",
    [np.array(["<=50K", "x"]), pd.Series(["<=50K", "x"]), pl.Series(["<=50K", "x"]), pd.Index(["<=50K", "x"])],
)
def test_arrays_and_series_are_lists(several: object) -> None:
    assert parse({"income": several}) == (Condition("income", "in", ("<=50K", "x")),)
    assert meets(parse({"income": several}), TABLE).tolist() == [True, False, False]


def test_ranges_and_arrays_of_days_are_lists() -> None:
    assert parse({"age": range(3)}) == parse({"age": torch.arange(3)}) == (Condition("age", "in", (0, 1, 2)),)
    days = np.array(["2020-01-01", "2022-02-02"], "datetime64[ns]")
    assert [str(v)[:10] for v in parse({"day": days})[0].values] == ["2020-01-01", "2022-02-02"]
