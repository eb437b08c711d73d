"""The chain of hidden states: where it starts, how it moves, where it may end.

    π_k = p(z_1 = k),   A_jk = p(z_{t+1} = k, not the end | z_t = j),   e_j = p(end | z_t = j) = 1 - Σ_k A_jk

Without ends, rows of A sum to one and the length of a sequence is somebody else's business.
"""

from dataclasses import dataclass

import numpy as np

from genwright.core.errors import ConfigError


@dataclass(frozen=True)
class Chain:
    """π, A and e of K states."""

    start: np.ndarray  # (K,)
    move: np.ndarray  # (K, K)
    stop: np.ndarray | None = None  # (K,); None: ends are not part of the chain

    @property
    def n_states(self) -> int:
        """Number of states, K."""
        return len(self.start)

    def tempered(self, temperature: float) -> "Chain":
        """Every distribution raised to 1 / temperature."""
        if temperature == 1:
            return self
        rows = self.move if self.stop is None else np.column_stack([self.move, self.stop])
        rows = _tempered(rows, temperature)
        n = self.n_states
        return Chain(
            _tempered(self.start[None], temperature)[0], rows[:, :n], None if self.stop is None else rows[:, n]
        )

    def durations(self) -> np.ndarray:
        """Mean number of steps that a visit to each state lasts (K,), 1 / (1 - A_kk)."""
        with np.errstate(divide="ignore"):
            return 1 / (1 - np.diag(self.move))

    def occupancy(self, n_steps: int = 1000) -> np.ndarray:
        """Share of the steps that a long sequence spends in each state (K,)."""
        rows = self.move if self.stop is None else self.move + self.stop[:, None] * self.start
        p, total = self.start, np.zeros(self.n_states)
        for _ in range(n_steps):
            total += p
            p = p @ rows
        return total / total.sum()


def _tempered(p: np.ndarray, temperature: float) -> np.ndarray:
    """Rows of probabilities, raised and normalised."""
    with np.errstate(divide="ignore"):
        logs = np.log(p) / temperature
    raised = np.exp(logs - logs.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def estimated(start: np.ndarray, move: np.ndarray, stop: np.ndarray | None, allowed: "Allowed", pseudo: float) -> Chain:
    """The chain with these expected counts, and `pseudo` more of each transition that is allowed.

    Rows that were never left keep to the allowed transitions evenly.
    """
    counts = move + pseudo * allowed.move
    ends = allowed.move.astype(float)
    if stop is not None:
        counts = np.column_stack([counts, stop + pseudo * allowed.stop])
        ends = np.column_stack([ends, allowed.stop.astype(float)])
    rows = _normalised(counts, ends)
    n = len(start)
    first = _normalised((start + pseudo * allowed.start)[None], allowed.start.astype(float)[None])[0]
    return Chain(first, rows[:, :n], None if stop is None else rows[:, n])


def _normalised(counts: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    total = counts.sum(-1, keepdims=True)
    counts = np.where(total > 0, counts, fallback)
    return counts / counts.sum(-1, keepdims=True)


@dataclass(frozen=True)
class Allowed:
    """Which starts, transitions and ends may have a probability above 0."""

    start: np.ndarray  # (K,) of booleans
    move: np.ndarray  # (K, K)
    stop: np.ndarray  # (K,)


def everything(n_states: int) -> Allowed:
    """No restriction."""
    return Allowed(*(np.ones(shape, bool) for shape in ((n_states,), (n_states, n_states), (n_states,))))


def left_to_right(n_states: int) -> Allowed:
    """Starts in the first state; each state is followed by itself or the next one; any may be the last seen."""
    move = np.eye(n_states, dtype=bool) | np.eye(n_states, k=1, dtype=bool)
    return Allowed(np.arange(n_states) == 0, move, np.ones(n_states, bool))


def of_pairs(n_states: int, pairs: "tuple[str, ...]") -> Allowed:
    """The transitions that are named, such as "0 -> 1"; any state may be the first or the last.

    Raises:
        ConfigError: a pair cannot be read, a state does not exist, or one has no transition at all.
    """
    move = np.zeros((n_states, n_states), bool)
    for pair in pairs:
        ends = [end.strip() for end in pair.split("->")]
        if len(ends) != 2 or not all(end.isdigit() and int(end) < n_states for end in ends):
            raise ConfigError(f"allowed: {pair!r}; expected two of the states 0 … {n_states - 1}, such as '0 -> 1'")
        move[int(ends[0]), int(ends[1])] = True
    stuck = np.flatnonzero(~move.any(1))
    if len(stuck):
        raise ConfigError(
            f"allowed: state {stuck[0]} has nothing to go on to; allow at least '{stuck[0]} -> {stuck[0]}'"
        )
    return Allowed(np.ones(n_states, bool), move, np.ones(n_states, bool))
