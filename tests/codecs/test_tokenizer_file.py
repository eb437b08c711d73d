"""Tokenizers that were made elsewhere, against `tokenizers` itself."""

import json

import pyarrow as pa
import pytest

from genwright.codecs._tokenizer_file import TokenizerFile
from genwright.codecs.text import Text
from genwright.core.errors import DataError
from tests.runs.hugging_face.worlds import TEXTS, UNSEEN, byte_level, sentence_pieces, words

KINDS = {"byte level": byte_level, "sentence pieces": sentence_pieces, "words": words}


def _codec(make, **special) -> Text:
    file = make().to_str()
    special = special or {"end": 280 if make is byte_level else 2}
    codec = Text()
    rest = {"type": "string", "tokenizer": "file", "length": 80, "n_characters": 0}
    codec.load_state({**rest, "vocabulary": TokenizerFile(file, **special).state()})
    return codec


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_codes_are_the_ids_in_another_order(make):
    codec, tokenizer = _codec(make), make()
    ids = codec._codes.ids
    assert sorted(ids.tolist()) == [-1, *range(tokenizer.get_vocab_size())]
    for text in TEXTS + UNSEEN[:4]:
        assert ids[codec.encode_prefix(text)].tolist() == tokenizer.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_texts_are_what_the_tokenizer_decodes(make):
    codec, tokenizer = _codec(make), make()
    for text in TEXTS + UNSEEN[:4]:
        expected = tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids)
        assert codec.to_text(codec.encode_prefix(text)) == expected
        assert codec.decode(codec.encode(pa.array([text]))).to_pylist() == [expected]


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_pieces_join_to_the_text_but_for_a_blank_in_front(make):
    codec = _codec(make)
    pieces = codec.pieces()
    assert len(pieces) == codec.field.support.n
    assert pieces[:2] == ["", ""]
    for text in TEXTS:
        codes = codec.encode_prefix(text)
        joined = "".join(pieces[code] for code in codes).encode("utf-8", "surrogateescape").decode()
        assert joined.removeprefix(" ") == codec.to_text(codes)


@pytest.mark.parametrize("make", [byte_level, sentence_pieces])
def test_half_a_character_at_the_end_is_left_out(make):
    codec = _codec(make)
    codes = codec.encode_prefix("the 日")
    assert codec.to_text(codes) == "the 日"
    assert codec.to_text(codes[:-1]).rstrip() == "the"


def test_special_tokens_have_places_of_their_own():
    codec = _codec(words, end=3, start=2, pad=1)
    assert codec._codes.ids[:2].tolist() == [1, 3]
    assert len(codec.pieces()) == words().get_vocab_size()
    assert [codec.pieces()[code] for code in (2, 3)] == ["", ""]  # what is unknown, and the start


@pytest.mark.parametrize(
    "special", [{"end": 5000}, {"end": -1}, {"end": 3, "pad": 3}, {"end": 3, "start": 2, "pad": 2}]
)
def test_special_tokens_that_are_not_there(special):
    with pytest.raises(DataError, match="cannot have the special ones"):
        TokenizerFile(words().to_str(), **special)


def test_a_damaged_tokenizer():
    for file in ("", "{}", json.dumps({"model": {"type": "Nothing"}})):
        with pytest.raises(DataError, match="describes no tokenizer"):
            TokenizerFile(file, end=1)


def test_what_it_pads_and_cuts_is_not_ours():
    tokenizer = byte_level()
    tokenizer.enable_truncation(2)
    tokenizer.enable_padding(length=9)
    found = TokenizerFile(tokenizer.to_str(), end=280)
    assert found.encode(pa.array(["the cat sat"], pa.large_string()))[1][0] == len(
        byte_level().encode("the cat sat").ids
    )
