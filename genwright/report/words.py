"""Numbers and names as a reader sees them: three digits that matter, a dash for what is not known, long names cut."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any
from unicodedata import east_asian_width

NOTHING = "–"
PERPLEXITIES = ("tokens", "words")  # their units
ABBREVIATIONS = {
    "auc": "AUC",
    "r2": "R²",
    "tpr": "true positive rate",
    "roc": "ROC",
    "pr": "PR",
    "f1": "F1",
    "bleu": "BLEU",
}
ABBREVIATIONS |= {"frechet": "Fréchet", "kid": "KID", "svm": "SVM", "dim": "dimension"}
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def number(value: Any, digits: int = 3) -> str:
    """The number with `digits` that matter; a dash where there is none.

    >>> number(0.92847), number(0.9996), number(12345.6), number(float("nan")), number(-0.00012), number(0.00007, 2)
    ('0.928', '1.00', '12,346', '–', '−0.00012', '7e−05')
    """
    if not is_known(value):
        return {float("inf"): "∞", float("-inf"): "−∞"}.get(value, NOTHING)
    size = abs(value)
    if size >= 1e9:
        text = f"{value:.{digits - 1}e}"
    elif size >= 0.01 or size == 0:
        power = math.floor(math.log10(size)) if size >= 1 else -1
        power += round(size, digits - 1 - power) >= 10 ** (power + 1)  # 0.9996 is 1.00, as 1 is
        text = f"{value:,.{max(0, digits - 1 - power)}f}"
    else:
        text = f"{value:#.{max(1, digits - 1)}g}"
    return text.replace(".e", "e").replace("-", "−")


def signed(value: Any) -> str:
    """A difference with its sign and three decimals; a dash where there is none.

    >>> signed(0.1493), signed(-0.002), signed(-0.0002), signed(float("nan"))
    ('+0.149', '−0.002', '0.000', '–')
    """
    if not is_known(value):
        return NOTHING
    text = f"{value:+.3f}"
    return text.replace("-", "−") if float(text) else text[1:]


def quantity(value: Any, digits: int = 3) -> str:
    """A value of the data, without zeros at its end: 37, 0.5, 1,200.

    >>> quantity(37.0), quantity(0.5), quantity(1200.0), quantity(0.0000015, 6)
    ('37', '0.5', '1,200', '1.5e−06')
    """
    text, e, power = number(value, digits).partition("e")
    return (text.rstrip("0").rstrip(".") if "." in text else text) + e + power


def percent(share: float) -> str:
    """A share of the rows.

    >>> percent(0.0564), percent(0.0), percent(0.00001), percent(1.0)
    ('5.6 %', '0 %', '< 0.1 %', '100 %')
    """
    if not is_known(share):
        return NOTHING
    if 0 < share < 0.001:
        return "< 0.1 %"
    return f"{100 * share:.0f} %" if share in (0.0, 1.0) or share >= 0.0995 else f"{100 * share:.1f} %"


def is_known(value: Any) -> bool:
    """Whether it is a finite number."""
    try:
        return value is not None and math.isfinite(value)
    except (TypeError, OverflowError):
        return False


def on_scale(value: float, unit: str) -> float:
    """Where a number stands on its line: perplexities by their logarithm, for they multiply; others as they are.

    >>> on_scale(0.5, "AUC"), on_scale(1.0, "tokens")
    (0.5, 0.0)
    """
    return math.log(max(value, 1e-9)) if unit in PERPLEXITIES and is_known(value) else value


def shorten(text: Any, length: int, measure: Callable[[str], float] = len) -> str:
    """At most `length` characters on one line; with `measure=breadth` at most as broad as so many letters.

    >>> shorten("education years", 10), shorten("最終学歴と教育年数", 10, breadth)
    ('education…', '最終学歴と…')
    """
    line = " ".join(clean(str(text)).split()) or "(blank)"
    if measure(line) <= length:
        return line
    cut = line[: length - 1]
    while measure(cut) > length - 1:
        cut = cut[:-1]
    return cut.rstrip() + "…"


def shorten_apart(labels: Sequence[str], length: int, measure: Callable[[str], float] = len) -> list[str]:
    """Each label shortened; those that would look the same lose the beginning they share.

    >>> shorten_apart(["Yes", "No internet service", "No internet here"], 10)
    ['Yes', '…service', '…here']
    """
    short = [shorten(label, length, measure) for label in labels]
    shared = {
        cut: _n_shared([label for label, other in zip(labels, short, strict=True) if other == cut])
        for cut, n in Counter(short).items()
        if n > 1
    }
    return [
        "…" + shorten(label[shared[cut] :], length - 1, measure) if cut in shared else cut
        for label, cut in zip(labels, short, strict=True)
    ]


def steps(sequence: Iterable[Any]) -> str:
    """A sequence on a line: its steps, numbers with three digits.

    >>> steps(["to", "the"]), steps([0.12345, None]), steps([[1.0, 2.5], [3.25, 4.0]])
    ('to · the', '0.123 · ?', '1 2.5 · 3.25 4')
    """
    return " · ".join(" ".join(map(_step, s)) if isinstance(s, list) else _step(s) for s in sequence)


def _step(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "?" if value is None else str(value)


def breadth(text: str) -> float:
    """How many letters wide it is drawn, about: Chinese, Japanese and Korean ones are wider.

    >>> breadth("abc"), breadth("日本")
    (3.0, 3.6)
    """
    return sum(1.8 if east_asian_width(letter) in "WF" else 1.0 for letter in text)


def _n_shared(labels: list[str]) -> int:
    """How many characters all labels begin with."""
    ends = zip(min(labels), max(labels), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], ends))


def clean(text: str) -> str:
    """Without characters that HTML and UTF-8 cannot carry."""
    return _UNPRINTABLE.sub("\ufffd", text)


def heading(name: str) -> str:
    """The name of a score or fact as a heading.

    >>> heading("near_copies.closer_tail"), heading("utility.auc")
    ('Near copies · closer tail', 'Utility · AUC')
    """
    words = [ABBREVIATIONS.get(word, word) for word in name.replace(".", " · ").replace("_", " ").split()]
    line = " ".join(words)
    return line[:1].upper() + line[1:]
