"""The verdict: one sentence from the scores, by plain rules, bad news first.

These questions are asked, each answered by one kind of score where it is there:

- fidelity: can a classifier tell the rows from real ones? (`detectability`, the stronger of its detectors, and
  `text_detectability`; against texts learnt from where unseen ones are about other things)
- variety: do texts repeat themselves and each other more than real ones do? (`diversity.distinct_2`)
- usefulness: is a predictor trained on them as good on real rows? (`utility.auc`, or `utility.r2`)
- tags: does the model tag unseen sentences better than each word's most frequent tag does? (`tagging.accuracy`)
- copying: do they lie closer to training rows than to unseen ones, or equal them? (`near_copies`) Do texts share longer
  passages with the training texts than unseen texts do? (`copied_text.share`, and `whole` where unseen texts are
  often found there from end to end themselves)
- membership: can an attacker tell who was in the training data? (`membership.auc`)
- surprise: how many bits does a character of an unseen text cost the model? (`bits_per_char`; said, and weighed where
  independent tokens would need fewer)

A difference smaller than its own interval is not held against the rows; a wide interval is said.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from genwright.core.judge import Score
from genwright.report.words import is_known, number, percent
from genwright.runs.leaderboard import text_detector

Level = Literal["good", "fair", "poor", "unknown"]
WORDS = {"good": "Good", "fair": "Mixed", "poor": "Poor", "unknown": "Not judged"}
PRIVACY = ("copying", "membership")
_RANK = ("unknown", "good", "fair", "poor")
_BADNESS = {"poor": 2, "fair": 1, "good": 0, "unknown": 0}


@dataclass(frozen=True)
class Finding:
    """The answer to one question."""

    aspect: str
    level: Level
    words: str


@dataclass(frozen=True)
class Verdict:
    """The sentence, its level (the worst of its findings) and the findings."""

    sentence: str
    level: Level
    findings: tuple[Finding, ...]

    @property
    def word(self) -> str:
        """The level as a word."""
        return WORDS[self.level]


def verdict(scores: Iterable[Score], blame: str = "") -> Verdict:
    """The verdict on some rows.

    Args:
        scores: What was measured.
        blame: What differs most, said when the rows are told apart: "worst columns: age, income".
    """
    by_name = {score.name: score for score in scores if is_known(score.value)}
    findings = tuple(f for question in QUESTIONS if (f := question(by_name)))
    if not findings:
        return Verdict("Not judged: there are no scores.", "unknown", ())
    level = max((f.level for f in findings), key=_RANK.index)
    said = [f.words for f in sorted(_worth_saying(findings), key=lambda f: -_BADNESS[f.level])]
    words = list(dict.fromkeys(said))
    if not any(f.aspect in PRIVACY for f in findings):
        words.append("copying was not checked")
    sentence = "; ".join(words)
    if blame and any(f.aspect == "fidelity" and f.level in ("fair", "poor") for f in findings):
        sentence += f"; {blame}"
    return Verdict(sentence[0].upper() + sentence[1:] + ".", level, findings)


def fidelity(scores: dict[str, Score]) -> Finding | None:
    """Can the rows be told from real ones?"""
    detectors = [s for name, s in scores.items() if name.split(".")[0] == "detectability"]
    if not detectors:
        return _fidelity_by_pairs(scores)
    score = max(detectors, key=lambda s: s.value)
    found = f"(AUC {_two(score.value)})"
    wide = is_known(score.low) and is_known(score.high) and score.high - score.low > 0.2
    if wide and score.low <= 0.55 and score.high >= 0.65:
        return Finding(
            "fidelity", "unknown", f"too few rows to say whether a detector tells them apart {_range(score)}"
        )
    if score.value < 0.55:
        return Finding("fidelity", "good", f"hard to tell from real rows (detector's AUC {_two(score.value)})")
    if score.value < 0.65:
        return Finding("fidelity", "fair", f"a detector tells these rows from real ones at times {found}")
    if score.value < 0.8:
        return Finding("fidelity", "fair", f"a detector often tells these rows from real ones {found}")
    return Finding("fidelity", "poor", f"a detector tells these rows apart easily {found}")


def usefulness(scores: dict[str, Score]) -> Finding | None:
    """Do they train a predictor as well as real rows do?"""
    for name, unit in (("utility.auc", "AUC"), ("utility.r2", "R²")):
        score = scores.get(name)
        if score is None or not is_known(score.floor) or not is_known(score.ceiling):
            continue
        found = f"({unit} {number(score.value)} of {number(score.floor)})"
        reach = score.floor - score.ceiling
        if reach < 0.03:
            continue  # real rows themselves predict no better than independent columns
        lost = (score.floor - score.value) / reach
        within = is_known(score.high) and score.high >= score.floor and lost < 0.25
        if lost <= 0.05 or within:
            return Finding("usefulness", "good", f"as useful for training as real rows {found}")
        if lost <= 0.25:
            return Finding("usefulness", "fair", f"nearly as useful for training as real rows {found}")
        if lost <= 0.6:
            return Finding("usefulness", "poor", f"less useful for training than real rows {found}")
        return Finding("usefulness", "poor", f"of little use for training {found}")
    return None


def copying(scores: dict[str, Score]) -> Finding | None:
    """Are rows copies, or nearly, of training rows?"""
    exact, near = scores.get("near_copies.exact"), scores.get("near_copies.closer_tail")
    near = near or scores.get("near_copies.closer")
    if (
        exact
        and exact.value > max(0.01, 2 * _or(exact.floor, 0.0))
        and _or(exact.low, exact.value) > _or(exact.floor, 0)
    ):
        level: Level = "poor" if exact.value > 0.05 else "fair"
        usual = f", {percent(exact.floor)} is usual" if is_known(exact.floor) else ""
        return Finding("copying", level, f"{percent(exact.value)} of the rows equal a training row{usual}")
    if near is None:
        return Finding("copying", "good", "no sign of copying") if exact else None
    is_real = _or(near.low, near.value) > 0.5
    if near.value > 0.6 and is_real:
        return Finding(
            "copying", "poor", f"many rows are near-copies of training rows ({_two(near.value)}, 0.50 is none)"
        )
    if near.value > 0.55 and is_real:
        return Finding("copying", "fair", f"rows lean towards training rows ({_two(near.value)}, 0.50 is none)")
    return Finding("copying", "good", "no sign of copying")


def membership(scores: dict[str, Score]) -> Finding | None:
    """Does an attack tell training rows from others?"""
    score = scores.get("membership.auc")
    if score is None:
        return None
    if _or(score.low, score.value) <= 0.5 or score.value <= 0.53:
        return Finding("membership", "good", "an attack does not find the training rows")
    level: Level = "poor" if score.value > 0.6 else "fair"
    return Finding("membership", level, f"an attack finds training rows (AUC {_two(score.value)}, 0.50 is none)")


def text_fidelity(scores: dict[str, Score]) -> Finding | None:
    """Can drawn texts be told from real ones?"""
    score = text_detector(scores)
    if score is None:
        return None
    found = f"(AUC {_two(score.value)})"
    wide = is_known(score.low) and is_known(score.high) and score.high - score.low > 0.2
    if wide and score.low <= 0.55 and score.high >= 0.65:
        return Finding(
            "fidelity", "unknown", f"too few texts to say whether a detector tells them apart {_range(score)}"
        )
    if score.value < 0.55:
        return Finding("fidelity", "good", f"texts are hard to tell from real ones {found}")
    if score.value < 0.65:
        return Finding("fidelity", "fair", f"a detector tells drawn texts from real ones at times {found}")
    if score.value < 0.8:
        return Finding("fidelity", "fair", f"a detector often tells drawn texts from real ones {found}")
    return Finding("fidelity", "poor", f"a detector tells drawn texts from real ones easily {found}")


def variety(scores: dict[str, Score]) -> Finding | None:
    """Do texts repeat themselves and each other? Silent where they do not."""
    score = scores.get("diversity.distinct_2")
    if score is None or not is_known(score.floor) or _or(score.high, score.value) >= 0.8 * score.floor:
        return None
    level: Level = "poor" if score.value < 0.5 * score.floor else "fair"
    found = f"({percent(score.value)} of their pairs of neighbours differ, {percent(score.floor)} of real ones)"
    return Finding("variety", level, f"texts repeat themselves {found}")


def text_copying(scores: dict[str, Score]) -> Finding | None:
    """Do texts share longer passages with the training texts than unseen texts do?"""
    score, whole = scores.get("copied_text.share"), scores.get("copied_text.whole")
    if (
        whole
        and whole.value > max(0.03, 2 * _or(whole.floor, 0.0))
        and _or(whole.low, whole.value) > _or(whole.floor, 0)
    ):
        usual = f", {percent(whole.floor)} of unseen ones" if is_known(whole.floor) else ""
        found = f"{percent(whole.value)} of the texts stand in the training texts from end to end{usual}"
        return Finding("copying", "poor" if whole.value > 0.15 else "fair", found)
    if score is None:
        return None
    if score.value <= 0.03 or _or(score.low, score.value) <= 0.01:
        return Finding("copying", "good", "no sign of copying")
    level: Level = "poor" if score.value > 0.15 else "fair"
    words = f"{percent(score.value)} of the texts copy a longer passage than 99 % of unseen texts do"
    return Finding("copying", level, words)


def surprise(scores: dict[str, Score]) -> Finding | None:
    """What a character costs; judged only against independent tokens, for how much is good depends on the texts."""
    score = scores.get("bits_per_char") or scores.get("bits_per_char.bound")
    if score is None:
        return None
    most = "at most " if score.name.endswith("bound") else ""
    trivial = f" (independent tokens: {number(score.ceiling)})" if is_known(score.ceiling) else ""
    level: Level = "unknown"
    if is_known(score.ceiling) and _or(score.low, score.value) > score.ceiling:
        level, trivial = "poor", f", more than with independent tokens ({number(score.ceiling)})"
    return Finding("surprise", level, f"an unseen character costs {most}{number(score.value)} bits{trivial}")


def tags(scores: dict[str, Score]) -> Finding | None:
    """Are tags of unseen sentences guessed better than by each word's most frequent tag?"""
    score = scores.get("tagging.accuracy")
    if score is None:
        return None
    trivial = f" (each word's most frequent tag: {percent(score.ceiling)})" if is_known(score.ceiling) else ""
    words = f"guesses {percent(score.value)} of unseen tags{trivial}"
    if not is_known(score.ceiling) or _or(score.low, score.value) > score.ceiling:
        return Finding("tags", "good", words)
    return Finding("tags", "fair" if _or(score.high, score.value) >= score.ceiling else "poor", words)


