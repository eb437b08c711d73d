"""Words of the command line become checked values."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genwright.cli.terminal.words import MOST_ROWS, column_options, count, free_file, free_folder, kinds, stem
from genwright.core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *[("1000", 1000), ("1_000", 1000), ("1,000", 1000), ("10k", 10_000), ("10K", 10_000), ("1e6", 10**6)],
        *[("1E+6", 10**6), ("2.5M", 2_500_000), ("1.5e3", 1500), ("0", 0), ("1b", 10**9), (" 7 ", 7)],
    ],
)
def test_numbers_of_rows(text: str, number: int) -> None:
    assert count(text) == number


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "1e-3", "ten", "1e", "k", "0x10", "1e99", "nan", "inf", "1 000", "²"]
)
def test_what_is_no_number_of_rows(text: str) -> None:
    with pytest.raises(ConfigError, match="-n"):
        count(text)


@given(st.integers(0, MOST_ROWS))
def test_every_number_is_read_in_every_notation(n: int) -> None:
    assert count(str(n)) == count(f"{n:_}") == count(f"{n:,}") == n


@given(st.integers(0, 999), st.sampled_from([("k", 3), ("m", 6), ("b", 9)]))
def test_a_suffix_is_a_power(n: int, suffix: tuple[str, int]) -> None:
    assert count(f"{n}{suffix[0]}") == count(f"{n}e{suffix[1]}") == n * 10 ** suffix[1]


def test_kinds_of_columns_whose_names_hold_an_equals_sign() -> None:
    assert kinds(["zip=category", "a=b=number"]) == {"zip": "category", "a=b": "number"}
    for wrong in ("zip", "=number"):
        with pytest.raises(ConfigError, match="column=kind"):
            kinds([wrong])


@pytest.mark.parametrize(
    ("name", "called"),
    [
        *[("data/customers.csv.gz", "customers"), ("customers.CSV", "customers"), ("digits", "digits")],
        *[
            ("a b/my data.v2.jsonl", "my_data.v2"),
            ("x.parquet", "x"),
            ("/", "run"),
            (".csv", "run"),
            ("Zürich.tsv", "Zürich"),
        ],
    ],
)
def test_what_a_run_is_called(name: str, called: str) -> None:
    assert stem(name) == called


def test_a_taken_folder_gets_a_number(tmp_path: Path) -> None:
    for expected in ("a", "a-2", "a-3"):
        place = free_folder(tmp_path, "a")
        assert place == tmp_path / expected
        place.mkdir()


def test_a_file_is_not_replaced_unasked(tmp_path: Path) -> None:
    taken = tmp_path / "a.csv"
    assert free_file(taken, overwrite=False) == taken
    taken.touch()
    assert free_file(taken, overwrite=True) == taken
    for place in (taken, tmp_path, tmp_path / "absent" / "a.csv"):
        with pytest.raises(ConfigError):
            free_file(place, overwrite=False)


def test_options_of_columns() -> None:
    pairs = ["text.tokenizer=bpe", "text.clean=nfc,space", "outer.inner.decimals=2", "a=b.decimals=1"]
    assert column_options(pairs) == {
        "text": {"tokenizer": "bpe", "clean": "nfc,space"},
        "outer.inner": {"decimals": "2"},
        "a=b": {"decimals": "1"},
    }
    for wrong in ("tokenizer=bpe", "text.tokenizer", ".tokenizer=bpe", ""):
        with pytest.raises(ConfigError, match=r"column\.name=value"):
            column_options([wrong])
