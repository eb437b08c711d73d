"""From sequences to a model: EM from several starts, tags that are counted, and how many states.

Short runs of EM from all starts, and a long one from where the best of them came (Biernacki, Celeux and Govaert 2003,
https://doi.org/10.1016/S0167-9473(02)00163-9). With tags, states are counted where they are known; where some are
missing, EM may go on from there with the known ones held fast (Merialdo 1994, https://aclanthology.org/J94-2001).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from genwright.nn.markov.categorical import Categorical
from genwright.nn.markov.chain import Allowed, Chain
from genwright.nn.markov.em import Fitted, Learning, fit_em, maximised
from genwright.nn.markov.hidden import Hidden, Sequences
from genwright.nn.markov.start import first_guess

Told = Callable[[float, str], None]
CANDIDATES = (1, 2, 3, 4, 6, 8, 12)  # numbers of states that are tried
PATIENCE = 2  # numbers that may do worse than the best before no more are tried


@dataclass(frozen=True)
class Plan:
    """How a model is learnt."""

    how: Learning
    with_ends: bool
    in_time: bool  # starts are stretches of time
    n_restarts: int


def learn_hidden(
    data: Sequences, alike: Mapping[str, Any], n_states: int, plan: Plan, rng: np.random.Generator, told: Told
) -> Fitted:
    """EM from several starts.

    Args:
        data: The sequences.
        alike: Column → an emission of K states that are all alike.
        n_states: K.
        plan: How.
        rng: Of the starts.
        told: Of progress.
    """
    allowed, how = plan.how.allowed, plan.how
    n_starts = 1 if n_states == 1 or plan.in_time else plan.n_restarts
    short = replace(how, n_iter=max(3, min(20, how.n_iter // 4))) if n_starts > 1 else how
    best: Fitted | None = None
    for i in range(n_starts):
        start = first_guess(data, alike, n_states, allowed, plan.with_ends, plan.in_time, rng)
        fitted = fit_em(start, data, short, _telling(told, 0.5 * i / n_starts, f"start {i + 1} of {n_starts}"))
        best = fitted if best is None or fitted.trace[-1] > best.trace[-1] else best
    assert best is not None
    if n_starts == 1:
        return best
    final = fit_em(best.hidden, data, how, _telling(told, 0.5, "em"))
    return replace(final, trace=best.trace + final.trace)


def _telling(told: Told, done: float, what: str) -> Callable[[int, float], None]:
    return lambda i, value: told(min(done + 0.01 * i, 0.99), f"{what}, iteration {i + 1}: {value:,.1f} nats")


def learn_tagged(data: Sequences, blank: Hidden, how: Learning, told: Told, n_iter: int) -> Fitted:
    """States that are tags: counted where they are known, then some iterations of EM for those that are missing.

    Args:
        data: Sequences, whose `possible` says what is known of their tags.
        blank: All states alike.
        how: Its settings.
        told: Of progress.
        n_iter: Iterations of EM.
    """
    told(0.1, "counting tags")
    found = blank.smooth(data)
    assert data.possible is not None
    gamma = found.gamma.copy()
    gamma[:, data.possible.sum(0) > 1] = 0.0  # steps whose tags are missing do not teach before EM
    known = replace(found, gamma=gamma, starts=gamma[:, data.layout.firsts].sum(1), moves=_known_moves(data, gamma))
    start = maximised(_weighted_by_types(blank, data, gamma), data, known, how)
    if not n_iter:
        return Fitted(start)
    return fit_em(start, data, replace(how, n_iter=n_iter, tolerance=-np.inf), _telling(told, 0.2, "em"))


def _weighted_by_types(blank: Hidden, data: Sequences, gamma: np.ndarray) -> Hidden:
    """Priors of codes worth as many steps in a state as different codes were seen in it (Witten and Bell 1991).

    https://doi.org/10.1109/18.87000: states that show many codes are those that show new ones.
    """
    emissions = dict(blank.emissions)
    for name, e in blank.emissions.items():
        if isinstance(e, Categorical):
            seen = replace(e, prior=np.zeros_like(e.prior)).counts(data.frames[name], gamma)
            n_types = np.maximum((seen > 0.5).sum(1), 1)
            emissions[name] = replace(e, prior=n_types[:, None] * e.prior)
    return Hidden(blank.chain, emissions)


def iterations_for_tags(
    fit: Callable[[int], Fitted], held_out: Callable[[Fitted], float], most: int, told: Told
) -> tuple[int, dict[int, float]]:
    """As many iterations of EM as make held-out tags likeliest; EM soon trades tags for words (Merialdo 1994).

    Args:
        fit: A model after so many iterations, learnt without the held-out tags.
        held_out: Mean log probability of a held-out tag given the words.
        most: No more iterations than this.
        told: Of progress.
    """
    return choose_n_states(fit, held_out, most, told, (0, 1, 2, 4, 8, 16, 32, 64), "iterations of em")


def _known_moves(data: Sequences, gamma: np.ndarray) -> np.ndarray:
    """Transitions between steps whose tags are both known (K, K)."""
    layout = data.layout
    now = np.arange(layout.alive[0], layout.n_frames)
    before = now - np.repeat(layout.alive[:-1], layout.alive[1:])
    return gamma[:, before] @ gamma[:, now].T


def choose_n_states(
    fit: Callable[[int], Fitted],
    held_out: Callable[[Fitted], float],
    most: int,
    told: Told,
    candidates: tuple[int, ...] = CANDIDATES,
    what: str = "states",
) -> tuple[int, dict[int, float]]:
    """The number of states under which held-out sequences are likeliest, and what was found, in nats a step.

    Args:
        fit: A model of so many states, learnt from the other sequences.
        held_out: Mean log likelihood of a held-out step.
        most: No more states than this.
        told: Of progress.
        candidates: Numbers that are tried, rising.
        what: They are numbers of.
    """
    found: dict[int, float] = {}
    for n_states in (n for n in candidates if n <= most):
        found[n_states] = held_out(fit(n_states))
        best = max(found, key=lambda n: found[n])
        told(0.0, f"{n_states} {what}: {found[n_states]:.4f} nats a held-out step")
        if sum(n > best for n in found) >= PATIENCE:
            break
    return max(found, key=lambda n: found[n]), found


def even_chain(n_states: int, allowed: Allowed, with_ends: bool) -> Chain:
    """The chain whose allowed transitions are all equally probable."""
    rows = np.column_stack([allowed.move, allowed.stop] if with_ends else [allowed.move]).astype(float)
    rows /= rows.sum(1, keepdims=True)
    stop = rows[:, n_states] if with_ends else None
    return Chain(allowed.start / allowed.start.sum(), rows[:, :n_states], stop)
