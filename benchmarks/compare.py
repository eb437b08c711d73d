"""Does `compare` pick a family that is as good as the best found with five times the time?

    python -m benchmarks.compare --minutes 10                  # all sets, nine hours; writes docs/compare_benchmark.md
    python -m benchmarks.compare --minutes 2 --only adult sms --rows 3000 --out ~/compare --page ~/compare/page.md

On each set all families are compared within `--minutes`; then every family that could be fitted is fitted and judged
anew with five times the time it had, one after the other. A pick is right where the score that its family has then lies
within the 95 % interval of the best one, or is better; whether its score at the first budget does already is told
beside it. Families that learn in one go have no budget: theirs is the same fit. What is in `--out` (docs/compare)
already is kept and not measured again, so that a run that was killed goes on; `--only` measures some sets, and the page
has all that are whole. One thread; seconds are CPU seconds.
"""

import argparse
import gzip
import json
import platform
import re
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from benchmarks.table_data import FOLDER, TABLES, load
from genwright.core.files import replace_file
from genwright.data.read import read
from genwright.recipes.compare import compare
from genwright.runs.leaderboard import Entry, Leaderboard

DOCS = Path(__file__).parent.parent / "docs"
OUT, PAGE = DOCS / "compare", DOCS / "compare_benchmark.md"
TIMES = 5  # the second budget, in first ones
SEED = 0
HEAD = "set, rows, minutes, pick, its score, at five times, best at five times, its score, right, at once, CPU s"


def _digits(n: int) -> Any:
    return _some(pa.Table.from_batches(read("digits-pictures").open()), n)


def _fashion(n: int) -> Any:
    return _some(pa.Table.from_batches(read("fashion-mnist").open()), n)


def _some(table: pa.Table, n: int) -> pa.Table:
    order = np.random.default_rng(SEED).permutation(table.num_rows)[:n]
    return table.take(np.sort(order))


def _shakespeare(n: int) -> Any:
    """Its speeches, a row each."""
    text = (FOLDER / "tinyshakespeare" / "input.txt").read_text(encoding="utf-8")
    return _frame(pd.DataFrame({"text": re.split(r"\n\n+", text.strip())}), n)


def _poems(n: int) -> Any:
    with gzip.open(FOLDER / "tang-poems" / "tang_regulated.jsonl.gz", "rt", encoding="utf-8") as file:
        return _frame(pd.DataFrame({"text": [json.loads(line)["text"] for line in file]}), n)


def _sms(n: int) -> Any:
    path = FOLDER / "sms-spam" / "SMSSpamCollection.tsv.gz"
    return _frame(pd.read_csv(path, sep="\t", header=None, names=["label", "text"], quoting=3), n)


def _frame(rows: pd.DataFrame, n: int) -> pd.DataFrame:
    return rows.sample(min(n, len(rows)), random_state=SEED).reset_index(drop=True)


def _table(name: str) -> Callable[[int], Any]:
    return lambda n: _frame(load(name), n)


SETS: Mapping[str, Callable[[int], Any]] = {
    **{name: _table(name) for name in TABLES},
    "digits": _digits,
    "fashion": _fashion,
    "shakespeare": _shakespeare,
    "poems": _poems,
    "sms": _sms,
}
TITLES = {
    **{name: source.title for name, source in TABLES.items()},
    "digits": "Digits, 8 × 8 pictures",
    "fashion": "Fashion-MNIST",
    "shakespeare": "Shakespeare, speeches",
    "poems": "Tang poems",
    "sms": "SMS, with labels",
}


