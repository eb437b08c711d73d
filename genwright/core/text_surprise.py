"""How surprised a model is by texts, and how many characters, tokens and words they have.

    surprise per unit = −Σ_i log p(x_i) / Σ_i n_i,   n_i: units of text i

A ratio of sums over texts, not a mean of ratios: long texts count as much as they say. Its interval is linearised over
texts, so that characters within one may depend on each other as they like.
"""

import abc
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.errors import DataError, UnsupportedError
from genwright.core.features import sample_rows
from genwright.core.judge import Evidence, Measure, Score
from genwright.core.lengths import WEIGHED_STEPS, affordable_rows, lengths
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Tokens
from genwright.core.statistics import Z95, mean, ratio
from genwright.core.text_judge import TextJudge
from genwright.core.texts import is_spaced, row_texts, text_columns, units

if TYPE_CHECKING:
    import torch

LogProb = Callable[[Batch], "torch.Tensor"]


@dataclass(frozen=True)
class Surprise:
    """Of some rows.

    Args:
        nats: −log p of each row (B,).
        n_characters: Of its texts (B,).
        n_tokens: The same in tokens, with those that close texts (B,); passages of a running text have none.
        n_words: The same in words and punctuation marks (B,); None where the script has no spaces.
    """

    nats: np.ndarray
    n_characters: np.ndarray
    n_tokens: np.ndarray
    n_words: np.ndarray | None

    def per(self, counts: np.ndarray) -> Measure:
        """Nats per unit; infinite as soon as one row is impossible, and `details` says how many are.

        Raises:
            DataError: there is no unit in any row.
        """
        if not counts.sum():
            raise DataError("every text that was held out is empty; hold out more rows")
        n_impossible = int(np.isinf(self.nats).sum())
        details = {"n_impossible": n_impossible}
        if n_impossible:
            return Measure(math.inf, math.inf, math.inf, len(self.nats), details)
        found = ratio(mean(self.nats), mean(counts.astype(float)))
        half = Z95 * found.error
        return Measure(found.value, found.value - half, found.value + half, len(self.nats), details)


class SurpriseJudge(TextJudge):
    """Base of the metrics of surprise at held-out texts; floor: at training texts, ceiling: of independent tokens."""

    needs = frozenset({"train", "held_out", "log_prob"})
    max_rows = 2_000

    @abc.abstractmethod
    def parts_of(self, found: Surprise) -> dict[str, Measure]:
        """Part → the number of some texts; parts without `bound` in their names."""

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """The model's number on held-out texts; `fake` is not looked at, because the model itself is asked."""
        return self._on(evidence.held_out, evidence.log_prob, evidence.given_log_prob, evidence)

    def protocol(self, evidence: Evidence) -> str:
        """Texts, interval, and which other columns count."""
        what = f"a bound of the log-likelihood ({evidence.bound_name})" if evidence.is_bound else "exact log-likelihood"
        n = affordable_rows(evidence.held_out, evidence.space, self.max_rows, WEIGHED_STEPS)
        return (
            f"{what} of {min(n, n_rows(evidence.held_out)):,} held-out texts (at most {self.max_rows:,}), "
            "interval linearised over texts; floor: training texts; ceiling: held-out texts under tokens drawn "
            f"independently{_others(evidence)}"
        )

    def scores(self, evidence: Evidence) -> list[Score]:
        """Nothing where there are no texts, or no likelihood."""
        if evidence.log_prob is None or evidence.trivial_log_prob is None or not _modelled(evidence):
            return []
        return self.by_likelihood(self._on, evidence)

    def _on(
        self, rows: Batch, log_prob: LogProb | None, of_given: LogProb | None, evidence: Evidence
    ) -> dict[str, Measure]:
        """The same rows as `likelihood` looks at, so that a likelihood that was kept is worked out once."""
        n = affordable_rows(rows, evidence.space, self.max_rows, WEIGHED_STEPS)
        chosen = sample_rows(rows, n, numpy_generator(evidence.seed, "likelihood"))
        found = self.parts_of(surprise(chosen, log_prob, of_given, evidence))
        if not evidence.is_bound:
            return found
        return {f"{part}_bound".removeprefix("_"): m for part, m in found.items()}


def surprise(rows: Batch, log_prob: LogProb | None, of_given: LogProb | None, evidence: Evidence) -> Surprise:
    """What the model, or another, thinks of the texts of these rows, and of the other columns that it models.

    Args:
        rows: Encoded rows.
        log_prob: Of whole rows.
        of_given: What it holds of columns that are always given, which is taken away.
        evidence: Says what is a text, and what is always given.

    Raises:
        UnsupportedError: there is no likelihood.
        DataError: no rows, or a likelihood that is not a number.
    """
    if log_prob is None:
        raise UnsupportedError("this model has no likelihood; judge its draws instead, e.g. by text_detectability")
    log_p = log_prob(rows) - (0 if of_given is None else of_given(rows))
    nats = -log_p.detach().cpu().numpy().astype(np.float64)
    if not len(nats) or np.isnan(nats).any():
        n = int(np.isnan(nats).sum())
        raise DataError(f"surprise at {len(nats)} texts: {n} are not a number; pass rows of the model's space")
    names = _modelled(evidence)
    texts = row_texts(rows, evidence, names)
    spaced = is_spaced(texts)
    n_words = np.array([len(units(text, True)) for text in texts]) if spaced else None
    n_characters = np.array([len(text) for text in texts]) - (len(names) - 1)  # without what parts the columns
    return Surprise(nats, n_characters, _n_tokens(rows, names, evidence), n_words)


def _modelled(evidence: Evidence) -> list[str]:
    """The texts that are not always given."""
    return [name for name in text_columns(evidence) if name not in evidence.given]


def _others(evidence: Evidence) -> str:
    """Says which other columns count, and which are given."""
    others = [name for name in evidence.space if name not in (*_modelled(evidence), *evidence.given)]
    counted = f"; log p is of whole rows, so that the surprise at {_listed(others)} is in it" if others else ""
    return counted + (f"; given {_listed(evidence.given)}" if evidence.given else "")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def _n_tokens(rows: Batch, names: list[str], evidence: Evidence) -> np.ndarray:
    total = np.zeros(len(rows[names[0]]), np.int64)
    for name in names:
        support = evidence.space[name].support
        assert isinstance(support, Tokens)
        n = lengths(rows[name], support)
        total += (n - (rows[name] == support.end).sum(1) if support.runs_on else n).numpy()
    return total
