import math
from dataclasses import replace

import pyarrow as pa
import pytest
import torch

from genwright.core.space import Field, Space
from genwright.judges.perplexity import Perplexity
from tests.judges.text_worlds import END, PAD, SUPPORT, WORDS, chain, draw, log_prob_of, spell, text_world


def test_a_fair_die_has_the_perplexity_of_its_faces() -> None:
    """Every token, the end with them, is one of 242 − 1 equally likely ones."""
    n = len(WORDS) - 1
    even = lambda rows: -(rows["text"] != PAD).sum(1).double() * math.log(n)  # noqa: E731
    found = Perplexity().measure({}, replace(text_world(10, 50), log_prob=even))
    assert found["token"].value == pytest.approx(n)
    assert found["token"].low == pytest.approx(n)  # no text deviates


def test_per_word_leaves_the_end_out() -> None:
    world = text_world(10, 80)
    nats = -float(log_prob_of(chain())(world.held_out).sum())
    n_words = sum(len(text.replace(".", " . ").split()) for text in spell(world.held_out)["text"].to_pylist())
    n_tokens = int((world.held_out["text"] != PAD).sum())
    found = Perplexity().measure({}, world)
    assert found["word"].value == pytest.approx(math.exp(nats / n_words))
    assert found["token"].value == pytest.approx(math.exp(nats / n_tokens))


def test_the_end_of_a_passage_of_a_running_text_is_no_token() -> None:
    world = text_world(10, 50)
    running = replace(world, space=Space({"text": Field(replace(SUPPORT, runs_on=True))}))
    even = lambda rows: -(rows["text"] > END).sum(1).double() * math.log(7)  # noqa: E731
    assert Perplexity().measure({}, replace(running, log_prob=even))["token"].value == pytest.approx(7)


def test_scripts_without_spaces_have_no_words() -> None:
    chinese = lambda rows: pa.table({"text": ["山" * int((x > 1).sum()) for x in rows["text"]]})  # noqa: E731
    found = Perplexity().measure({}, replace(text_world(10, 50), records=chinese))
    assert list(found) == ["token"]


def test_a_bound_is_called_one() -> None:
    names = [s.name for s in Perplexity().scores(replace(text_world(50, 50), is_bound=True))]
    assert names == ["perplexity.token_bound", "perplexity.word_bound"]


def test_hopeless_models_are_infinitely_perplexed() -> None:
    hopeless = lambda rows: torch.full((len(rows["text"]),), -1e9).double()  # noqa: E731
    assert Perplexity().measure({}, replace(text_world(10, 20), log_prob=hopeless))["token"].value == math.inf


def test_draws_play_no_part() -> None:
    world = text_world(10, 20)
    assert Perplexity().measure({}, world) == Perplexity().measure(draw(5, 9), world)