def measure(name: str, minutes: float, rows: int, out: Path, models: list[str] | None = None) -> dict[str, Any]:
    """Both budgets of a set; what is kept already is not measured again."""
    place = out / f"{name}.json"
    found = _kept(place, minutes, rows)
    data, shared = SETS[name](rows), dict[Any, Any]()
    if "first" not in found:
        print(f"{name}: {minutes:g} minutes for all families", flush=True)
        started = time.process_time()
        board = compare(data, minutes, models, seed=SEED, shared=shared, each=_told)
        found |= {"first": _summary(board), "cpu_seconds": time.process_time() - started, "again": {}}
        _keep(place, found)
    for family, was in found["first"]["families"].items():
        if family in found["again"] or was["score"] is None:
            continue
        if was["minutes"] is None:  # it took the time it needed, and would do the same again
            found["again"][family] = was | {"is_same": True}
        else:
            print(f"{name}: {family}, {TIMES * was['minutes']:.3g} minutes", flush=True)
            started = time.process_time()
            board = compare(data, TIMES * was["minutes"], [family], seed=SEED, shared=shared, each=_told)
            again = _summary(board)["families"][family]
            found["again"][family] = again | {"cpu_seconds": time.process_time() - started}
        _keep(place, found)
    return found


def _kept(place: Path, minutes: float, rows: int) -> dict[str, Any]:
    """What is known of a set; a file of another budget is not taken for it."""
    if not place.exists():
        return {"minutes": minutes, "rows": rows, "date": str(date.today())}
    found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    was = found["minutes"], found["rows"]
    if was != (minutes, rows):
        raise SystemExit(f"{place} has {was[0]:g} minutes and {was[1]:,} rows; ask for these, or name another --out")
    return found


