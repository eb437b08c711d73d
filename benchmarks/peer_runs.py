"""Runs a peer on a table inside the peer's own environment and keeps its rows and timings.

    python -m benchmarks.peer_runs argn copula smote --tables adult telco
    python -m benchmarks.peer_runs ctgan tvae --seconds 600

Environments are made by `environments.sh` below $GENWRIGHT_PEERS; results are kept in its folder `results`, named for
peer, version, table, fingerprint of the training rows, and limit. What is there is not run again without `--fresh`.
"""

import argparse
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from benchmarks.table_data import TABLES, fingerprint, load, split

PLACE = Path(os.environ.get("GENWRIGHT_PEERS", Path.home() / ".cache" / "genwright" / "peers"))
RUN = f"{datetime.now():%Y-%m-%dT%H:%M:%S}-{os.getpid()}"  # this process's run; a result remembers the run it is from
ROOT = Path(__file__).parents[1]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


class PeerError(Exception):
    """A peer that is not installed, or that failed; the message is its last words."""


@dataclass(frozen=True)
class Peer:
    """One generator: of other people, or genwright itself, which is run in the same way."""

    title: str
    environment: str  # folder below $GENWRIGHT_PEERS; empty: the environment that runs the comparison
    package: str  # distribution whose version counts
    script: str  # in benchmarks/peers/
    options: tuple[str, ...] = ()
    is_timed: bool = False  # the seconds are a budget that it uses up; its rows are told apart by them


PEERS = {
    "copula": Peer("Gaussian copula (SDV)", "copula", "sdv", "copula.py"),
    "ctgan": Peer("CTGAN", "ctgan", "ctgan", "ctgan_tvae.py", ("--model", "ctgan")),
    "tvae": Peer("TVAE", "ctgan", "ctgan", "ctgan_tvae.py", ("--model", "tvae")),
    "smote": Peer("SMOTE-NC", "smote", "imbalanced-learn", "smote.py"),
    "argn": Peer("TabularARGN", "argn", "mostlyai-engine", "argn.py"),
    "ours": Peer("genwright, auto", "", "genwright", "ours.py", ("--model", "auto")),
    "gpt": Peer("genwright, gpt", "", "genwright", "ours.py", ("--model", "gpt", "--budget"), is_timed=True),
    "vae": Peer("genwright, vae", "", "genwright", "ours.py", ("--model", "vae", "--budget"), is_timed=True),
    "gan": Peer("genwright, gan", "", "genwright", "ours.py", ("--model", "gan", "--budget"), is_timed=True),
}


@dataclass(frozen=True)
class Draws:
    """A peer's rows and what was measured while they were made."""

    rows: pd.DataFrame
    facts: dict[str, Any]

    @property
    def is_of_this_run(self) -> bool:
        """Whether they were drawn by the process that asks."""
        return self.facts["run"] == RUN


def version(peer: Peer, place: Path = PLACE) -> str:
    """The installed version, read from the environment's list; genwright's own ends in a hash of its source.

    Raises:
        PeerError: the environment is not there.
    """
    if not peer.environment:
        return f"{importlib.metadata.version(peer.package)}+{_source_hash()}"
    ready = place / peer.environment / "ready"
    if not ready.exists():
        raise PeerError(f"{peer.title} is not installed; run: bash benchmarks/environments.sh {peer.environment}")
    for line in ready.read_text(encoding="utf-8").splitlines():
        name, _, number = line.partition("==")
        if name.lower().replace("_", "-") == peer.package:
            return number
    raise PeerError(f"{ready} does not list {peer.package}; remove the folder and run benchmarks/environments.sh again")


