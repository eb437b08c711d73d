"""Is the classifier worse for some rows than for others? Accuracy by the values of each category that it reads.

    worst = min_g mean_{i in g} 1[ŷ_i = y_i]

over values g with at least 20 rows. The least of several numbers lies below the typical one by chance, the more so the
more groups there are; the best possible and the trivial guess are the least of theirs, over the same groups.
`details["groups"]` has every value's rows, accuracy (Wilson's interval) and cross-entropy (normal interval).

Sagawa et al. (2020), https://arxiv.org/abs/1911.08731.
"""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from genwright.core.judge import Part, Score
from genwright.core.predictions import TINY, Metric, PredictionJudge, Predictions, of_truth, scores
from genwright.core.statistics import mean, share_measure

LEAST_ROWS = 20


class WorstGroup(PredictionJudge):
    """Least accuracy among the values of a category, with a table of each value's own numbers."""

    parts: ClassVar[dict[str, Part]] = {
        "": Part("share", "higher", "The share of hits among rows with the value of a column where it is least.")
    }
    source = "Sagawa et al. (2020): https://arxiv.org/abs/1911.08731"

    def predicted(self, rows: Predictions) -> list[Score]:
        """Nothing where no column has two values with enough rows."""
        table = groups_of(rows)
        sizes = {name: sum(g["n"] >= LEAST_ROWS for g in table if g["column"] == name) for name in rows.by}
        large = [g for g in table if g["n"] >= LEAST_ROWS and sizes[g["column"]] > 1]
        if not large:
            return []
        members = np.stack([rows.by[g["column"]] == g["value"] for g in large], 1).astype(float)  # (B, G)
        worst = min(large, key=lambda g: g["accuracy"][0])
        where = f"Least of {len(large)} groups of at least {LEAST_ROWS} rows: {worst['column']} = {worst['value']}."
        return [
            replace(_widened(s, worst), protocol=f"{s.protocol} {where}", source=self.source, details={"groups": table})
            for s in scores(rows, [_least(members)])
        ]


def groups_of(rows: Predictions) -> list[dict[str, Any]]:
    """A line for each value of each column."""
    hit = rows.p.argmax(1) == rows.y
    surprise = -np.log(np.clip(of_truth(rows.y, rows.p), TINY, 1))
    found = []
    for column, values in rows.by.items():
        for value in np.unique(values):
            at = values == value
            n, share, cost = (
                int(at.sum()),
                share_measure(hit[at].sum(), at.sum()),
                mean(surprise[at]).measure(0, 0, np.inf),
            )
            line = {"column": column, "value": str(value), "n": n}
            numbers = {"accuracy": share, "cross_entropy": cost}
            found.append(line | {name: [float(m.value), float(m.low), float(m.high)] for name, m in numbers.items()})
    return found


def _least(members: np.ndarray) -> type[Metric]:
    """The metric of these groups (B, G)."""

    class Least(Metric):
        name, unit, direction = "worst_group", "share", "higher"
        meaning, source = WorstGroup.parts[""].meaning, WorstGroup.source

        def values(self, y: np.ndarray, p: np.ndarray, W: np.ndarray) -> np.ndarray:
            n, hits = W @ members, W @ (members * (p.argmax(1) == y)[:, None])  # (R, G)
            return np.divide(hits, n, out=np.ones_like(hits), where=n > 0).min(1)

    return Least


def _widened(s: Score, worst: dict[str, Any]) -> Score:
    """Wilson's interval where all resamples agree."""
    return s if s.high > s.low else replace(s, low=worst["accuracy"][1], high=worst["accuracy"][2])