def _keep(place: Path, found: dict[str, Any]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    replace_file(place, json.dumps(found, indent=1, allow_nan=True).encode())


def _told(entry: Entry) -> None:
    print(f"  {entry.model}: {entry.reason or f'{entry.fit_seconds:.0f} s'}", flush=True)


def _summary(board: Leaderboard) -> dict[str, Any]:
    """What the page says of a board."""
    return {
        "best": board.entries[0].model,
        "by": board.yardstick.what,
        "sentence": board.sentence,
        "n_train": board.facts["n_train"],
        "n_held_out": board.facts["n_held_out"],
        "families": {entry.model: _line(board, entry) for entry in board.entries},
    }


def _line(board: Leaderboard, entry: Entry) -> dict[str, Any]:
    score = board.rank_score(entry)
    ends = ("value", "low", "high", "floor", "ceiling")
    plain = ("is_ranked", "reason", "minutes", "n_steps", "fit_seconds", "draw_seconds")
    return {"score": {e: getattr(score, e) for e in ends} if score else None} | {p: getattr(entry, p) for p in plain}


def is_whole(found: Mapping[str, Any]) -> bool:
    """Whether every family that could be judged has both its budgets."""
    first = found.get("first", {"families": {}})["families"]
    judged = [family for family, line in first.items() if line["score"] is not None]
    return bool(judged) and all(family in found["again"] for family in judged)


def verdict(found: Mapping[str, Any]) -> dict[str, Any]:
    """The pick, the best at the second budget, and whether the former is as good, then and at once."""
    ranked = {name: line for name, line in found["again"].items() if line["is_ranked"]}
    pick = found["first"]["best"]
    if not ranked or found["first"]["families"][pick]["score"] is None:
        return {"pick": pick, "best": None, "is_right": None, "is_at_once": None}
    best = min(ranked, key=lambda name: ranked[name]["score"]["value"])
    high, again = ranked[best]["score"]["high"], found["again"].get(pick, {}).get("score")
    return {
        "pick": pick,
        "best": best,
        "is_right": again is not None and again["value"] <= high,
        "is_at_once": found["first"]["families"][pick]["score"]["value"] <= high,
    }


def page(every: Mapping[str, Mapping[str, Any]]) -> str:
    """docs/compare_benchmark.md."""
    verdicts = {name: verdict(found) for name, found in every.items()}
    n_right, n_at_once = (sum(bool(v[key]) for v in verdicts.values()) for key in ("is_right", "is_at_once"))
    lines = [
        "# Does compare pick the right family?",
        "",
        f"{date.today()}, {platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}, one",
        "thread. Written by `python -m benchmarks.compare` from what [compare](compare) keeps of each set; when, is",
        "said below. All families are compared within the minutes said; then",
        f"every one is fitted and judged alone with {TIMES} times the time it had. A pick is right where the score",
        "that its family has then lies within the 95 % interval of the best one, or is better:",
        f"{n_right} of {len(every)} sets. *At once*: its score at the first budget does already ({n_at_once}), which",
        "it cannot where all families go on learning. (\\*): does not pass the check for copies. The smallest score is",
        "best; what it is depends on the data. Rows are those learnt from; seconds are CPU seconds, judging",
        "included.",
        "",
        f"| {' | '.join(HEAD.split(', '))} |",
        "|---|---:|---:|---|---:|---:|---|---:|---|---|---:|",
    ]
    lines += [_row(name, found, verdicts[name]) for name, found in every.items()]
    for name, found in every.items():
        lines += ["", *_section(name, found)]
    return "\n".join(lines) + "\n"


def _row(name: str, found: Mapping[str, Any], v: Mapping[str, Any]) -> str:
    first = found["first"]
    pick = first["families"][v["pick"]]["score"]
    best = found["again"][v["best"]]["score"] if v["best"] else None
    again = found["again"].get(v["pick"], {})
    then = _score(again.get("score")) + ("" if again.get("is_ranked", True) else " \\*")
    seconds = found["cpu_seconds"] + sum(line.get("cpu_seconds", 0.0) for line in found["again"].values())
    cells = [TITLES[name], f"{first['n_train']:,}", f"{found['minutes']:g}", f"`{v['pick']}`", _score(pick), then]
    cells += [f"`{v['best']}`" if v["best"] else "–", _score(best), _yes(v["is_right"]), _yes(v["is_at_once"])]
    return f"| {' | '.join([*cells, f'{seconds:,.0f}'])} |"


def _section(name: str, found: Mapping[str, Any]) -> list[str]:
    """All families of a set at both budgets."""
    first, again = found["first"]["families"], found["again"]
    lines = [
        f"## {TITLES[name]}",
        "",
        f"By {found['first']['by']}; {found['date']}. {found['first']['sentence']}",
        "",
        "| family | score | steps | fit, s | with five times as much | steps | fit, s |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for family, was in first.items():
        if was["score"] is None:
            continue
        now = again.get(family, {})
        is_same = " (the same)" if now.get("is_same") else ""
        star = "" if was["is_ranked"] else " \\*"
        cells = [f"`{family}`{star}", _score(was["score"]), _number(was["n_steps"]), _number(was["fit_seconds"])]
        cells += [_score(now.get("score")) + is_same, _number(now.get("n_steps")), _number(now.get("fit_seconds"))]
        lines.append(f"| {' | '.join(cells)} |")
    reasons = [f"- `{family}`: {was['reason']}" for family, was in first.items() if was["reason"]]
    return [*lines, *(["", "Not ranked (\\*), or not fitted:", "", *reasons] if reasons else [])]


def _score(score: Mapping[str, float] | None) -> str:
    return f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]" if score else "–"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _yes(value: bool | None) -> str:
    return "–" if value is None else "yes" if value else "no"


def main() -> None:
    """Measures what is asked for and writes the page of all that is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="of all fits of a set together")
    parser.add_argument("--out", type=Path, default=OUT, help="folder that keeps what was measured")
    parser.add_argument("--only", nargs="+", choices=list(SETS), default=list(SETS), metavar="SET")
    parser.add_argument("--rows", type=int, default=10_000, help="rows of a set, at most, the held-out ones included")
    parser.add_argument("--models", nargs="+", help="families; all without it")
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for name in asked.only:
        try:
            measure(name, asked.minutes, asked.rows, asked.out.expanduser(), asked.models)
        except FileNotFoundError as error:
            print(f"{name} is left out: {error.filename} is absent")
    paths = {name: asked.out.expanduser() / f"{name}.json" for name in SETS}
    every = {n: json.loads(p.read_text(encoding="utf-8")) for n, p in paths.items() if p.exists()}
    whole = {name: found for name, found in every.items() if is_whole(found)}
    replace_file(asked.page, page(whole).encode())
    print(f"wrote {asked.page} ({len(whole)} sets)")


if __name__ == "__main__":
    main()
