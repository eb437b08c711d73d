"""Tables from rows with hidden codes, by expectation maximisation (Lauritzen 1995).

https://doi.org/10.1016/0167-9473(93)E0056-A

    E: n_v(parents, code) = Σ_rows p(parents, code | known codes of the row)
    M: p(code | parents) ∝ n_v(parents, code) + s · p_v(code)

where s is the pseudo count and p_v the column alone. Each round raises

    Σ_rows log p(known codes) + s Σ_v Σ_parents Σ_code p_v(code) log p(code | parents)

or leaves it as it is; with s = 0 that is the log likelihood. A row says nothing of hidden columns without known
descendants, so it counts in no table of theirs.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import xlogy

from genwright.nn.networks.elimination import sliced
from genwright.nn.networks.graph import Parents
from genwright.nn.networks.inference import Agenda, Work, agenda, eliminations
from genwright.nn.networks.network import Network, estimated, radix

LEAST_GAIN = 1e-7  # nats a row; the end


def fit_em(
    start: Network,
    codes: np.ndarray,
    alone: Sequence[np.ndarray],
    pseudo_count: float,
    n_rounds: int,
    progress: Callable[[float, str], None],
) -> tuple[Network, list[float]]:
    """Tables for the graph of `start`, and what each round raised.

    Args:
        start: A network whose tables have no zeros.
        codes: (D, N), −1 where hidden.
        alone: p_v of each column (card,).
        pseudo_count: s.
        n_rounds: Most rounds.
        progress: Told of every round.
    """
    todo, network, trace = agenda(start, codes), start, []
    fixed = _known_counts(start, codes, todo)
    for k in range(n_rounds):
        count, log_likelihood = _expected(network, todo, fixed)
        prior = pseudo_count * sum(float(xlogy(a, t).sum()) for a, t in zip(alone, network.tables, strict=True))
        trace.append(log_likelihood + prior)
        progress((k + 1) / n_rounds, f"EM, log likelihood {log_likelihood / codes.shape[1]:.4f} a row")
        if k and trace[-1] - trace[-2] < LEAST_GAIN * codes.shape[1]:
            break
        tables = [estimated(n, a, pseudo_count) for n, a in zip(count, alone, strict=True)]
        network = Network(network.parents, tuple(tables), network.plans)
    return network, trace


def available(codes: np.ndarray, parents: Parents, cards: Sequence[int]) -> list[np.ndarray]:
    """Counts of each family over the rows that show all of it."""
    found = []
    for v, above in enumerate(parents):
        family = [*above, v]
        shown = codes[:, (codes[family] >= 0).all(0)]
        shape = [cards[w] for w in family]
        found.append(np.bincount(radix(shown, family, cards), minlength=int(np.prod(shape))).reshape(shape))
    return found


def _known_counts(network: Network, codes: np.ndarray, todo: Agenda) -> list[np.ndarray]:
    """Counts from rows that show a whole family; they stay the same in every round."""
    found = []
    for v, table in enumerate(network.tables):
        shown = codes[:, todo.is_weighed[v]]
        count = np.bincount(radix(shown, network.family(v), network.cards), minlength=table.size)
        found.append(count.reshape(table.shape).astype(np.float64))
    return found


def _expected(network: Network, todo: Agenda, fixed: list[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """Expected counts, and the log likelihood."""
    count = [n.copy() for n in fixed]
    total = sum(float(xlogy(n, t).sum()) for n, t in zip(fixed, network.tables, strict=True))
    for task in todo.works:
        for part, buckets in eliminations(network, task):
            log_total = np.broadcast_to(buckets.log_total, task.count[part].shape)
            total += float(task.count[part] @ log_total)
        for f in task.piece.families:
            _add_family(network, task, f, count)
    return count, total


def _add_family(network: Network, task: Work, f: int, count: list[np.ndarray]) -> None:
    """Adds one table's expected counts over a work's rows."""
    family, cards = network.family(f), network.cards
    kept = tuple(w for w in family if w in task.piece.hidden)
    axes = [k for k, w in enumerate(family) if w not in kept] + [k for k, w in enumerate(family) if w in kept]
    added = np.zeros([cards[family[k]] for k in axes])
    flat = added.reshape(-1, *(cards[w] for w in kept))
    for part, buckets in eliminations(network, task, kept):
        p = buckets.rest.values
        p = p / p.reshape(len(p), -1).sum(1).reshape(-1, *[1] * len(kept))
        weight = task.count[part].reshape(-1, *[1] * len(kept))
        _, at, _ = sliced(network.tables[f], family, set(kept), cards, task.known[:, part])
        np.add.at(flat, np.broadcast_to(at, (len(weight),)), p * weight)
    count[f] += added.transpose(np.argsort(axes))
