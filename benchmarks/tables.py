"""genwright beside other people's generators of tables: the numbers behind docs/benchmarks.md.

    python -m benchmarks.tables                             everything; what is kept is not drawn again
    python -m benchmarks.tables --fresh                     draw and judge everything in one run
    python -m benchmarks.tables --tables telco --generators ours argn
    python -m benchmarks.tables --generators gpt vae gan --seconds 120 --tables adult

Each generator learns from 80 % of a table with its defaults, on one thread, for at most `--seconds` CPU seconds, and
draws as many rows; genwright's judges measure those rows against the other 20 %. genwright's neural families use the
seconds up, and each number of seconds has a row of its own. Writes docs/benchmarks.json, and from it
docs/benchmarks.md. Rows that are not asked for stay as they were, with the date of their own run.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterable
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.page import render
from benchmarks.peer_runs import PEERS, RUN, PeerError, draws
from benchmarks.scoring import Arena, score, score_floor
from benchmarks.table_data import TABLES, fingerprint, load, split

DOCS = Path(__file__).parents[1] / "docs"
STAND_INS = {
    "floor": "real rows (the floor)",
    "copy": "a copy of the training rows",
    "independent": "independent columns (the ceiling)",
}
ORDER = (*STAND_INS, "ours", "gpt", "vae", "gan", "argn", "smote", "tvae", "ctgan", "copula")
Row = dict[str, Any]


def stand_in(name: str, arena: Arena) -> Row:
    """A row without a generator: what the best and the worst look like."""
    if name == "floor":
        scores = score_floor(arena)
    else:
        scores = score(arena, arena.train if name == "copy" else arena.trivial)
    return {"title": STAND_INS[name], "scores": scores, "facts": {"run": RUN, "finished": _now()}}


def generator(name: str, table: str, arena: Arena, seconds: float, fresh: bool) -> Row:
    """A generator's row; where it failed, its last words."""
    head: Row = {"title": PEERS[name].title} | ({"budget": seconds} if PEERS[name].is_timed else {})
    try:
        drawn = draws(name, table, arena.train, seconds, fresh)
    except PeerError as error:
        return {**head, "error": str(error), "facts": {"run": RUN, "finished": _now()}}
    return {**head, "scores": score(arena, drawn.rows), "facts": drawn.facts}


def compare(table: str, names: Iterable[str], seconds: float, fresh: bool, kept: dict[str, Row]) -> dict[str, Any]:
    """One table's part of the document: rows named are measured, the others are those kept."""
    frame = load(table)
    arena = Arena(TABLES[table], *split(frame))
    rows = dict(kept)
    for name in names:
        made = stand_in(name, arena) if name in STAND_INS else generator(name, table, arena, seconds, fresh)
        rows[(key := key_of(name, seconds))] = {**made, "judged": _now(), "judged_in": RUN}
        print(_line(table, rows[key]), flush=True)
    return {
        "title": TABLES[table].title,
        "target": TABLES[table].target,
        "n_columns": frame.shape[1],
        "n_train": len(arena.train),
        "n_held_out": len(arena.held_out),
        "fingerprint": fingerprint(frame),
        "protocols": arena.protocols(),
        "rows": {key: rows[key] for key in sorted(rows, key=_place)},
    }


def key_of(name: str, seconds: float) -> str:
    """What a generator's row is called in the document: with the seconds, where it uses them up."""
    return f"{name} {seconds:g}" if name in PEERS and PEERS[name].is_timed else name


def _place(key: str) -> tuple[int, float]:
    """Where a row stands on the page."""
    name, _, seconds = key.partition(" ")
    return ORDER.index(name), float(seconds or 0)


def _line(table: str, row: Row) -> str:
    if "error" in row:
        return f"{table}: {row['title']}: {row['error']}"
    shown = "  ".join(f"{name} {s['value']:.4f}" for name, s in row["scores"].items())
    return f"{table}: {row['title']}: {shown}"


def machine() -> str:
    """Processor, cores and system in a line."""
    processor = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        named = [x.partition(":")[2].strip() for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        processor = named[0] if named else processor
    return f"{processor or platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def document(options: argparse.Namespace, former: dict[str, Any]) -> dict[str, Any]:
    """All numbers; the JSON file holds exactly this."""
    tables = dict(former.get("tables", {}))
    for table in options.tables:
        kept = {} if options.fresh else tables.get(table, {}).get("rows", {})
        tables[table] = compare(table, options.generators, options.seconds, options.fresh, kept)
    is_limit = any(key_of(name, 0) == name and name not in STAND_INS for name in options.generators)
    return {
        "run": RUN,
        "date": f"{datetime.now():%Y-%m-%d}",
        "machine": machine(),
        "python": platform.python_version(),
        "versions": {p: version(p) for p in ("genwright", "torch", "numpy", "pandas", "scikit-learn")},
        "seconds": options.seconds if is_limit else former.get("seconds", options.seconds),
        "tables": {name: tables[name] for name in TABLES if name in tables},
    }


def _now() -> str:
    return datetime.now().isoformat(timespec="minutes")


def main(arguments: list[str] | None = None) -> int:
    """Measures, and writes both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--generators", nargs="+", choices=ORDER, default=list(ORDER))
    parser.add_argument("--seconds", type=float, default=600.0, help="CPU seconds that a fit may take")
    parser.add_argument("--fresh", action="store_true", help="draw everything anew, in this run")
    parser.add_argument("--out", type=Path, default=DOCS / "benchmarks.md", help="the page; its numbers lie beside it")
    options = parser.parse_args(arguments)
    numbers = options.out.with_suffix(".json")
    former = json.loads(numbers.read_text(encoding="utf-8")) if numbers.exists() else {}
    found = document(options, former)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    numbers.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    options.out.write_text(render(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
