"""Rows with pictures to learn directions of a latent space from: held-out, then training ones, or else draws."""

import numpy as np

from genwright.core.dataset import Dataset, concat, n_rows, select
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch
from genwright.runs.run import Run

LEAST = 32  # rows that tell anything of directions


def some_rows(run: Run, n: int, column: str = "", codes: tuple[int, ...] = ()) -> tuple[Batch, str]:
    """At most n rows that the run knows, and what they are, in words.

    Args:
        run: With its data at hand, or without.
        n: Rows.
        column: A category; rows with each of `codes` come on top where those n have none, and data have some.
        codes: Its values that are needed.
    """
    if run.held_out is None and run.train is None:
        run.remember_rows(need_train=True, need_held_out=True)
    known = [(d, w) for d, w in ((run.held_out, "held-out"), (run.train, "training")) if d is not None and len(d)]
    rng, words = numpy_generator(run.artefact.seed, "latents"), []
    parts: list[Batch] = []
    for data, what in known:
        if room := n - sum(n_rows(rows) for rows in parts):
            parts.append(data.sample_rows(room, rng))
            words.append(f"{n_rows(parts[-1]):,} {what}")
    if sum(n_rows(rows) for rows in parts) < min(n, LEAST):
        rows = run.artefact.codec.encode(next(run.stream(min(n, 512), seed=run.artefact.seed)))
        return select(rows, slice(0, n)), f"{n_rows(rows):,} draws"
    more = [_having([data for data, _ in known], column, code, n) for code in codes if not _has(parts, column, code)]
    return concat([*parts, *(rows for rows in more if rows)]), f"{' and '.join(words)} pictures"


def _has(parts: list[Batch], column: str, code: int) -> bool:
    return any(bool((rows[column] == code).any()) for rows in parts)


def _having(known: list[Dataset], column: str, code: int, n: int) -> Batch:
    """At most n rows of the first data that have some with this value; empty where none have."""
    for data in known:
        at = np.flatnonzero(data.arrays[column] == code)[:n]
        if len(at):
            return data.take(at)
    return {}
