"""Delimited text, well made and badly made."""

import csv
import gzip
import io
import logging
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genwright.core.errors import ConfigError, DataError
from tests.data.helpers import read, rows

DATA = {"a": ["1", "2"], "b": ["x", "y"]}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_finds_the_delimiter(make, delimiter):
    assert rows(read(make("a,b\n1,x\n2,y\n".replace(",", delimiter)))) == DATA


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_any_line_end_and_none_after_the_last_row(make, ending):
    assert rows(read(make(ending.join(["a,b", "1,x", "2,y"])))) == DATA


def test_blank_lines_do_not_count(make):
    assert rows(read(make("\n\na,b\n1,x\n\n2,y\n\n"))) == DATA


def test_values_stay_as_written(make):
    assert rows(read(make('a,b\n 01.50 ,"say ""hi"""\nNA,"two\nlines"\n'))) == {
        "a": [" 01.50 ", "NA"],
        "b": ['say "hi"', "two\nlines"],
    }


def test_backslash_escapes_and_single_quotes(make):
    assert rows(read(make('a,b\n1,"say \\"a, b\\""\n2,y\n')))["b"] == ['say "a, b"', "y"]
    assert rows(read(make("'a','b'\n'1','x, y'\n")))["b"] == ["x, y"]


def test_decimal_commas_do_not_hide_the_semicolon(make):
    assert rows(read(make("a;b\n1,5;2,5\n3,5;4,5\n")))["b"] == ["2,5", "4,5"]


def test_quotes_in_tab_separated_text_that_mean_nothing(make):
    assert rows(read(make('a\tb\n1\t"What she said\n2\tis" fine\n', "x.tsv")))["b"] == ['"What she said', 'is" fine']


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "\nSEP=;"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_first_line_that_names_the_delimiter_is_no_row(make, line, encoding):
    text = f'{line}\r\na;b;"c\nd"\r\n1,5;2;x\r\n3;4;"y;z"\r\n'
    expected = {"a": ["1,5", "3"], "b": ["2", "4"], "c\nd": ["x", "y;z"]}
    assert rows(read(make(text.encode(encoding)))) == expected
    bare = f"{line}\n1;2\n3;4\n"
    assert rows(read(make(bare.encode(encoding)), header=False)) == {"x0": ["1", "3"], "x1": ["2", "4"]}
    odd = f"{line}\na;b\n1;2\n3\n"
    n = 4 + line.count("\n")
    with pytest.raises(DataError, match=f"line {n} has 1 fields, expected 2"):
        read(make(odd.encode(encoding)))


def test_gzip_is_found_by_its_first_bytes(make):
    assert rows(read(make(gzip.compress(b"a,b\n1,x\n2,y\n", mtime=0), "x.csv"))) == DATA


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"])
def test_chinese_in_any_encoding(make, encoding):
    text = "城市,人口\n北京,2154\n上海,2424\n重庆,3124\n"
    assert rows(read(make(text.encode(encoding)))) == {
        "城市": ["北京", "上海", "重庆"],
        "人口": ["2154", "2424", "3124"],
    }


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_french_in_any_encoding(make, encoding):
    text = "prénom,ville\nZoé,Nîmes\nRenée,Orléans\nLoïc,Béziers – sud\n"
    assert rows(read(make(text.encode(encoding))))["prénom"] == ["Zoé", "Renée", "Loïc"]


def test_wrong_encoding_names_the_line(make):
    path = make("a,b\n1,x\n2,é\n".encode("cp1252"))
    with pytest.raises(DataError, match="line 3 is not utf-8"):
        read(path, encoding="utf-8")
    assert rows(read(path))["b"] == ["x", "é"]
    with pytest.raises(DataError, match="no encoding is called 'utf8000'"):
        read(path, encoding="utf8000")


@pytest.mark.parametrize("name", ["hex", "rot13"])
def test_codecs_that_are_no_encodings_of_text(make, name):
    with pytest.raises(DataError, match=f"no encoding is called '{name}'; try utf-8"):
        read(make("a,b\n1,2\n"), encoding=name)


@pytest.mark.parametrize("encoding", ["utf-16-le", "UTF-16BE", "utf-32-le"])
def test_wide_characters_without_a_byte_order_mark_where_said(make, encoding):
    assert rows(read(make("a,b\nä,2\n".encode(encoding)), encoding=encoding)) == {"a": ["ä"], "b": ["2"]}


@pytest.mark.parametrize("delimiter", ["||", "§", '"', "\n"])
def test_a_delimiter_that_is_none(make, delimiter):
    with pytest.raises(ConfigError, match="expected one ASCII character"):
        read(make("a,b\n1,2\n"), delimiter=delimiter)


def test_nul_byte_names_the_line(make):
    with pytest.raises(DataError, match="line 3 holds a NUL byte"):
        read(make(b"a,b\n1,x\n2,\0\n"))


