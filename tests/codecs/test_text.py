"""Any text goes through every tokenizer and back; what is cut, cleaned or broken is told."""

import json
import logging

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from genwright.codecs._characters import Characters
from genwright.codecs._pieces import END, MISSING, N_SPECIAL, PAD, Pieces, rows_of, whole
from genwright.codecs._sample import Sample
from genwright.codecs._subwords import BYTE_OF, LETTERS, Subwords
from genwright.codecs.text import Text, TextConfig
from genwright.core.errors import ConfigError, DataError, UnknownNameError

TEXTS = [
    "To be, or not to be, that is the question:",
    "Whether 'tis nobler in the mind",
    "  to suffer\n\n",
    "ça 日本 🙂",
]
KINDS = ["char", "byte", "bpe", "unigram"]
FAMILY = "👩‍👩‍👧‍👦"
QUICK = settings(max_examples=60, deadline=None)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def _fitted(texts: list[str | None], **config) -> Text:
    codec = Text(TextConfig(**config))
    codec.update(pa.array(texts, pa.string()))
    codec.finish()
    return codec


@pytest.fixture(scope="module", params=KINDS)
def codec(request) -> Text:
    return _fitted(TEXTS * 10, tokenizer=request.param)


@QUICK
@given(text=ANY_TEXT)
@example("\x00")
@example(FAMILY)
@example("שלום עולם مرحبا")
@example("▁<0x0A><s>")
def test_any_text_is_told_and_comes_back(codec, text):
    codes = codec.encode_prefix(text)
    assert codec.to_text(codes) == text
    assert all(N_SPECIAL <= code < codec.field.support.n for code in codes)
    assert "".join(codec.pieces()[c] for c in codes).encode("utf-8", "surrogateescape").decode() == text


@QUICK
@given(texts=st.lists(st.none() | ANY_TEXT, min_size=1, max_size=6), kind=st.sampled_from(KINDS))
def test_every_text_seen_in_fitting_comes_back(texts, kind):
    codec = _fitted(texts, tokenizer=kind)
    assert codec.decode(codec.encode(pa.array(texts, pa.string()))).to_pylist() == (
        texts if any(t is not None for t in texts) else [None] * len(texts)
    )


@QUICK
@given(rows=st.lists(st.lists(st.integers(-1, 300), min_size=5, max_size=5), min_size=1, max_size=4))
def test_any_codes_are_some_text(codec, rows):
    """As a loop over bytes would have it, which knows nothing of arrays."""
    pieces = [piece.encode("utf-8", "surrogateescape") for piece in codec.pieces()]
    expected = []
    for row in rows:
        row = row[: row.index(END)] if END in row else row
        spelt = b"".join(pieces[c] for c in row if 0 <= c < len(pieces))
        expected.append(None if row[:1] == [MISSING] else whole(spelt))
    assert codec.decode(torch.tensor(rows)).to_pylist() == expected


def test_rows_have_codes_an_end_and_pads():
    codec = _fitted(["ab", "a", None, ""])
    a, b = N_SPECIAL, N_SPECIAL + 1
    expected = [[a, b, END, PAD], [a, END, PAD, PAD], [MISSING, END, PAD, PAD], [END, PAD, PAD, PAD]]
    assert codec.encode(pa.array(["ab", "a", None, ""])).tolist() == expected
    assert codec.pieces()[:5] == ["", "", "", "a", "b"]
    assert (codec.field.support.length, codec.field.support.pad, codec.field.support.end) == (4, PAD, END)


def test_longer_texts_are_cut_and_said(caplog):
    codec = _fitted(["abcdef", "ab", "abc"], max_length=4)
    assert "1 of 3 texts longer than 4 tokens, cut there (18.2% lost); raise max_length" in caplog.text
    rows = codec.encode(pa.array(["abcdef", "abc"]))
    assert codec.decode(rows).to_pylist() == ["abcd", "abc"]
    assert END not in rows[0]
    assert len(caplog.records) == 1
    caplog.clear()
    unseen = _fitted(["ab"])
    unseen.name = "verse"
    unseen.encode(pa.array(["aba"]))
    assert not caplog.records
    unseen.encode(pa.array(["abab"]))
    assert "column 'verse' has texts of more than 3 tokens, which are cut there" in caplog.text


def test_a_passage_that_fills_its_row_is_not_cut(caplog):
    codec = _fitted(["abcab" * 4], max_length=20, runs_on=True)
    assert codec.field.support.length == 20
    assert codec.decode(codec.encode(pa.array(["cabba" * 4])))[0].as_py() == "cabba" * 4
    assert not caplog.records
    codec.encode(pa.array(["abcab" * 4 + "a"]))
    assert "more than 20 tokens, which are cut there" in caplog.text


def test_a_cut_within_a_character_leaves_it_out():
    codec = _fitted(["abcdefgh"])
    assert codec.decode(codec.encode(pa.array(["abcdefgh日"]))).to_pylist() == ["abcdefgh"]
    assert whole("日本".encode()[:4]) == "日"
    assert whole(b"a\xffb") == "a\ufffdb"


