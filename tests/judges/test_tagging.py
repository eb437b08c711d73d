"""Accuracy of tags against counts by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from genwright.core.errors import DataError, UnsupportedError
from genwright.judges.tagging import Tagging
from tests.judges.tag_worlds import K, T, guessing, sentences, tag_world


def test_accuracy_is_the_share_of_known_tags_that_are_right() -> None:
    evidence = tag_world()
    held_out = evidence.held_out
    held_out = {**held_out, "tags": held_out["tags"].clone()}
    held_out["tags"][:50, 0] = K + 2  # missing: not counted
    assert evidence.predict is not None
    guess = evidence.predict(held_out)["tags"].numpy()
    tags = held_out["tags"].numpy()
    known = (tags > 1) & (tags < K + 2)
    found = Tagging().measure({}, replace(evidence, held_out=held_out))["accuracy"]
    assert found.value == pytest.approx((guess == tags)[known].mean())
    assert found.n == known.sum()
    assert found.low < found.value < found.high


def test_interval_is_as_wide_as_the_spread_of_sentences() -> None:
    rights = []
    for seed in range(60):
        evidence = replace(tag_world(), held_out=sentences(200, 100 + seed))
        rights.append(Tagging().measure({}, evidence)["accuracy"])
    spread = np.std([m.value for m in rights])
    width = np.mean([(m.high - m.low) / (2 * 1.96) for m in rights])
    assert width == pytest.approx(spread, rel=4 / np.sqrt(2 * 60))


def test_the_baseline_gives_every_word_its_most_frequent_tag() -> None:
    (score,) = Tagging().scores(tag_world())
    assert abs(score.ceiling - 2 / 3) < 5 * np.sqrt(2 / 9 / (500 * T / 2))
    assert score.value == pytest.approx(0.9, abs=0.02)
    assert score.floor == pytest.approx(0.9, abs=0.02)
    perfect = replace(tag_world(), predict=guessing(0.0))
    assert Tagging().scores(perfect)[0].value == 1


def test_models_without_tags_are_passed_over() -> None:
    silent = replace(tag_world(), predict=None)
    assert Tagging().scores(silent) == []
    with pytest.raises(UnsupportedError, match="guesses no tags"):
        Tagging().measure({}, silent)
    evidence = tag_world()
    untagged = {**evidence.held_out, "tags": torch.full_like(evidence.held_out["tags"], K + 2)}
    with pytest.raises(DataError, match="no tag is known"):
        Tagging().measure({}, replace(evidence, held_out=untagged))