def _fidelity_by_pairs(scores: dict[str, Score]) -> Finding | None:
    """Where no detector ran: how far pairs of columns are from real ones, between floor and ceiling."""
    score = scores.get("associations.pairs") or scores.get("associations")
    if score is None or not is_known(score.floor) or not is_known(score.ceiling) or score.ceiling <= score.floor:
        return None
    lost = (score.value - score.floor) / (score.ceiling - score.floor)
    found = f"({number(score.value)}, real rows {number(score.floor)})"
    if lost <= 0.15:
        return Finding("fidelity", "good", f"pairs of columns look like real ones {found}")
    if lost <= 0.5:
        return Finding("fidelity", "fair", f"pairs of columns differ somewhat from real ones {found}")
    return Finding("fidelity", "poor", f"pairs of columns differ much from real ones {found}")


QUESTIONS = (fidelity, text_fidelity, variety, usefulness, tags, copying, text_copying, membership, surprise)


def _worth_saying(findings: tuple[Finding, ...]) -> list[Finding]:
    """One answer on privacy where both are good; the bad one where they differ."""
    privacy = [f for f in findings if f.aspect in PRIVACY]
    bad = [f for f in privacy if f.level != "good"]
    return [f for f in findings if f.aspect not in PRIVACY or f in (bad or privacy[:1])]


def _two(value: float) -> str:
    return f"{value:.2f}"


def _range(score: Score) -> str:
    return f"({_two(score.value)}, {_two(score.low)} to {_two(score.high)} on {score.n:,} rows)"


def _or(value: float, otherwise: float) -> float:
    return value if is_known(value) else otherwise
