"""The verdict: one sentence from the scores, by plain rules, bad news first.

These questions are asked, each answered by one kind of score where it is there:

- fidelity: can a classifier tell the rows from real ones? (`detectability`, the stronger of its detectors, and
  `text_detectability`; against texts learnt from where unseen ones are about other things; of pictures
  `picture_detectability.svm_net`)
- classes: is a class never drawn? (`marginals.missed`)
- columns: is a single column off? (`marginals.worst`)
- variety: do texts repeat themselves and each other more than real ones do? (`diversity.distinct_2`) Is there no draw
  near to many real pictures? (`precision_recall.coverage_net`)
- labels: does a classifier see in pictures what their label says? (`class_fidelity`)
- usefulness: is a predictor trained on them as good on real rows? (`utility.auc`, or `utility.r2`)
- tags: does the model tag unseen sentences better than each word's most frequent tag does? (`tagging.accuracy`)
- copying: do they lie closer to training rows than to unseen ones, or equal them? (`near_copies`, `picture_copies`) Do
  texts share longer passages with the training texts than unseen texts do? (`copied_text.share`, and `whole` where
  unseen texts are often found there from end to end themselves)
- membership: can an attacker tell who was in the training data? (`membership.auc`)
- surprise: how many bits does a character of an unseen text cost the model, how many nats a step of another sequence?
  (`bits_per_char`, `nats_per_step`; said, and weighed where independent tokens or steps would need fewer)

A score is held against the rows only where it is worse than that of real rows by more than chance, all scores looked at
together (`core/chance.py`): rows as good as real ones are blamed for anything in at most 1 % of all runs.

Nothing is called good whose fidelity was too uncertain to tell, or of which privacy alone is known.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from genwright.core.chance import LEVEL, beyond_chance
from genwright.core.judge import Score
from genwright.report.picture_questions import picture_copying, picture_fidelity, picture_labels, picture_variety
from genwright.report.questions import (
    Finding,
    Found,
    Level,
    classes,
    columns,
    fidelity,
    membership,
    row_copying,
    usefulness,
)
from genwright.report.text_questions import surprise, tags, text_copying, text_fidelity, variety
from genwright.report.words import is_known

WORDS: dict[Level, str] = {"good": "Good", "fair": "Mixed", "poor": "Poor", "unknown": "Not judged"}
UNCLEAR = "Unclear"  # where there are scores, and they do not tell
PRIVACY = ("copying", "membership")
QUESTIONS = (
    fidelity,
    text_fidelity,
    picture_fidelity,
    classes,
    columns,
    variety,
    picture_variety,
    picture_labels,
    usefulness,
    tags,
    row_copying,
    text_copying,
    picture_copying,
    membership,
    surprise,
)
_RANK = ("unknown", "good", "fair", "poor")
_BADNESS = {"poor": 2, "fair": 1, "good": 0, "unknown": 0}


@dataclass(frozen=True)
class Verdict:
    """The sentence, its level (the worst of its findings) and the findings."""

    sentence: str
    level: Level
    findings: tuple[Finding, ...]

    @property
    def word(self) -> str:
        """The level as a word."""
        return UNCLEAR if self.level == "unknown" and self.findings else WORDS[self.level]


def verdict(scores: Iterable[Score], blame: str = "", level: float = LEVEL) -> Verdict:
    """The verdict on some rows.

    Args:
        scores: What was measured.
        blame: What differs most, said when the rows are told apart: "worst columns: age, income".
        level: Of all scores together, see `core/chance.py`.
    """
    by_name = {s.name: s for s in scores if is_known(s.value) or s.value == math.inf}  # ∞: a text held impossible
    found = Found(by_name, beyond_chance(by_name.values(), level))
    findings = tuple(f for question in QUESTIONS if (f := question(found)))
    if not findings:
        none = "None of these scores tells how good the draws are." if by_name else "There are no scores."
        return Verdict(none, "unknown", ())
    worst = max((f.level for f in findings), key=_RANK.index)
    if worst == "good" and not _is_shown_good(findings):
        worst = "unknown"
    said = [f.words for f in sorted(_worth_saying(findings), key=lambda f: -_BADNESS[f.level])]
    words = list(dict.fromkeys(said))
    if not any(f.aspect in PRIVACY for f in findings):
        words.append("copying was not checked")
    sentence = "; ".join(words)
    if blame and any(f.aspect == "fidelity" and f.level in ("fair", "poor") for f in findings):
        sentence += f"; {blame}"
    return Verdict(sentence[0].upper() + sentence[1:] + ".", worst, findings)


def _is_shown_good(findings: tuple[Finding, ...]) -> bool:
    """Whether more than privacy is known to be good, and fidelity is no open question."""
    is_open = any(f.aspect == "fidelity" and f.level == "unknown" for f in findings)
    return not is_open and any(f.level == "good" and f.aspect not in PRIVACY for f in findings)


def _worth_saying(findings: tuple[Finding, ...]) -> list[Finding]:
    """One answer on privacy where both are good; the bad one where they differ."""
    privacy = [f for f in findings if f.aspect in PRIVACY]
    bad = [f for f in privacy if f.level != "good"]
    return [f for f in findings if f.aspect not in PRIVACY or f in (bad or privacy[:1])]
