"""Does filtering make draws harder to tell from real rows, and what does it cost in coverage?

    python -m benchmarks.filter --quick                # minutes
    python -m benchmarks.filter                        # vae and gan on Adult, keep rates 1, ½, ¼, ⅒
    python -m benchmarks.filter --models vae --steps 2000 --keep 0.25

Detectability (boosted trees, out of fold) and coverage are measured on rows that neither the generator nor the filter's
detector has seen. The floor is what the same detector makes of real training rows against these.
"""

import argparse
import time

import pandas as pd

from benchmarks.scoring import Arena, encode
from benchmarks.table_data import TABLES, load, split
from genwright.core.judge import Evidence
from genwright.core.registry import JUDGES
from genwright.nn.coverage import coverage
from genwright.pipeline import fit
from genwright.recipes.filter import filtered


def measured(arena: Arena, fake: pd.DataFrame) -> tuple[float, float]:
    """Detectability and coverage of held-out rows, equally many on either side."""
    judge = JUDGES.get("detectability")()
    evidence: Evidence = arena.evidence(fake)
    auc = judge.measure(evidence.fake, evidence)["boosting"].value
    space, (real, drawn) = encode([arena.held_out, fake])
    return auc, coverage(real, drawn, space)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", default="adult", choices=list(TABLES))
    parser.add_argument("--models", nargs="+", default=["vae", "gan"])
    parser.add_argument("--keep", nargs="+", type=float, default=[0.5, 0.25, 0.1])
    parser.add_argument("--steps", type=int)
    parser.add_argument("--rows", type=int, default=4_000, help="held-out rows and draws that are compared")
    parser.add_argument("--train", type=int, help="training rows at most")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    if asked.quick:
        asked.rows, asked.train, asked.steps, asked.keep = 800, 3_000, asked.steps or 150, [0.25]
    train, held = split(load(asked.table))
    train, held = train.head(asked.train or len(train)), held.head(asked.rows)
    arena = Arena(TABLES[asked.table], train, held)
    floor, best = measured(arena, train.sample(len(held), random_state=0))
    print("| model | keep | detectability | coverage | of the distance to the floor | strength | CPU s |")
    print("|---|---|---|---|---|---|---|")
    print(f"| real rows | | {floor:.3f} | {best:.3f} | | | |", flush=True)
    for model in asked.models:
        started = time.process_time()
        run = fit(train, model, steps=asked.steps, judge=False, held_out=0)
        before, covered = measured(arena, run.sample(len(held), seed=1))
        seconds = time.process_time() - started
        print(f"| {model} | 1 | {before:.3f} | {covered:.3f} | 0 | | {seconds:.0f} |", flush=True)
        for keep in asked.keep:
            started = time.process_time()
            kept = filtered(run, len(held), keep=keep, seed=1)
            auc, covered = measured(arena, kept.rows)
            gone = (before - auc) / (before - floor)
            seconds = time.process_time() - started
            told = f"{auc:.3f} | {covered:.3f} | {gone:.0%} | {kept.report.strength:g} | {seconds:.0f}"
            print(f"| {model} | {keep:g} | {told} |", flush=True)


if __name__ == "__main__":
    main()
