"""Kneser-Ney smoothing against the textbook's formulas, written out slowly, and against what must hold of any model."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from genwright.nn.kneser_ney import KneserNey, Text, best_order, count, discounts

V = 6
START = 1


def _sentences(n: int = 60, seed: int = 0) -> list[list[int]]:
    """Sentences over the tokens 2 … 5, closed by 1."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        w = [int(rng.integers(2, 6))]
        while rng.random() < 0.85:
            w.append(2 + (w[-1] + int(rng.choice(3, p=[0.6, 0.3, 0.1]))) % 4)
        found.append([*w, START])
    return found


def _text(sentences: list[list[int]]) -> Text:
    rows = [[START, *s] for s in sentences]
    age = np.concatenate([np.arange(len(r)) for r in rows])
    return Text(np.concatenate(rows).astype(np.int64), age, age > 0)


class Textbook:
    """Equations of Chen and Goodman (1999), one n-gram at a time, from dictionaries."""

    def __init__(self, sentences: list[list[int]], order: int, never: set[int]):
        self.order, self.vocabulary = order, [w for w in range(V) if w not in never]
        self.c: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order + 1)]
        before: list[defaultdict[tuple[int, ...], set[int]]] = [defaultdict(set) for _ in range(order + 1)]
        often: list[Counter[tuple[int, ...]]] = [Counter() for _ in range(order + 1)]
        for s in sentences:
            row = [START, *s]
            for t in range(1, len(row)):
                for n in range(1, order + 1):
                    if t - n + 1 < 0:
                        continue
                    gram = tuple(row[t - n + 1 : t + 1])
                    often[n][gram] += 1
                    if t - n >= 0:
                        before[n][gram].add(row[t - n])
        for n in range(1, order + 1):
            for gram, k in often[n].items():
                self.c[n][gram] = k if n == order or (gram[0] == START and n > 1) else len(before[n][gram])
        self.D = [discounts(np.array(list(c.values()))) if c else None for c in self.c]

    def prob(self, h: tuple[int, ...], w: int) -> float:
        return self._prob(h[max(0, len(h) - self.order + 1) :], w)

    def _prob(self, h: tuple[int, ...], w: int) -> float:
        lower = self._prob(h[1:], w) if h else 1 / len(self.vocabulary)
        n = len(h) + 1
        following = {g[-1]: k for g, k in self.c[n].items() if g[:-1] == h}
        if not following:
            return lower
        D, total = self.D[n], sum(following.values())
        mass = sum(D[min(k, 3)] for k in following.values())
        k = following.get(w, 0)
        return max(k - (D[min(k, 3)] if k else 0), 0) / total + mass / total * lower


def _histories(length: int, n: int, rng: np.random.Generator) -> np.ndarray:
    h = rng.integers(2, V, (n, length))
    for row in h:
        if rng.random() < 0.5:
            first = rng.integers(0, length)
            row[:first], row[first] = -1, START
    return h


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [8, 300])
def test_probabilities_are_the_textbooks(order: int, n: int) -> None:
    sentences = _sentences(n)
    slow = Textbook(sentences, order, never={0})
    fast = KneserNey.fitted(count(_text(sentences), V, order), V, never=(0,))
    rng = np.random.default_rng(1)
    h, w = _histories(4, 60, rng), rng.integers(1, V, 60)
    p, _ = fast.prob(h, w)
    expected = [slow.prob(tuple(x for x in row if x >= 0), int(v)) for row, v in zip(h.tolist(), w, strict=True)]
    np.testing.assert_allclose(p, expected, rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_probabilities_sum_to_one_after_every_history(order: int) -> None:
    model = KneserNey.fitted(count(_text(_sentences()), V, order), V, never=(0,))
    h = _histories(5, 500, np.random.default_rng(2))
    p, depth = model.distribution(h)
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-12)
    assert (p[:, 0] == 0).all()
    assert (p[:, 1:] > 0).all()
    for w in range(V):
        alone, seen = model.prob(h, np.full(500, w))
        np.testing.assert_allclose(alone, p[:, w], rtol=1e-12)
        np.testing.assert_array_equal(seen, depth)


def test_long_histories_are_spread_without_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    model = KneserNey.fitted(count(_text(_sentences()), V, 4), V)
    h = _histories(3, 200, np.random.default_rng(3))
    with_tables, _ = model.distribution(h)
    monkeypatch.setattr("genwright.nn.kneser_ney.DENSE", V)
    model._dense = []
    np.testing.assert_allclose(model.distribution(h)[0], with_tables, rtol=1e-12)
    assert len(model._dense) == 1


def test_discounts_are_those_of_the_paper() -> None:
    c = np.repeat([1, 2, 3, 4, 9], [60, 25, 12, 7, 3])
    Y = 60 / (60 + 50)
    expected = [0, 1 - 2 * Y * 25 / 60, 2 - 3 * Y * 12 / 25, 3 - 4 * Y * 7 / 12]
    np.testing.assert_allclose(discounts(c), expected)
    np.testing.assert_allclose(discounts(np.array([1, 1, 1, 2])), [0, 3 / 5, 3 / 5, 3 / 5])  # one for all
    assert (discounts(np.array([7, 8]))[1:] == 0.5).all()


def test_what_stands_before_a_passage_counts_once() -> None:
    """Passages of a running text: each way a passage begins is one more token that may stand before."""
    tokens = np.array([2, 3, 2, 3, 4, 3])
    text = Text(tokens, np.array([0, 1, 0, 1, 0, 1]), np.ones(6, bool), is_whole=False)
    kinds = dict(zip((c := count(text, V, 2)[0]).grams.tolist(), c.kinds.tolist(), strict=True))
    assert kinds == {2: 1, 3: 2, 4: 1}  # before 2 and 4 something unknown; before 3 once 2 and once 4


def test_the_lower_order_counts_kinds() -> None:
    """The textbooks' example: a word that only ever follows one other is unlikely behind a third."""
    often, varied = 2, 3
    sentences = [[4, often, START]] * 30 + [[w, varied, START] for w in (2, 3, 4, 5)]
    model = KneserNey.fitted(count(_text(sentences), V, 2), V, never=(0,))
    p, _ = model.prob(np.array([[5], [5]]), np.array([often, varied]))
    assert p[1] > p[0]


def test_a_longer_order_than_the_text_is_the_text_itself() -> None:
    counts = count(_text([[2, START], [3, START]]), V, 9)
    assert len(counts) == 3
    assert KneserNey.fitted(counts, V).order == 3


def test_the_best_order_is_found_by_trying_all() -> None:
    counts = count(_text(_sentences(80)), V, 6)
    held = _text(_sentences(40, seed=9))
    at = np.flatnonzero(held.is_told)
    back = np.arange(5, 0, -1)
    history = np.where(held.age[at][:, None] >= back, held.tokens[at[:, None] - back], -1)
    likelihood = [
        np.log(KneserNey.fitted(counts, V, (0,), order).prob(history, held.tokens[at])[0]).sum()
        for order in range(1, 7)
    ]
    assert best_order(counts, V, (0,), history, held.tokens[at]) == 1 + np.argmax(likelihood)