def test_seldom_characters_are_spelt_in_bytes():
    counts = np.zeros(0x10000, np.int64)
    counts[0x4E00 : 0x4E00 + 300] = 5
    counts[0x5000] = 2
    assert Characters.learn(counts, 0).points == list(range(0x4E00, 0x4E00 + 300))
    counts[0x4E07] = 6
    assert Characters.learn(counts, 2).points == [0x4E00, 0x4E07]
    few = np.zeros(200, np.int64)
    few[[97, 98]] = 1
    codes = Characters.learn(few, 0)
    assert codes.points == [97, 98]
    assert set(codes.spelt) == set(range(256)) - {97, 98, 0xC0, 0xC1, *range(0xF5, 0x100)}


@pytest.mark.parametrize("kind", KINDS)
def test_codes_of_no_text_of_the_fit_are_told(kind):
    codec = _fitted(TEXTS * 10, tokenizer=kind)
    occurring = set(codec.encode(pa.array(TEXTS)).flatten().tolist())
    assert set(codec.never()) == set(range(codec.field.support.n)) - occurring - {PAD, END}
    assert MISSING in codec.never()
    assert MISSING not in _fitted([*TEXTS, None], tokenizer=kind).never()
    again = Text(TextConfig(tokenizer=kind))
    again.load_state(json.loads(json.dumps(codec.state())))
    assert again.never() == codec.never()
    with pytest.raises(DataError, match="never met"):
        again.load_state({**codec.state(), "never": [10**6]})


def test_codes_of_texts_that_were_not_kept_are_no_strangers():
    texts = [f"{chr(0x4E00 + i)} and so on" for i in range(400)]
    codec = Text(TextConfig(tokenizer="char"))
    codec._sample = Sample(40)
    codec.update(pa.array(texts))
    codec.finish()
    assert not set(codec.encode(pa.array(texts)).flatten().tolist()) & set(codec.never())


def test_vocab_size_is_kept():
    texts = [" ".join(TEXTS)] * 20
    assert len(_fitted(texts, tokenizer="bpe", vocab_size=270).pieces()) == 270
    assert len(_fitted(texts, tokenizer="unigram", vocab_size=262).pieces()) == 262
    assert len(_fitted(texts, tokenizer="char", vocab_size=270).pieces()) <= 270
    with pytest.raises(ConfigError, match="vocab_size = 100; expected 260 or more"):
        TextConfig(vocab_size=100)


def test_auto_looks_at_size_and_script(monkeypatch):
    monkeypatch.setattr("genwright.codecs.text.SMALL", 1000)
    words = ["the quick brown fox jumps over the lazy dog again and again"] * 60
    assert _fitted(words).tokenizer == "bpe"
    assert _fitted(words[:10]).tokenizer == "char"
    assert _fitted(["Anna", "Bob"] * 400).tokenizer == "char"
    assert _fitted(["床前明月光疑是地上霜举头望明月低头思故乡床前明月光疑是地上霜"] * 60).tokenizer == "char"
    assert _fitted(words, tokenizer="byte").tokenizer == "byte"
    assert _fitted([words[0] * 10], max_length=500).tokenizer == "bpe"


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_codes_are_those_of_the_library(kind):
    codec = _fitted(TEXTS * 10, tokenizer=kind)
    state = codec.state()["vocabulary"]
    if kind == "bpe":
        model = models.BPE({p: i for i, p in enumerate(state["pieces"])}, [tuple(m) for m in state["merges"]])
    else:
        model = models.Unigram(list(zip(state["pieces"], state["scores"])))
    library = Tokenizer(model)
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    for text in [*TEXTS, "unseen words Ünseen"]:
        ids = library.encode(text).ids
        assert [i + N_SPECIAL for i in ids] == codec.encode_prefix(text)
        assert library.decode(ids) == text


def test_letters_stand_for_bytes():
    library = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for character in map(chr, range(0x800)):
        (written, _), *_ = library.pre_tokenize_str(character)
        assert bytes(BYTE_OF[letter] for letter in written) == character.encode()
    assert sorted(BYTE_OF) == LETTERS


def test_cleaning_reaches_new_texts_and_conditions(caplog):
    caplog.set_level(logging.INFO, "genwright")
    codec = _fitted(["cafe\u0301  noir ", "the"], clean=("nfc", "space"))
    assert "nfc changed 1 of 2 texts" in caplog.text
    assert codec.decode(codec.encode(pa.array(["cafe\u0301   noir"]))).to_pylist() == ["café noir"]
    assert codec.encode_prefix("e\u0301") == codec.encode_prefix("é")
    with pytest.raises(UnknownNameError, match="did you mean nfc"):
        TextConfig(clean=("nfcc",))
    with pytest.raises(ConfigError, match="max_length = -1"):
        TextConfig(max_length=-1)


def test_half_a_character_is_refused():
    codec = _fitted(["ab"])
    with pytest.raises(DataError, match="half a character"):
        codec.encode_prefix("a\ud800")


