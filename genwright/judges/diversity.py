"""Do texts repeat themselves and each other? Distinct-n (Li et al., 2016) and self-BLEU (Zhu et al., 2018).

https://arxiv.org/abs/1510.03055 · https://arxiv.org/abs/1802.01886 · BLEU: Papineni et al. (2002)

    distinct-n = number of different n-grams / number of n-grams
    self-BLEU = 1/B Σ_i BLEU(x_i; all other x_j),   BLEU = min(1, exp(1 − r/c)) · (Π_n p_n)^¼,   n = 1 … 4

c: units of the text, r: of the other text whose length is nearest, p_n: share of its n-grams that another text has as
often; an order without a match counts 0.1 matches, as is usual for single sentences. Real texts show how much variety
there should be: fewer different n-grams are a fault, more are no merit (words at random have the most).

Distinct-n falls with the amount of text and BLEU rises with it, so that all sides have equally many texts, cut to one
length, and distinct-n equally many units.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.errors import DataError
from genwright.core.features import equal_size, sample_rows
from genwright.core.judge import Evidence, Measure, Part
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch
from genwright.core.statistics import jackknife_error, mean, normal_measure
from genwright.core.text_judge import TextJudge
from genwright.core.texts import common_length, is_spaced, row_texts, unit_name, units

ORDERS = 4  # of the n-grams of BLEU
LONGEST = 200  # units that texts are cut to at most
SMOOTH = 0.1  # matches that an order without any counts
WIDENING = 2**0.5  # of self-BLEU's standard error: each text is both judged and judges
Units = list[list[str]]  # of each text


class Diversity(TextJudge):
    """Variety of words, or of characters, within and between texts."""

    parts: ClassVar[dict[str, Part]] = {
        "distinct_1": Part("share", "higher", "Different words (or characters) among all; real texts have enough."),
        "distinct_2": Part("share", "higher", "Different pairs of neighbouring words (or characters) among all."),
        "self_bleu": Part("BLEU", "lower", "How much of a draw stands in other draws, word by word; 1 is all of it."),
    }
    source = "Li et al. (2016), https://arxiv.org/abs/1510.03055; Zhu et al. (2018), https://arxiv.org/abs/1802.01886"
    max_rows = 1_000

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """All three."""
        spaced = self._is_spaced(evidence)
        texts = self._units(fake, evidence, spaced)
        n_most = self._n_units(evidence, spaced)
        if not any(texts):
            raise DataError("diversity counts words or characters, and every draw is empty")
        found = {f"distinct_{n}": _distinct(_first(texts, n_most), n) for n in (1, 2)}
        scores = self_bleu(texts)
        estimate = mean(scores)
        bleu = normal_measure(estimate.value, WIDENING * estimate.error, len(scores), 0, 1)
        return found | {"self_bleu": bleu}

    def protocol(self, evidence: Evidence) -> str:
        """Texts, units and intervals."""
        spaced = self._is_spaced(evidence)
        return (
            f"{equal_size(evidence.fake, evidence, self.max_rows):,} texts a side (at most {self.max_rows:,}), in "
            f"{unit_name(spaced)}, each cut to {self._cut(evidence, spaced):,}; distinct-n on "
            f"{self._n_units(evidence, spaced):,} of them a side, jackknife interval over texts; self-BLEU of order "
            f"{ORDERS}, 0.1 for orders without a match, normal interval over texts widened by √2"
        )

    def _is_spaced(self, evidence: Evidence) -> bool:
        return is_spaced(self._texts(evidence.held_out, evidence))

    def _texts(self, rows: Batch, evidence: Evidence) -> list[str]:
        n = equal_size(rows, evidence, self.max_rows)
        return row_texts(sample_rows(rows, n, numpy_generator(evidence.seed, "diversity")), evidence)

    def _cut(self, evidence: Evidence, spaced: bool) -> int:
        """Units that texts are cut to."""
        sides = (self._texts(rows, evidence) for rows in (evidence.held_out, evidence.fake))
        return min(LONGEST, common_length(*([len(units(text, spaced)) for text in side] for side in sides)))

    def _units(self, rows: Batch, evidence: Evidence, spaced: bool) -> Units:
        n = self._cut(evidence, spaced)
        return [units(text, spaced)[:n] for text in self._texts(rows, evidence)]

    def _n_units(self, evidence: Evidence, spaced: bool) -> int:
        """Units of every side that distinct-n is counted on; a side without any is left alone."""
        sides = (evidence.fake, evidence.train, evidence.trivial)
        counts = [sum(map(len, self._units(rows, evidence, spaced))) for rows in sides if n_rows(rows)]
        return min((n for n in counts if n), default=0)


def _first(texts: Units, n: int) -> Units:
    """The first n units of some texts."""
    ends = np.cumsum([len(text) for text in texts])
    return [text[: max(0, len(text) - int(end) + n)] if end > n else text for text, end in zip(texts, ends)]


def _distinct(texts: Units, n: int) -> Measure:
    """Different n-grams among all, with its jackknife interval: without a text, its own n-grams are gone."""
    text, gram = _grams(texts, n)
    if not len(gram):
        return Measure(0.0, 0.0, 1.0, len(texts))
    first, last = np.full(gram.max() + 1, len(texts)), np.full(gram.max() + 1, -1)
    np.minimum.at(first, gram, text)
    np.maximum.at(last, gram, text)
    n_own = np.bincount(first[first == last], minlength=len(texts))  # (B,) n-grams that no other text has
    n_all = np.bincount(text, minlength=len(texts))
    n_different, total = len(first), len(gram)
    left_out = (n_different - n_own) / np.maximum(total - n_all, 1)
    return normal_measure(n_different / total, jackknife_error(left_out), len(texts), 0, 1)


def _grams(texts: Units, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Every n-gram as (its text, its code 0 … G−1)."""
    text = np.repeat(np.arange(len(texts)), [len(t) for t in texts])  # (U,)
    flat = [unit for t in texts for unit in t]
    number = {unit: i for i, unit in enumerate(dict.fromkeys(flat))}
    unit = np.array([number[u] for u in flat], dtype=np.int64)
    code = unit
    for k in range(1, n):
        is_inside = text[k:] == text[:-k]
        code = code[: len(unit) - k] * len(number) + unit[k:]
        code = np.unique(np.where(is_inside, code, -1), return_inverse=True)[1]
    keep = slice(0, max(0, len(unit) - n + 1))
    inside = text[n - 1 :] == text[keep]
    return text[keep][inside], np.unique(code[keep][inside], return_inverse=True)[1]


