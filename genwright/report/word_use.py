"""Words, or characters, that draws use more or less than real texts do (Monroe, Colaresi and Quinn, 2008).

https://doi.org/10.1093/pan/mpn018 (log odds with an informative Dirichlet prior)

    δ_w = ln (y_w + α_w) / (n + α_0 − y_w − α_w) − ln (y'_w + α_w) / (n' + α_0 − y'_w − α_w)
    z_w = δ_w / √(1 / (y_w + α_w) + 1 / (y'_w + α_w))

y, n: counts in draws; y', n': in real texts; α_w: α_0 times the share of w in both, which keeps rare words from being
the most striking ones. Words and punctuation marks where the script has spaces, characters where it has none.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from genwright.core.texts import is_spaced, unit_name, units
from genwright.report import svg
from genwright.report.words import breadth, quantity, shorten, shorten_apart

PRIOR = 500.0  # α_0
LEAST = 3.0  # |z| of a word that is shown
N_SHOWN = 8  # words a side
WIDTH, LABEL, BAR, ROW = 300, 100, 110, 19


@dataclass(frozen=True)
class Use:
    """How often a word is used.

    Args:
        word: Or a character.
        real: Uses in 1,000 words of real texts.
        fake: The same in draws.
        z: How far the odds are apart, in standard errors; above 0: more in draws.
    """

    word: str
    real: float
    fake: float
    z: float


@dataclass(frozen=True)
class WordUse:
    """What is used too much and too little, most striking first, and what a unit is called."""

    more: tuple[Use, ...]
    less: tuple[Use, ...]
    unit: str


def word_use(real: Sequence[str], fake: Sequence[str]) -> WordUse | None:
    """Of some texts; None where one side says nothing."""
    spaced = is_spaced(real)
    counts = [Counter(unit for text in side for unit in units(text, spaced)) for side in (fake, real)]
    if not all(counts):
        return None
    words = list(dict.fromkeys([*counts[1], *counts[0]]))
    y, other = (np.array([count[word] for word in words], dtype=float) for count in counts)  # (W,)
    uses = [
        Use(word, 1000 * b / other.sum(), 1000 * a / y.sum(), z)
        for word, a, b, z in zip(words, y.tolist(), other.tolist(), _z(y, other).tolist(), strict=True)
    ]
    by_z = sorted((use for use in uses if abs(use.z) >= LEAST), key=lambda use: -abs(use.z))
    more, less = (tuple([use for use in by_z if (use.z > 0) is is_more][:N_SHOWN]) for is_more in (True, False))
    return WordUse(more, less, unit_name(spaced))


def draw(uses: Sequence[Use], title: str) -> Markup:
    """A pair of bars a word; nothing where there is none."""
    if not uses:
        return Markup("")
    top = max(max(use.real, use.fake) for use in uses)
    parts = []
    for i, (use, label) in enumerate(zip(uses, shorten_apart([use.word for use in uses], 14, breadth), strict=True)):
        y = 2 + i * ROW
        parts += [
            svg.text(LABEL - 6, y + 12, label, "end"),
            svg.rectangle(LABEL, y + 1, BAR * use.real / top, 7, "real bar"),
            svg.rectangle(LABEL, y + 9, BAR * use.fake / top, 7, "fake bar"),
            svg.text(WIDTH, y + 12, f"{quantity(use.real, 2)} · {quantity(use.fake, 2)}", "end", "quiet"),
        ]
    height = 4 + ROW * len(uses)
    parts.append(svg.line(LABEL, 0, LABEL, height, "axis"))
    return svg.figure(title, describe(uses), WIDTH, height, parts)


def describe(uses: Sequence[Use]) -> str:
    """The figure in words."""
    each = (
        f"{shorten(use.word, 30)}: {quantity(use.real)} real, {quantity(use.fake)} synthetic in 1,000" for use in uses
    )
    return "; ".join(each) + "."


def _z(y: np.ndarray, other: np.ndarray) -> np.ndarray:
    """z of each word (W,)."""
    prior = PRIOR * (y + other) / (y + other).sum()
    a, b = y + prior, other + prior
    delta = np.log(a / (a.sum() - a + 1e-9)) - np.log(b / (b.sum() - b + 1e-9))
    return delta / np.sqrt(1 / a + 1 / b)
