"""What the adaptors share: preparing rows for a peer loses nothing, and the time limit holds."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "peers"


@pytest.fixture
def measure():
    spec = importlib.util.spec_from_file_location("peer_measure", FOLDER / "measure.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def frame():
    n = 60
    return pd.DataFrame(
        {
            "price": np.where(np.arange(n) % 7 == 0, np.nan, np.arange(n) + 0.25),
            "rooms": np.arange(n) % 4,
            "town": [None if i % 5 == 0 else f"town {i % 3}" for i in range(n)],
            "people": np.arange(n) * 10,
        }
    )


def test_filled_rows_are_complete_and_come_back_as_they_were(measure, frame):
    full, indicators = measure.fill(frame)
    assert not full.isna().any().any()
    assert list(indicators) == ["price"]
    pd.testing.assert_frame_equal(measure.unfill(full, indicators), frame, check_dtype=False)


def test_text_and_few_whole_numbers_are_categories(measure, frame):
    assert measure.categories(frame) == ["rooms", "town"]


def test_numbers_are_rounded_to_the_decimals_of_the_training_column(measure, frame):
    drawn = pd.DataFrame({"price": [1.2345, np.nan], "rooms": [1.6, 0.2], "town": ["a", "b"], "people": [9.9, 11.0]})
    rounded = measure.like(drawn, frame)
    assert rounded["price"].iloc[0] == 1.23
    assert rounded["price"].isna().iloc[1]
    assert rounded["rooms"].tolist() == [2, 0]
    assert rounded["people"].dtype == "int64"


@pytest.mark.parametrize(("limit", "done"), [(10.0, 3), (3.0, 1), (1.0, 1), (1000.0, 7)])
def test_epochs_end_before_the_limit_is_passed(measure, limit, done):
    ticks = iter(3.0 * i for i in range(100))  # the clock says 0 when the fit begins, and an epoch takes 3 seconds
    now = [0.0]
    epochs = measure.Epochs(limit, clock=lambda: now[0])
    for _ in epochs(range(7)):
        now[0] = next(ticks) + 3.0
    assert epochs.wanted == 7
    assert epochs.done == done


def test_an_adaptor_started_by_hand_starts_again_with_one_thread(measure, monkeypatch):
    started = []
    monkeypatch.setattr(measure.os, "execve", lambda *command: started.append(command))
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    measure._one_thread()
    assert {started[0][2][name] for name in measure.THREADS} == {"1"}


def test_a_level_called_none_is_not_a_missing_cell(measure, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\nNone,1\n,2\n", encoding="utf-8")
    assert measure.read(path)["a"].isna().tolist() == [False, True]


def test_cpu_seconds_count_work_and_not_waiting(measure):
    started = measure.cpu_seconds()
    sum(i * i for i in range(300_000))
    assert measure.cpu_seconds() > started
