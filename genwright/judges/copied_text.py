"""Are texts copied? The longest passage that each draw shares with the training texts (Lee et al., 2022).

https://arxiv.org/abs/2107.06499 (exact substrings by suffix array)

    copied(x) = max { |s| : s is a substring of x and of a training text },  in characters

Texts that are real and unseen share passages with the training texts, too: phrases, names, quotations. Held-out texts
in place of draws are therefore the floor, and `share` counts draws whose longest copy is longer than all but 1 % of the
held-out ones'. Texts are cut to one length, because longer ones share longer passages by chance; the longest copy that
is shown is looked for in whole draws. `whole` counts draws that are a copy from end to end, where they are longer than
the median of held-out texts' longest copies: that a very short draw is found somewhere says nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.errors import DataError
from genwright.core.features import sample_rows
from genwright.core.judge import Evidence, Measure, Part
from genwright.core.longest_match import longest_matches
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch
from genwright.core.statistics import mean, quantile_measure, share_measure
from genwright.core.text_judge import TextJudge
from genwright.core.texts import common_length, row_texts, runs_on

RARE = 0.99  # quantile of held-out texts' longest copies above which a draw's counts as one
AROUND = 60  # characters that are shown before and behind a copied passage
LONGEST_SHOWN = 600  # characters of a copied passage that are shown


class CopiedText(TextJudge):
    """Lengths of the longest passages shared with the training texts."""

    parts: ClassVar[dict[str, Part]] = {
        "mean": Part("characters", "lower", "Longest passage that a draw shares with the training texts, on average."),
        "p95": Part("characters", "lower", "The same of the draw that copies more than 95 % of the draws do."),
        "share": Part("share", "lower", "Draws with a longer copy than all but 1 % of unseen real texts have."),
        "whole": Part(
            "share", "lower", "Draws that stand in the training texts from end to end, longer than usual copies."
        ),
    }
    source = "Lee et al. (2022), https://arxiv.org/abs/2107.06499"
    max_rows = 2_000

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """All four; `details["longest"]` of the draws' mean has the longest copy with its training neighbour."""
        train = row_texts(evidence.train, evidence)
        held_out, drawn = (self._texts(rows, evidence) for rows in (evidence.held_out, fake))
        if not held_out or not drawn:
            raise DataError("copied_text needs held-out texts and draws, and found none; hold out more rows")
        n, is_running = self._cut(evidence), runs_on(evidence)
        cut = [text[:n] for text in (*drawn, *held_out)]
        found = longest_matches(cut, train, is_running).length
        copied, usual = found[: len(drawn)], found[len(drawn) :]
        details = {"quantiles": np.quantile(copied, np.linspace(0, 1, 101)).tolist(), "cut": n}
        if fake is evidence.fake:
            details |= {"usual": np.quantile(usual, np.linspace(0, 1, 101)).tolist()}
            details |= {"longest": _longest(drawn, train, is_running)}
        is_whole = (copied == [len(text) for text in cut[: len(drawn)]]) & (copied > np.median(usual))
        return {
            "mean": mean(copied.astype(float)).measure(len(copied), 0, n, details),
            "p95": quantile_measure(copied, 0.95),
            "share": _share_above(copied, usual),
            "whole": share_measure(int(is_whole.sum()), len(copied)),
        }

    def protocol(self, evidence: Evidence) -> str:
        """Texts, lengths and intervals."""
        n, m = (min(self.max_rows, n_rows(rows)) for rows in (evidence.fake, evidence.held_out))
        return (
            f"{n:,} draws and {m:,} held-out texts (at most {self.max_rows:,} a side), each cut to "
            f"{self._cut(evidence):,} characters, in {n_rows(evidence.train):,} training texts by suffix array; floor: "
            "held-out texts in place of draws; normal, order-statistic and Wilson's intervals, one value a text"
        )

    def anchors(self, evidence: Evidence) -> tuple[Batch, Batch]:
        """The floor is the held-out texts: real ones that nobody can have copied."""
        return evidence.held_out, evidence.trivial

    def _texts(self, rows: Batch, evidence: Evidence) -> list[str]:
        return row_texts(sample_rows(rows, self.max_rows, numpy_generator(evidence.seed, "copied_text")), evidence)

    def _cut(self, evidence: Evidence) -> int:
        """Characters that texts are cut to."""
        sides = (self._texts(rows, evidence) for rows in (evidence.held_out, evidence.fake))
        return common_length(*([len(text) for text in side] for side in sides))


def _share_above(copied: np.ndarray, usual: np.ndarray) -> Measure:
    """Share of draws above the 99 % quantile of held-out texts, which is itself an estimate: n' = 1 / (1/n + 1/m)."""
    n, m = len(copied), len(usual)
    p, size = float((copied > np.quantile(usual, RARE, method="higher")).mean()), n * m / (n + m)
    found = share_measure(p * size, size)
    return replace(found, n=n)


def _longest(texts: Sequence[str], corpus: Sequence[str], is_running: bool) -> dict[str, Any]:
    """The longest copy among whole draws, and where it comes from, each with what stands before and behind it."""
    found = longest_matches(texts, corpus, is_running)
    i = int(found.length.argmax())
    n, start, at = (int(x[i]) for x in (found.length, found.start, found.at))
    if not n:
        return {}
    first = int(found.document[i])
    source = corpus[first] if not is_running else "".join(corpus[max(0, first - 1) : first + 1 + n])
    at += len(corpus[first - 1]) if is_running and first else 0
    return {"n": n, "draw": _passage(texts[i], start, n), "source": _passage(source, at, n)}


def _passage(text: str, start: int, n: int) -> list[str]:
    """What stands before, the passage, and what stands behind; long ones are cut."""
    shown = text[start : start + min(n, LONGEST_SHOWN)] + ("…" if n > LONGEST_SHOWN else "")
    return [text[max(0, start - AROUND) : start], shown, text[start + n : start + n + AROUND]]
