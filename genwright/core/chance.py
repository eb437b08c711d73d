"""Which scores are worse than those of real rows by more than chance, all scores of a report looked at together.

    z = (b − b_floor) / √(e² + e_floor²),   b: how bad a number is;  e: its standard error

The errors are those of the two 95 % intervals, of each the half that faces the other number, so that lopsided intervals
such as Wilson's keep their meaning (Zou and Donner, 2008, https://doi.org/10.1002/sim.3095). A share or an AUC that is
best at 0.5 has to lie above 0.5, too: a floor that fell below it did so by chance.

Of K scores one is held against the draws where P(Z > z) < LEVEL / K (Bonferroni, 1936): draws that are as good as real
rows pass all of them in at least 1 − LEVEL of all runs, however the scores hang together. Draws and floor are compared
with the same held-out rows, whose own chance is in both numbers, so that fewer than that are blamed.
"""

import math
from collections.abc import Iterable
from statistics import NormalDist

from genwright.core.judge import Score
from genwright.core.statistics import Z95

LEVEL = 0.01  # share of runs in which draws as good as real rows are blamed for anything, at most


def beyond_chance(scores: Iterable[Score], level: float = LEVEL) -> dict[str, float]:
    """Name → z of the scores that are worse than their floors by more than chance.

    Args:
        scores: All that were looked at; those without a floor or an interval do not count.
        level: Of all together.
    """
    found = {score.name: z for score in scores if not math.isnan(z := excess(score))}
    least = NormalDist().inv_cdf(1 - level / max(len(found), 1))
    return {name: z for name, z in found.items() if z > least}


def excess(score: Score) -> float:
    """z: how many standard errors a score is worse than its floor; NaN where that is not known.

    A score whose floor has no interval, as in runs of earlier versions, lends it its own.
    """
    own, floor = _ends(score)
    is_known = all(x is not None and math.isfinite(x) for x in (*own, *floor))
    if not is_known:
        return math.nan
    (value, near), (best, far) = own, floor
    z = _ratio(value - best, math.hypot(value - near, far - best) / Z95)
    return min(z, _ratio(value - 0.5, (value - near) / Z95)) if score.direction == "half" else z


def _ends(score: Score) -> tuple[tuple[float, float], tuple[float, float]]:
    """How bad value and floor are, each with the end of its interval that faces the other; larger is worse."""
    if score.direction == "higher":
        floor_end = score.floor - (score.high - score.value) if score.floor_low is None else score.floor_low
        return (-score.value, -score.high), (-score.floor, -floor_end)
    floor_end = score.floor + (score.value - score.low) if score.floor_high is None else score.floor_high
    return (score.value, score.low), (score.floor, floor_end)


def _ratio(difference: float, error: float) -> float:
    """Difference / error; without an error any difference is infinitely large."""
    if error > 0:
        return difference / error
    return math.copysign(math.inf, difference) if difference else 0.0
