"""How surprised is the model by real rows it has not seen? Mean negative log-likelihood (Good, 1952).

https://doi.org/10.1111/j.2517-6161.1952.tb00104.x (the logarithmic score, proper: the truth has the lowest expectation)

    nats = −1/N Σ_i log p(x_i)          bits per column = nats / (D ln 2)

A model with a lower bound of log p answers an upper bound of this number, and its parts say so by name. Numbers without
steps have a density, so that values depend on their units and may be negative; only rows of one space compare.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.errors import DataError, UnsupportedError
from genwright.core.features import sample_rows
from genwright.core.judge import Evidence, Judge, Measure, Part, Score
from genwright.core.lengths import WEIGHED_STEPS, affordable_rows
from genwright.core.picture_judge import is_of_pictures
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Space
from genwright.core.statistics import mean, normal_measure
from genwright.core.texts import text_columns

if TYPE_CHECKING:
    import torch


class Likelihood(Judge):
    """Mean negative log-likelihood of held-out rows; floor: of training rows, ceiling: under independent columns."""

    parts: ClassVar[dict[str, Part]] = {
        "nats": Part("nats per row", "lower", "Surprise of the model at a real row it has not seen."),
        "bits": Part("bits per column", "lower", "The same per column, in bits."),
        "nats_bound": Part("nats per row", "lower", "An upper bound of the model's surprise at an unseen real row."),
        "bits_bound": Part("bits per column", "lower", "The same bound per column, in bits."),
    }
    needs = frozenset({"train", "held_out", "log_prob"})
    source = "Good (1952), https://doi.org/10.1111/j.2517-6161.1952.tb00104.x"
    max_rows = 2_000

    @classmethod
    def sees(cls, space: Space) -> Space:
        """All columns."""
        return space

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """The model's number on held-out rows; `fake` is not looked at, because the model itself is asked."""
        return self._on(evidence.held_out, evidence.log_prob, evidence)

    def protocol(self, evidence: Evidence) -> str:
        """Rows and interval."""
        what = f"a bound of the log-likelihood ({evidence.bound_name})" if evidence.is_bound else "exact log-likelihood"
        n = affordable_rows(evidence.held_out, evidence.space, self.max_rows, WEIGHED_STEPS)
        return (
            f"{what} of {min(n, n_rows(evidence.held_out)):,} held-out rows (at most {self.max_rows:,}), "
            "normal interval; floor: of training rows; ceiling: of held-out rows under independent columns"
        )

    def scores(self, evidence: Evidence) -> list[Score]:
        """Nothing without a likelihood, or where all is text (see `bits_per_char`) or pictures (see `bits_per_dim`)."""
        if evidence.log_prob is None or evidence.trivial_log_prob is None:
            return []
        if is_of_pictures(evidence) or set(text_columns(evidence)) == set(evidence.space):
            return []
        found = self._on(evidence.held_out, evidence.log_prob, evidence)
        floor = self._on(evidence.train, evidence.log_prob, evidence)
        ceiling = self._on(evidence.held_out, evidence.trivial_log_prob, evidence)
        return self.between(found, floor, ceiling, evidence)

    def _on(
        self, rows: Batch, log_prob: "Callable[[Batch], torch.Tensor] | None", evidence: Evidence
    ) -> dict[str, Measure]:
        """Part → mean surprise at these rows."""
        if log_prob is None:
            raise UnsupportedError("this model has no likelihood; judge its draws instead, e.g. by detectability")
        rng = numpy_generator(evidence.seed, "likelihood")
        n = affordable_rows(rows, evidence.space, self.max_rows, WEIGHED_STEPS)
        surprise = -log_prob(sample_rows(rows, n, rng)).detach().cpu().numpy().astype(np.float64)
        if not len(surprise) or np.isnan(surprise).any():
            raise DataError(
                f"likelihood of {len(surprise)} rows has {int(np.isnan(surprise).sum())} values that are not a number; "
                "pass rows of the model's space"
            )
        nats = _measure(surprise)
        per_column = 1 / (max(len(evidence.space), 1) * math.log(2))
        ends = {end: getattr(nats, end) * per_column for end in ("value", "low", "high")}
        suffix = "_bound" if evidence.is_bound else ""
        return {f"nats{suffix}": nats, f"bits{suffix}": replace(nats, **ends)}


def _measure(surprise: np.ndarray) -> Measure:
    """Mean with its interval; infinite as soon as one row is impossible, and `details` says how many are."""
    possible = surprise[np.isfinite(surprise)]
    details = {
        "n_impossible": len(surprise) - len(possible),
        "quantiles": np.quantile(possible, np.linspace(0, 1, 21)).tolist() if len(possible) else [],
    }
    if len(possible) < len(surprise):
        return Measure(math.inf, math.inf, math.inf, len(surprise), details)
    estimate = mean(surprise)
    return normal_measure(estimate.value, estimate.error, len(surprise), details=details)
