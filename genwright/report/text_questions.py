"""Questions of the verdict about texts and tags, see `questions`."""

from genwright.report.questions import Finding, Found, Level, or_, told_apart
from genwright.report.words import is_known, number, percent
from genwright.runs.yardsticks import text_detector


def text_fidelity(found: Found) -> Finding | None:
    """Can drawn texts be told from real ones?"""
    score = text_detector(found.scores)
    return None if score is None else told_apart(score, found.blames(score), "texts", "drawn texts")


def variety(found: Found) -> Finding | None:
    """Do texts repeat themselves and each other? Silent where they do not."""
    score = found.get("diversity.distinct_2")
    if score is None or not found.blames(score) or or_(score.high, score.value) >= 0.8 * score.floor:
        return None
    level: Level = "poor" if score.value < 0.5 * score.floor else "fair"
    said = f"({percent(score.value)} of their pairs of neighbours differ, {percent(score.floor)} of real ones)"
    return Finding("variety", level, f"texts repeat themselves {said}")


def text_copying(found: Found) -> Finding | None:
    """Do texts share longer passages with the training texts than unseen texts do?"""
    score, whole = found.get("copied_text.share"), found.get("copied_text.whole")
    if whole and whole.value > max(0.03, 2 * or_(whole.floor, 0.0)) and found.blames(whole):
        usual = f", {percent(whole.floor)} of unseen ones" if is_known(whole.floor) else ""
        said = f"{percent(whole.value)} of the texts stand in the training texts from end to end{usual}"
        return Finding("copying", "poor" if whole.value > 0.15 else "fair", said)
    if score is None:
        return None
    if score.value <= 0.03 or not found.blames(score):
        return Finding("copying", "good", "no sign of copying")
    level: Level = "poor" if score.value > 0.15 else "fair"
    words = f"{percent(score.value)} of the texts copy a longer passage than 99 % of unseen texts do"
    return Finding("copying", level, words)


def surprise(found: Found) -> Finding | None:
    """What a character of a text, or a step of another sequence costs.

    Judged only against independent tokens or steps, for how much is good depends on the data.
    """
    score, what, unit, parts = found.get("bits_per_char", "bits_per_char.bound"), "character", "bits", "tokens"
    if score is None:
        score, what, unit, parts = found.get("nats_per_step", "nats_per_step.bound"), "step", "nats", "steps"
    if score is None:
        return None
    most = "at most " if score.name.endswith("bound") else ""
    trivial = f" (independent {parts}: {number(score.ceiling)})" if is_known(score.ceiling) else ""
    level: Level = "unknown"
    if is_known(score.ceiling) and or_(score.low, score.value) > score.ceiling:
        level, trivial = "poor", f", more than with independent {parts} ({number(score.ceiling)})"
    return Finding("surprise", level, f"an unseen {what} costs {most}{number(score.value)} {unit}{trivial}")


def tags(found: Found) -> Finding | None:
    """Are tags of unseen sentences guessed better than by each word's most frequent tag?"""
    score = found.get("tagging.accuracy")
    if score is None:
        return None
    trivial = f" (each word's most frequent tag: {percent(score.ceiling)})" if is_known(score.ceiling) else ""
    words = f"finds {percent(score.value)} of unseen tags{trivial}"
    if not is_known(score.ceiling) or or_(score.low, score.value) > score.ceiling:
        return Finding("tags", "good", words)
    return Finding("tags", "fair" if or_(score.high, score.value) >= score.ceiling else "poor", words)
