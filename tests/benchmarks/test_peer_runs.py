"""Peers run in environments of their own; what they drew is kept, and a failure says what happened."""

import sys

import pandas as pd
import pytest

from benchmarks import peer_runs
from benchmarks.peer_runs import Peer, PeerError, draws

TOY = """
import json, sys
train, out = sys.argv[1:3]
with open({log!r}, "a") as log:
    log.write("run\\n")
if "--fail" in sys.argv:
    sys.exit("ValueError: the toy is broken")
open(out, "w").write(open(train).read())
print("chatter")
print(json.dumps({{"fit_cpu_seconds": 1.0, "sample_cpu_seconds": 0.5, "peak_rss_mb": 3, "rows": 4}}))
"""


@pytest.fixture
def frame():
    return pd.DataFrame({"a": [1, 2, 3, 4], "b": ["x", None, "y", "x"]})


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A peer that gives its training rows back; the list of its runs."""
    log, script = tmp_path / "log", tmp_path / "toy.py"
    script.write_text(TOY.format(log=str(log)), encoding="utf-8")
    home = tmp_path / "toy"
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(sys.executable)
    (home / "ready").write_text("other==9\nToy_Package==1.2\n", encoding="utf-8")
    monkeypatch.setitem(peer_runs.PEERS, "toy", Peer("Toy", "toy", "toy-package", str(script)))
    return lambda: log.read_text(encoding="utf-8").count("run") if log.exists() else 0


def test_rows_are_kept_and_typed_like_the_training_rows(toy, frame, tmp_path):
    first = draws("toy", "t", frame, 5, place=tmp_path)
    again = draws("toy", "t", frame, 5, place=tmp_path)
    assert toy() == 1
    pd.testing.assert_frame_equal(first.rows, frame, check_dtype=False)
    pd.testing.assert_frame_equal(again.rows, first.rows)
    assert first.is_of_this_run
    assert first.facts["version"] == "1.2"


@pytest.mark.parametrize("change", ["fresh", "rows", "limit"])
def test_a_new_run_is_made_when_anything_changed(toy, frame, tmp_path, change):
    draws("toy", "t", frame, 5, place=tmp_path)
    rows = frame[:3] if change == "rows" else frame
    draws("toy", "t", rows, 6 if change == "limit" else 5, fresh=change == "fresh", place=tmp_path)
    assert toy() == 2


def test_a_failure_says_the_last_words_and_keeps_nothing(toy, frame, tmp_path, monkeypatch):
    failing = Peer("Toy", "toy", "toy-package", peer_runs.PEERS["toy"].script, ("--fail",))
    monkeypatch.setitem(peer_runs.PEERS, "toy", failing)
    with pytest.raises(PeerError, match=r"the toy is broken \(all of it: toy-1\.2-t-.*\.failed\.txt\)") as error:
        draws("toy", "t", frame, 5, place=tmp_path)
    assert str(tmp_path) not in str(error.value)  # the message goes into a page
    assert not list((tmp_path / "results").glob("*.csv"))


def test_an_absent_peer_names_the_command(frame, tmp_path):
    with pytest.raises(PeerError, match=r"environments\.sh argn"):
        draws("argn", "t", frame, 5, place=tmp_path)
