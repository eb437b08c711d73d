"""Laws of every registered codec: a new file in `codecs/` is tested on arrival, with an example column from here."""

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from genwright.core.codec import Codec
from genwright.core.config import configure, to_json
from genwright.core.errors import CellError, DataError
from genwright.core.registry import CODECS
from genwright.core.space import Space
from genwright.data.contact_sheet import png

RNG = np.random.default_rng(0)


def _repeated(values: list[Any], kind: pa.DataType | None = None) -> pa.Array:
    """Each value a few times, the first ones more often, in a shuffled order."""
    rows = [v for i, v in enumerate(values) for _ in range(1 + (len(values) - i) % 4)]
    return pa.array([rows[i] for i in np.random.default_rng(1).permutation(len(rows))], kind)


def _sentences() -> pa.Array:
    """Sentences of a few words, some of them twice."""
    words = ["the", "cat", "saw", "a dog", "naïve", "日本", "and", "then", "\n", " left", "🙂"]
    picks = np.random.default_rng(3).integers(0, len(words), (80, 6))
    return pa.array([" ".join(words[i] for i in row) for row in picks])


def _pixels(*shape: int, most: int = 255) -> np.ndarray:
    """Pixels of 30 pictures, white and black among them."""
    x = np.random.default_rng(4).integers(0, most + 1, (30, *shape), dtype=np.uint8)
    x.reshape(30, -1)[:, :2] = 0, most
    return x


def _files(*shape: int, kind: pa.DataType | None = None) -> pa.Array:
    """The same as PNG files."""
    return pa.array([png(x) for x in _pixels(*shape)], kind or pa.binary())


def _opaque(x: np.ndarray) -> np.ndarray:
    """Pixels (…, 4) whose colours can be seen."""
    x[..., 3] |= 1
    return x


_FILE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

