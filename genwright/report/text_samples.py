"""Texts of a column as a reader sees them: some real and some drawn ones, and what they say too much and too little."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from genwright.core.schema import Column
from genwright.report import word_use
from genwright.report.words import clean, shorten

SHOWN = 1_500  # characters a side that are shown, about
FEWEST, MOST = 3, 12  # texts a side
LONGEST = 600  # characters of a text that are shown
MAX_NAME = 60


def views(schema: Sequence[Column], real: pa.Table, fake: pa.Table) -> list[dict[str, Any]]:
    """For the page: every column of texts that was drawn."""
    names = [c.name for c in schema if c.kind == "text" and {c.name} <= {*real.column_names} & {*fake.column_names}]
    sides = {name: (_known(real.column(name)), _known(fake.column(name))) for name in names}
    return [_view(name, *both) for name, both in sides.items() if both[1]]


def _view(name: str, real: list[str], fake: list[str]) -> dict[str, Any]:
    found = word_use.word_use(real, fake)
    return {
        "name": shorten(name, MAX_NAME),
        "real": shown(real),
        "fake": shown(fake),
        "unit": found.unit if found else "",
        "more": word_use.draw(found.more, f"{shorten(name, 60)}: used more than in real texts") if found else "",
        "less": word_use.draw(found.less, f"{shorten(name, 60)}: used less than in real texts") if found else "",
    }


def shown(texts: Sequence[str]) -> list[str]:
    """The first texts, as many as a reader wants to see, long ones cut."""
    n = SHOWN * len(texts) // max(1, sum(min(len(text), LONGEST) for text in texts))
    return [cut(text) for text in texts[: min(MOST, max(FEWEST, n))]]


def cut(text: str) -> str:
    """The beginning of a text, as HTML can carry it."""
    return clean(text if len(text) <= LONGEST else text[:LONGEST].rstrip() + " …") or "(empty)"


def _known(column: pa.ChunkedArray) -> list[str]:
    """Texts that are there; of a column that holds none, nothing."""
    kind = column.type
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return [text for text in column.to_pylist() if text is not None] if is_text else []
