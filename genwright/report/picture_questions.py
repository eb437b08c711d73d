"""Questions of the verdict about pictures, see `questions`.

The detector is the linear SVM on what a small network sees, as in `compare`: a convolutional network finds nearly every
family's draws by what no eye would notice.
"""

from genwright.report.questions import Finding, Found, Level, copying, told_apart
from genwright.report.words import is_known, percent


def picture_fidelity(found: Found) -> Finding | None:
    """Can drawn pictures be told from real ones?"""
    score = found.get("picture_detectability.svm_net")
    return None if score is None else told_apart(score, found.blames(score), "pictures", "drawn pictures")


def picture_variety(found: Found) -> Finding | None:
    """Are there real pictures without a draw near them? Silent where there are no more than real pictures leave."""
    score = found.get("precision_recall.coverage_net")
    if score is None or not is_known(score.floor) or not found.blames(score) or score.value >= 0.9 * score.floor:
        return None
    level: Level = "poor" if score.value < 0.5 * score.floor else "fair"
    said = f"draws come near to {percent(score.value)} of real pictures, other real ones to {percent(score.floor)}"
    return Finding("variety", level, said)


def picture_labels(found: Found) -> Finding | None:
    """Do pictures show what their label says? Silent where they do as real ones do."""
    score = found.get("class_fidelity")
    if score is None or not is_known(score.floor) or not found.blames(score) or score.floor - score.value <= 0.03:
        return None
    level: Level = "poor" if score.value < 0.5 * score.floor else "fair"
    said = (
        f"a classifier finds the label in {percent(score.value)} of the draws, in {percent(score.floor)} of real ones"
    )
    return Finding("labels", level, said)


def picture_copying(found: Found) -> Finding | None:
    """Are pictures copies, or nearly, of training pictures?"""
    return copying(found, "picture_copies", "picture")
