import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from genwright.core.errors import DataError
from genwright.judges.diversity import Diversity, _distinct, _first, _grams, self_bleu
from tests.judges.text_worlds import draw, encode, repeated, spell, text_world


def made_up(rng: np.random.Generator, n: int = 12, vocabulary: int = 5, longest: int = 12) -> list[list[str]]:
    return [[f"w{i}" for i in rng.integers(0, vocabulary, rng.integers(1, longest))] for _ in range(n)]


def test_self_bleu_equals_sacrebleu() -> None:
    bleu = pytest.importorskip("sacrebleu").BLEU(
        tokenize="none", smooth_method="floor", smooth_value=0.1, effective_order=True
    )
    for seed in range(6):
        texts = made_up(np.random.default_rng(seed), vocabulary=2 + 3 * seed)
        lines = [" ".join(text) for text in texts]
        expected = [bleu.sentence_score(line, lines[:i] + lines[i + 1 :]).score / 100 for i, line in enumerate(lines)]
        assert self_bleu(texts) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_distinct_n_by_hand(n: int) -> None:
    texts = made_up(np.random.default_rng(n))
    every = [tuple(text[i : i + n]) for text in texts for i in range(len(text) - n + 1)]
    assert _distinct(texts, n).value == len(set(every)) / len(every)
    assert len(_grams(texts, n)[0]) == len(every)


def test_the_jackknife_leaves_out_each_text() -> None:
    texts = made_up(np.random.default_rng(3), n=8)

    def distinct(some: list[list[str]]) -> float:
        every = [pair for text in some for pair in itertools.pairwise(text)]
        return len(set(every)) / len(every)

    left_out = np.array([distinct(texts[:i] + texts[i + 1 :]) for i in range(8)])
    error = math.sqrt(7 / 8 * np.square(left_out - left_out.mean()).sum())
    found = _distinct(texts, 2)
    assert found.high - found.value == pytest.approx(1.959964 * error) or found.high == 1


def test_the_same_text_again_and_again() -> None:
    world = text_world(100, 100)
    found = Diversity().measure(repeated(world.fake), world)
    assert found["self_bleu"].value == pytest.approx(1)
    assert found["distinct_2"].value < 0.1 * Diversity().measure(world.fake, world)["distinct_2"].value


def test_empty_texts_say_nothing_new() -> None:
    assert self_bleu([[], ["a", "b"], ["c", "d"]]).tolist() == [1, 0, 0]
    empty = encode([""] * 50)
    with pytest.raises(DataError, match="every draw is empty"):
        Diversity().measure(empty, replace(text_world(50, 50), fake=empty))


def test_every_side_has_equally_much_text() -> None:
    assert _first([["a", "b"], ["c", "d"], ["e"]], 3) == [["a", "b"], ["c"], []]
    world = text_world(200, 200)
    short = encode([text[: text.find(" ") + 1] for text in spell(world.fake)["text"].to_pylist()])
    with_short = replace(world, fake=short)
    assert "each cut to 1;" in Diversity().protocol(with_short)


def test_intervals_hold_what_other_texts_have() -> None:
    """Two samples of one chain differ by less than their intervals say, in about 95 % of cases."""
    inside = dict.fromkeys(Diversity.parts, 0)
    n = 25
    for seed in range(n):
        world = replace(text_world(100, 100, seed=seed), trivial=draw(100, seed))
        a, b = (Diversity().measure(rows, world) for rows in (world.fake, world.train))
        for name in inside:
            half = math.hypot(a[name].high - a[name].value, b[name].high - b[name].value)
            inside[name] += abs(a[name].value - b[name].value) <= half
    for name, k in inside.items():
        assert k / n > 0.95 - 4 * math.sqrt(0.95 * 0.05 / n), name


def test_unigrams_have_more_pairs_than_real_texts() -> None:
    world = text_world()
    real, trivial = (Diversity().measure(rows, world) for rows in (world.fake, world.trivial))
    assert trivial["distinct_2"].value > 2 * real["distinct_2"].value
