"""Do a family's draws pass the check for copies? One check for rows, one for texts, one for pictures.

Rows: among the 5 % of draws that lie closest to any real row, the share that is closer to a training row has an
interval that does not lie above that of held-out rows in place of draws, nor above 0.5, the share without copies (few
held-out rows score far below it by chance: 0.29 on 1,000 rows of California housing); and the share of draws that equal
a training row does not lie above that of held-out rows either. The interval of held-out rows is Wilson's, with as many
rows in a share as the draws have there, in proportion.

Texts: the share of draws with a longer copy than 99 % of held-out texts, or that stand in the training texts from end
to end, does not lie above that of held-out texts.

Pictures are checked as rows are, by the shares of `picture_copies`. Draws like nothing real share a few neighbours, and
so may seem to lean: that counts only where some draw lies nearer to a training picture than an unseen picture does.
"""

from collections.abc import Callable, Iterable, Mapping

from genwright.core.judge import Score
from genwright.core.statistics import share_measure
from genwright.runs.picture_evidence import JUDGED_PICTURES
from genwright.runs.run import JUDGED_ROWS

TAIL, EXACT = "near_copies.closer_tail", "near_copies.exact"
COPIED, WHOLE = "copied_text.share", "copied_text.whole"
PICTURE_TAIL, PICTURE_EXACT = "picture_copies.closer_tail", "picture_copies.exact"
Check = Callable[[Mapping[str, Score], int], str]  # (scores, held-out rows) → the fault, or nothing


def copy_fault(scores: Iterable[Score], n_held_out: int, needed: str = "") -> str:
    """Why draws with these scores fail the check for copies, or were not checked; empty where they pass.

    Args:
        scores: What the judges found.
        n_held_out: Held-out rows, which the floors rest on.
        needed: A score without which they were not checked; empty: any check will do.
    """
    found = {s.name: s for s in scores}
    checks = [check for names, check in CHECKS.items() if {*names} <= found.keys()]
    if not checks or (needed and needed not in found):
        return "it could not be checked for copies"
    return next((told for check in checks if (told := check(found, n_held_out))), "")


def copies_told(scores: Mapping[str, Score]) -> str:
    """What the check found, in words; empty where there was none."""
    if copied := scores.get(COPIED):
        return f"{copied.value:.3f} of its texts copy a long passage; unseen texts {copied.floor:.3f}"
    what, tail = "picture", scores.get(PICTURE_TAIL)
    if tail is None:
        what, tail = "row", scores.get(TAIL)
    if tail is None:
        return ""
    return f"of the closest 5 %, {tail.value:.2f} are nearer to a training {what}; real {what}s {tail.floor:.2f}"


def is_above(score: Score, n_floor: int) -> bool:
    """Whether a share's interval lies above that of its floor, a share of `n_floor` rows, and above a best of 0.5."""
    n, best = max(n_floor, 1), 0.5 if score.direction == "half" else 0.0
    return score.low > max(share_measure(round(score.floor * n), n).high, best)


def with_interval(score: Score, digits: int = 3) -> str:
    """Its value and its interval."""
    return f"{score.value:.{digits}f} [{score.low:.{digits}f} to {score.high:.{digits}f}]"


def _of_texts(found: Mapping[str, Score], n: int) -> str:
    """Whether passages are copied more than in n held-out texts."""
    n = min(n, JUDGED_ROWS)
    for name, what in ((COPIED, "share a longer passage with"), (WHOLE, "stand from end to end in")):
        score = found[name]
        if is_above(score, min(n, round(score.n))):
            told = with_interval(score)
            return f"copies: {told} of its texts {what} the training texts; unseen texts {score.floor:.3f}"
    return ""


def _of_rows(found: Mapping[str, Score], n: int) -> str:
    """Whether draws lean to training rows, or equal them, more than n held-out rows do."""
    return _leaning(found[TAIL], found[EXACT], min(n, JUDGED_ROWS), "row")


def _of_pictures(found: Mapping[str, Score], n: int) -> str:
    """The same for pictures, of which one may lean only where it lies near."""
    exact = found[PICTURE_EXACT]
    is_near = min((one["relative"] for one in exact.details.get("closest", ())), default=0.0) < 1
    return _leaning(found[PICTURE_TAIL], exact, min(n, JUDGED_PICTURES), "picture", is_near)


def _leaning(tail: Score, exact: Score, n: int, what: str, is_near: bool = True) -> str:
    if is_near and is_above(tail, round(tail.n * n / max(exact.n, n))):
        told, usual = with_interval(tail, 2), f"real {what}s {tail.floor:.2f}"
        return f"leans to training {what}s: {told} of its closest 5 % are nearer to one; {usual}"
    if is_above(exact, n):
        told, usual = with_interval(exact, 4), f"real {what}s {exact.floor:.4f}"
        return f"copies: {told} of its draws equal a training {what}; {usual}"
    return ""


CHECKS: Mapping[tuple[str, str], Check] = {
    (TAIL, EXACT): _of_rows,
    (COPIED, WHOLE): _of_texts,
    (PICTURE_TAIL, PICTURE_EXACT): _of_pictures,
}