def self_bleu(texts: Sequence[Sequence[str]]) -> np.ndarray:
    """BLEU of each text against all others (B,); a text without units counts as 1, for it says nothing new."""
    units_of = [list(t) for t in texts]
    length = np.array([len(t) for t in units_of])  # (B,)
    log_p, n_orders = np.zeros(len(texts)), np.zeros(len(texts))
    is_known = np.zeros(len(texts), bool)
    for n in range(1, ORDERS + 1):
        hits, total = _matches(units_of, n), np.maximum(length - n + 1, 0)
        is_known |= hits > 0
        p = np.where(hits > 0, hits, SMOOTH) / np.maximum(total, 1)
        log_p += np.where(total > 0, np.log(p), 0.0)
        n_orders += total > 0
    brevity = np.minimum(0.0, 1 - _nearest_lengths(length) / np.maximum(length, 1))
    found = np.exp(brevity + log_p / np.maximum(n_orders, 1))
    return np.where(length == 0, 1.0, np.where(is_known, found, 0.0))


def _matches(texts: Units, n: int) -> np.ndarray:
    """n-grams of each text (B,) that another text has, each at most as often as the text that has it most."""
    text, gram = _grams(texts, n)
    if not len(gram):
        return np.zeros(len(texts), np.int64)
    both, count = np.unique(gram * len(texts) + text, return_counts=True)
    order = np.lexsort((-count, both // len(texts)))  # by n-gram, the most frequent text first
    gram, text, count = both[order] // len(texts), both[order] % len(texts), count[order]
    is_first = np.append(True, gram[1:] != gram[:-1])
    most = count[is_first][np.cumsum(is_first) - 1]
    is_alone = np.append(is_first[1:], True)
    second = np.where(is_alone, 0, np.append(count[1:], 0))  # of the text behind, where it is of the same n-gram
    others = np.where(is_first, second, most)
    return np.bincount(text, weights=np.minimum(count, others), minlength=len(texts)).astype(np.int64)


def _nearest_lengths(length: np.ndarray) -> np.ndarray:
    """The length of the other text that is nearest in length (B,), of two equally near ones the shorter."""
    values, counts = np.unique(length, return_counts=True)
    nearest = {}
    for i, (value, n) in enumerate(zip(values.tolist(), counts.tolist(), strict=True)):
        others = [int(v) for v in values[max(0, i - 1) : i + 2] if v != value or n > 1]
        nearest[value] = min(others, key=lambda v: (abs(v - value), v), default=0)
    return np.array([nearest[v] for v in length.tolist()])
