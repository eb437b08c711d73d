"""Interpolated Kneser-Ney smoothing with three discounts (Kneser and Ney, 1995; Chen and Goodman, 1999).

https://doi.org/10.1109/ICASSP.1995.479394, https://doi.org/10.1006/csla.1999.0128

    p(w | h) = max(c(h w) − D(c(h w)), 0) / c(h •)  +  γ(h) p(w | h'),      h' = h without its first token
    γ(h)     = (D₁ N₁(h •) + D₂ N₂(h •) + D₃ N₃₊(h •)) / c(h •)
    Y = n₁ / (n₁ + 2 n₂),   D₁ = 1 − 2Y n₂/n₁,   D₂ = 2 − 3Y n₃/n₂,   D₃ = 3 − 4Y n₄/n₃

Below the empty history stands the uniform distribution. For the longest histories c counts how often h w was seen, for
shorter ones after how many different tokens; where h begins a sequence, nothing stands before it and c counts how
often. n_i is how many h w have c = i, N_i(h •) how many of them begin with h.

Histories are the nodes of a tree whose branches are tokens read backwards: the node of h is the child of the node of h'
by the first token of h. A node is a number, so a child's key (parent · V + token) and that of an n-gram (node · V + w)
are exact 64-bit numbers, sorted once and then found by bisection. Counting takes a sort a level, and some 100 bytes for
each token of the text while it lasts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch

LEAST_DISCOUNT = 0.05  # unseen tokens keep a probability
USUAL_DISCOUNT = 0.5  # where too few n-grams tell
PATIENCE = 3  # longer orders that are tried in vain
DENSE = 2**22  # probabilities of short histories that are kept for all tokens, to draw from


@dataclass(frozen=True)
class Text:
    """Sequences one after the other.

    Args:
        tokens: All of them (M,), those that only stand before others, such as a start, included.
        age: How many tokens of its own sequence stand before each (M,).
        is_told: Which of them are predicted (M,).
        is_whole: Nothing ever stands before a sequence's first token; else it is not known.
    """

    tokens: np.ndarray
    age: np.ndarray
    is_told: np.ndarray
    is_whole: bool = True


@dataclass
class Counts:
    """How often n-grams with histories of k tokens were seen.

    Args:
        keys: Of the histories, sorted: parent · V + first token (H,).
        grams: Keys of the n-grams, sorted: history · V + token (G,).
        often: How often each was seen (G,).
        kinds: After how many different tokens (G,); how often, where nothing can stand before.
    """

    keys: np.ndarray
    grams: np.ndarray
    often: np.ndarray
    kinds: np.ndarray


def count(text: Text, n: int, order: int) -> list[Counts]:
    """Counts for histories of 0, 1 … order − 1 tokens, as far as there are any; none at all of no tokens.

    Args:
        text: What is counted.
        n: Size of the vocabulary, V.
        order: Tokens of the longest n-gram.
    """
    found: list[Counts] = []
    at = np.flatnonzero(text.is_told)
    node, keys = np.zeros(len(at), np.int64), np.zeros(1, np.int64)
    for k in range(order):
        if k:
            has_more = text.age[at] >= k
            at, node = at[has_more], node[has_more]
        if not len(at):
            break
        if k:
            keys, node = np.unique(node * n + text.tokens[at - k], return_inverse=True)
        grams, which, often = np.unique(node * n + text.tokens[at], return_inverse=True, return_counts=True)
        firsts = np.bincount(which[text.age[at] == k], minlength=len(grams))
        kinds = firsts if text.is_whole else np.minimum(firsts, 1)
        found.append(Counts(keys, grams, often, kinds))
        if k:
            shorter = keys[grams // n] // n * n + grams % n
            below = found[k - 1]
            below.kinds = below.kinds + np.bincount(np.searchsorted(below.grams, shorter), minlength=len(below.grams))
    return found


@dataclass
class Level:
    """What histories of k tokens say.

    Args:
        n: Size of the vocabulary, V.
        keys: Of the histories (H,), sorted.
        start: Where each one's tokens begin (H + 1,).
        words: Tokens seen after each history (G,).
        values: Their discounted shares max(c − D, 0) / c(h •) (G,).
        backoff: γ (H,).
    """

    n: int
    keys: np.ndarray
    start: np.ndarray
    words: np.ndarray
    values: np.ndarray
    backoff: np.ndarray
    grams: np.ndarray = field(init=False, repr=False)  # keys of the n-grams (G,)

    def __post_init__(self) -> None:
        self.grams = np.repeat(np.arange(len(self.keys)), np.diff(self.start)) * self.n + self.words


def smoothed(counts: Counts, c: np.ndarray, n: int) -> Level:
    """Discounted shares of counts c (G,)."""
    history, H = counts.grams // n, len(counts.keys)
    D = discounts(c)[np.minimum(c, 3)]  # (G,)
    total = np.bincount(history, weights=c, minlength=H)
    start = np.concatenate([[0], np.cumsum(np.bincount(history, minlength=H))])
    backoff = np.bincount(history, weights=np.minimum(D, c), minlength=H) / total
    return Level(n, counts.keys, start, counts.grams % n, np.maximum(c - D, 0) / total[history], backoff)


def discounts(c: np.ndarray) -> np.ndarray:
    """D of the counts 0, 1, 2, 3 and more (4,); the same one for all where counts of counts are missing."""
    n1, n2, n3, n4 = (float((c == i).sum()) for i in range(1, 5))
    Y = n1 / (n1 + 2 * n2) if n1 and n2 else USUAL_DISCOUNT
    if not (n1 and n2 and n3 and n4):
        return np.array([0.0, Y, Y, Y])
    D = np.array([0.0, 1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3])
    return np.append(0.0, np.clip(D[1:], LEAST_DISCOUNT, [1, 2, 3]))


class KneserNey:
    """p(w | h) for all histories h.

    Args:
        n: Size of the vocabulary, V.
        never: Tokens that have probability 0, such as padding.
        levels: Of histories of 0, 1, … tokens.
    """

    def __init__(self, n: int, never: tuple[int, ...] = (), levels: list[Level] | None = None):
        self.n, self.never, self.levels = n, never, levels or []
        self.base = np.ones(n)  # the uniform distribution, (V,)
        self.base[list(never)] = 0.0
        self.base /= max(self.base.sum(), 1)
        self._dense: list[np.ndarray] = []

    @classmethod
    def fitted(cls, counts: list[Counts], n: int, never: tuple[int, ...] = (), order: int | None = None) -> "KneserNey":
        """From counts, of which only those up to an order may be used."""
        used = counts[:order]
        levels = [smoothed(c, c.often if k == len(used) - 1 else c.kinds, n) for k, c in enumerate(used)]
        return cls(n, never, levels)

    @property
    def order(self) -> int:
        """Tokens of the longest n-gram."""
        return len(self.levels)

    def _nodes(self, history: np.ndarray) -> Iterator[tuple[Level, np.ndarray, np.ndarray]]:
        """Level by level, the histories that were seen: their places among the B and their nodes.

        Args:
            history: Tokens before, the latest last (B, K); −1 where there is none.
        """
        rows, node = np.arange(len(history)), np.zeros(len(history), np.int64)
        for k, level in enumerate(self.levels):
            if k > history.shape[1]:
                return
            if k:
                token = history[rows, -k]
                key = np.where(token < 0, -1, node * self.n + token)
                place = np.searchsorted(level.keys, key).clip(max=len(level.keys) - 1)
                is_seen = level.keys[place] == key
                rows, node = rows[is_seen], place[is_seen]
            yield level, rows, node

    def prob(self, history: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """p(w | h) and how many tokens of h were seen before, both (B,).

        Args:
            history: (B, K), the latest token last; −1 where there is none.
            w: Tokens (B,).
        """
        p, depth = self.base[w], np.zeros(len(w), np.int64)
        for k, (level, rows, node) in enumerate(self._nodes(history)):
            p[rows], depth[rows] = _interpolated(level, node, w[rows], p[rows], self.n), k
        return p, depth

    def distribution(self, history: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """p(• | h) (B, V) and how many tokens of h were seen before (B,); h as in `prob`."""
        p, depth = np.broadcast_to(self.base, (len(history), self.n)).copy(), np.zeros(len(history), np.int64)
        dense = self._short()
        for k, (level, rows, node) in enumerate(self._nodes(history)):
            depth[rows] = k
            p[rows] = dense[k][node] if k < len(dense) else _spread(level, node, p[rows])
        return p, depth

    def _short(self) -> list[np.ndarray]:
        """p(• | h) for all short histories (H, V), level by level."""
        if not self._dense:
            below = self.base[None]
            for level in self.levels:
                if self._dense and len(level.keys) * self.n > DENSE:
                    break
                below = _spread(level, np.arange(len(level.keys)), below[level.keys // self.n])
                self._dense.append(below)
        return self._dense

    def state(self) -> dict[str, torch.Tensor]:
        """The levels' arrays."""
        return {
            f"{k}.{name}": torch.from_numpy(np.ascontiguousarray(getattr(level, name)))
            for k, level in enumerate(self.levels)
            for name in ("keys", "start", "words", "values", "backoff")
        }

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """The inverse of `state`."""
        n_levels = len({name.split(".")[0] for name in state})
        self.levels = [
            Level(self.n, *(state[f"{k}.{name}"].numpy() for name in ("keys", "start", "words", "values", "backoff")))
            for k in range(n_levels)
        ]
        self._dense = []


