"""Sequences as tokens and vectors: rare items, lengths, and what does not fit."""

import logging
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
import torch

from genwright.codecs._word_classes import ANY, class_of, shapes, word_classes
from genwright.codecs.sequence import Sequence, SequenceConfig
from genwright.core.errors import ConfigError, DataError
from genwright.core.space import Tokens, Vectors

FLOAT32 = float(np.finfo("float32").max)


def fitted(values: pa.Array, **settings: object) -> Sequence:
    codec = Sequence(SequenceConfig(**settings))  # type: ignore[arg-type]
    codec.name = "x"
    codec.update(values)
    codec.finish()
    return codec


def test_codes_are_items_by_falling_frequency_then_the_end() -> None:
    codec = fitted(pa.array([["b", "a"], ["a"], [], None]))
    assert codec.field.support == Tokens(3, 5, 0, 1, missing=4)
    assert codec.encode(pa.array([["b", "a"], [], None, [None, "a"]])).tolist() == [
        [3, 2, 1],
        [1, 0, 0],
        [0, 0, 0],
        [4, 2, 1],
    ]
    assert codec.words() == ["", "", "a", "b", "⟨missing⟩"]
    full = torch.tensor([[2, 2, 2]])  # a row without an end
    assert codec.decode(full).to_pylist() == [["a", "a", "a"]]


def test_rare_words_share_classes_that_unseen_ones_fall_into() -> None:
    common = [[f"word{i:03d}x"] * 2 for i in range(120)]
    rare = [["walking"], ["talking"], ["baking"], ["making"], ["joking"], ["zzz"], ["4711"]]
    codec = fitted(pa.array(common + rare))
    support = codec.field.support
    assert isinstance(support, Tokens)
    codes = codec.encode(pa.array([["smoking", "qqq"]]))
    assert codec.decode(codes).to_pylist()[0][0] == "baking"  # stands for …ing, the first of them in order
    assert len(set(codes[0, :2].tolist())) == 2
    assert support.missing not in codes[0].tolist()
    exact = fitted(pa.array(common + rare), min_count=1)
    assert exact.decode(exact.encode(pa.array(rare))).to_pylist() == rare


def test_unseen_items_without_classes_are_missing_and_said(caplog: pytest.LogCaptureFixture) -> None:
    codec = fitted(pa.array([[1, 2], [2]]))
    with caplog.at_level(logging.WARNING):
        assert codec.encode(pa.array([[7]])).tolist() == [[4, 1, 0]]
    assert "column 'x' has items never seen" in caplog.text


@pytest.mark.parametrize("values", [[["a"], ["a", "b"]], [[0.5], [0.5, 1.5]]])
def test_longer_sequences_are_cut_and_said_or_kept_whole(values: list, caplog: pytest.LogCaptureFixture) -> None:
    codec = fitted(pa.array(values))
    longer = pa.array([values[1] * 5])
    with caplog.at_level(logging.WARNING):
        assert codec.encode(longer).shape[1] == codec.field.support.length
    assert "they are cut" in caplog.text
    assert codec.decode(codec.encode_whole(longer)).to_pylist() == longer.to_pylist()
    assert codec.encode(pa.array(values)).shape[1] == codec.field.support.length


def test_vectors_know_their_middle_and_spread() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal([10, 0], [2, 1], (400, 5, 2))
    codec = fitted(pa.array(x.tolist()))
    support = codec.field.support
    assert isinstance(support, Vectors)
    assert (support.length, support.dim, support.has_missing) == (5, 2, True)
    assert support.location == pytest.approx([10, 0], abs=0.3)
    assert support.scale == pytest.approx([2, 1], rel=0.1)


def test_whole_numbers_are_items_unless_they_are_measurements() -> None:
    counts = pa.array([[3, 1], [2]])
    assert isinstance(fitted(counts).field.support, Tokens)
    codec = fitted(counts, numbers=True)
    assert isinstance(codec.field.support, Vectors)
    assert codec.decode(codec.encode(counts)).equals(counts)
    assert codec.decode(torch.tensor([[[2.4], [torch.inf]]], dtype=torch.float64)).to_pylist() == [[2]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.array(["a"]), "expected lists, one a row"),
        (pa.array([[["a"]]]), "lists of lists of string"),
        (pa.array([[[1.0], [1.0, 2.0]]]), "steps of 1 and of 2 numbers"),
        (pa.array([[1.0, float("inf")]]), "an infinite number"),
    ],
)
def test_what_is_no_sequence_is_told(values: pa.Array, message: str) -> None:
    with pytest.raises(DataError, match=message):
        fitted(values)


