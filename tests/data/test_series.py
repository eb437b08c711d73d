"""Tables whose rows are steps, as sequences and back."""

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from genwright.core.codec import TableCodec
from genwright.core.errors import SchemaError, UnknownNameError
from genwright.data.infer import infer
from genwright.data.read import read
from genwright.data.series import Series, series_of
from genwright.data.typed import typed
from tests.data.helpers import rows, typed_table


def _frame(n: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"t": np.arange(n) * 0.5, "x": rng.normal(size=n), "n": rng.integers(0, 9, n)})
    frame["who"] = ["ann", "bob"] * (n // 2)
    frame.loc[3, "x"] = np.nan
    return frame


def _series(frame: pd.DataFrame, **options: object) -> Series:
    found = series_of(read(frame), infer(frame)[0], **options)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_one_sequence_is_parted_for_its_end_to_be_held_out(caplog: pytest.LogCaptureFixture) -> None:
    frame = _frame().drop(columns="who")
    with caplog.at_level(logging.WARNING):
        series = _series(frame)
    assert "left out t (tells which step it is)" in caplog.text
    assert series.names == ["x", "n"]
    lists = rows(series.rows(read(frame), 0.25))["series"]
    assert [len(part) for part in lists] == [30, 10]
    assert lists[0][3] == [None, frame.n[3]]
    assert len(rows(series.rows(read(frame)))["series"]) == 1
    assert series.schema()["series"].split == "order"


def test_a_column_tells_sequences_apart_and_windows_cut_them() -> None:
    frame = _frame()
    series = _series(frame, group="who", window=15)
    lists = rows(series.rows(read(frame), 0.25))["series"]
    assert [len(part) for part in lists] == [15, 5, 15, 5]
    assert [row[1] for row in lists[0]] == frame[frame.who == "ann"].n[:15].tolist()
    assert series.schema()["series"].split is None


def test_state_is_json_and_steps_come_back(tmp_path: Path) -> None:
    frame = _frame().drop(columns=["t", "who"])
    frame.to_csv(tmp_path / "x.csv", index=False)
    records = read(tmp_path / "x.csv")
    series = series_of(records, infer(records)[0])
    assert series is not None
    again = Series.from_json(json.loads(json.dumps(series.to_json())))
    assert again == series
    table = next(iter(again.rows(records, 0.5).open()))
    back = again.unrolled(type(table.schema.empty_table()).from_batches([table])).to_pandas()
    assert back.sequence.tolist() == [1] * 20 + [2] * 20
    pd.testing.assert_frame_equal(back[["x", "n"]], frame, check_dtype=False)
    assert str(back.n.dtype) == "int64"


@pytest.mark.parametrize("names", [["x"], ["x", "n"]])
def test_steps_of_which_nothing_is_known_are_drawn(names: list[str]) -> None:
    frame = _frame(8)[names].astype(float)
    frame.iloc[2] = np.nan
    series = _series(frame)
    records, schema = series.rows(read(frame), 0.25), series.schema()
    codec = TableCodec(schema).fit(typed(records, schema))
    drawn = codec.decode(codec.encode(typed_table(records, schema)))  # a step without any number is null
    assert drawn["series"][0][2].as_py() is None
    back = series.unrolled(drawn).to_pandas()
    assert back.sequence.tolist() == [1] * 6 + [2] * 2
    pd.testing.assert_frame_equal(back[names], frame, check_dtype=False)


def test_tables_that_are_no_series_are_told() -> None:
    with pytest.raises(SchemaError, match="who is a category: drop it, or let it tell sequences apart"):
        _series(_frame())
    with pytest.raises(UnknownNameError, match="did you mean who"):
        _series(_frame(), group="whom")
    with pytest.raises(SchemaError, match="no column of numbers"):
        _series(pd.DataFrame({"a": [1.0, 1.0, 1.0]}))
    lists = pd.DataFrame({"s": [[1, 2], [3]]})
    assert series_of(read(lists), infer(lists)[0]) is None
