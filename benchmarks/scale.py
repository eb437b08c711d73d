"""Size and speed of genwright alone: large fits, long draws, start-up time. Writes docs/scale.md.

    python benchmarks/scale.py            # all of it, some ten minutes on two cores
    python benchmarks/scale.py flights    # one part: flights, draw, fit or start

Every part runs in a process of its own, so that its peak memory is its own.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("GENWRIGHT_DATA", ROOT.parent / "shared" / "data"))
PAGE = ROOT / "docs" / "scale.md"
WORDS = {  # of each number: what it is, and how it is written
    "model": "family {}",
    "fit_seconds": "{:,.0f} s to fit",
    "draw_1e6_seconds": "{:,.0f} s to draw",
    "seconds": "{:,.0f} s",
    "rows": "{:,} rows",
    "file_mb": "a file of {:,.0f} MB",
    "peak_mb": "{:,.0f} MB of memory at most",
    "python": "bare interpreter {:.2f} s",
    "import genwright": "`import genwright` {:.2f} s",
    "genwright --help": "`genwright --help` {:.2f} s",
}


def peak_mb() -> float:
    """Peak resident memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def flights() -> dict[str, object]:
    """336,776 × 19: fit with `auto`, then a million rows to a Parquet file."""
    import torch

    torch.set_num_threads(1)
    import genwright as gw
    from genwright.data.write import write

    started = time.perf_counter()
    run = gw.fit(str(DATA / "nycflights13" / "flights.parquet"), judge=False, held_out=0.2)
    fitted = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        write(run.stream(1_000_000), Path(folder) / "flights.parquet", run.schema)
    drawn = time.perf_counter()
    return {"model": run.artefact.model_name, "fit_seconds": fitted - started, "draw_1e6_seconds": drawn - fitted}


def draw() -> dict[str, object]:
    """Ten million rows of a small run, streamed to Parquet."""
    import genwright as gw
    from genwright.data.write import write

    run = gw.fit("diabetes", judge=False)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        write(run.stream(10_000_000), Path(folder) / "many.parquet", run.schema)
        size = (Path(folder) / "many.parquet").stat().st_size
    return {"seconds": time.perf_counter() - started, "file_mb": size / 2**20}


def fit() -> dict[str, object]:
    """Ten million made-up rows in a Parquet file, ten columns."""
    import genwright as gw

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.parquet"
        subprocess.run([sys.executable, __file__, "make", str(path)], check=True)
        started = time.perf_counter()
        run = gw.fit(str(path), judge=False)
        seconds = time.perf_counter() - started
    return {"seconds": seconds, "rows": run.artefact.facts["n_rows"]}


def make(path: str) -> None:
    """The made-up table, written in pieces."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    writer = None
    for _ in range(100):
        n = 100_000
        x = rng.normal(size=n)
        columns = {"x": x, "y": x + rng.normal(size=n), "count": rng.poisson(5, n)}
        columns |= {f"kind{j}": rng.choice(["a", "b", "c", "d"], n) for j in range(3)}
        columns |= {f"z{j}": np.round(rng.gamma(2, 10, n), 2) for j in range(4)}
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def start() -> dict[str, object]:
    """Start-up, best of five, a bare interpreter included."""

    def best(command: list[str]) -> float:
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times.append(time.perf_counter() - begun)
        return min(times)

    program = Path(sys.executable).parent / "genwright"
    return {
        "python": best([sys.executable, "-c", ""]),
        "import genwright": best([sys.executable, "-c", "import genwright"]),
        "genwright --help": best([str(program), "--help"]),
    }


PARTS = {"flights": flights, "draw": draw, "fit": fit, "start": start}


def main(names: list[str]) -> None:
    found = {}
    for name in names:
        done = subprocess.run([sys.executable, __file__, "one", name], check=True, capture_output=True, text=True)
        found[name] = json.loads(done.stdout.splitlines()[-1])
        print(name, found[name], flush=True)
    if names == list(PARTS):
        PAGE.write_text(render(found), encoding="utf-8")


def render(found: dict[str, dict[str, Any]]) -> str:
    """The page: a line a part, its numbers in words."""
    lines = ["# Size and speed", "", "Written by `benchmarks/scale.py`; two CPU cores, seconds of wall time.", ""]
    lines += ["| what | measured |", "|---|---|"]
    for name, numbers in found.items():
        shown = ", ".join(WORDS[key].format(value) for key, value in numbers.items())
        lines.append(f"| {(PARTS[name].__doc__ or name).partition(chr(10))[0]} | {shown} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["make"]:
        make(arguments[1])
    elif arguments[:1] == ["one"]:
        name = arguments[1]
        found = PARTS[name]()
        memory = {} if name == "start" else {"peak_mb": peak_mb()}  # start-up is of processes that are gone
        print(json.dumps({**found, **memory}))
    else:
        main(arguments or list(PARTS))
