"""How surprised is the model by a step of real sequences that it has not seen? (Good, 1952.)

https://doi.org/10.1111/j.2517-6161.1952.tb00104.x

    nats per step = −Σ_i log p(x_i) / Σ_i n_i,   n_i: steps of sequence i, over all columns of sequences

A ratio of sums, so that long sequences count as much as they say; its interval is linearised over sequences, within
which steps may depend on each other as they like. What closes a sequence is paid for and is no step. Numbers have a
density, so that values depend on their units and may be negative. Texts have `bits_per_char` instead.
"""

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.errors import DataError, UnsupportedError
from genwright.core.features import sample_rows
from genwright.core.judge import Evidence, Judge, Measure, Part, Score
from genwright.core.lengths import WEIGHED_STEPS, affordable_rows, lengths
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Space, Tokens, Vectors
from genwright.core.statistics import Z95, mean, ratio
from genwright.core.texts import text_columns

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    LogProb = Callable[[Batch], torch.Tensor]


class NatsPerStep(Judge):
    """Nats a step of held-out sequences; floor: of training sequences, ceiling: under independent steps."""

    parts: ClassVar[dict[str, Part]] = {
        "": Part("nats per step", "lower", "Surprise of the model at a step of a sequence it has not seen."),
        "bound": Part("nats per step", "lower", "An upper bound of the model's surprise at a step."),
    }
    needs = frozenset({"train", "held_out", "log_prob"})
    source = "Good (1952), https://doi.org/10.1111/j.2517-6161.1952.tb00104.x"
    looks_at = "sequences that are no texts"
    max_rows = 2_000

    @classmethod
    def sees(cls, space: Space) -> Space:
        """All columns, where some are sequences."""
        return space if any(isinstance(f.support, Tokens | Vectors) for f in space.values()) else Space()

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """The model's number on held-out sequences; `fake` is not looked at, because the model itself is asked."""
        return self._on(evidence.held_out, evidence.log_prob, evidence.given_log_prob, evidence)

    def protocol(self, evidence: Evidence) -> str:
        """Sequences, interval, and which other columns count."""
        what = f"a bound of the log-likelihood ({evidence.bound_name})" if evidence.is_bound else "exact log-likelihood"
        n = affordable_rows(evidence.held_out, evidence.space, self.max_rows, WEIGHED_STEPS)
        others = [n for n in evidence.space if n not in (*_sequences(evidence), *evidence.given)]
        beside = f"; log p is of whole rows, so that the surprise at {', '.join(others[:5])} is in it" if others else ""
        return (
            f"{what} of {min(n, n_rows(evidence.held_out)):,} held-out sequences (at most {self.max_rows:,}), interval "
            "linearised over sequences; floor: training sequences; ceiling: held-out ones under independent "
            f"steps{beside}"
        )

    def scores(self, evidence: Evidence) -> list[Score]:
        """Nothing without a likelihood, without sequences, or where some of them are texts (see `bits_per_char`)."""
        if evidence.log_prob is None or evidence.trivial_log_prob is None or text_columns(evidence):
            return []
        if not _sequences(evidence):
            return []
        return self.by_likelihood(self._on, evidence)

    def _on(
        self, rows: Batch, log_prob: "LogProb | None", of_given: "LogProb | None", evidence: Evidence
    ) -> dict[str, Measure]:
        """The same rows as `likelihood` looks at, so that a likelihood that was kept is worked out once."""
        if log_prob is None:
            raise UnsupportedError("this model has no likelihood; compare its draws with real sequences by eye")
        n = affordable_rows(rows, evidence.space, self.max_rows, WEIGHED_STEPS)
        chosen = sample_rows(rows, n, numpy_generator(evidence.seed, "likelihood"))
        log_p = log_prob(chosen) - (0 if of_given is None else of_given(chosen))
        nats = -log_p.detach().cpu().numpy().astype(np.float64)
        n_steps = _n_steps(chosen, evidence)
        if np.isnan(nats).any() or not n_steps.sum():
            raise DataError(f"{len(nats)} sequences of {n_steps.sum():,} steps have no likelihood; pass others")
        return {"bound" if evidence.is_bound else "": _measure(nats, n_steps)}


def _sequences(evidence: Evidence) -> list[str]:
    """The columns of sequences that are modelled."""
    fields = evidence.space.items()
    return [name for name, f in fields if isinstance(f.support, Tokens | Vectors) and name not in evidence.given]


def _n_steps(rows: Batch, evidence: Evidence) -> np.ndarray:
    """Steps of each row (B,) over all its sequences, without what closes them."""
    total = np.zeros(n_rows(rows), np.int64)
    for name in _sequences(evidence):
        support = evidence.space[name].support
        assert isinstance(support, Tokens | Vectors)
        n = lengths(rows[name], support)
        total += (n - (rows[name] == support.end).sum(1) if isinstance(support, Tokens) else n).numpy()
    return total


def _measure(nats: np.ndarray, n_steps: np.ndarray) -> Measure:
    """Infinite as soon as one row is impossible, and `details` says how many are; one sequence has no interval."""
    details = {"n_impossible": int(np.isinf(nats).sum())}
    if details["n_impossible"]:
        return Measure(math.inf, math.inf, math.inf, len(nats), details)
    found = ratio(mean(nats), mean(n_steps.astype(float)))
    half = Z95 * found.error if len(nats) > 1 else math.inf
    return Measure(found.value, found.value - half, found.value + half, len(nats), details)