@pytest.mark.parametrize("content", ["", "\n", "  \n\n", gzip.compress(b"", mtime=0)])
def test_empty_file(make, content):
    with pytest.raises(DataError, match=r"x.csv (is empty|holds nothing but white space); expected a line of column"):
        read(make(content))


def test_a_first_line_of_data_is_told(make, caplog):
    read(make("ham,hello you\n" + "ham,what now\nspam,buy this\n" * 9))
    assert "the first line looks like data (ham, hello you)" in caplog.text
    caplog.clear()
    read(make("kind,text\n" + "ham,what now\nspam,buy this\n" * 9 + "kind,once\n"))
    assert not caplog.records


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf", b"\xff\xfe\n\0"])
def test_nothing_but_a_byte_order_mark(make, content):
    with pytest.raises(DataError, match=r"is empty; expected a line of column names"):
        read(make(content))


@pytest.mark.parametrize("content", ["a,b", "a,b\n", "a\n"])
def test_header_only(make, content):
    with pytest.raises(DataError, match="has a header and no rows"):
        read(make(content))


def test_one_row_and_one_column(make):
    assert rows(read(make("a\n1\n"))) == {"a": ["1"]}
    assert rows(read(make('a\n""\n1\n'))) == {"a": ["", "1"]}


@pytest.mark.parametrize(("row", "n"), [("1,2,3,4", 4), ("1,2", 2), ('"1\n2",2', 2)])
def test_ragged_row_names_the_line_and_the_numbers(make, row, n):
    with pytest.raises(DataError, match=rf"lines? 4( to 5)? has {n} fields, expected 3"):
        read(make(f'a,b,c\n"x\ny",2,3\n{row}\n4,5,6\n'))


def test_ragged_row_far_down_is_found_while_reading(make):
    n = 700_000
    path = make("a,b\n" + "1,22\n" * n + "1\n")
    with pytest.raises(DataError, match=f"line {n + 2} has 1 fields, expected 2"):
        list(read(path).open())


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_open_quote_that_swallows_the_last_rows(make, encoding):
    with pytest.raises(DataError, match="opened in line 3 is never closed"):
        read(make('a,b\nä,2\n3,"x\n5,6\n7,8\n'.encode(encoding)))


def test_open_quote_names_its_line(make):
    with pytest.raises(DataError, match='a " opened in line 3 is never closed'):
        read(make('a,b\n1,x\n2,"y\n3,z\n'))


def test_names_duplicate_blank_unicode_and_long(make, caplog):
    long = "n" * 1000
    with caplog.at_level(logging.WARNING, "genwright"):
        found = read(make(f"a,a,,größe 名,{long}, ,a_2\n1,2,3,4,5,6,7\n")).arrow_schema.names
    assert found == ["a", "a_3", "column_3", "größe 名", long, "column_6", "a_2"]
    assert "'a' → 'a_3'" in caplog.text


def test_header_that_looks_like_data_is_told(make, caplog):
    path = make("5,6.5\n1,2\n")
    with caplog.at_level(logging.WARNING, "genwright"):
        read(path)
    assert "say header=False" in caplog.text
    assert rows(read(path, header=False)) == {"x0": ["5", "1"], "x1": ["6.5", "2"]}


def test_5000_columns(make):
    names = [f"column number {i} {'x' * 100}" for i in range(5000)]
    found = read(make(",".join(names) + "\n" + ("," * 4999 + "\n") + ",".join("1" for _ in names) + "\n"))
    assert found.arrow_schema.names == names
    assert rows(found)[names[-1]] == ["", "1"]


def test_long_values(make):
    assert rows(read(make(f"a,b\n{'x' * 300_000},1\n{'y' * 5_000_000},2\n")))["b"] == ["1", "2"]


def test_unknown_option_names_the_known_ones(make):
    with pytest.raises(ConfigError, match="delimiter, encoding, header"):
        read(make("a\n1\n"), separator=";")


def test_damaged_gzip(make):
    with pytest.raises(DataError, match="is damaged"):
        read(make(gzip.compress(os.urandom(5000).hex().encode())[:-500], "x.csv.gz"))


def test_opening_again_gives_the_same_rows(make):
    records = read(make("a,b\n1,x\n2,y\n"))
    assert rows(records) == rows(records) == DATA


CELL = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=8)


@settings(deadline=None, max_examples=70, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=1, max_size=6)),
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_reads_what_the_csv_module_writes(tmp_path, table, delimiter, quoting, line_end):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line_end)
    names = [f"name{i}" for i in range(len(table[0]))]
    table = [[cell.replace("\r", "") for cell in row] for row in table]  # the writer does not quote a lone \r
    writer.writerows([names, *table])
    path = tmp_path / "x.csv"
    path.write_bytes(text.getvalue().encode())
    found = rows(read(path))
    assert list(found) == names
    assert [list(row) for row in zip(*found.values())] == table
