"""How many bits does a pixel of an unseen picture cost the model? (Theis, van den Oord and Bethge, 2016.)

https://arxiv.org/abs/1511.01844

    bits per dimension = −log p(x) / (D ln 2),   D = C · H · W numbers of all pictures of a row

over held-out pictures, of the probability mass of their levels: with 256 of them, 8 bits are what guessing costs, and
numbers of pictures with fewer levels do not compare. A model with a lower bound of log p answers an upper bound of this
number, and its parts say so by name. Columns that the model is always given are left out: the number is that of
pictures given them.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.errors import DataError, UnsupportedError
from genwright.core.features import sample_rows
from genwright.core.judge import Evidence, Measure, Part, Score
from genwright.core.picture_judge import PictureJudge, is_of_pictures, modelled
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Space, pictures
from genwright.core.statistics import mean, normal_measure

if TYPE_CHECKING:
    import torch

LogProb = Callable[[Batch], "torch.Tensor"]


class BitsPerDim(PictureJudge):
    """Mean surprise at held-out pictures; floor: at training pictures, ceiling: of independent pixels."""

    parts: ClassVar[dict[str, Part]] = {
        "": Part("bits per pixel and channel", "lower", "Surprise of the model at a number of an unseen picture."),
        "nats": Part("nats per picture", "lower", "The same at a whole picture, in nats."),
        "bound": Part(
            "bits per pixel and channel", "lower", "An upper bound of the surprise at a number of a picture."
        ),
        "nats_bound": Part("nats per picture", "lower", "The same bound at a whole picture, in nats."),
    }
    needs = frozenset({"train", "held_out", "log_prob"})
    source = "Theis, van den Oord and Bethge (2016), https://arxiv.org/abs/1511.01844"
    max_rows = 500  # for some families a picture's likelihood costs as much as drawing it

    @classmethod
    def sees(cls, space: Space) -> Space:
        """All columns, where there are pictures."""
        return space if pictures(space) else Space()

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """The model's numbers on held-out pictures; `fake` is not looked at, because the model itself is asked."""
        return self._on(evidence.held_out, evidence.log_prob, evidence.given_log_prob, evidence)

    def protocol(self, evidence: Evidence) -> str:
        """Pictures, interval, and which other columns count."""
        what = f"a bound of the log-likelihood ({evidence.bound_name})" if evidence.is_bound else "exact log-likelihood"
        others = [name for name in modelled(evidence) if name not in pictures(evidence.space)]
        beside = f"; the model's bits of {', '.join(others)} are counted in" if others else ""
        given = f"; given {', '.join(evidence.given)}" if evidence.given else ""
        return (
            f"{what} of {min(self.max_rows, n_rows(evidence.held_out)):,} held-out pictures (at most "
            f"{self.max_rows:,}), normal interval over pictures; floor: training pictures; ceiling: held-out ones "
            f"under independent pixels{given}{beside}"
        )

    def scores(self, evidence: Evidence) -> list[Score]:
        """Nothing where the model or independent pixels have no likelihood, or numbers or texts are modelled beside."""
        if evidence.log_prob is None or evidence.trivial_log_prob is None or not is_of_pictures(evidence):
            return []
        return self.by_likelihood(self._on, evidence)

    def _on(
        self, rows: Batch, log_prob: LogProb | None, of_given: LogProb | None, evidence: Evidence
    ) -> dict[str, Measure]:
        if log_prob is None:
            raise UnsupportedError("this model has no likelihood; judge its draws instead, e.g. by frechet")
        chosen = sample_rows(rows, self.max_rows, numpy_generator(evidence.seed, "bits_per_dim"))
        log_p = log_prob(chosen).double() - (0 if of_given is None else of_given(chosen))
        nats = -log_p.detach().cpu().numpy()
        if not len(nats) or np.isnan(nats).any():
            n = int(np.isnan(nats).sum())
            raise DataError(f"surprise at {len(nats)} pictures: {n} are not a number; pass rows of the model's space")
        whole = _measure(nats)
        n_dims = sum(math.prod(f.event_shape) for f in pictures(evidence.space).values())
        ends = {end: getattr(whole, end) / (n_dims * math.log(2)) for end in ("value", "low", "high")}
        suffix = "_bound" if evidence.is_bound else ""
        return {suffix.removeprefix("_"): replace(whole, **ends), f"nats{suffix}": whole}


def _measure(nats: np.ndarray) -> Measure:
    """Mean with its interval; infinite as soon as one picture is impossible, and `details` says how many are."""
    n_impossible = int(np.isinf(nats).sum())
    details = {"n_impossible": n_impossible}
    if n_impossible:
        return Measure(math.inf, math.inf, math.inf, len(nats), details)
    found = mean(nats)
    return normal_measure(found.value, found.error, len(nats), details=details)