EXAMPLES: dict[str, dict[str, pa.Array]] = {
    "number": {
        "integers": pa.array(RNG.integers(-50, 1000, 600)),
        "integers with holes": _repeated([1, 5, None, -3, 99], pa.int16()),
        "cents": pa.array(RNG.integers(0, 10**6, 600) / 100),
        "continuous": pa.array(RNG.normal(size=600)),
        "float32": pa.array(RNG.normal(size=600).astype(np.float32)),
        "float32 tenths": pa.array((RNG.integers(0, 100, 600) / 10).astype(np.float32)),
        "spike and tail": pa.array(np.where(RNG.random(600) < 0.5, 0.0, RNG.lognormal(8, 2, 600))),
        "beyond 2^53": pa.array([2**63 - 1, 2**63 - 2, 2**63 - 900, None]),
        "unsigned": pa.array([2**64 - 1, 2**64 - 77], pa.uint64()),
        "decimals": _repeated(["1.50", "-2.25", None, "1000000.01"]).cast(pa.decimal128(12, 2)),
        "float16": pa.array(np.array([0.5, -3.25, 1000], np.float16)),
    },
    "category": {
        "words": _repeated(["b", "a", "日本", "", None, "x" * 1000]),
        "codes": _repeated([501, 10115, None, 94110], pa.int32()),
        "dictionary": _repeated(["low", "high", None]).dictionary_encode(),
        "decimals": _repeated(["1.10", "2.20"]).cast(pa.decimal128(5, 2)),
        "bytes": _repeated([b"\x00\xff", b"", None]),
        "days": _repeated([0, 19000, None], pa.int32()).cast(pa.date32()),
        "floats": _repeated([0.1, 1e300, -5e-324, None]),
        "halves": pa.array(np.array([0.5, 2, 2], np.float16)),
        "booleans": _repeated([True, False, None]),
        "views": _repeated(["one", "two"], pa.string_view()),
        "unique": pa.array([f"value {i}" for i in RNG.permutation(700)]),
    },
    "boolean": {
        "both": _repeated([True, False]),
        "with holes": _repeated([True, None, False]),
        "only one": pa.array([True, True, True]),
        "as integers": _repeated([1, 0, None], pa.int8()),
    },
    "datetime": {
        "days": pa.array(RNG.integers(0, 20_000, 300).astype(np.int32)).cast(pa.date32()),
        "milliseconds as days": _repeated([0, 86_400_000, None], pa.int64()).cast(pa.date64()),
        "seconds": pa.array(RNG.integers(0, 2 * 10**9, 300)).cast(pa.timestamp("s", "Europe/Berlin")),
        "microseconds": pa.array(RNG.integers(0, 2 * 10**15, 300)).cast(pa.timestamp("us")),
        "years 1 and 9999": pa.array([-62135596800, 253402300799, None])
        .cast(pa.timestamp("s"))
        .cast(pa.timestamp("us")),
        "nanoseconds": pa.array([1_700_000_000_000_000_001, 1_700_000_000_000_777_777]).cast(pa.timestamp("ns", "UTC")),
        "times of day": pa.array([0, 61, 86_399, None], pa.int32()).cast(pa.time32("s")),
    },
    "id": {
        "integers": pa.array(np.arange(1, 200)),
        "counter": pa.array([f"INV-{i:05d}" for i in range(1, 200)]),
        "template": pa.array([f"{i:03d}-{chr(65 + i % 26)}" for i in RNG.permutation(500)]),
        "bytes": pa.array([RNG.bytes(16) for _ in range(50)], pa.binary(16)),
        "views": pa.array([f"{c}{i * i % 97}" for c in "xyz" for i in range(40)], pa.string_view()),
    },
    "sequence": {
        "words": _repeated([["to", "be"], [], ["or"], None, ["not", None, "to", "be"]], pa.list_(pa.string())),
        "items": _repeated([[3, 1, 2], [], [7], None], pa.list_(pa.int32())),
        "many words": pa.array([[f"w{i % 150}", f"w{i % 7}"] for i in range(450)]),
        "numbers": _repeated([[0.5, None], [], [1e300]], pa.list_(pa.float64())),
        "vectors": _repeated([[[1.0, 2.0], None, [3.0, None]], [], [[0.1, -4.0]]], pa.list_(pa.list_(pa.float32()))),
        "pairs": _repeated([[[1.0, 2.0], [3.0, -1.0]], None, [[0.1, 4.0]]], pa.list_(pa.list_(pa.float64(), 2))),
    },
    "constant": {
        "word": pa.array(["x"] * 5),
        "view": pa.array(["x"] * 5, pa.string_view()),
        "instant": pa.array([0] * 3).cast(pa.timestamp("ns", "Asia/Tokyo")),
        "list": pa.array([[1, 2]] * 3),
        "float": pa.array([0.1] * 3, pa.float32()),
    },
    "image": {
        "grey files": _files(8, 7),
        "colour files": _files(5, 6, 3, kind=pa.large_binary()),
        "with paths": pa.array([{"bytes": png(x), "path": None} for x in _pixels(4, 4)], _FILE),
        "transparent files": pa.array([png(x) for x in _opaque(_pixels(6, 5, 4))]),
        "grey arrays": pa.FixedShapeTensorArray.from_numpy_ndarray(_pixels(8, 8)),
        "17 levels": pa.FixedShapeTensorArray.from_numpy_ndarray(_pixels(8, 8, most=16)),
        "colour arrays": pa.FixedShapeTensorArray.from_numpy_ndarray(_pixels(6, 9, 3)),
        "channel first": pa.FixedShapeTensorArray.from_numpy_ndarray(_pixels(3, 6, 9)),
        "one channel, two levels": pa.FixedShapeTensorArray.from_numpy_ndarray(_pixels(5, 4, 1, most=1)),
    },
    "omitted": {"words": pa.nulls(3, pa.string())},
    "text": {
        "sentences": pa.array(["A first sentence.", "Another one, longer than the first."]),
        "holes": pa.array(["one", None, "", "four words\nin two lines", None], pa.large_string()),
        "Chinese": pa.array(["床前明月光，疑是地上霜。", "举头望明月，低头思故乡。"]),
        "emoji": pa.array(["👩‍👩‍👧‍👦 and 🏳️‍🌈", "e\u0301 \x00 NUL", "עברית مرحبا"], pa.string_view()),
        "dictionary": _repeated(["low words", "high words", None]).dictionary_encode(),
        "many characters": pa.array([chr(0x4E00 + i) * (1 + i % 5) for i in range(400)]),
        **{f"{kind} sentences": _sentences() for kind in ("char", "byte", "bpe", "unigram")},
    },
}
SETTINGS: dict[str, dict[str, Any]] = {
    **{f"{kind} sentences": {"tokenizer": kind} for kind in ("char", "byte", "bpe", "unigram")},
    "transparent files": {"channels": 4},
}
NEVER_MISSING = ("image",)
CASES = [(kind, case) for kind in CODECS.names() for case in EXAMPLES.get(kind, {})]
MODELLED = [(kind, case) for kind, case in CASES if CODECS.get(kind).is_modelled]
REGENERATED = [(kind, case) for kind, case in CASES if not CODECS.get(kind).is_modelled]


def _fitted(kind: str, *chunks: pa.Array, case: str = "") -> Codec:
    cls = CODECS.get(kind)
    codec: Codec = cls(configure(cls.Config, SETTINGS.get(case, {})))
    for chunk in chunks:
        codec.update(chunk)
    codec.finish()
    return codec


def _reloaded(codec: Codec) -> Codec:
    cls = type(codec)
    again = cls(configure(cls.Config, json.loads(json.dumps(to_json(codec.config)))))
    again.load_state(json.loads(json.dumps(codec.state(), allow_nan=False)))
    return again


