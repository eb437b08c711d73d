import math
from dataclasses import replace

import numpy as np
import pytest

from genwright.core.dataset import select
from genwright.core.errors import DataError
from genwright.core.judge import Evidence
from genwright.core.longest_match import longest_matches
from genwright.core.space import Field, Space
from genwright.judges.copied_text import CopiedText
from tests.judges.text_worlds import SUPPORT, draw, encode, mixed, scrambled, spell, text_world


def measured(evidence: Evidence, fake: dict) -> dict:
    return CopiedText().measure(fake, replace(evidence, fake=fake))


def test_planted_copies_are_counted() -> None:
    """A third of the draws are training texts: those as long as to stand out are found, and none of the others."""
    world = text_world()
    fake = mixed(scrambled(600, 5), world.train, 1 / 3, 0)
    found = measured(world, fake)
    n = found["mean"].details["cut"]
    copies, held_out, train = (
        spell(rows)["text"].to_pylist() for rows in (select(fake, slice(400, 600)), world.held_out, world.train)
    )
    usual = longest_matches([t[:n] for t in held_out], train).length
    limit = np.sort(usual)[math.ceil(0.99 * (len(usual) - 1))]
    assert found["share"].value == pytest.approx(sum(len(t[:n]) > limit for t in copies) / 600, abs=0.01)
    assert found["share"].low > 0.02
    is_long = [len(t[:n]) > np.median(usual) for t in copies]
    assert found["whole"].value == pytest.approx(sum(is_long) / 600, abs=0.01)


def test_a_short_draw_that_is_found_somewhere_is_no_copy() -> None:
    world = text_world(200, 200)
    word = encode(["mafi"] * 200)
    assert measured(world, word)["mean"].value == 4 + 1  # the blank behind it
    assert measured(world, word)["whole"].value == 0


def test_the_longest_copy_is_shown_with_its_source() -> None:
    world = text_world(50, 50)
    texts = spell(world.train)["text"].to_pylist()
    planted = max(texts, key=len)
    found = measured(world, mixed(scrambled(50, 5), select(world.train, [texts.index(planted)]), 0.02, 0))
    longest = found["mean"].details["longest"]
    assert longest["n"] == len(planted)
    assert longest["draw"] == longest["source"] == ["", planted, ""]


def test_a_copy_across_passages_of_one_text_is_found() -> None:
    world = text_world(50, 50)
    cut = [np.flatnonzero((row == 1) | (row == 0))[:1] for row in world.train["text"].numpy()]
    a = next(i for i in range(49) if len(cut[i]) and 0 < cut[i][0] < 10 and len(cut[i + 1]) and 0 < cut[i + 1][0] < 10)
    both = world.train["text"][a].clone()
    both[cut[a][0] :] = world.train["text"][a + 1][: 30 - int(cut[a][0])]
    fake = {"text": both[None].repeat(50, 1)}
    n = len(spell(fake)["text"][0].as_py())
    running = replace(world, space=Space({"text": Field(replace(SUPPORT, runs_on=True))}))
    longest = measured(running, fake)["mean"].details["longest"]
    assert longest["n"] == n > measured(world, fake)["mean"].details["longest"]["n"]
    assert longest["source"][1] == longest["draw"][1]


def test_unseen_texts_seldom_copy_more_than_unseen_texts() -> None:
    """Fresh real texts exceed the 99 % quantile of held-out ones in about 1 % of cases, and the interval says so."""
    shares, holds = [], 0
    for seed in range(30):
        world = text_world(150, 150, seed=seed)
        found = measured(world, draw(150, 5000 + seed))["share"]
        shares.append(found.value)
        holds += found.low <= 0.01 <= found.high
    assert np.mean(shares) == pytest.approx(0.01, abs=0.01)
    assert holds / 30 > 0.95 - 4 * math.sqrt(0.95 * 0.05 / 30)


def test_nothing_to_compare_with_is_an_error() -> None:
    world = text_world(20, 20)
    with pytest.raises(DataError, match="held-out texts and draws"):
        CopiedText().measure(world.fake, replace(world, held_out=select(world.held_out, slice(0, 0))))
