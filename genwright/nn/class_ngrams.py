"""n-grams of one column of texts, those of each row's classes interpolated with those of all rows.

    p(w | h, c₁ … c_J) = λ₀ p(w | h) + Σ_j λ_j p_{j, c_j}(w | h)

Each p is a Kneser-Ney model (`nn/kneser_ney`): one counted on all rows, one on the rows of each class. The weights λ
are those under which held-out rows are likeliest (deleted interpolation, Jelinek and Mercer, 1980, by EM); they depend
on how much of h all rows and the classes have seen, so that a class that knows the history well is asked first.

A text begins behind a start, which is its end's code, and ends with its end. Passages of a running text begin with a
history that is not known, which counts as shorter, and their length is not modelled.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from genwright.core.space import OPEN, Tokens
from genwright.nn.kneser_ney import KneserNey, Text, best_order, count

HELD_OUT = 0.1  # share of the rows that choose order and weights
MOST_HELD_OUT = 200_000  # their tokens, at most
FEW_ROWS = 10  # with fewer nothing is held out
USUAL_ORDER = 3  # with nothing held out
ROUNDS = 30  # of EM
PIECE = 2**18  # tokens looked at together
MOST_GRAMS, SHORT_ORDER = 2**26, 3  # n-grams that there may be when the order is chosen, but always those of three

Rows = tuple[Text, np.ndarray]  # texts one after the other, and the row of each of their tokens, starts included


class ClassNgrams:
    """p(text | classes).

    Args:
        support: The column's sequences.
        sizes: Codes of each column of classes (J,).
    """

    def __init__(self, support: Tokens, sizes: tuple[int, ...] = ()):
        self.support, self.sizes = support, sizes
        never = {support.pad, support.end} if support.runs_on else {support.pad} - {support.end}
        self.never = tuple(sorted(never))
        self.all = KneserNey(support.n, self.never)
        self.of_class: dict[tuple[int, int], KneserNey] = {}
        self.weights = np.ones((1, 1, 1 + len(sizes)))  # λ by the depths of all rows and of the classes

    @property
    def order(self) -> int:
        """Tokens of the longest n-gram."""
        return self.all.order

    def fit(
        self, batches: Iterable[Tensor], classes: Tensor, order: int, max_order: int, generator: torch.Generator
    ) -> None:
        """Counts all texts.

        Args:
            batches: Texts (B, T), batch by batch.
            classes: Of all rows (N, J).
            order: Tokens of the longest n-gram; 0: the one under which held-out rows are likeliest.
            max_order: The longest that is tried.
            generator: Chooses the rows that are held out.
        """
        whole, labels = self._joined(batches), classes.numpy()
        self.weights = np.full((1, 1, 1 + len(self.sizes)), 1 / (1 + len(self.sizes)))
        most = min(max_order, max(SHORT_ORDER, MOST_GRAMS // max(len(whole[0].tokens), 1)))
        is_held = self._held_out(whole, len(labels), generator)
        if is_held.any() and (self.sizes or not order):
            learnt, (text, rows) = _part(whole, ~is_held), _part(whole, is_held)
            history, w = histories(text, max(order, most) - 1)
            if not order:
                counts = count(learnt[0], self.support.n, most)
                order = best_order(counts, self.support.n, self.never, history, w)
            if self.sizes:
                self._count(learnt, labels, order)
                self._weigh(history, w, labels[rows[text.is_told]])
        self._count(whole, labels, order or min(USUAL_ORDER, max_order))

    def _joined(self, batches: Iterable[Tensor]) -> Rows:
        """All texts as one stream; memory grows with their tokens, and not with the places of rows."""
        parts, n = [], 0
        for codes in batches:
            text, rows = self.text(codes)
            parts.append((text.tokens, text.age, text.is_told, rows + n))
            n += len(codes)
        tokens, age, is_told, rows = (np.concatenate(x) for x in zip(*parts, strict=True))
        return Text(tokens, age, is_told, not self.support.runs_on), rows

    @staticmethod
    def _held_out(whole: Rows, n: int, generator: torch.Generator) -> np.ndarray:
        """Which of n rows are held out (n,)."""
        order = torch.randperm(n, generator=generator).numpy()
        is_held = np.zeros(n, bool)
        if n >= FEW_ROWS:
            some = order[: max(1, int(HELD_OUT * n))]
            n_tokens = np.bincount(whole[1], minlength=n)[some].cumsum()
            is_held[some[: max(1, int((n_tokens <= MOST_HELD_OUT).sum()))]] = True
        return is_held

    def _count(self, whole: Rows, labels: np.ndarray, order: int) -> None:
        self.all = self._model(whole, order)
        self.of_class = {
            (j, int(c)): self._model(_part(whole, labels[:, j] == c), order)
            for j in range(len(self.sizes))
            for c in np.unique(labels[np.unique(whole[1][whole[0].is_told]), j])
        }

    def _model(self, rows: Rows, order: int) -> KneserNey:
        return KneserNey.fitted(count(rows[0], self.support.n, order), self.support.n, self.never)

    def text(self, codes: Tensor) -> Rows:
        """Rows (B, T) as one stream: a start, the tokens, the end where there is one; and the row of each of them.

        Rows with open places end before them; those that are missing, pads alone, have no tokens.
        """
        runs_on, x = self.support.runs_on, codes.numpy()
        is_last = (x == self.support.end) | (x == OPEN)
        n = np.where(is_last.any(1), is_last.argmax(1), (x != self.support.pad).sum(1))  # tokens of each row
        is_closed = (x == self.support.end)[np.arange(len(n)), np.minimum(n, x.shape[1] - 1)]
        size = n if runs_on else 1 + n + is_closed
        age = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        rows = np.repeat(np.arange(len(codes)), size)
        place = age if runs_on else age - 1
        tokens = np.where(place < 0, self.support.end, x[rows, np.maximum(place, 0)])
        return Text(tokens, age, place >= 0, is_whole=not runs_on), rows

    def _weigh(self, history: np.ndarray, w: np.ndarray, classes: np.ndarray) -> None:
        """λ by EM on held-out tokens, from equal weights; a pseudo-count keeps rare depths near them."""
        n_parts = 1 + len(self.sizes)
        p, depths = self._parts(history, w, classes)
        weights = np.full((max(self.order, 1), max(self.order, 1), n_parts), 1 / n_parts)
        for _ in range(ROUNDS):
            share = weights[depths] * p  # (M, parts)
            share /= np.maximum(share.sum(1, keepdims=True), 1e-300)
            total = np.full_like(weights, 1 / n_parts)
            np.add.at(total, depths, share)
            weights = total / total.sum(2, keepdims=True)
        self.weights = weights

    def _models(self, classes: np.ndarray, j: int) -> Iterator[tuple[np.ndarray, KneserNey]]:
        """The rows of each class of column j that has a model."""
        for c in np.unique(classes[:, j]):
            if (j, int(c)) in self.of_class:
                yield np.flatnonzero(classes[:, j] == c), self.of_class[j, int(c)]

    def _parts(
        self, history: np.ndarray, w: np.ndarray | None, classes: np.ndarray
    ) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """What each model says of w (B, parts), or of all tokens (B, parts, V), and the depths (B,) and (B,)."""

        def ask(model: KneserNey, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            return model.distribution(history[rows]) if w is None else model.prob(history[rows], w[rows])

        p, depth = ask(self.all, np.arange(len(history)))
        parts, of_class = [p], np.zeros_like(depth)
        for j in range(len(self.sizes)):
            own = p.copy()
            for rows, model in self._models(classes, j):
                own[rows], seen = ask(model, rows)
                of_class[rows] = np.maximum(of_class[rows], seen)
            parts.append(own)
        return np.stack(parts, 1), (depth, of_class)

    def _mixed(self, history: np.ndarray, w: np.ndarray | None, classes: np.ndarray) -> np.ndarray:
        p, (depth, of_class) = self._parts(history, w, classes)
        if not self.sizes:
            return p[:, 0]
        most = len(self.weights) - 1
        weights = self.weights[np.minimum(depth, most), np.minimum(of_class, most)]
        return sum(p[:, i] * weights[:, i].reshape(-1, *[1] * (p.ndim - 2)) for i in range(p.shape[1]))  # type: ignore

    def log_prob(self, codes: Tensor, classes: Tensor) -> Tensor:
        """log p(text | classes) of rows (B, T) and classes (B, J) → (B,); of beginnings where places are open."""
        size = max(1, PIECE // (codes.shape[1] + 1))
        pieces = [self._log_prob(codes[i : i + size], classes[i : i + size]) for i in range(0, len(codes), size)]
        return torch.cat(pieces) if pieces else torch.zeros(0, dtype=torch.float64)

    def _log_prob(self, codes: Tensor, classes: Tensor) -> Tensor:
        text, rows = self.text(codes)
        rows = rows[text.is_told]
        history, w = histories(text, self.order - 1)
        with np.errstate(divide="ignore"):
            each = np.log(self._mixed(history, w, classes.numpy()[rows]))
        return torch.from_numpy(np.bincount(rows, weights=each, minlength=len(codes)))

    def distribution(self, history: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """p(• | h, classes) (B, V) of histories (B, K), the latest token last, −1 where there is none."""
        return self._mixed(history, None, classes)

    def state(self) -> dict[str, Tensor]:
        """All models, and their weights."""
        found = {"weights": torch.from_numpy(self.weights)}
        found |= {f"all.{key}": x for key, x in self.all.state().items()}
        for (j, c), model in self.of_class.items():
            found |= {f"class.{j}.{c}.{key}": x for key, x in model.state().items()}
        return found

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """The inverse of `state`."""
        self.weights = state["weights"].numpy()
        self.all.load_state(_under(state, "all."))
        self.of_class = {}
        for j, c in sorted({tuple(map(int, key.split(".")[1:3])) for key in state if key.startswith("class.")}):
            model = self.of_class[j, c] = KneserNey(self.support.n, self.never)
            model.load_state(_under(state, f"class.{j}.{c}."))


def histories(text: Text, size: int) -> tuple[np.ndarray, np.ndarray]:
    """For each token that is predicted those before it (M, size), −1 where there is none, and itself (M,)."""
    at = np.flatnonzero(text.is_told)
    back = np.arange(size, 0, -1)
    before = text.tokens[np.maximum(at[:, None] - back, 0)]
    return np.where(text.age[at][:, None] >= back, before, -1), text.tokens[at]


def _part(whole: Rows, is_in: np.ndarray) -> Rows:
    """The rows that are in (N,)."""
    text, rows = whole
    keep = is_in[rows]
    return Text(text.tokens[keep], text.age[keep], text.is_told[keep], text.is_whole), rows[keep]


def _under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): x for key, x in state.items() if key.startswith(prefix)}