def _plain(values: pa.Array) -> pa.Array:
    """A dictionary may come back as its values."""
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _shuffled(values: pa.Array) -> pa.Array:
    """The rows in another order; Arrow cannot take rows of views, nor make arrays of pictures from lists."""
    order = np.random.default_rng(2).permutation(len(values))
    if isinstance(values, pa.FixedShapeTensorArray):
        return values.take(pa.array(order))
    rows = values.to_pylist()
    return pa.array([rows[i] for i in order], values.type)


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.dtype == b.dtype and torch.equal(a.nan_to_num(-77), b.nan_to_num(-77))


@pytest.mark.parametrize("kind", CODECS.names())
def test_every_codec_has_an_example(kind: str) -> None:
    assert EXAMPLES.get(kind), f"codecs/{kind}.py has no example column: add one to EXAMPLES in {__file__}"


@pytest.mark.parametrize(("kind", "case"), MODELLED)
def test_codes_lie_in_the_field(kind: str, case: str) -> None:
    values = EXAMPLES[kind][case]
    codec = _fitted(kind, values, case=case)
    assert Space({"x": codec.field}).check({"x": codec.encode(values)}) == len(values)
    assert Space({"x": codec.field}).check({"x": codec.encode(values[:0])}) == 0


@pytest.mark.parametrize(("kind", "case"), MODELLED)
def test_decode_undoes_encode(kind: str, case: str) -> None:
    values = EXAMPLES[kind][case]
    codec = _fitted(kind, values, case=case)
    back = codec.decode(codec.encode(values))
    assert back.type == _plain(values).type
    assert back.equals(_plain(values)), (back, values)
    assert codec.decode(codec.encode(values[:0])).equals(_plain(values[:0]))


@pytest.mark.parametrize(("kind", "case"), MODELLED)
def test_unseen_and_missing_values_lie_in_the_field(kind: str, case: str) -> None:
    values = _plain(EXAMPLES[kind][case])
    codec = _fitted(kind, values.drop_null()[:1])
    if kind in NEVER_MISSING:
        assert Space({"x": codec.field}).check({"x": codec.encode(values)}) == len(values)
        with pytest.raises(CellError, match="row 3: there is no") as found:
            codec.encode(pa.concat_arrays([values[:2], pa.nulls(1, values.type)]))
        assert found.value.row == 2
        return
    with_missing = pa.concat_arrays([values, pa.nulls(1, values.type)])
    assert Space({"x": codec.field}).check({"x": codec.encode(with_missing)}) == len(with_missing)


@pytest.mark.parametrize(("kind", "case"), MODELLED)
def test_state_is_json_and_says_everything(kind: str, case: str) -> None:
    values = EXAMPLES[kind][case]
    codec = _fitted(kind, values, case=case)
    again = _reloaded(codec)
    codes = codec.encode(values)
    assert again.field == codec.field
    assert again.state() == codec.state()
    assert _equal(again.encode(values), codes)
    assert again.decode(codes).equals(codec.decode(codes))


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_chunks_and_row_order_do_not_matter(kind: str, case: str) -> None:
    values = EXAMPLES[kind][case]
    shuffled = _shuffled(_plain(values))
    middle = len(values) // 3
    chunks = [shuffled[:0], shuffled[:middle], shuffled[middle : middle + 1], shuffled[middle + 1 :]]
    assert _fitted(kind, *chunks, case=case).state() == _fitted(kind, values, case=case).state()


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_a_column_of_missing_values_comes_back(kind: str, case: str) -> None:
    kind_of_values = _plain(EXAMPLES[kind][case]).type
    for n in (0, 3):
        missing = pa.nulls(n, kind_of_values)
        if kind in NEVER_MISSING:
            with pytest.raises(DataError, match="holds no"):
                _fitted(kind, missing, case=case)
            continue
        codec = _reloaded(_fitted(kind, missing, case=case))
        if codec.is_modelled:
            two = pa.nulls(2, kind_of_values)
            assert codec.decode(codec.encode(two)).equals(two)
            Space({"x": codec.field}).check({"x": codec.encode(two)})
        else:
            assert codec.regenerate(2, 0, 0).equals(pa.nulls(2, kind_of_values))


@pytest.mark.parametrize(("kind", "case"), REGENERATED)
def test_regenerated_rows_depend_on_seed_and_row_only(kind: str, case: str) -> None:
    values = EXAMPLES[kind][case]
    codec = _fitted(kind, values, case=case)
    whole = codec.regenerate(40, 0, 7)
    assert whole.type == values.type
    assert len(whole) == 40
    parts = [_reloaded(codec).regenerate(n, start, 7) for start, n in ((0, 1), (1, 30), (31, 9), (40, 0))]
    assert pa.concat_arrays(parts).equals(whole)
