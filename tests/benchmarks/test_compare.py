"""The benchmark of `compare`: what counts as a right pick, what is kept, and the page."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import compare as benchmark
from benchmarks.compare import is_whole, measure, page, verdict
from tests.tables import customers


def line(value: float, half: float = 0.1, minutes: float | None = 1.0, is_ranked: bool = True) -> dict[str, Any]:
    score = {"value": value, "low": value - half, "high": value + half, "floor": 0.5, "ceiling": 1.0}
    own = {"minutes": minutes, "n_steps": 10, "fit_seconds": 60.0, "draw_seconds": 1.0, "cpu_seconds": 7.0}
    return {"score": score, "is_ranked": is_ranked, "reason": "" if is_ranked else "copies", **own}


def found(first: dict[str, Any], again: dict[str, Any], best: str) -> dict[str, Any]:
    board = {"best": best, "by": "AUC", "sentence": "Use it.", "n_train": 80, "n_held_out": 20, "families": first}
    return {"minutes": 2, "rows": 100, "date": "2026-11-28", "first": board, "again": again, "cpu_seconds": 10.0}


@pytest.mark.parametrize(
    ("at_first", "then", "vae", "best", "is_right", "is_at_once"),
    [
        (0.60, 0.60, 0.55, "vae", True, True),  # within 0.55 ± 0.1
        (0.70, 0.70, 0.55, "vae", False, False),
        (0.60, 0.60, 0.90, "trees", True, True),  # its own family stays ahead
        (0.90, 0.60, 0.55, "vae", True, False),  # it learns with the others
        (0.60, 0.70, 0.55, "vae", False, True),  # more time made it worse
    ],
)
def test_a_pick_is_right_within_the_interval_of_the_best(
    at_first: float, then: float, vae: float, best: str, is_right: bool, is_at_once: bool
) -> None:
    again = {"trees": line(then), "vae": line(vae), "parrot": line(0.1, is_ranked=False)}
    told = verdict(found({"trees": line(at_first), "vae": line(0.9)}, again, "trees"))
    assert told == {"pick": "trees", "best": best, "is_right": is_right, "is_at_once": is_at_once}


def test_a_pick_that_copies_with_more_time_is_marked() -> None:
    again = {"trees": line(0.5, is_ranked=False), "vae": line(0.55)}
    text = page({"adult": found({"trees": line(0.6), "vae": line(0.9)}, again, "trees")})
    assert "| 0.500 [0.400, 0.600] \\* | `vae` |" in text


def test_the_page_has_every_set_and_every_family() -> None:
    again = {"trees": line(0.6, minutes=None) | {"is_same": True}, "vae": line(0.55)}
    one = found({"trees": line(0.6, minutes=None), "vae": line(0.9)}, again, "trees")
    text = page({"adult": one, "telco": one | {"again": {"trees": line(0.4), "vae": line(0.55)}}})
    assert "2 of 2 sets" in text
    trees = "`trees` | 0.600 [0.500, 0.700] | 0.600 [0.500, 0.700]"
    assert f"| Adult census | 80 | 2 | {trees} | `vae` | 0.550 [0.450, 0.650] | yes | yes |" in text
    assert text.count("| `vae` | 0.900 [0.800, 1.000] | 10 | 60 | 0.550 [0.450, 0.650] |") == 2
    assert "(the same)" in text
    for row in (row for row in text.splitlines() if row.startswith("|")):
        assert row.count("|") in (8, 12)


def test_what_was_measured_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[float, tuple[str, ...] | None]] = []

    class Board:
        def __init__(self, names: list[str]):
            self.names = names

    def compare(data: Any, minutes: float, models: Any, **more: Any) -> Board:
        asked.append((minutes, models and tuple(models)))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return Board(models or ["trees", "vae", "gan"])

    def summary(board: Board) -> dict[str, Any]:
        lines = {name: line(0.6, minutes=None if name == "trees" else 0.5) for name in board.names}
        return found(lines, {}, "trees")["first"]

    monkeypatch.setattr(benchmark, "compare", compare)
    monkeypatch.setattr(benchmark, "_summary", summary)
    monkeypatch.setattr(benchmark, "SETS", {"adult": lambda n: customers(n)})
    with pytest.raises(KeyboardInterrupt):
        measure("adult", 1.0, 50, tmp_path)
    kept = json.loads((tmp_path / "adult.json").read_text())
    assert list(kept["again"]) == ["trees", "vae"]
    assert not is_whole(kept)
    assert is_whole(measure("adult", 1.0, 50, tmp_path))
    assert asked == [(1.0, None), (2.5, ("vae",)), (2.5, ("gan",)), (2.5, ("gan",))]
    measure("adult", 1.0, 50, tmp_path)
    assert len(asked) == 4
    with pytest.raises(SystemExit, match="name another --out"):
        measure("adult", 2.0, 50, tmp_path)
