"""The model card says what there is to know, and data cannot write on it."""

import re

import pytest

from genwright.core.judge import Score
from genwright.core.schema import Column, Schema
from genwright.runs.card import card
from tests.runs.fakes import make

NASTY = "# <script>alert(1)</script> | a `b` *c*\n# heading [x](http://y) _d_ &amp; " + "long " * 100


def table_widths(text):
    """Numbers of cells of the lines of every table."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [len(re.findall(r"(?<!\\)\|", line)) - 1 for line in lines]


def test_everything_is_on_it():
    artefact = make(1)
    artefact.facts |= {
        "n_train": 2,
        "seconds": 1.25,
        "notes": ["one column was constant"],
        "path": "/home/me/secret.csv",
    }
    text = card(artefact)
    for part in (
        "# fake model of people.csv",
        "| Rows | 3 |",
        "| Rows learnt from | 2 |",
        "ab" * 32,
        "| sex | category | yes |",
        "digits only",
        "| width | 4 | columns of the weights |",
        "| sizes | 2, 1 | for a tuple's sake |",
        "| parameters |",
        "| fakeness | 1.1 | 0 … – | 0.5 | inf | AUC | 0.5 is best | 9 |",
        "fakeness: by eye Source: nowhere",
        "| Seed | 7 |",
        "## Intended use",
        "not a proof of privacy",
        "one column was constant",
        'gw.load("path/to/this/folder")',
    ):
        assert part in text, part
    assert "secret" not in text


def test_without_scores_settings_and_facts():
    artefact = make(1)
    artefact.scores, artefact.facts = [], {}
    text = card(artefact)
    assert "Not judged yet." in text
    assert "# fake model of a table" in text
    assert "## Notes" not in text


@pytest.mark.parametrize("place", ["column", "fact", "note", "score", "setting"])
def test_names_and_values_are_escaped(place):
    artefact = make(1)
    plain = card(artefact)
    if place == "column":
        artefact.codec.schema = Schema((Column(NASTY, "number", why=NASTY), artefact.codec.schema.columns[0]))
        artefact.codec.codecs[NASTY] = artefact.codec.codecs["sex"]
    elif place == "fact":
        artefact.facts |= {"data": NASTY, NASTY: NASTY}
    elif place == "note":
        artefact.facts["notes"] = [NASTY]
    elif place == "score":
        artefact.scores = [Score(NASTY, 0, 0, 0, 1, 0, 0, NASTY, "half", NASTY, NASTY)]
    else:
        artefact.model.config = type(artefact.model.config)(width=NASTY)
    text = card(artefact)
    assert "<" not in text.replace("&lt;", "")
    assert "`b`" not in text
    assert "*c*" not in text.replace(r"\*c\*", "")
    assert not re.search(r"(?<!\\)\]\(", text)
    assert [line for line in text.splitlines() if re.match(r"(- )?# ", line)][1:] == []
    assert {*table_widths(text)} == {*table_widths(plain)}
