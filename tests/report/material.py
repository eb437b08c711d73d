"""Scores, tables and pages that the tests of the report share."""

from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

import pyarrow as pa

from genwright.core.judge import Direction, Score
from genwright.core.schema import Column, Schema
from genwright.report.page import Material

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


def score(
    name: str,
    value: float,
    low: float | None = None,
    high: float | None = None,
    floor: float = 0.5,
    ceiling: float = 0.99,
    direction: Direction = "half",
    **details: Any,
) -> Score:
    low, high = value - 0.01 if low is None else low, value + 0.01 if high is None else high
    unit, protocol = "AUC", f"{name.split('.')[0]} on 1,000 rows"
    return Score(name, value, low, high, 1_000, floor, ceiling, unit, direction, protocol, "Someone (1999)", details)


def good_scores() -> list[Score]:
    return [
        score("detectability.boosting", 0.51),
        score("utility.auc", 0.928, floor=0.930, ceiling=0.527, direction="higher"),
        score("near_copies.exact", 0.001, 0.0, 0.002, floor=0.001, ceiling=0.0, direction="lower", copy=1.0),
        score("near_copies.closer_tail", 0.51, ceiling=0.48, copy=0.999),
        score("membership.auc", 0.505, ceiling=0.5),
    ]


def material(
    real: dict[str, Any], fake: dict[str, Any], kinds: Sequence[str], scores: Sequence[Score] = (), **facts: Any
) -> Material:
    schema = Schema(tuple(Column(name, kind) for name, kind in zip(real, kinds, strict=True)))
    return Material("customers.csv · trees", schema, list(scores), pa.table(real), pa.table(fake), facts)


class Page(HTMLParser):
    """Reads a page and notes what it is made of; unbalanced tags raise."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[tuple[str, str]] = []  # (innermost tag, text)
        self.figures: list[dict[str, str]] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "svg":
            self.figures.append({"attributes": " ".join(k for k, _ in attrs), "role": dict(attrs).get("role") or ""})
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}> at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        data = data.replace("\u00a0", " ")  # a blank where no line may break reads like another
        if self.open and data.strip():
            is_broken = self.tags[-1][0] == "wbr" and self.words and self.words[-1][0] == self.open[-1]
            before = self.words.pop()[1] if is_broken else ""  # a place where a line may break is no end of the text
            self.words.append((self.open[-1], before + data.strip()))
            if self.open[-1] in ("title", "desc") and "svg" in self.open:
                self.figures[-1][self.open[-1]] = data.strip()

    def text_of(self, tag: str) -> list[str]:
        return [words for name, words in self.words if name == tag]
