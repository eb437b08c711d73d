"""Hidden Markov model: unseen states follow each other, and each emits what is seen (Baum and Petrie 1966).

https://doi.org/10.1214/aoms/1177699147 · tutorial: Rabiner (1989), https://doi.org/10.1109/5.18626

    p(x) = Σ_z π(z_1) b_{z_1}(x_1) Π_{t>1} A(z_{t-1}, z_t) b_{z_t}(x_t)

A row is one sequence, or several columns of one length whose values at a step share a state: vectors of numbers with
Gaussian, mixed or Poisson emissions, codes with categorical ones. The states are found by EM, or are a column of tags:
then they are counted, and filled in by EM where tags are missing. Steps that are missing are integrated out. All that
is asked of the model (likelihoods, posteriors, best paths, draws given any steps) is exact. The parts are in
`nn/markov`.

How long sequences are: `ends = lengths` has a table of lengths beside the chain, and p(row) = p(length) p(x | length);
`ends = chain` has an end that every state may be followed by; `ends = free` leaves lengths out, p(row) = p(x | length),
as hmmlearn does; draws then have lengths of the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from genwright.core.config import check_least
from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, FitError, GivenError, SpaceMismatchError, UnsupportedError
from genwright.core.model import Conditions, HasLogProb, HasSolution, Model, Progress
from genwright.core.space import OPEN, Batch, Space, Tokens, Vectors, row_shape
from genwright.nn.markov.chain import Allowed, Chain, everything, left_to_right, of_pairs
from genwright.nn.markov.columns import CodeColumn, Column, Dice, EmissionSettings, NumberColumn
from genwright.nn.markov.em import Fitted, Learning
from genwright.nn.markov.gaussian import COVARIANCES
from genwright.nn.markov.hidden import Hidden, Sequences, sequences
from genwright.nn.markov.learn import (
    Plan,
    choose_n_states,
    even_chain,
    iterations_for_tags,
    learn_hidden,
    learn_tagged,
)
from genwright.nn.markov.lengths import Lengths
from genwright.nn.markov.paths import backward_paths, forward_paths
from genwright.nn.markov.steps import (
    Steps,
    at_steps,
    cut,
    emitted,
    nothing,
    parted,
    read_steps,
    width,
    with_steps,
)

DRAWN_STEPS = 100_000  # of the rows of a chunk
LEAST_COVAR = 1e-9  # floors of variances below it would let densities overflow
HELD_OUT = 0.2  # share of the sequences, or of their tags, that choices are made by


@dataclass(frozen=True)
class HMMConfig:
    """Settings of `hmm`."""

    n_states: int = 0  # hidden states; 0: as many of 1 … 12 as make held-out sequences likeliest
    states: str = "auto"  # a column of tags that the states are; auto: one named tags; empty: they are found
    emissions: str = "gaussian"  # of numbers: gaussian, mixture (of Gaussians), or poisson for counts
    covariance: str = "diag"  # of Gaussians: diag, full, tied (one for all states), spherical
    n_parts: int = 2  # Gaussians a state of a mixture has
    topology: str = "full"  # full, or left_right: each state is followed by itself or the next one
    allowed: tuple[str, ...] = ()  # the only transitions there may be, such as "0 -> 1"; empty: those of the topology
    ends: str = "lengths"  # lengths (a table of them), chain (an end transition), or free (not part of the likelihood)
    n_restarts: int = 3  # starts of em; the best goes on
    n_iter: int = 100  # most iterations of em
    tolerance: float = 1e-5  # em ends when an iteration gains less, in nats a step
    min_covar: float = 1e-4  # least variance of a state, as a share of that of all steps
    pseudo_moves: float = 0.01  # imaginary starts, transitions and ends, of each that is allowed
    pseudo_items: float = (
        1.0  # imaginary steps of codes in each state, spread like all steps; of tags, for each code seen
    )
    group: str = ""  # of a table whose rows are steps: the column that tells sequences apart
    window: int = 0  # of such a table: longest passage that a sequence is cut into; 0: not cut

    def __post_init__(self) -> None:
        choices = {
            "emissions": ("gaussian", "mixture", "poisson"),
            "covariance": COVARIANCES,
            "topology": ("full", "left_right"),
            "ends": ("lengths", "chain", "free"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} = {getattr(self, name)!r}; expected one of {', '.join(known)}")
        check_least(self, 0, "n_states", "tolerance", "pseudo_moves", "pseudo_items", "window")
        check_least(self, LEAST_COVAR, "min_covar")
        check_least(self, 1, "n_parts", "n_restarts", "n_iter")
        if self.states not in ("", "auto") and (self.n_states or self.topology != "full" or self.allowed):
            raise ConfigError(f"states = {self.states}: tags say how many states there are and what may follow what")
        if self.allowed and not self.n_states:
            raise ConfigError("allowed names states by their numbers; say how many there are with n_states")


class HMM(Model, HasSolution, HasLogProb, Conditions):
    """Hidden Markov model of sequences."""

    Config = HMMConfig
    supports = (Tokens, Vectors)
    completes = True
    reads_series = True

    def __init__(self, space: Space, config: Any = None):
        super().__init__(space, config)
        self.tags = states = _tags(space, self.config)  # the column of tags that the states are, or nothing
        if not space:
            raise UnsupportedError("hmm needs a column of sequences")
        if states and not isinstance(space[states].support, Tokens):
            raise ConfigError(f"states = {states}: this column has numbers; expected tags")
        if states and len(space) == 1:
            raise ConfigError(f"states = {states}: there is no other column that the states could emit")
        self.longest = max(row_shape(f)[0] for f in space.values())
        self.chunk = int(np.clip(DRAWN_STEPS // self.longest, 1, 1024))  # type: ignore[misc]
        config = self.config
        self.emission_settings = EmissionSettings(
            config.emissions, config.covariance, config.n_parts, config.min_covar, config.pseudo_items
        )
        self.columns: dict[str, Column] = {n: _column(n, f.support) for n, f in space.items() if n != states}
        self.hidden = Hidden(Chain(np.ones(1), np.ones((1, 1))), {})
        self.lengths = Lengths(np.ones(self.longest + 1) / (self.longest + 1))
        self.tried: dict[int, float] = {}  # number of states → nats a held-out step
        self.trace: list[float] = []  # what em climbed
        self.notes: list[str] = []

    @property
    def n_states(self) -> int:
        """Number of states, K."""
        return self.hidden.n_states

    @property
    def tag_codes(self) -> list[int]:
        """The code of each state's tag; empty where states are no tags."""
        return emitted(self.space[self.tags].support).tolist() if self.tags else []  # type: ignore[arg-type]

    # Learning

    def solve(self, data: Dataset, generator: torch.Generator, progress: Progress) -> None:
        """Counting or EM; see `nn/markov/learn`.

        Raises:
            FitError: there are no steps, fewer steps than states, or counts that are none.
        """
        rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
        steps = self._read(data.take(slice(None)), FitError)
        if not steps.lengths.sum():
            raise FitError("there are no steps to learn from: every sequence is empty or missing")
        for name, column in self.columns.items():
            column.learn(at_steps(steps.values[name], steps.lengths), self.emission_settings)
        self.lengths = Lengths.counted(steps.lengths[steps.is_known], self.longest)
        if self.tags:
            fitted = self._solve_tagged(steps, rng, progress)
        else:
            n_states = self.config.n_states or self._chosen(steps, rng, progress)
            fitted = self._em(steps, n_states, rng, progress)
        self.hidden, self.trace = fitted.hidden, fitted.trace
        self.notes = self._remarks(fitted, int(steps.lengths.sum()))
        progress(1.0, f"{self.n_states} states")

    def _em(self, steps: Steps, n_states: int, rng: np.random.Generator, progress: Progress) -> Fitted:
        if n_states > (n_steps := int(steps.lengths.sum())):
            raise FitError(f"n_states = {n_states}, and there are {n_steps} steps; ask for fewer states")
        data = self._sequences(steps, n_states)
        plan = Plan(
            self._learning(n_states),
            self.config.ends == "chain",
            self.config.topology == "left_right" and not self.config.allowed,
            self.config.n_restarts,
        )
        return learn_hidden(data, self._alike(data, n_states), n_states, plan, rng, progress)

    def _learning(self, n_states: int) -> Learning:
        c = self.config
        return Learning(self._allowed(n_states), c.pseudo_moves, c.n_iter, c.tolerance)

    def _allowed(self, n_states: int) -> Allowed:
        if self.config.allowed:
            return of_pairs(n_states, self.config.allowed)
        return left_to_right(n_states) if self.config.topology == "left_right" else everything(n_states)

    def _alike(self, data: Sequences, n_states: int) -> dict[str, Any]:
        """Emissions whose states are all alike."""
        frames = {name: data.frames[name] for name in self.columns}
        plain = {name: getattr(f, "x", f) for name, f in frames.items()}
        return {n: c.alike(plain[n], n_states, self.emission_settings) for n, c in self.columns.items()}

    def _solve_tagged(self, steps: Steps, rng: np.random.Generator, progress: Progress) -> Fitted:
        """States that are tags; where some are missing, as much EM as makes held-out ones likeliest."""
        tags = steps.values[self.tags]
        inside = np.arange(tags.shape[1]) < steps.lengths[:, None]
        known = np.argwhere(inside & (tags >= 0))
        if not len(known):
            raise FitError(f"column {self.tags!r} has no tag at all; leave out states to find them")
        if len(known) == inside.sum():
            return self._tagged(steps, 0, progress)
        rows = rng.permutation(np.unique(known[:, 0]))
        hidden = np.isin(np.arange(len(tags)), rows[: max(1, round(HELD_OUT * len(rows)))])[:, None] & (tags >= 0)
        without = cut(steps, steps.lengths)
        without.values = {**steps.values, self.tags: np.where(hidden, -1, tags)}

        def score(fitted: Fitted) -> float:
            both = [
                fitted.hidden.filter(self._sequences(s, fitted.hidden.n_states)).log_prob.sum()
                for s in (steps, without)
            ]
            return float(both[0] - both[1]) / max(int(hidden.sum()), 1)

        n_iter, self.tried = iterations_for_tags(
            lambda n: self._tagged(without, n, progress), score, self.config.n_iter, progress
        )
        return self._tagged(steps, n_iter, progress)

    def _tagged(self, steps: Steps, n_iter: int, progress: Progress) -> Fitted:
        """Counts, and so many iterations of EM."""
        n_states = len(self.tag_codes)
        data, how = self._sequences(steps, n_states), self._learning(n_states)
        chain = even_chain(n_states, how.allowed, self.config.ends == "chain")
        return learn_tagged(data, Hidden(chain, self._alike(data, n_states)), how, progress, n_iter)

    def _chosen(self, steps: Steps, rng: np.random.Generator, progress: Progress) -> int:
        """The number of states that held-out sequences, or ends of sequences, are likeliest under."""
        train, held = parted(steps, rng, HELD_OUT)
        n_held = max(int(held.lengths.sum()), 1)

        def score(fitted: Fitted) -> float:
            return float(fitted.hidden.filter(self._sequences(held, fitted.hidden.n_states)).log_prob.sum()) / n_held

        def fit(n_states: int) -> Fitted:
            return self._em(train, n_states, rng, lambda done, line: progress(0.5 * done, f"{n_states} states, {line}"))

        n_states, self.tried = choose_n_states(fit, score, int(train.lengths.sum()), progress)
        return n_states

    def _remarks(self, fitted: Fitted, n_steps: int) -> list[str]:
        """What the reader of the run should know."""
        notes = []
        if fitted.fall > 1e-9 * max(1.0, abs(fitted.log_prob)):
            notes.append(f"EM lost {fitted.fall:.3g} nats in an iteration: floors or rounding have taken over.")
        if fitted.n_impossible:
            notes.append(
                f"{fitted.n_impossible} sequences are impossible under the allowed transitions and were not used."
            )
        for name, emission in fitted.hidden.emissions.items():
            states: list[int] = getattr(emission, "at_floor", list)()
            if states:
                listed = ", ".join(map(str, states))
                notes.append(
                    f"Column {name}: a variance of states {listed} stands at its floor; lower min_covar or n_states."
                )
        if n_steps < 10 * self.n_states:
            notes.append(f"Few steps for {self.n_states} states: {n_steps}.")
        if self.config.emissions != "gaussian" and not any(isinstance(c, NumberColumn) for c in self.columns.values()):
            notes.append(
                f"No column holds numbers, so that emissions = {self.config.emissions} does nothing: lists of whole "
                "numbers are items, unless --column NAME.numbers=true says that they are measured or counted."
            )
        return notes

    # Rows and sequences

    def _read(self, batch: Batch, error: type[Exception] = SpaceMismatchError) -> Steps:
        try:
            return read_steps(batch, self.space)
        except SpaceMismatchError as mismatch:
            where = "training " if error is FitError else ""
            raise error(f"{where}{mismatch}") from None

    def _sequences(self, steps: Steps, n_states: int, whole: bool = False) -> Sequences:
        """Steps as emissions read them, with what is known of their states."""
        rows = {name: self.columns[name].read(x) for name, x in steps.values.items() if name in self.columns}
        is_ended = (steps.lengths < self.longest) & steps.is_settled if self.config.ends == "chain" else None
        data = sequences(steps.lengths, rows, n_states, is_ended, whole)
        if self.tags in steps.values:
            tags = data.layout.pack(steps.values[self.tags])
            data.possible = (tags == np.arange(n_states)[:, None]) | (tags < 0)
        return data

    # The contract

    def log_prob(self, batch: Batch) -> torch.Tensor:
        """Exact log probability of each row (B,): of lengths and steps, as `ends` says; missing steps summed out.

        Numbers have density in their own units, codes and counts mass. A row of which nothing is known has 0.
        """
        steps = self._read(batch)
        return torch.from_numpy(self._log_evidence(steps))

    def _log_evidence(self, steps: Steps) -> np.ndarray:
        """log p of what is known of each row (B,)."""
        total = self.hidden.filter(self._sequences(steps, self.n_states)).log_prob.copy()
        for name, column in self.columns.items():
            if name in steps.values:
                inside = np.arange(steps.values[name].shape[1]) < steps.lengths[:, None]
                total -= (column.log_scale(steps.values[name]) * inside).sum(1)
        return np.where(steps.is_known, total + self._log_length(steps), 0.0)

    def _log_length(self, steps: Steps) -> np.ndarray:
        """log p of each row's length, or of being at least so long (B,)."""
        n, is_settled = steps.lengths, steps.is_settled
        if self.config.ends == "free":
            return np.zeros(len(n))
        if self.config.ends == "lengths":
            return np.where(is_settled, self.lengths.log_p(n), self.lengths.log_at_least(n))
        empty = self.lengths.p[0]
        with np.errstate(divide="ignore"):
            return np.where(n > 0, np.log1p(-empty), np.where(is_settled, np.log(empty), 0.0))

    def conditions_exactly(self, columns: list[str]) -> bool:
        """Always: by forward filtering and backward sampling."""
        return True

    def sample(self, n: int, given: Batch, generator: torch.Generator, temperature: float = 1.0) -> Batch:
        """Draws given any steps; open places are drawn, missing ones stay missing.

        A temperature flattens or sharpens every distribution of the model on its own.

        Raises:
            GivenError: what is given is impossible.
        """
        hidden = Hidden(self.hidden.chain.tempered(temperature), self.hidden.emissions)
        steps = self._read(given) if given else nothing(n)
        dice = Dice(generator, temperature)
        u_length, u = dice.uniform((n,)), dice.uniform((n, self.longest))
        states, lengths = self._paths(hidden, steps, u_length, u, temperature)
        values = self._emitted(hidden, np.maximum(states, 0), steps, dice)
        rows = with_steps(values, lengths, self.space)
        return {name: _completed(torch.from_numpy(rows[name]), given.get(name)) for name in self.space}

    def _emitted(self, hidden: Hidden, states: np.ndarray, steps: Steps, dice: Dice) -> dict[str, np.ndarray]:
        """Column → what the states (n, T) emit, given what is known of each step."""
        found = {self.tags: states} if self.tags else {}
        for name, column in self.columns.items():
            known = steps.values.get(name)
            flat = None if known is None else known.reshape(-1, *known.shape[2:])
            x = column.draw(hidden.emissions[name], states.ravel(), flat, dice)
            found[name] = x.reshape(*states.shape, *x.shape[1:])
        return {name: x[:, : row_shape(self.space[name])[0]] for name, x in found.items()}

    def _paths(
        self, hidden: Hidden, steps: Steps, u_length: np.ndarray, u: np.ndarray, temperature: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """States (n, T), -1 behind the end, and lengths (n,)."""
        if self.config.ends != "chain":
            drawn = self.lengths.draw(u_length, steps.lengths, temperature)
            lengths = np.where(steps.is_settled, steps.lengths, drawn)
            return self._smoothed_paths(hidden, cut(steps, lengths), u), lengths
        states = self._smoothed_paths(hidden, steps, u)
        is_empty = ~steps.is_settled & (steps.lengths == 0) & (u_length < self.lengths.p[0])
        goes_on = ~steps.is_settled & ~is_empty
        last = states[np.arange(len(u)), np.maximum(steps.lengths - 1, 0)]
        n_before = np.where(goes_on, steps.lengths, u.shape[1])
        after = forward_paths(hidden.chain, np.maximum(last, 0), u, n_before)
        states = np.where(states >= 0, states, after)
        return states, (states >= 0).sum(1)

    def _smoothed_paths(self, hidden: Hidden, steps: Steps, u: np.ndarray) -> np.ndarray:
        """States (n, T) given what is known, by forward filtering and backward sampling."""
        data = self._sequences(steps, self.n_states, whole=True)
        found = hidden.filter(data)
        impossible = np.flatnonzero(found.log_prob == -np.inf)
        if len(impossible):
            raise GivenError(f"what is given in row {impossible[0] + 1} has probability 0 under this model; give less")
        states = backward_paths(hidden.chain, data.layout, found.alpha, data.layout.pack(u))
        return data.layout.unpack(states, u.shape[1], -1)

    def propose(
        self, n: int, given: Batch, generator: torch.Generator, known: Mapping[str, torch.Tensor] | None = None
    ) -> tuple[Batch, torch.Tensor]:
        """Draws from p(rest | given), which weigh p(given)."""
        given = {name: _only(x, None if known is None else known.get(name)) for name, x in given.items()}
        return self.sample(n, given, generator), torch.from_numpy(self._log_evidence(self._read(given)))

    # What states are behind the rows

    def best_paths(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """States of the most probable paths (B, T), -1 behind the end, and their log p(x, z) given the length (B,)."""
        steps = self._read(batch)
        data = self._sequences(steps, self.n_states)
        states, score = self.hidden.best_paths(data)
        return data.layout.unpack(states, width(steps), -1), score

    def posteriors(self, batch: Batch) -> np.ndarray:
        """p(z_t = k | x) (B, T, K), 0 behind the end."""
        steps = self._read(batch)
        data = self._sequences(steps, self.n_states)
        return data.layout.unpack(self.hidden.smooth(data).gamma.T, width(steps), 0.0)

    def predict(self, batch: Batch) -> Batch:
        """The column of tags, as the most probable path has it; known tags are not looked at.

        Raises:
            UnsupportedError: the states are no tags.
        """
        if not (name := self.tags):
            raise UnsupportedError("the states of this model are no tags; fit it with states = the column of tags")
        seen = {column: x for column, x in batch.items() if column != name}
        steps = self._read(seen)
        states, _ = self.best_paths(seen)
        width = batch[name].shape[1] if name in batch else states.shape[1]
        rows = with_steps({name: states[:, :width]}, steps.lengths, self.space)
        return {name: torch.from_numpy(rows[name])}

    # Saving

    def state(self) -> dict[str, torch.Tensor]:
        """The chain, the table of lengths, and each column's emission."""
        chain = self.hidden.chain
        found = {"start": chain.start, "move": chain.move, "lengths": self.lengths.p, "trace": np.array(self.trace)}
        if chain.stop is not None:
            found["stop"] = chain.stop
        found["tried"] = np.array(sorted(self.tried.items()), float).reshape(-1, 2)
        for j, (name, column) in enumerate(self.columns.items()):
            found |= {f"column.{j}.{k}": x for k, x in column.state(self.hidden.emissions[name]).items()}
        return {name: torch.from_numpy(np.ascontiguousarray(x)) for name, x in found.items()}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """The inverse of `state`."""
        found = {name: x.numpy() for name, x in state.items()}
        self.lengths, self.trace = Lengths(found["lengths"]), found["trace"].tolist()
        self.tried = {int(n): value for n, value in found["tried"].tolist()}
        emissions = {}
        for j, (name, column) in enumerate(self.columns.items()):
            own = f"column.{j}."
            mine = {k.removeprefix(own): x for k, x in found.items() if k.startswith(own)}
            emissions[name] = column.load(mine, self.emission_settings)
        self.hidden = Hidden(Chain(found["start"], found["move"], found.get("stop")), emissions)

    def describe(self) -> dict[str, Any]:
        """States, how long they last, and how often they are visited."""
        chain = self.hidden.chain
        found: dict[str, Any] = {"states": self.n_states}
        if self.tags:
            found["states are"] = f"the tags of {self.tags}"
            if self.tried:
                tried = {str(n): round(v, 4) for n, v in self.tried.items()}
                found["nats a held-out tag by iterations of EM for missing ones"] = tried
        else:
            found["mean duration of each state, in steps"] = [round(float(d), 2) for d in chain.durations()]
            found["share of steps in each state"] = [round(float(s), 4) for s in chain.occupancy()]
        if self.tried and not self.tags:
            found["nats a held-out step by number of states"] = {str(n): round(v, 4) for n, v in self.tried.items()}
        if self.trace:
            found["iterations of EM"] = len(self.trace)
        return found


def _tags(space: Space, config: HMMConfig) -> str:
    """The column that the states are, or nothing."""
    if config.states != "auto":
        return config.states
    is_there = "tags" in space and len(space) > 1 and isinstance(space["tags"].support, Tokens)
    is_free = not (config.n_states or config.topology != "full" or config.allowed)
    return "tags" if is_there and is_free else ""


def _column(name: str, support: Any) -> Column:
    return CodeColumn(support) if isinstance(support, Tokens) else NumberColumn(support, name)


def _completed(drawn: torch.Tensor, given: torch.Tensor | None) -> torch.Tensor:
    """What is given, with its open places drawn."""
    if given is None:
        return drawn
    is_open = given == -float("inf") if given.is_floating_point() else given == OPEN
    return torch.where(is_open, drawn.to(given.dtype), given)


def _only(x: torch.Tensor, known: torch.Tensor | None) -> torch.Tensor:
    """The rows that are known; others are open."""
    if known is None:
        return x
    nothing = torch.full_like(x, -float("inf") if x.is_floating_point() else OPEN)
    return torch.where(known.view(-1, *[1] * (x.dim() - 1)), x, nothing)
