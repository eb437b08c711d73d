"""Do draws give away who was in the training data? A membership attack by density ratio (DOMIAS).

van Breugel, Sun, Qian and van der Schaar (2023), https://arxiv.org/abs/2302.12580: a model that memorises is denser at
a training row than the population is. The attacker holds the draws and some other rows of the population, and ranks
candidates by

    score(x) = log d(x, population sample) − log d(x, draws),   d: distance to the nearest row

where the ratio of nearest distances stands for the ratio of densities. Candidates are training rows (members) and
held-out rows (non-members); held-out rows are split into halves, each the population sample for the other. The attack
without a population sample, −d(x, draws), is in the details. An attack that fails is no proof of privacy: a better one
may exist.
"""

from typing import ClassVar

import numpy as np

from genwright.core.dataset import n_rows, select
from genwright.core.errors import DataError
from genwright.core.features import matrix
from genwright.core.judge import Evidence, Judge, Measure, Part, comparable
from genwright.core.neighbours import Points, nearest, points
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Space
from genwright.core.statistics import auc

MAX_FPR = 0.01  # share of non-members that the attacker may accuse
N_RESAMPLES = 400  # bootstrap draws behind the interval of `tpr`
NEAR_ZERO = 1e-6  # added to distances, so that equal rows have a logarithm


class Membership(Judge):
    """AUC and true positive rate of the attack."""

    parts: ClassVar[dict[str, Part]] = {
        "auc": Part(
            "AUC", "half", "How well an attacker tells training rows from unseen ones by the draws; 0.5 is luck."
        ),
        "tpr": Part("share", "lower", "Training rows found while accusing 1 % of unseen ones; 0.01 is luck."),
    }
    source = (
        "van Breugel et al. (2023), https://arxiv.org/abs/2302.12580; "
        "Carlini et al. (2022), https://arxiv.org/abs/2112.03570"
    )
    max_rows = 50_000  # draws that the attacker sees
    max_candidates = 4_000  # members, and as many non-members
    looks_at = "two or more numbers or categories"

    @classmethod
    def sees(cls, space: Space) -> Space:
        """Numbers and categories; a single one beside sequences says too little of a row."""
        return comparable(space)

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """Both numbers; `details["plain"]` has those of the attack without a population sample."""
        members, _, others = self._split(evidence)
        if len(members) < 4 or n_rows(fake) < 2:
            raise DataError(
                f"membership needs at least 4 training and 4 held-out rows and 2 draws, found "
                f"{n_rows(evidence.train)}, {n_rows(evidence.held_out)} and {n_rows(fake)}; hold out more rows"
            )
        m = len(members)
        seen = numpy_generator(evidence.seed, "membership", "draws").permutation(n_rows(fake))[: self.max_rows]
        train, is_category = matrix(evidence.train, evidence.space)
        held_out, _ = matrix(evidence.held_out, evidence.space)
        drawn, _ = matrix(select(fake, seen), evidence.space)
        reference = np.concatenate([train, held_out])
        draws, inside, outside = (points(X, is_category, reference) for X in (drawn, train[members], held_out[others]))
        to_fake = np.concatenate([nearest(rows, draws)[0] for rows in (inside, outside)])  # (2m,)
        to_population = _population_distance(inside, outside)  # (2m,)
        scores = np.log(to_population + NEAR_ZERO) - np.log(to_fake + NEAR_ZERO)
        is_member = np.repeat([True, False], m)
        plain = {"auc": auc(-to_fake, is_member).value, "tpr": _tpr(-to_fake[:m], -to_fake[m:])}
        tpr = _tpr_measure(scores[:m], scores[m:], numpy_generator(evidence.seed, "membership", "bootstrap"))
        found = auc(scores, is_member).measure(2 * m, 0, 1)
        return {
            part: Measure(x.value, x.low, x.high, x.n, {"plain": plain[part]})
            for part, x in (("auc", found), ("tpr", tpr))
        }

    def protocol(self, evidence: Evidence) -> str:
        """Rows, attack and interval."""
        m = len(self._split(evidence)[0])
        return (
            f"{m:,} training rows against {m:,} held-out rows (at most {self.max_candidates:,}); the attacker has "
            f"{min(self.max_rows, n_rows(evidence.fake)):,} draws (at most {self.max_rows:,}) and {m // 2:,} unseen "
            "real rows; DeLong's interval for the AUC, bootstrap over candidates for the rate; floor: training rows "
            "that are not candidates in place of draws"
        )

    def anchors(self, evidence: Evidence) -> tuple[Batch, Batch]:
        """The floor is real rows that the attacker does not ask about."""
        return select(evidence.train, self._split(evidence)[1]), evidence.trivial

    def _split(self, evidence: Evidence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Numbers of the members, of the other training rows, and of the non-members."""
        rng = numpy_generator(evidence.seed, "membership")
        n_train, n_held_out = n_rows(evidence.train), n_rows(evidence.held_out)
        m = min(self.max_candidates, n_train // 2, n_held_out) // 2 * 2
        order = rng.permutation(n_train)
        return order[:m], order[m:], rng.permutation(n_held_out)[:m]


def _population_distance(inside: Points, outside: Points) -> np.ndarray:
    """Distance of members, then non-members, to the half of the non-members that they do not belong to (2m,)."""
    halves = np.array_split(np.arange(len(inside)), 2)
    distances = [
        nearest(rows.take(mine), outside.take(theirs))[0]
        for rows in (inside, outside)
        for mine, theirs in (halves, halves[::-1])
    ]
    return np.concatenate(distances)


def _tpr(members: np.ndarray, others: np.ndarray) -> float | np.ndarray:
    """True positive rate at MAX_FPR on the straight-line ROC curve; scores (…, m) and (…, n)."""
    n_allowed = MAX_FPR * others.shape[-1]
    k = min(int(n_allowed), others.shape[-1] - 1)
    edge = -np.partition(-others, k, axis=-1)[..., k : k + 1]  # the k+1 highest score of a non-member
    above, at = (others > edge).sum(-1), (others == edge).sum(-1)
    share = (n_allowed - above) / at  # of the rows at the edge that may still be accused
    rate = (members > edge).mean(-1) + share * (members == edge).mean(-1)
    return float(rate) if rate.ndim == 0 else rate


def _tpr_measure(members: np.ndarray, others: np.ndarray, rng: np.random.Generator) -> Measure:
    """The rate with a percentile interval over resampled candidates."""
    resampled = [x[rng.integers(len(x), size=(N_RESAMPLES, len(x)))] for x in (members, others)]
    low, high = np.quantile(_tpr(*resampled), [0.025, 0.975])
    return Measure(float(_tpr(members, others)), float(low), float(high), 2 * len(members))
