"""The longest passage that a draw shares with the training texts, beside where it stands there."""

from collections.abc import Sequence
from typing import Any

from genwright.core.judge import Score
from genwright.report.words import clean, is_known, number, percent


def view(scores: Sequence[Score]) -> dict[str, Any] | None:
    """For the page, from what the judge `copied_text` left; None where it was not asked."""
    by_name = {score.name: score for score in scores if is_known(score.value)}
    score, share = by_name.get("copied_text.mean"), by_name.get("copied_text.share")
    if score is None:
        return None
    longest = score.details.get("longest") or {}
    return {
        "mean": number(score.value),
        "usual": number(score.floor),
        "share": percent(share.value) if share else "",
        "n": f"{longest['n']:,}" if longest else "",
        "draw": _parts(longest.get("draw")),
        "source": _parts(longest.get("source")),
        "most_usual": _most_usual(score),
    }


def _parts(passage: Any) -> list[str]:
    """What stands before, the passage, and what stands behind."""
    is_whole = isinstance(passage, Sequence) and len(passage) == 3
    return [clean(str(part)) for part in passage] if is_whole else []


def _most_usual(score: Score) -> str:
    """The longest copy of all but 1 % of unseen texts."""
    usual = score.details.get("usual")
    return number(usual[99]) if isinstance(usual, Sequence) and len(usual) == 101 else ""
