"""What the peers' adaptors share: one thread, CPU seconds, what a user does about missing values, one JSON line.

An adaptor is a script that runs inside its peer's own environment:

    python benchmarks/peers/smote.py train.csv out.csv --rows 1000 --seconds 600 --seed 0

It writes the synthetic rows to `out.csv` and prints its facts as one line of JSON, the last line of its output. It
gives `main` one function, `fit(train, job) -> sample`, where `sample(n_rows)` returns a frame. CPU seconds are those
of the process and of its finished children, user and system, from behind the imports on.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
MISSING = "<missing>"  # the level that stands for an empty cell where a peer cannot take one
MAX_LEVELS = 20  # whole numbers with at most this many distinct values are declared categories


@dataclass
class Job:
    """One fit: what was asked for, and what the adaptor has to say about it."""

    seconds: float  # CPU seconds that fitting may take
    seed: int
    rows: int  # synthetic rows that will be drawn
    facts: dict[str, Any] = field(default_factory=dict)  # e.g. epochs done, what was cut short


Sample = Callable[[int], pd.DataFrame]
Fit = Callable[[pd.DataFrame, Job], Sample]


def cpu_seconds() -> float:
    """CPU seconds used so far by this process and by its finished children."""
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(p.ru_utime + p.ru_stime for p in parts)


def peak_megabytes() -> float:
    """Largest resident size of this process or of one of its finished children."""
    parts = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return max(p.ru_maxrss for p in parts) / 1024  # Linux counts kilobytes


class Epochs:
    """Stands in for tqdm around a peer's epochs: as many as the CPU seconds allow, and the count of those done."""

    def __init__(self, seconds: float, clock: Callable[[], float] = cpu_seconds):
        self.clock, self.deadline = clock, clock() + seconds
        self.done = self.wanted = 0

    def __call__(self, epochs: range, **_: object) -> "Epochs":
        self.wanted, self.epochs = len(epochs), epochs
        return self

    def __iter__(self) -> Iterator[int]:
        before = self.clock()
        for epoch in self.epochs:
            yield epoch
            self.done += 1
            now = self.clock()
            if now + (now - before) > self.deadline:  # the next one would end too late
                return
            before = now

    def set_description(self, *_: object) -> None:
        """tqdm's; nothing is shown."""


def main(package: str, fit: Fit) -> None:
    """Fits, draws, writes the rows and prints the facts.

    Args:
        package: The distribution whose version is reported.
        fit: The adaptor.
    """
    _one_thread()
    options = _options()
    train = read(options.train)
    job = Job(options.seconds, options.seed, options.rows)
    seed_everything(job.seed)
    with contextlib.redirect_stdout(sys.stderr):  # a peer's own chatter stays out of the JSON line
        started, wall = cpu_seconds(), time.monotonic()
        sample = fit(train, job)
        fitted = cpu_seconds()
        rows = sample(options.rows)
        drawn = cpu_seconds()
    like(rows[list(train)], train).to_csv(options.out, index=False)
    facts = {
        "package": package,
        "version": importlib.metadata.version(package),
        "python": platform.python_version(),
        "train_rows": len(train),
        "rows": len(rows),
        "seed": job.seed,
        "fit_cpu_seconds": round(fitted - started, 2),
        "sample_cpu_seconds": round(drawn - fitted, 2),
        "wall_seconds": round(time.monotonic() - wall, 2),
        "peak_rss_mb": round(peak_megabytes()),
        "limit_cpu_seconds": job.seconds,
        **job.facts,
    }
    print(json.dumps(facts))


def _one_thread() -> None:
    """Starts the script again where libraries may have been imported with more threads."""
    if any(os.environ.get(name) != "1" for name in THREADS):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **dict.fromkeys(THREADS, "1")})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("train", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="")
    parser.add_argument("--budget", action="store_true", help="use the seconds up instead of staying below them")
    return parser.parse_args()


def option(name: str) -> Any:
    """An option of the command line, for adaptors that serve several models."""
    return getattr(_options(), name)


def read(path: Path) -> pd.DataFrame:
    """A CSV whose empty cells alone are missing, so that a level called "None" stays one."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def seed_everything(seed: int) -> None:
    """Peers draw from the global generators; torch's too where there is one."""
    np.random.seed(seed)  # noqa: NPY002
    with contextlib.suppress(ImportError):
        import torch

        torch.manual_seed(seed)
        torch.set_num_threads(1)


def is_text(column: pd.Series) -> bool:
    """Whether a column holds words rather than numbers."""
    return not pd.api.types.is_numeric_dtype(column)


def categories(train: pd.DataFrame) -> list[str]:
    """The columns that a user would declare categories: text, and whole numbers with few distinct values."""
    return [c for c in train if is_text(train[c]) or _has_few_levels(train[c])]


def _has_few_levels(column: pd.Series) -> bool:
    values = column.dropna()
    return bool((values == values.round()).all()) and values.nunique() <= MAX_LEVELS


def fill(train: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows without empty cells: a level of its own in categories, the median and an indicator in numbers.

    Returns:
        The filled rows, and number column → its indicator column.
    """
    full, indicators = train.copy(), {}
    declared = set(categories(train))
    for name in [c for c in train if train[c].isna().any()]:
        empty = train[name].isna()
        if name in declared:
            full[name] = train[name].astype(object).where(~empty, MISSING).astype(str)
        else:
            indicators[name] = f"{name}{MISSING}"
            full[name] = train[name].fillna(train[name].median())
            full[indicators[name]] = np.where(empty, "yes", "no")
    return full, indicators


def unfill(rows: pd.DataFrame, indicators: dict[str, str]) -> pd.DataFrame:
    """The inverse of `fill`."""
    rows = rows.copy()
    for name, indicator in indicators.items():
        rows[name] = rows[name].astype(float).mask(rows[indicator] == "yes")
    rows = rows.drop(columns=list(indicators.values()))
    return rows.mask(rows == MISSING)


def like(rows: pd.DataFrame, train: pd.DataFrame) -> pd.DataFrame:
    """The rows with numbers rounded to the decimals of the training column, as a user would do."""
    rows = rows.copy()
    for name in [c for c in train if not is_text(train[c])]:
        values = pd.to_numeric(rows[name]).astype(float).round(_decimals(train[name]))
        is_whole = _decimals(train[name]) == 0 and not values.isna().any()
        rows[name] = values.astype("int64") if is_whole else values
    return rows


def _decimals(column: pd.Series) -> int:
    """The fewest decimals that write every value of a column, at most 9."""
    values = column.dropna().to_numpy(float)
    return next((d for d in range(9) if np.array_equal(values.round(d), values)), 9)
