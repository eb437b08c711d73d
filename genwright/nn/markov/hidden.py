"""A hidden Markov model: a chain and, for each observed column, how its states emit; and sequences as it reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from genwright.nn.markov.chain import Chain
from genwright.nn.markov.forward_backward import Filtered, ForwardBackward, Smoothed
from genwright.nn.markov.layout import Layout, layout_for
from genwright.nn.markov.viterbi import viterbi


class Emission(Protocol):
    """How K states emit the values of a column."""

    @property
    def n_states(self) -> int:
        """Number of states, K."""
        ...

    def log_b(self, frames: Any) -> np.ndarray:
        """log p(x_t | z_t = k) (K, F); 0 where x_t is missing."""
        ...

    def updated(self, frames: Any, gamma: np.ndarray) -> Any:
        """The maximum of the expected log likelihood, with states' weights (K, F)."""
        ...


@dataclass
class Sequences:
    """N sequences, frame by frame.

    Args:
        layout: Where their steps lie.
        frames: Column → its values, as the column's emission takes them: `Numbers`, or codes (F,).
        is_ended: Which sequences end after their last step (N,); None: ends are not looked at.
        possible: Which states each frame may have (K, F); None: any.
    """

    layout: Layout
    frames: Mapping[str, Any]
    is_ended: np.ndarray | None = None
    possible: np.ndarray | None = None
    _passes: dict[int, ForwardBackward] = field(default_factory=dict, repr=False)

    def passes(self, n_states: int) -> ForwardBackward:
        """The passes over these frames, with arrays that are used again and again."""
        if n_states not in self._passes:
            self._passes[n_states] = ForwardBackward(self.layout, n_states)
        return self._passes[n_states]

    @cached_property
    def last(self) -> np.ndarray:
        """Frames behind which a sequence ends."""
        if self.is_ended is None:
            return np.zeros(0, np.int64)
        return self.layout.ends[(self.layout.ends >= 0) & self.is_ended]


@dataclass(frozen=True)
class Hidden:
    """p(x, z) of K states."""

    chain: Chain
    emissions: Mapping[str, Emission]

    @property
    def n_states(self) -> int:
        """Number of states, K."""
        return self.chain.n_states

    def log_b(self, data: Sequences) -> np.ndarray:
        """log p(x_t | z_t = k) of all columns together (K, F); at a last step with that of the end."""
        found = [e.log_b(data.frames[name]) for name, e in self.emissions.items() if name in data.frames]
        total = found[0] if found else np.zeros((self.n_states, data.layout.n_frames))
        for more in found[1:]:
            total += more
        with np.errstate(divide="ignore"):
            if self.chain.stop is not None and len(data.last):
                total[:, data.last] += np.log(self.chain.stop)[:, None]
        if data.possible is not None:
            total[~data.possible] = -np.inf
        return total

    def smooth(self, data: Sequences) -> Smoothed:
        """Posteriors and expected counts."""
        return data.passes(self.n_states).smooth(self.chain, self.log_b(data))

    def filter(self, data: Sequences) -> Filtered:
        """The forward pass."""
        return data.passes(self.n_states).filter(self.chain, self.log_b(data))

    def best_paths(self, data: Sequences) -> tuple[np.ndarray, np.ndarray]:
        """States (F,) of the most probable paths, and their log p(x, z) (N,)."""
        return viterbi(self.chain, data.layout, self.log_b(data))


def sequences(
    lengths: np.ndarray,
    rows: Mapping[str, Any],
    n_states: int,
    is_ended: np.ndarray | None = None,
    whole: bool = False,
) -> Sequences:
    """Sequences of padded rows, column → (N, T) codes or (N, T, D) numbers.

    Args:
        lengths: Steps of each row (N,).
        rows: Column → padded rows.
        n_states: Of the model that will read them.
        is_ended: As in `Sequences`.
        whole: Whether long sequences must not be cut.
    """
    from genwright.nn.markov.numbers import Numbers

    layout = Layout(np.asarray(lengths)) if whole else layout_for(lengths, n_states)
    packed = {name: layout.pack(x) for name, x in rows.items()}
    frames = {name: Numbers(x) if x.ndim == 2 else x for name, x in packed.items()}
    return Sequences(layout, frames, is_ended)
