"""A batch of sequence columns as steps: how many each row has, and what is known of them.

Columns of one row are equally long. What a model reads of a column are numbers, with NaN for what is missing or open,
or codes without `pad`, `end` and `missing`, with -1 for what is missing or open. A row without `end`, or without +∞,
has all places; one with open places and no end may end later. A row of pads alone, or of NaN alone beside other
columns, is not known at all. Where the longest row of one column is shorter than that of another, longer rows of it
were cut: a row that fills all places may be shorter than the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from genwright.core.errors import SpaceMismatchError
from genwright.core.space import OPEN, Batch, Space, Tokens, Vectors, row_shape

UNKNOWN = -1  # length of a row of which a column says nothing
TRIED_STEPS = 50_000  # that choices are made by


@dataclass
class Steps:
    """Rows as steps.

    Args:
        lengths: Steps that are there (B,), up to the last known one where the end is open.
        is_settled: Whether the number of steps is known (B,).
        is_known: Whether anything is known of a row (B,).
        values: Column → (B, T) codes or (B, T, D) numbers.
    """

    lengths: np.ndarray
    is_settled: np.ndarray
    is_known: np.ndarray
    values: dict[str, np.ndarray]


def emitted(support: Tokens) -> np.ndarray:
    """The codes that a step can have (V,)."""
    return np.setdiff1d(np.arange(support.n), [support.pad, support.end, support.missing])


def read_steps(batch: Batch, space: Space) -> Steps:
    """The steps of some rows; columns that are absent say nothing.

    Raises:
        SpaceMismatchError: columns of one row differ in length; names row and columns.
    """
    found = {name: _column(batch[name].numpy(), space[name].support) for name in space if name in batch}
    names = list(found)
    lengths = np.stack([found[name][0] for name in names])  # (C, B)
    settled = np.stack([found[name][1] for name in names])
    if len(names) == 1:
        is_whole = isinstance(space[names[0]].support, Vectors)
        lengths = np.where(is_whole & (lengths == UNKNOWN), batch[names[0]].shape[1], lengths)
    most = lengths.max(0)
    for name, own, is_own_settled in zip(names, lengths, settled, strict=True):
        may_be_cut = own == row_shape(space[name])[0]
        odd = np.flatnonzero((own != UNKNOWN) & is_own_settled & (own != most) & ~may_be_cut)
        if len(odd):
            other = names[int(lengths[:, odd[0]].argmax())]
            counts = f"{own[odd[0]]} steps in column {name!r} and {most[odd[0]]} in {other!r}"
            raise SpaceMismatchError(f"row {odd[0] + 1} has {counts}; columns of one row must be equally long")
    is_known = np.asarray(most != UNKNOWN)
    width = max(*(row_shape(f)[0] for f in space.values()), *(batch[name].shape[1] for name in names))
    values = {name: _widened(found[name][2], width) for name in names}
    return Steps(np.maximum(most, 0), np.asarray(settled.any(0)), is_known, values)


def _widened(x: np.ndarray, width: int) -> np.ndarray:
    """Rows with so many places, those behind their own unknown."""
    more = np.full((len(x), width - x.shape[1], *x.shape[2:]), -1 if x.ndim == 2 else np.nan, x.dtype)
    return np.concatenate([x, more], axis=1)


def _column(x: np.ndarray, support: object) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lengths (B,), whether they are settled (B,), and values."""
    if isinstance(support, Tokens):
        return _codes(x, support)
    assert isinstance(support, Vectors)
    return _numbers(x)


def _codes(x: np.ndarray, support: Tokens) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lengths, settled = _lengths(x == support.end, x == OPEN)
    place = np.full(support.n + 1, -1)
    place[emitted(support)] = np.arange(len(emitted(support)))
    is_nothing = (x == support.pad).all(1)
    return np.where(is_nothing, UNKNOWN, lengths), settled & ~is_nothing, place[x]


def _numbers(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    lengths, settled = _lengths(np.isposinf(x).all(2), np.isneginf(x).all(2))
    is_nothing = np.isnan(x).all((1, 2))
    values = np.where(np.isinf(x), np.nan, x)
    return np.where(is_nothing, UNKNOWN, lengths), settled & ~is_nothing, values


def _lengths(is_end: Any, is_open: Any) -> tuple[np.ndarray, np.ndarray]:
    """Lengths and whether they are settled (B,), from ends and open places (B, T)."""
    n_places = is_end.shape[1]
    has_end = is_end.any(1)
    first_end = np.where(has_end, is_end.argmax(1), n_places)
    last_known = np.where(is_open.all(1), 0, n_places - (~is_open[:, ::-1]).argmax(1))
    is_settled = has_end | ~is_open[:, -1]
    return np.where(is_settled, first_end, last_known), is_settled


def with_steps(values: Mapping[str, np.ndarray], lengths: np.ndarray, space: Space) -> dict[str, np.ndarray]:
    """Values of steps as rows of the space: ends, pads and +∞ put in behind them."""
    rows = {}
    for name, x in values.items():
        support = space[name].support
        behind = np.arange(x.shape[1]) >= lengths[:, None]  # (B, T)
        if isinstance(support, Tokens):
            codes = np.where(behind, support.pad, emitted(support)[np.maximum(x, 0)])
            ended = lengths < x.shape[1]
            codes[ended, lengths[ended]] = support.end
            rows[name] = codes
        else:
            rows[name] = np.where(behind[:, :, None], np.inf, x)
    return rows


def at_steps(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The steps that are there (F, …), of padded rows (B, T, …)."""
    return values[np.arange(values.shape[1]) < lengths[:, None]]


def width(steps: Steps) -> int:
    """Places of the rows."""
    return next(iter(steps.values.values())).shape[1]


def nothing(n: int) -> Steps:
    """Rows of which nothing is known."""
    return Steps(np.zeros(n, np.int64), np.zeros(n, bool), np.zeros(n, bool), {})


def cut(steps: Steps, lengths: np.ndarray) -> Steps:
    """Rows of these lengths, with the same values."""
    return Steps(lengths, np.ones(len(lengths), bool), steps.is_known, steps.values)


def parted(steps: Steps, rng: np.random.Generator, share: float, few: int = 5) -> tuple[Steps, Steps]:
    """Sequences to learn from and held-out ones; of a few sequences, beginnings and ends."""
    rows = np.flatnonzero(steps.lengths)
    if len(rows) >= few:
        rows = rng.permutation(rows)
        rows = rows[: max(few, int(np.searchsorted(steps.lengths[rows].cumsum(), TRIED_STEPS)) + 1)]
        n_held = max(1, round(share * len(rows)))
        return _rows(steps, rows[n_held:]), _rows(steps, rows[:n_held])
    lengths = np.minimum(steps.lengths[rows], TRIED_STEPS)
    first = lengths - np.maximum((share * lengths).astype(int), 1)
    first = np.maximum(first, 1)
    train, held = _rows(steps, rows), _rows(steps, rows)
    place = np.minimum(first[:, None] + np.arange(int((lengths - first).max(initial=0)) or 1), lengths[:, None] - 1)
    held.values = {name: np.take_along_axis(x, _like(place, x), axis=1) for name, x in held.values.items()}
    train.lengths, held.lengths = first, lengths - first
    return train, held


def _like(place: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Places (B, S) with as many dimensions as x."""
    return place.reshape(*place.shape, *[1] * (x.ndim - 2))


def _rows(steps: Steps, rows: np.ndarray) -> Steps:
    values = {name: x[rows] for name, x in steps.values.items()}
    return Steps(steps.lengths[rows], steps.is_settled[rows], steps.is_known[rows], values)
