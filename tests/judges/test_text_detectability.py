from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from genwright.core.dataset import select
from genwright.core.errors import DataError
from genwright.judges.text_detectability import TextDetectability, _folds, _pieces
from tests.judges.text_worlds import draw, foreign, mixed, repeated, scrambled, spell, text_world


def value(fake: dict, n: int = 150, seed: int = 0) -> float:
    world = text_world(n, n, seed)
    return TextDetectability().measure(fake, replace(world, fake=fake))["unseen"].value


def test_copies_of_held_out_texts_are_not_told_from_them() -> None:
    world = text_world(150, 150)
    assert value(world.held_out) == pytest.approx(0.5, abs=1e-12)


def test_copies_of_training_texts_are_not_told_from_them_but_from_unseen_ones_about_other_things() -> None:
    world = replace(text_world(300, 300), held_out=foreign(300, 6))
    rows = select(world.train, np.random.default_rng(0).permutation(300))
    found = {s.name: s for s in TextDetectability().scores(replace(world, fake=rows))}
    unseen, seen = found["text_detectability.unseen"], found["text_detectability.seen"]
    assert min(unseen.value, unseen.floor) > 0.85
    assert seen.low <= 0.5 <= seen.high
    assert abs(seen.floor - 0.5) < seen.high - seen.value


def test_other_texts_of_the_chain_are_not_told_apart() -> None:
    """The mean over worlds is 0.5 within its standard error, and the interval holds 0.5 in most of them."""
    found = [TextDetectability().measure(w.fake, w)["unseen"] for w in (text_world(60, 60, seed) for seed in range(16))]
    values = np.array([m.value for m in found])
    assert abs(values.mean() - 0.5) < 4 * values.std(ddof=1) / 4
    assert sum(m.low <= 0.5 <= m.high for m in found) >= 13


def test_unigrams_foreign_and_repeated_texts_are_recognised() -> None:
    assert value(scrambled(300, 3), 300) > 0.7
    assert value(foreign(150, 3)) > 0.85
    assert value(repeated(draw(150, 3))) > 0.95


def test_half_of_a_fault_is_half_recognised() -> None:
    half = mixed(draw(200, 3), foreign(200, 3), 0.5, 0)
    assert 0.6 < value(half, 200) < 0.9


def test_twins_share_a_fold_one_with_one() -> None:
    texts = ["a", "b", "a", "c", "d", *["a", "a", "a", "e", "c"]]
    fold = _folds(texts, 5, np.random.default_rng(0))
    assert sorted(fold[[5, 6]]) == sorted(fold[[0, 2]])
    assert fold[9] == fold[3]


def test_long_texts_are_cut_into_pieces() -> None:
    assert [len(piece) for piece in _pieces("x" * 700, 5)] == [300, 300, 100]
    assert [len(piece) for piece in _pieces("x" * 700, 2)] == [300, 300]
    assert _pieces("", 3) == [""]


def test_pieces_of_a_text_are_no_rows_of_their_own() -> None:
    """Texts that say the same five times are cut into more pieces, and know no more: the interval stays as wide."""
    world = text_world(100, 100)
    pad = lambda text: (text + "." * 300)[:300]  # noqa: E731
    widths = []
    for n in (1, 5):
        said = lambda rows, n=n: pa.table({"text": [pad(t) * n for t in spell(rows)["text"].to_pylist()]})  # noqa: E731
        found = TextDetectability().measure(world.fake, replace(world, records=said))["unseen"]
        widths.append(found.high - found.low)
        assert found.n == 200
    assert widths[1] == pytest.approx(widths[0], rel=0.15)


def test_too_few_texts_are_an_error() -> None:
    world = text_world(20, 9)
    with pytest.raises(DataError, match="at least 10 held-out texts"):
        TextDetectability().measure(world.fake, world)
    assert TextDetectability().measure(select(world.fake, slice(0, 20)), text_world(20, 20))["unseen"].n == 40
