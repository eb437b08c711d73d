"""The comparison: fair splits, planted faults that show, a page whose rows are whole and dated."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import tables
from benchmarks.page import COLUMNS, render
from benchmarks.peer_runs import Draws
from benchmarks.scoring import NUMBERS, Arena, encode, score, score_floor
from benchmarks.table_data import Source, fingerprint, independent_columns, split

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(0)
    x = rng.normal(size=1500).round(3)
    town = np.where(x > 0, "north", "south").astype(object)
    town[::10] = None
    y = (x + rng.normal(size=1500) * 0.3 > 0).astype(int)
    return pd.DataFrame({"x": x, "z": (2 * x + rng.normal(size=1500)).round(2), "town": town, "y": y})


@pytest.fixture(scope="module")
def arena(frame):
    return Arena(Source("Toy", lambda _: frame, "y"), *split(frame))


def test_split_keeps_every_row_once(frame):
    train, held_out = split(frame)
    assert len(train) == 1200
    together = pd.concat([train, held_out]).sort_values(list(frame)).reset_index(drop=True)
    pd.testing.assert_frame_equal(together, frame.sort_values(list(frame)).reset_index(drop=True))
    assert fingerprint(split(frame)[0]) == fingerprint(train) != fingerprint(split(frame, seed=1)[0])


def test_independent_columns_keep_the_marginals_and_lose_the_rest(frame):
    n = 20_000
    drawn = independent_columns(frame, n)
    share, expected = (drawn["y"]).mean(), frame["y"].mean()
    assert abs(share - expected) < 5 * (expected * (1 - expected) / n) ** 0.5
    assert abs(np.corrcoef(drawn["x"], drawn["z"])[0, 1]) < 5 / n**0.5


def test_a_level_that_no_real_row_has_stays_visible(frame):
    fake = frame.assign(town="_RARE_")
    space, (real, drawn) = encode([frame, fake])
    assert space["town"].support.n == 4  # north, south, _RARE_, missing
    assert not set(drawn["town"].tolist()) & set(real["town"].tolist())
    assert set(real) == set(frame)


def test_planted_faults_show_in_their_columns(arena):
    floor, copy, apart = score_floor(arena), score(arena, arena.train), score(arena, arena.trivial)
    assert set(floor) == set(copy) == set(apart) == set(NUMBERS)
    for real in (floor["detectability"], floor["detectability_train"], floor["membership"]):
        half = (real["high"] - real["low"]) / 2
        assert abs(real["value"] - 0.5) < 2.5 * half  # five standard errors
    assert copy["exact"]["value"] == 1
    assert copy["closer_tail"]["value"] > 0.95
    assert copy["detectability_train"]["value"] < 0.3
    assert copy["membership"]["value"] > 0.95
    assert apart["detectability"]["low"] > floor["detectability"]["high"]
    assert apart["pairs"]["value"] > floor["pairs"]["high"]
    assert apart["utility"]["high"] < floor["utility"]["low"]


def test_a_protocol_tells_which_rows_are_the_real_ones(arena):
    protocols = arena.protocols()
    assert set(protocols) == set(NUMBERS)
    assert protocols["detectability"].startswith("300 draws against 300 held-out rows")
    assert protocols["detectability_train"].startswith("1,200 draws against 1,200 training rows")


@pytest.fixture
def measured(frame, arena, tmp_path, monkeypatch):
    """Runs the comparison on a toy table with constant scores; answers the document and the page."""
    monkeypatch.setattr(tables, "TABLES", {"toy": arena.source, "other": arena.source})
    monkeypatch.setattr(tables, "load", lambda _: frame)
    numbers = {name: {"value": 0.5, "low": 0.4, "high": 0.6, "n": 10, "part": "auc"} for name in COLUMNS}
    monkeypatch.setattr(tables, "score", lambda *_: numbers)
    monkeypatch.setattr(tables, "score_floor", lambda *_: numbers)
    monkeypatch.setenv("GENWRIGHT_PEERS", str(tmp_path / "none"))

    def run(*arguments):
        assert tables.main([*arguments, "--out", str(tmp_path / "page.md")]) == 0
        return json.loads((tmp_path / "page.json").read_text("utf-8")), (tmp_path / "page.md").read_text("utf-8")

    return run


def test_the_page_is_that_of_its_numbers():
    document = json.loads((DOCS / "benchmarks.json").read_text("utf-8"))
    assert render(document) == (DOCS / "benchmarks.md").read_text("utf-8")
    assert not re.search(r"(?<![\w.])/\w+/", json.dumps(document))  # no path of a machine


def test_rows_not_asked_for_stay_with_their_own_date(measured, monkeypatch):
    measured("--tables", "toy", "--generators", "copy", "independent")
    monkeypatch.setattr(tables, "RUN", "a later run")
    found, page = measured("--tables", "toy", "--generators", "floor", "copy")
    assert list(found["tables"]["toy"]["rows"]) == ["floor", "copy", "independent"]
    dagger = {line.split("|")[1].strip(): "†" in line for line in page.splitlines() if line.startswith("| ")}
    assert dagger["independent columns (the ceiling)"]
    assert not dagger["a copy of the training rows"]


def test_fresh_forgets_what_was_kept(measured):
    measured("--tables", "toy", "--generators", "copy", "independent")
    found, _ = measured("--tables", "toy", "--generators", "floor", "--fresh")
    assert list(found["tables"]["toy"]["rows"]) == ["floor"]


def test_a_peer_that_failed_has_a_row_that_says_so(measured, monkeypatch):
    def fail(*_):
        raise tables.PeerError("TVAE failed: out of memory")

    monkeypatch.setattr(tables, "draws", fail)
    found, page = measured("--tables", "toy", "--generators", "floor", "tvae")
    assert "out of memory" in found["tables"]["toy"]["rows"]["tvae"]["error"]
    assert "failed" in page
    widths = {line.count("|") for line in page.splitlines() if line.startswith("| ")}
    assert len(widths) == 1


def test_epochs_cut_short_are_said():
    facts = {"version": "0.12.1", "epochs": 72, "epochs_wanted": 300, "run": "r", "finished": "2026-01-02T03:04"}
    row = {"title": "CTGAN", "scores": {}, "facts": {**facts, "fit_cpu_seconds": 598.44}}
    table = {"title": "Toy", "target": "y", "n_columns": 2, "n_train": 8, "n_held_out": 2, "rows": {"ctgan": row}}
    found = {
        "run": "r",
        "date": "2026-01-02",
        "machine": "m",
        "python": "3.11",
        "versions": {},
        "seconds": 600.0,
        "tables": {"toy": {**table, "protocols": {}}},
    }
    page = render(found)
    assert "CTGAN 0.12.1 (72 of 300 epochs) | 598.4 | – | – |" in page
    assert "| 2026-01-02 |" in page


def test_each_budget_of_a_neural_family_has_a_row_that_names_its_seconds(measured, monkeypatch, frame):
    facts = {"version": "0.1.0+abc", "run": "r", "finished": "2026-01-02T03:04"}
    monkeypatch.setattr(tables, "draws", lambda *_: Draws(frame, facts))
    measured("--tables", "toy", "--generators", "argn", "floor")
    for seconds in ("600", "120"):
        measured("--tables", "toy", "--generators", "gpt", "--seconds", seconds)
    found, page = measured("--tables", "toy", "--generators", "vae", "--seconds", "30")
    assert list(found["tables"]["toy"]["rows"]) == ["floor", "gpt 120", "gpt 600", "vae 30", "argn"]
    assert found["seconds"] == 600  # the limit of the peers, which these runs did not touch
    for title in ("genwright, gpt 0.1.0 (120 s)", "genwright, gpt 0.1.0 (600 s)", "genwright, vae 0.1.0 (30 s)"):
        assert f"| {title} |" in page
    assert "| TabularARGN 0.1.0 |" in page