def best_order(counts: list[Counts], n: int, never: tuple[int, ...], history: np.ndarray, w: np.ndarray) -> int:
    """The order under which tokens w (M,) behind histories (M, K) are likeliest.

    Models of all orders share what shorter histories say, so one walk tells of all of them. It ends where `PATIENCE`
    orders one after the other are no better.
    """
    model, found = KneserNey.fitted(counts, n, never), [-np.inf]
    below = model.base[w]
    for k, (level, rows, node) in enumerate(model._nodes(history)):
        p = below.copy()
        p[rows] = _interpolated(smoothed(counts[k], counts[k].often, n), node, w[rows], below[rows], n)
        found.append(float(np.log(np.maximum(p, 1e-300)).sum()))
        if k + 1 - np.argmax(found) >= PATIENCE:
            break
        below[rows] = _interpolated(level, node, w[rows], below[rows], n)
    return int(np.argmax(found))


def _interpolated(level: Level, node: np.ndarray, w: np.ndarray, below: np.ndarray, n: int) -> np.ndarray:
    """p(w | h) from p(w | h'), all (B,)."""
    key = node * n + w
    place = np.searchsorted(level.grams, key).clip(max=len(level.grams) - 1)
    return level.backoff[node] * below + np.where(level.grams[place] == key, level.values[place], 0.0)


def _spread(level: Level, node: np.ndarray, below: np.ndarray) -> np.ndarray:
    """p(• | h) from p(• | h'), both (B, V)."""
    p = level.backoff[node][:, None] * below
    first, size = level.start[node], level.start[node + 1] - level.start[node]
    rows = np.repeat(np.arange(len(node)), size)
    place = np.arange(len(rows)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(first, size)
    p[rows, level.words[place]] += level.values[place]
    return p
