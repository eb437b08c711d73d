"""How many tags does the model guess right? Accuracy of the most probable tags of sentences it has not seen.

    accuracy = Σ_i #{t: ẑ_it = z_it} / Σ_i T_i       over sentences i, steps t whose tag is known

Steps of a sentence depend on each other, so the interval comes from resampling whole sentences (the cluster bootstrap;
Field and Welsh 2007, https://doi.org/10.1111/j.1467-9868.2007.00593.x). The ceiling is the classic baseline: every word
has the tag that it had most often, and unseen ones the most frequent tag (Charniak 1993).
"""

from typing import ClassVar

import numpy as np
import torch

from genwright.core.dataset import n_rows
from genwright.core.errors import DataError, UnsupportedError
from genwright.core.features import sample_rows
from genwright.core.judge import Evidence, Judge, Measure, Part, Score
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Space, Tokens

N_RESAMPLES = 1_000


class Tagging(Judge):
    """Accuracy of tags; floor: on training sentences, ceiling: each word's most frequent tag."""

    parts: ClassVar[dict[str, Part]] = {
        "accuracy": Part(
            "share of tags", "higher", "Share of the tags of unseen sentences that the model guesses right."
        ),
    }
    needs = frozenset({"train", "held_out", "predict"})
    source = "Charniak et al. (1993), https://aaai.org/papers/00784-aaai93-117-equations-for-part-of-speech-tagging/"
    max_rows = 2_000
    looks_at = "tags beside other tokens"

    @classmethod
    def sees(cls, space: Space) -> Space:
        """Columns of tokens, of which one is tags and another what they stand beside."""
        tokens = {name: f for name, f in space.items() if isinstance(f.support, Tokens)}
        return Space(tokens if len(tokens) > 1 else {})

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """Of held-out sentences; `fake` is not looked at, because the model itself is asked."""
        return {"accuracy": self._of_model(evidence.held_out, evidence)}

    def protocol(self, evidence: Evidence) -> str:
        """Sentences and interval."""
        return (
            f"{min(self.max_rows, n_rows(evidence.held_out)):,} held-out sentences (at most {self.max_rows:,}), tags "
            f"of the most probable path, {N_RESAMPLES:,} resamplings of sentences; floor: of training sentences; "
            "ceiling: the tag that a word had most often"
        )

    def scores(self, evidence: Evidence) -> list[Score]:
        """Nothing where the model guesses no tags."""
        if evidence.predict is None:
            return []
        found = self.measure(evidence.fake, evidence)
        floor = {"accuracy": self._of_model(evidence.train, evidence)}
        return self.between(found, floor, {"accuracy": self._of_baseline(evidence)}, evidence)

    def _rows(self, rows: Batch, evidence: Evidence) -> Batch:
        return sample_rows(rows, self.max_rows, numpy_generator(evidence.seed, "tagging"))

    def _of_model(self, rows: Batch, evidence: Evidence) -> Measure:
        if evidence.predict is None:
            raise UnsupportedError("this model guesses no tags; fit hmm with a column of tags as its states")
        rows = self._rows(rows, evidence)
        ((name, guess),) = evidence.predict(rows).items()
        return _accuracy(guess, rows[name], _support(evidence.space, name), evidence.seed)

    def _of_baseline(self, evidence: Evidence) -> Measure:
        assert evidence.predict is not None
        rows = self._rows(evidence.held_out, evidence)
        (name,) = evidence.predict({k: x[:1] for k, x in rows.items()})
        words = next(n for n in self.sees(evidence.space) if n != name)
        guess = _most_frequent(evidence.train, words, name, evidence.space)[rows[words]]
        return _accuracy(guess, rows[name], _support(evidence.space, name), evidence.seed)


def _support(space: Space, name: str) -> Tokens:
    support = space[name].support
    assert isinstance(support, Tokens)
    return support


def _is_tag(x: torch.Tensor, support: Tokens) -> torch.Tensor:
    """Steps whose tag is known (B, T)."""
    return (x != support.pad) & (x != support.end) & (x != support.missing)


def _accuracy(guess: torch.Tensor, tags: torch.Tensor, support: Tokens, seed: int) -> Measure:
    """With its interval over sentences.

    Raises:
        DataError: no tag is known.
    """
    is_tag = _is_tag(tags, support)
    n_steps = is_tag.sum(1).numpy().astype(float)
    n_right = ((guess == tags) & is_tag).sum(1).numpy().astype(float)
    if not n_steps.sum():
        raise DataError("no tag is known in these sentences; pass some that have tags")
    weight = numpy_generator(seed, "resamplings").multinomial(len(tags), np.full(len(tags), 1 / len(tags)), N_RESAMPLES)
    resampled = (weight @ n_right) / np.maximum(weight @ n_steps, 1)  # (R,)
    low, high = np.quantile(resampled, [0.025, 0.975])
    value = float(n_right.sum() / n_steps.sum())
    return Measure(value, min(float(low), value), max(float(high), value), int(n_steps.sum()))


def _most_frequent(train: Batch, words: str, tags: str, space: Space) -> torch.Tensor:
    """The tag of each word's code (V,): its most frequent one, the most frequent of all where it has none."""
    support = _support(space, tags)
    is_tag = _is_tag(train[tags], support)
    shape = _support(space, words).n, support.n
    pair = train[words][is_tag] * support.n + train[tags][is_tag]
    count = torch.bincount(pair, minlength=shape[0] * shape[1]).reshape(shape)
    best = count.argmax(1)
    return torch.where(count.sum(1) > 0, best, count.sum(0).argmax())
