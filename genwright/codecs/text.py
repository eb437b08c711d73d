"""Texts ↔ tokens: characters, bytes, or pieces of words learnt from the column itself.

Any text comes back as it was, up to `max_length` tokens; longer ones are cut there, and a warning says how many. A
missing text is a code of its own. Fitting is one pass in bounded memory (`_sample.py`).

`auto` takes characters, unless there are more than 2 million of them in a script that parts its words by blanks, in
texts of more than 32 characters on average; then byte-level BPE. Its vocabulary grows with the data: a piece for every
1,000 characters, to the next power of two, from 1,024 to 32,768, so that a piece is seen often enough to be learnt.
"""

import math
from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import torch

from genwright.codecs._arrow_json import type_from_text, type_to_text
from genwright.codecs._characters import Characters
from genwright.codecs._notes import LOGGER, column_of, warn_once
from genwright.codecs._pieces import END, MISSING, N_SPECIAL, PAD, Pieces, rows_of
from genwright.codecs._sample import Sample
from genwright.codecs._storage import cast, from_storage, is_new_type, storage_type, to_storage, value_type
from genwright.core.codec import Codec
from genwright.core.config import check_least
from genwright.core.errors import DataError
from genwright.core.schema import in_words
from genwright.core.space import Field, Tokens
from genwright.data.cleaning import check_steps, cleaned

LONGEST = 8_192  # tokens of a row, where the user does not say
ROWS_BYTES = 4_000_000_000  # of all rows encoded, which makes the longest shorter where there are very many
SHORTEST = 256  # but not shorter than this
SPARE = 1.1  # places for each token of the longest text: those held out may be longer
SMALL = 2_000_000  # characters up to which characters are the tokens
SHORT_TEXT = 32  # characters on average, likewise
MOST_UNSPACED = 0.3  # share of characters of scripts without blanks, beyond which characters are the tokens
FEWEST_PIECES, MOST_PIECES, A_PIECE = 1_024, 32_768, 1_000
UNSPACED = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x2E80, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)

Tokenizer = Literal["auto", "char", "byte", "bpe", "unigram"]


@dataclass(frozen=True)
class TextConfig:
    """How a text is encoded."""

    tokenizer: Tokenizer = "auto"  # char, byte, bpe, unigram; auto: chosen from the data
    vocab_size: int = 0  # most tokens there may be, at least 260; 0: chosen from the data
    max_length: int = 0  # most tokens of a text with its end; longer ones are cut; 0: chosen from the data
    runs_on: bool = False  # rows are passages of one running text
    clean: tuple[str, ...] = ()  # steps of cleaning, of new texts and conditions too: nfc, nfkc, lines, control, space

    def __post_init__(self) -> None:
        check_least(self, 0, "vocab_size", "max_length")
        check_steps(self.clean)
        if self.vocab_size:
            check_least(self, N_SPECIAL + 256 + 1, "vocab_size")  # the bytes, and something more


