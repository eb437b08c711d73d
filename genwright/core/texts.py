"""Texts of encoded rows, for judges that read them: what a row says, and what its units are.

A row's texts are its columns of tokens that spell strings, one below the other. Units are words and punctuation marks
where the script puts spaces between words, and characters where it does not (Chinese, Japanese, Thai …), or where texts
are too short to be spoken of in words, such as names.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from genwright.core.dataset import n_rows
from genwright.core.space import Batch, Space, Tokens

if TYPE_CHECKING:
    from genwright.core.judge import Evidence

_WORD = re.compile(r"\w+|[^\w\s]")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
_LETTER = re.compile(r"[^\W\d_]")
LEAST_WORDS = 4  # texts of fewer words on average are looked at character by character
LONGEST = 0.9  # quantile of the lengths that texts are cut to


def token_fields(space: Space) -> Space:
    """The columns of tokens."""
    return Space({name: f for name, f in space.items() if isinstance(f.support, Tokens)})


def text_columns(evidence: "Evidence") -> list[str]:
    """The columns of tokens that spell strings, unless the model is always given them; tags and items spell none."""
    import pyarrow as pa

    names = [name for name in token_fields(evidence.space) if name not in evidence.given]
    if evidence.records is None or not names or not n_rows(evidence.train):
        return []
    first = evidence.records({name: evidence.train[name][:1] for name in names})
    return [f.name for f in first.schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]


def row_texts(batch: Batch, evidence: "Evidence", names: Sequence[str] | None = None) -> list[str]:
    """What each row says, in all its texts or in some; a missing text says nothing."""
    names = text_columns(evidence) if names is None else names
    assert evidence.records is not None
    table = evidence.records({name: batch[name] for name in names})
    columns = [table.column(name).to_pylist() for name in names]
    return ["\n".join(text or "" for text in row) for row in zip(*columns, strict=True)]


def is_spaced(texts: Sequence[str]) -> bool:
    """Whether these texts fall into words at their spaces."""
    joined = "\n".join(texts)
    n_letters = len(_LETTER.findall(joined))
    if len(_UNSPACED.findall(joined)) > 0.2 * n_letters:
        return False
    return len(joined.split()) >= LEAST_WORDS * max(1, sum(map(bool, texts)))


def units(text: str, spaced: bool) -> list[str]:
    """Words and punctuation marks, or characters that are no spaces."""
    return _WORD.findall(text) if spaced else [c for c in text if not c.isspace()]


def unit_name(spaced: bool) -> str:
    """What a unit is called."""
    return "words and punctuation marks" if spaced else "characters"


def common_length(*sides: Sequence[int]) -> int:
    """The length that texts of different origin are cut to: the least of their 90 % quantiles, and at least 1."""
    known = [np.quantile(np.asarray(side), LONGEST, method="lower") for side in sides if len(side)]
    return max(1, int(min(known, default=1)))


def runs_on(evidence: "Evidence") -> bool:
    """Whether rows are passages of one running text."""
    supports = [evidence.space[name].support for name in text_columns(evidence)]
    return len(supports) == 1 and isinstance(supports[0], Tokens) and supports[0].runs_on