def test_wrong_settings_and_types_are_told() -> None:
    with pytest.raises(ConfigError, match="min_count = -1"):
        SequenceConfig(min_count=-1)
    with pytest.raises(DataError, match="was learnt"):
        fitted(pa.array([[1.0]])).encode(pa.array([["a"]]))


@pytest.mark.parametrize(
    "learnt",
    [pa.array([["a", None], ["b"]]), pa.array([[1.5, 2.0], [None]]), pa.array([[[1.0, 2.0]], [[0.0, 1.0]] * 2])],
)
def test_sequences_of_missing_steps_alone_have_no_type(learnt: pa.Array) -> None:
    codec = fitted(learnt)
    bare, lists = pa.array([[None, None], [], None]), pa.array([[None, None], [], None], learnt.type)
    assert bare.type == pa.list_(pa.null())
    np.testing.assert_array_equal(codec.encode(bare).numpy(), codec.encode(lists).numpy())
    np.testing.assert_array_equal(codec.encode_whole(bare).numpy(), codec.encode_whole(lists).numpy())
    for wrong in (pa.array(["[null, 1]"]), pa.array(["a"]), pa.array([1.0])):
        with pytest.raises(DataError, match="where sequences were learnt; expected lists"):
            codec.encode(wrong)
        with pytest.raises(DataError, match="where sequences were learnt; expected lists"):
            codec.encode_whole(wrong)


@pytest.mark.parametrize("kind", [pa.float64(), pa.string(), pa.null()])
@pytest.mark.parametrize("learnt", [pa.array([["a"], ["b", "a"], None]), pa.array([[0.5], None])])
def test_missing_sequences_of_any_type_are_missing(kind: pa.DataType, learnt: pa.Array) -> None:
    codec = Sequence()
    codec.update(learnt)
    codec.finish()
    assert codec.decode(codec.encode(pa.nulls(2, kind))).null_count == 2


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        *((pa.from_numpy_dtype(t), np.iinfo(t).min, np.iinfo(t).max) for t in ("uint8", "int8", "uint16", "int32")),
        *((pa.int64(), -(2**63), 2**63 - 1024), (pa.uint64(), 0, 2**64 - 2048)),
        *((pa.decimal128(4, 2), Decimal("-99.99"), Decimal("99.99")), (pa.float32(), -FLOAT32, FLOAT32)),
        (pa.decimal128(18, 2), Decimal(2 - 10**16), Decimal(10**16 - 2)),
    ],
)
def test_drawn_numbers_stay_in_their_type(kind: pa.DataType, low: object, high: object) -> None:
    """Others would wrap around, as −1 to 255 among bytes."""
    drawn = torch.tensor([[[-1e300], [0.0], [1e300]]], dtype=torch.float64)
    assert fitted(pa.array([[1, 2, 3]], pa.list_(kind)), numbers=True).decode(drawn).to_pylist() == [[low, 0, high]]
    nested = fitted(pa.array([[[1], [2], [3]]], pa.list_(pa.list_(kind))))
    assert nested.decode(drawn).to_pylist() == [[[low], [0], [high]]]


def test_shapes_of_words() -> None:
    assert shapes("4th") == ["0", ANY]
    assert shapes("o'hare") == ["-", ANY]
    assert shapes("Boston")[:2] == ["A…on", "A"]
    assert shapes("flying") == ["…ing", "…ng", ANY]
    assert shapes(7) == [ANY]
    classes = word_classes(["flying", "trying", "buying", "saying", "paying", "odd"])
    assert set(classes) == {"…ing", ANY}
    places = {name: i for i, name in enumerate(classes)}
    assert class_of("crying", places) == places["…ing"]
    assert class_of("else", places) == places[ANY]
    assert class_of("else", {}) is None