class Text(Codec):
    """Texts of any length, also a `Vocabulary`: what each code spells."""

    Config = TextConfig

    def __init__(self, config: TextConfig | None = None):
        super().__init__(config)
        self.type: pa.DataType = pa.null()
        self.tokenizer = ""  # char, byte, bpe or unigram; file: one that was read from a tokenizer.json
        self.n_characters = 0  # of all texts it was fitted on
        self._sample: Sample | None = Sample()
        self._changed = Tally[str]()
        self._length = 0
        self._n_missing = 0
        self._never: list[int] = []
        self._is_cut_told = False
        self._set(Characters([]))

    def update(self, values: pa.Array) -> None:
        """Counts characters and keeps texts to learn from."""
        kind = value_type(values.type)
        if is_new_type(kind, self.type):
            _check_text(kind)
            self.type = kind
        assert self._sample is not None
        self._n_missing += values.null_count
        self._sample.add(self._clean(_texts(values).drop_null(), self._changed))

    def finish(self) -> None:
        """Learns the tokenizer and settles the length."""
        sample = self._sample
        assert sample is not None
        self.n_characters = sample.n_characters
        self.tokenizer, why = self.config.tokenizer, "asked for"
        if self.tokenizer == "auto":
            self.tokenizer, why = _chosen(sample, self.config.max_length or LONGEST)
        self._set(_learnt(self.tokenizer, sample, self.config.vocab_size))
        flat, sizes = self._codes.encode(pa.array(sample.texts(), pa.large_string()))
        self._never = self._absent(flat, sample)
        self._length = self._settled(sizes, sample)
        self._tell(why, sizes, sample)
        self._sample = None

    @property
    def field(self) -> Field:
        """Codes, the end, pads."""
        return Field(Tokens(self._length, len(self._pieces), PAD, END, self.config.runs_on))

    def encode(self, values: pa.Array) -> torch.Tensor:
        """int64 (B, length); a text of `length` tokens or more has no end, and a warning says so, but for passages of a
        running text that fill the row.
        """
        texts = _texts(values)
        known = texts.is_valid().to_numpy(zero_copy_only=False)
        flat, sizes = self._codes.encode(self._clean(texts.drop_null()))
        rows = np.full((len(texts), self._length), PAD, np.int64)
        rows[known] = rows_of(flat, sizes, self._length)
        if not known.all():
            self._check_missing()
            rows[~known, :2] = MISSING, END
        if not self._is_cut_told and (sizes > self._room).any():
            warn_once(self, f"has texts of more than {self._room:,} tokens, which are cut there; {_ADVICE}")
        return torch.from_numpy(rows)

    def decode(self, codes: torch.Tensor) -> pa.Array:
        """Texts of the records' own type, each up to its end; codes that spell nothing are passed over."""
        x = codes.detach().cpu().numpy().astype(np.int64)
        x = x if x.ndim == 2 else x[:, None]
        if pa.types.is_null(self.type):
            return pa.nulls(len(x))
        return from_storage(self._pieces.spell(self._spelling(x)).cast(storage_type(self.type)), self.type)

    def pieces(self) -> list[str]:
        """The text of each code (V,), empty for pad, end and missing; bytes that are no UTF-8 as surrogate escapes."""
        return self._pieces.texts()

    def to_text(self, codes: list[int]) -> str:
        """The text of some codes up to an end; half a character at the end is left out."""
        x = np.array(codes, np.int64).reshape(1, -1)
        hidden = np.where(x == MISSING, PAD, x) if self._pieces.n_special > MISSING else x
        return self._pieces.spell(self._spelling(hidden))[0].as_py()

    def never(self) -> list[int]:
        """Codes that occurred in no text of the fit, such as bytes that spell none of its characters."""
        return self._never

    def encode_prefix(self, text: str) -> list[int]:
        """Codes of a text that goes on, without an end.

        Its last token is kept as it is, although the whole text might have had a longer one there: a prompt for a
        tokenizer of pieces of words is best broken off behind a word, before the blank.

        Raises:
            DataError: the text holds half a character (a lone surrogate).
        """
        try:
            texts = pa.array([text], pa.large_string())
        except UnicodeEncodeError:
            raise DataError(f"{text[:40]!r} holds half a character (a lone surrogate); remove it") from None
        return self._codes.encode(self._clean(texts))[0].tolist()

    def state(self) -> dict[str, Any]:
        """Everything learnt."""
        facts = {"type": type_to_text(self.type), "tokenizer": self.tokenizer, "length": self._length}
        facts |= {"n_characters": self.n_characters, "never": self._never}
        return {**facts, "vocabulary": self._codes.state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`.

        Raises:
            DataError: the vocabulary is damaged.
        """
        self.type, self.tokenizer = type_from_text(state["type"]), str(state["tokenizer"])
        self._length, self.n_characters = int(state["length"]), int(state["n_characters"])
        if self._length < 2:
            raise DataError(f"the length of a text codec is {self._length}, expected 2 or more; its state is damaged")
        self._set(_class_of(self.tokenizer).from_state(state["vocabulary"]))
        self._never = _codes_below(len(self._pieces), state.get("never", []))
        self._sample = None

    @property
    def _room(self) -> int:
        """Most tokens of a text that is not cut: a passage of a running text needs no end."""
        return self._length if self.config.runs_on else self._length - 1

    def _spelling(self, x: np.ndarray) -> np.ndarray:
        """Codes with a pad in place of every one that there is not."""
        return np.where((x < 0) | (x >= len(self._pieces)), PAD, x)

    def _set(self, codes: Any) -> None:
        self._codes: Any = codes
        self._pieces: Any = codes.spelling() if hasattr(codes, "spelling") else Pieces(codes.pieces())

    def _check_missing(self) -> None:
        if self._pieces.n_special <= MISSING:
            raise DataError("a text is missing, and this tokenizer has no token for that; leave such rows out")

    def _clean(self, texts: pa.Array, changed: "Tally[str] | None" = None) -> pa.Array:
        return cleaned(texts, self.config.clean, changed) if self.config.clean else texts

    def _settled(self, sizes: np.ndarray, sample: Sample) -> int:
        """Places of a row: the longest text, a tenth more for texts to come, and the end, as far as that may go."""
        longest = int(sizes.max(initial=1))
        if not sample.is_whole:
            longest = max(longest, _estimated(sizes, sample))
        by_size = ROWS_BYTES // (8 * max(sample.n, 1))
        return max(
            2, min(math.ceil(SPARE * longest) + 1, self.config.max_length or max(SHORTEST, min(LONGEST, by_size)))
        )

    def _absent(self, flat: np.ndarray, sample: Sample) -> list[int]:
        """The codes (beside pad and end) that are not among those of the texts (N,) that were kept.

        Where not all were kept, neither among those of the characters of the others.
        """
        occurs = np.zeros(len(self._pieces), bool)
        occurs[flat] = True
        occurs[[PAD, END]] = True
        occurs[MISSING] |= self._n_missing > 0
        if not sample.is_whole:
            characters = pa.array(map(chr, np.flatnonzero(sample.counts)), pa.large_string())
            occurs[self._codes.encode(characters)[0]] = True
        return np.flatnonzero(~occurs).tolist()

    def _tell(self, why: str, sizes: np.ndarray, sample: Sample) -> None:
        """What was chosen and what is lost."""
        for step, n in self._changed.items():
            LOGGER.info("%s: %s changed %s of %s texts", column_of(self), step, f"{n:,}", f"{sample.n:,}")
        per_token = len("".join(sample.texts())) / max(int(sizes.sum()), 1)
        told = f"{len(self._pieces):,} tokens ({self.tokenizer}: {why}), {per_token:.2f} characters a token"
        LOGGER.info("%s: %s texts, %s characters, %s", column_of(self), f"{sample.n:,}", f"{self.n_characters:,}", told)
        n_cut = int((sizes > self._room).sum())
        self._is_cut_told = n_cut > 0
        if n_cut:
            of = f"{n_cut:,} of {len(sizes):,} texts" + ("" if sample.is_whole else " looked at")
            lost = np.maximum(sizes - self._length, 0).sum() / sizes.sum()
            warn_once(self, f"has {of} longer than {self._length:,} tokens, cut there ({lost:.1%} lost); {_ADVICE}")


_ADVICE = "raise max_length in the column's options to keep more, or split them into shorter texts"


def _estimated(sizes: np.ndarray, sample: Sample) -> int:
    """Tokens of the longest text, half more than those of the texts that were kept make likely."""
    n_tokens, texts = int(sizes.sum()), sample.texts()
    by_bytes = n_tokens / max(sample.n_kept, 1) * sample.longest
    by_characters = n_tokens / max(sum(map(len, texts)), 1) * sample.most_characters
    return min(sample.longest, math.ceil(1.5 * max(by_bytes, by_characters)))


def _codes_below(n: int, codes: Any) -> list[int]:
    """Codes as a state has them.

    Raises:
        DataError: they are none of n codes.
    """
    if not isinstance(codes, list) or not all(isinstance(c, int) and MISSING <= c < n for c in codes):
        raise DataError("the codes that a text codec never met are no codes of it; its state is damaged")
    return codes


def _texts(values: pa.Array) -> pa.Array:
    """Texts as large strings."""
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), pa.large_string())
    return cast(to_storage(values), pa.large_string(), "text")


def _check_text(kind: pa.DataType) -> None:
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()):
        raise DataError(f"holds {in_words(kind)}, not text; set its kind to category")


def _chosen(sample: Sample, longest: int) -> tuple[str, str]:
    """The tokenizer that suits the data, and why."""
    n, is_long = sample.n_characters, sample.most_characters >= longest
    if n <= SMALL and not is_long:
        return "char", "few characters to learn from"
    if n < SHORT_TEXT * sample.n:
        return "char", "short texts"
    if sum(int(sample.counts[low : high + 1].sum()) for low, high in UNSPACED) > MOST_UNSPACED * n:
        return "char", "a script without blanks between words"
    return (
        "bpe",
        f"{n:,} characters to learn from" if n > SMALL else f"texts of up to {sample.most_characters:,} characters",
    )


def _class_of(tokenizer: str) -> Any:
    """What holds the vocabulary of a tokenizer."""
    if tokenizer == "file":
        from genwright.codecs._tokenizer_file import TokenizerFile

        return TokenizerFile
    from genwright.codecs._subwords import Subwords

    return Subwords if tokenizer in ("bpe", "unigram") else Characters


def _learnt(tokenizer: str, sample: Sample, vocab_size: int) -> Any:
    """The tokenizer, fitted."""
    from genwright.codecs._subwords import Subwords

    if tokenizer == "byte":
        return Characters([])
    if tokenizer == "char":
        return Characters.learn(sample.counts, max(vocab_size - N_SPECIAL - 256, 1) if vocab_size else 0)
    n = vocab_size or min(max(FEWEST_PIECES, 2 ** math.ceil(math.log2(sample.n_characters / A_PIECE + 1))), MOST_PIECES)
    return Subwords.learn(tokenizer, sample.texts(), n - N_SPECIAL)