def test_other_types_are_refused():
    with pytest.raises(DataError, match="holds whole numbers, not text; set its kind to category"):
        Text().update(pa.array([1, 2]))


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [
        ({"pieces": LETTERS[1:], "merges": []}, "pieces"),
        ({"pieces": [*LETTERS, "a"], "merges": []}, "pieces"),
        ({"pieces": [*LETTERS, "日"], "merges": []}, "pieces"),
        ({"pieces": [*LETTERS, "ab"], "merges": [["a", "c"]]}, "merges"),
        ({"pieces": LETTERS, "merges": [["a", "b", "c"]]}, "merges"),
        ({"pieces": LETTERS, "scores": [0.0]}, "scores"),
        ({"pieces": LETTERS, "scores": [float("nan")] * 256}, "scores"),
    ],
)
def test_a_damaged_tokenizer_is_refused(vocabulary, message):
    state = _fitted(TEXTS, tokenizer="bpe").state()
    with pytest.raises(DataError, match=f"the {message} of a text codec do not belong together"):
        Text().load_state({**state, "vocabulary": vocabulary})


def test_damaged_characters_and_lengths_are_refused():
    state = _fitted(TEXTS).state()
    for text in ("ba", "aa", "\ud800", 3):
        with pytest.raises(DataError, match="not in order"):
            Text().load_state({**state, "vocabulary": {"characters": text}})
    with pytest.raises(DataError, match="length of a text codec is 1"):
        Text().load_state({**state, "length": 1})


def test_a_sample_depends_on_the_texts_only():
    texts = [f"text number {i} of some" for i in range(500)]
    samples = [Sample(limit=2_000) for _ in range(2)]
    for text in texts:
        samples[0].add(pa.array([text], pa.large_string()))
    samples[1].add(pa.array(texts[::-1], pa.large_string()))
    assert samples[0].texts() == samples[1].texts()
    assert 0 < samples[0].n_kept <= 2_000
    assert not samples[0].is_whole
    assert (samples[0].n, samples[0].n_characters) == (500, sum(map(len, texts)))


def test_texts_that_fill_a_sample_alone_stay_in_it(monkeypatch):
    often = "this text stands in most of the rows"
    texts = [*[often] * 200, *(f"text {i}" for i in range(30)), *[often] * 200]
    samples = [Sample(limit=3_000) for _ in range(2)]
    for text in texts:
        samples[0].add(pa.array([text], pa.large_string()))
    samples[1].add(pa.array(texts[::-1], pa.large_string()))
    assert samples[0].texts() == samples[1].texts() == sorted(set(texts))
    assert not samples[0].is_whole
    monkeypatch.setattr("genwright.codecs.text.Sample", lambda: Sample(limit=3_000))
    codec = _fitted(texts, tokenizer="bpe")
    assert codec.decode(codec.encode(pa.array(texts))).to_pylist() == texts


def test_lengths_beyond_the_sample_are_wide_enough(monkeypatch):
    texts = [f"{'word ' * (i % 40)}{i}" for i in range(400)]
    monkeypatch.setattr("genwright.codecs.text.Sample", lambda: Sample(limit=3_000))
    for kind in KINDS:
        codec = _fitted(texts, tokenizer=kind)
        assert codec.decode(codec.encode(pa.array(texts))).to_pylist() == texts


def test_bpe_joins_the_most_frequent_pair_first():
    found = Subwords.learn("bpe", ["aab aab aab cd"], 258)
    assert found.merges == [("a", "a"), ("aa", "b")] or found.merges == [("a", "b"), ("a", "ab")]


def test_unigram_is_the_same_every_time():
    states = {json.dumps(Subwords.learn("unigram", TEXTS * 5, 300).state()) for _ in range(4)}
    assert len(states) == 1


def test_a_million_characters_are_fast():
    import time

    codec = _fitted(["".join(map(chr, range(32, 127)))])
    texts = pa.array(["".join(map(chr, np.random.default_rng(0).integers(32, 127, 4000)))] * 250)
    start = time.process_time()
    codec.config = TextConfig()
    codec._length = 4001
    codec.encode(texts)
    assert time.process_time() - start < 1.0


@QUICK
@given(sizes=st.lists(st.integers(0, 5), min_size=1, max_size=6), length=st.integers(2, 6))
def test_rows_of_is_a_loop(sizes, length):
    flat = np.arange(N_SPECIAL, N_SPECIAL + sum(sizes))
    rows, start = [], 0
    for size in sizes:
        row = [*flat[start : start + size].tolist(), END, *[PAD] * length][:length]
        rows.append(row if size < length else flat[start : start + length].tolist())
        start += size
    assert rows_of(flat, np.array(sizes), length).tolist() == rows


def test_pieces_that_are_no_text_are_escaped():
    pieces = Pieces([b"a", b"\xe6", b"\x97\xa5"])
    assert pieces.texts()[N_SPECIAL:] == ["a", "\udce6", "\udc97\udca5"]
    assert pieces.spell(np.array([[4, 5, 3, 1], [4, 3, 1, 0]])).to_pylist() == ["日a", "\ufffda"]