def _source_hash() -> str:
    """Eight hexadecimal digits of genwright's source, which moves while its version stands."""
    files = sorted((ROOT / "genwright").rglob("*.py"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:8]


def draws(
    name: str, table: str, train: pd.DataFrame, seconds: float, fresh: bool = False, place: Path = PLACE
) -> Draws:
    """As many rows as were learnt from, out of the store or newly drawn.

    Raises:
        PeerError: the peer is not installed or failed.
    """
    peer = PEERS[name]
    stem = f"{name}-{version(peer, place)}-{table}-{fingerprint(train)}-{seconds:g}s"
    rows, facts = (place / "results" / f"{stem}.{ending}" for ending in ("csv", "json"))
    if fresh or not facts.exists():
        rows.parent.mkdir(parents=True, exist_ok=True)
        found = _run(peer, train, rows, seconds, place)
        found |= {
            "peer": name,
            "table": table,
            "seconds": seconds,
            "run": RUN,
            "version": version(peer, place),
            "finished": _now(),
        }
        facts.write_text(json.dumps(found, indent=1), encoding="utf-8")
    return Draws(_typed(rows, train), json.loads(facts.read_text(encoding="utf-8")))


def _now() -> str:
    return datetime.now().isoformat(timespec="minutes")


def _run(peer: Peer, train: pd.DataFrame, out: Path, seconds: float, place: Path) -> dict[str, Any]:
    """Runs the adaptor; the facts it prints."""
    with TemporaryDirectory() as folder:
        source = Path(folder) / "train.csv"
        train.to_csv(source, index=False)
        drawn = out.with_suffix(".part")
        python = place / peer.environment / "bin" / "python" if peer.environment else sys.executable
        script = ROOT / "benchmarks" / "peers" / peer.script
        limits = ["--rows", str(len(train)), "--seconds", str(seconds), "--seed", "0"]
        command = [python, script, source, drawn, *limits, *peer.options]
        around = _environment(folder, is_ours=not peer.environment)
        done = subprocess.run([str(c) for c in command], env=around, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        words = out.with_suffix(".failed.txt")
        words.write_text(done.stderr, encoding="utf-8")
        raise PeerError(f"{peer.title} failed: {last} (all of it: {words.name})")
    drawn.replace(out)
    return json.loads(done.stdout.strip().splitlines()[-1])


def _environment(folder: str, is_ours: bool) -> dict[str, str]:
    """One thread, no network, scratch files in a folder of its own; genwright is the one of this tree."""
    quiet = {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore", "TMPDIR": folder}
    tree = {"PYTHONPATH": str(ROOT)} if is_ours else {}
    return {**os.environ, **quiet, **tree, **dict.fromkeys(THREADS, "1")}


def _typed(path: Path, train: pd.DataFrame) -> pd.DataFrame:
    """Drawn rows with the training rows' column types; a number that is none becomes missing."""
    text = pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
    columns = {}
    for name in train:
        is_number = pd.api.types.is_numeric_dtype(train[name])
        columns[name] = pd.to_numeric(text[name], errors="coerce") if is_number else text[name]
    return pd.DataFrame(columns)


def main(arguments: Iterable[str] | None = None) -> int:
    """Runs peers on tables, one after the other, and prints a line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="+", choices=list(PEERS))
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--seconds", type=float, default=600.0, help="CPU seconds that a fit may take")
    parser.add_argument("--rows", type=int, help="learn from the first rows only, to try a peer out")
    parser.add_argument("--fresh", action="store_true", help="run again what is kept")
    options = parser.parse_args(None if arguments is None else list(arguments))
    failed = 0
    for table in options.tables:
        train, _ = split(load(table))
        for name in options.peers:
            failed += not _report(name, table, train[: options.rows], options.seconds, options.fresh)
    return min(failed, 1)


def _report(name: str, table: str, train: pd.DataFrame, seconds: float, fresh: bool) -> bool:
    try:
        facts = draws(name, table, train, seconds, fresh).facts
    except PeerError as error:
        print(f"{table}: {error}", flush=True)
        return False
    epochs = f", {facts['epochs']:g} epochs" if "epochs" in facts else ""
    print(
        f"{table}: {name} {facts['version']} fit {facts['fit_cpu_seconds']} CPU s, "
        f"drew {facts['rows']} rows in {facts['sample_cpu_seconds']} CPU s, {facts['peak_rss_mb']} MB{epochs}",
        flush=True,
    )
    return True


if __name__ == "__main__":
    sys.exit(main())
