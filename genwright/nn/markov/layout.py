"""Ragged sequences side by side: frame f is step t of piece i, step by step, the longest pieces first.

A piece is a whole sequence, or a stretch of one that was cut so that its stretches can be worked on together. The
pieces that have a step t are then the first `alive[t]`, and their frames are the columns `start[t] …` of one array.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Layout:
    """Where the steps of N sequences lie among F frames.

    Args:
        lengths: Steps of each sequence (N,); 0 is allowed.
        cut: Longest piece of a sequence, in steps; 0: sequences stay whole.
    """

    lengths: np.ndarray
    cut: int = 0

    @cached_property
    def _cuts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Of pieces, the longest first: their sequence, place in it, first step and length, all (M,)."""
        lengths = np.asarray(self.lengths, np.int64)
        most = self.cut or max(int(lengths.max(initial=1)), 1)
        n_pieces = -(-lengths // most)
        owner = np.repeat(np.arange(len(lengths)), n_pieces)
        place = np.arange(len(owner)) - np.repeat(n_pieces.cumsum() - n_pieces, n_pieces)
        begin, end = (lengths[owner] * (place + i) // n_pieces[owner] for i in (0, 1))  # nearly even pieces
        order = np.argsort(begin - end, kind="stable")
        return owner[order], place[order], begin[order], (end - begin)[order]

    @property
    def owner(self) -> np.ndarray:
        """The sequence of each piece (M,)."""
        return self._cuts[0]

    @property
    def piece_length(self) -> np.ndarray:
        """Steps of each piece (M,), falling."""
        return self._cuts[3]

    @cached_property
    def is_joined(self) -> np.ndarray:
        """Which pieces are not whole sequences (M,)."""
        return np.bincount(self.owner, minlength=len(self.lengths))[self.owner] > 1

    @cached_property
    def alive(self) -> list[int]:
        """How many pieces have step t, for every t."""
        longest = int(self.piece_length.max(initial=0))
        return (len(self.piece_length) - np.searchsorted(self.piece_length[::-1], np.arange(longest), "right")).tolist()

    @cached_property
    def start(self) -> list[int]:
        """Frames before step t, for every t, and all of them at the end."""
        return [0, *np.cumsum(self.alive).tolist()]

    @property
    def n_frames(self) -> int:
        """Frames, F."""
        return self.start[-1]

    @cached_property
    def _piece(self) -> np.ndarray:
        """The piece of each frame (F,)."""
        return np.arange(self.n_frames) - np.repeat(_whole(self.start[:-1]), _whole(self.alive))

    @cached_property
    def row(self) -> np.ndarray:
        """The sequence of each frame (F,)."""
        return self.owner[self._piece]

    @cached_property
    def step(self) -> np.ndarray:
        """The step of each frame in its sequence (F,)."""
        return self._cuts[2][self._piece] + np.repeat(np.arange(len(self.alive)), _whole(self.alive))

    @property
    def n_pieces(self) -> int:
        """Pieces, M."""
        return len(self.owner)

    @cached_property
    def firsts(self) -> np.ndarray:
        """The frames of sequences' first steps."""
        return np.flatnonzero(self._cuts[2] == 0)

    @cached_property
    def last(self) -> np.ndarray:
        """The frame of each piece's last step (M,)."""
        pieces = np.arange(len(self.piece_length))
        return np.asarray(self.start, np.int64)[self.piece_length - 1] + pieces

    @cached_property
    def seams(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pieces and those that follow them in their sequences: first with second pieces, second with third …"""
        owner, place, _, _ = self._cuts
        found: list[tuple[np.ndarray, np.ndarray]] = []
        before = np.full(len(self.lengths), -1)
        order = np.argsort(place, kind="stable")
        for now in np.split(order, np.cumsum(np.bincount(place))[:-1]) if self.cut else ():
            if place[now[0]]:
                found.append((before[owner[now]], now))
            before[owner[now]] = now
        return found

    @cached_property
    def all_seams(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The pairs of all seams at once, or nothing."""
        if not self.seams:
            return []
        before, now = (np.concatenate(side) for side in zip(*self.seams, strict=True))
        return [(before, now)]

    @cached_property
    def ends(self) -> np.ndarray:
        """The frame of each sequence's last step (N,); -1 for an empty one."""
        found = np.full(len(self.lengths), -1, np.int64)
        is_last = self._cuts[2] + self.piece_length == np.asarray(self.lengths)[self.owner]
        found[self.owner[is_last]] = self.last[is_last]
        return found

    def pack(self, rows: np.ndarray) -> np.ndarray:
        """Padded rows (N, T, …) as frames (F, …)."""
        return rows[self.row, self.step]

    def unpack(self, frames: np.ndarray, length: int, filler: float) -> np.ndarray:
        """Frames (F, …) as padded rows (N, length, …)."""
        rows = np.full((len(self.lengths), length, *frames.shape[1:]), filler, frames.dtype)
        rows[self.row, self.step] = frames
        return rows

    def per_row(self, per_frame: np.ndarray) -> np.ndarray:
        """Sums over the frames of each sequence: (F,) → (N,)."""
        return np.bincount(self.row, weights=per_frame, minlength=len(self.lengths)).astype(float)


def _whole(counts: list[int]) -> np.ndarray:
    return np.asarray(counts, np.int64)


SLOW_STEP, SLOW_ITEM = 15e-6, 2e-9  # seconds: of one step however narrow it is, of one number of a transfer matrix


def layout_for(lengths: np.ndarray, n_states: int) -> Layout:
    """Whole sequences, or cut ones where a few long ones would take more steps than matrices for the pieces cost."""
    lengths = np.asarray(lengths, np.int64)
    longest, n = int(lengths.max(initial=0)), int(lengths.sum())
    cut = max(32, int(np.sqrt(n)))
    saved = (longest - 2 * cut) * SLOW_STEP
    return Layout(lengths, cut if saved > n * n_states**2 * SLOW_ITEM else 0)
