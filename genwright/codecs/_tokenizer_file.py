"""A tokenizer of other people's making, as its `tokenizer.json` (Hugging Face's `tokenizers`).

https://huggingface.co/docs/tokenizers

Its ids become a text codec's codes: padding first, then the end of a text, then a missing text where the tokenizer has
a token for it, then all others in their order. Nothing of the file is executed.
"""

import json
import os
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from genwright.codecs._pieces import END, MISSING, Pieces
from genwright.codecs._subwords import BYTE_OF
from genwright.core.errors import DataError

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
SPECIAL = ("<|pad|>", "<|end|>", "<|missing|>")  # what codes 0, 1, 2 are called in a tokenizer.json
LOST = "�"  # what stands for bytes that are no text
_BYTE = re.compile("<0x([0-9A-F]{2})>")  # a byte in a tokenizer with bytes to fall back on


class TokenizerFile:
    """A tokenizer from a file.

    Args:
        file: The content of `tokenizer.json`.
        end: Id of the token that closes a text.
        start: Id of the token that stands before a text; None: the same.
        pad: Id of the token behind the end; None: it has none.

    Raises:
        DataError: it is no tokenizer, or has no such ids.
    """

    def __init__(self, file: str, end: int, start: int | None = None, pad: int | None = None):
        self.file, self.end, self.start, self.pad = file, end, end if start is None else start, pad
        self.tokenizer = tokenizer_of(file)
        self.n_ids = n_ids(self.tokenizer)
        missing = self.tokenizer.token_to_id(SPECIAL[MISSING])
        self.missing = None if missing in (end, pad) else missing
        known = [i for i in (self.end, self.start, self.pad, self.missing) if i is not None]
        if not all(0 <= i < self.n_ids for i in known) or pad in (self.end, self.start):
            raise DataError(f"a tokenizer of {self.n_ids} tokens cannot have the special ones {known}")
        first = [-1 if pad is None else pad, end, *([] if self.missing is None else [self.missing])]
        rest = np.setdiff1d(np.arange(self.n_ids), first)
        self.n_special = len(first)
        self.ids = np.concatenate([first, rest]).astype(np.int64)  # (V,) of each code; −1 for a pad there is not
        self._code = np.zeros(self.n_ids, np.int64)
        self._code[self.ids[self.ids >= 0]] = np.flatnonzero(self.ids >= 0)

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Large strings without nulls → codes one text behind the other, and how many each text has (B,)."""
        found = [e.ids for e in self.tokenizer.encode_batch_fast(texts.to_pylist(), add_special_tokens=False)]
        flat = np.concatenate([np.array(row, np.int64) for row in found]) if found else np.zeros(0, np.int64)
        return self._code[flat], np.array([len(row) for row in found], np.int64)

    def spelling(self) -> "Pieces | Decoded":
        """What its codes spell."""
        steps = _decoders(json.loads(self.file).get("decoder"))
        if steps == ["ByteLevel"] or (steps and set(steps) <= {"ByteFallback", "Fuse"}):
            return Pieces([self._bytes(i, steps) for i in self.ids[self.n_special :].tolist()], self.n_special)
        return Decoded(self)

    def _bytes(self, i: int, steps: list[str]) -> bytes:
        """What an id spells, whatever stands beside it."""
        token = self.tokenizer.id_to_token(i)
        if token is None or i in self.silent:
            return b""
        if "ByteLevel" in steps and set(token) <= BYTE_OF.keys() and i not in self._added:
            return bytes(BYTE_OF[letter] for letter in token)
        byte = _BYTE.fullmatch(token) if "ByteFallback" in steps else None
        return bytes([int(byte[1], 16)]) if byte else token.encode()

    @cached_property
    def _added(self) -> set[int]:
        return set(self.tokenizer.get_added_tokens_decoder())

    @cached_property
    def silent(self) -> set[int]:
        """Ids of special tokens, which spell nothing."""
        special = {i for i, token in self.tokenizer.get_added_tokens_decoder().items() if token.special}
        return special | {i for i in (self.end, self.start, self.pad, self.missing) if i is not None}

    def state(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"file": self.file, "end": self.end, "start": self.start, "pad": self.pad}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "TokenizerFile":
        """The inverse of `state`.

        Raises:
            DataError: it does not describe a tokenizer.
        """
        return cls(state["file"], state["end"], state["start"], state["pad"])


class Decoded:
    """What codes spell where a token's spelling depends on its neighbours: the tokenizer itself is asked.

    Args:
        codes: Whose codes.
    """

    def __init__(self, codes: TokenizerFile):
        self.codes = codes
        self.n_special = codes.n_special

    def __len__(self) -> int:
        return len(self.codes.ids)

    def texts(self) -> list[str]:
        """What each code adds behind another one (V,); bytes that are no text as surrogate escapes."""
        tokenizer, ids = self.codes.tokenizer, self.codes.ids.tolist()
        before = next(
            (i for i in ids if i >= 0 and i not in self.codes.silent and tokenizer.decode([i]).strip().isalpha()), None
        )
        head = [] if before is None else [before]
        n = len(tokenizer.decode(head))
        found = tokenizer.decode_batch([[*head, max(i, 0)] for i in ids])
        return [self._alone(i, text[n:]) for i, text in zip(ids, found, strict=True)]

    def _alone(self, i: int, text: str) -> str:
        if i < 0 or i in self.codes.silent:
            return ""
        byte = _BYTE.fullmatch(self.codes.tokenizer.id_to_token(i) or "")
        return bytes([int(byte[1], 16)]).decode("utf-8", "surrogateescape") if byte else text

    def spell(self, codes: np.ndarray) -> pa.Array:
        """Rows of codes (B, T) → large strings (B,); null where a row is a missing text.

        A row ends at its first `END`; half a character before it is left out.
        """
        is_end = codes == END
        sizes = np.where(is_end.any(1), is_end.argmax(1), codes.shape[1])
        ids = self.codes.ids[codes]
        silent = self.codes.silent | {-1}
        rows = [[i for i in row[:n] if i not in silent] for row, n in zip(ids.tolist(), sizes.tolist(), strict=True)]
        texts = [text.rstrip(LOST) for text in self.codes.tokenizer.decode_batch(rows)]
        is_missing = (codes[:, :1] == MISSING).any(1) & (self.n_special > MISSING)
        return pa.array(texts, pa.large_string(), mask=is_missing)


def tokenizer_of(file: str) -> Any:
    """The tokenizer that a `tokenizer.json` describes, which reads special tokens in texts as any other text.

    Raises:
        DataError: it is none.
    """
    from tokenizers import Tokenizer

    try:
        found = Tokenizer.from_str(file)
    except Exception as error:  # the library has no class of its own for it
        raise DataError(f"it describes no tokenizer that can be read: {error}") from None
    found.no_padding()
    found.no_truncation()
    found.encode_special_tokens = True
    return found


def n_ids(tokenizer: Any) -> int:
    """One more than the largest id of a tokenizer."""
    return max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1) + 1


def _decoders(decoder: Any) -> list[str]:
    """The names of a decoder's steps."""
    if not decoder:
        return []
    return [step["type"] for step in decoder["decoders"]] if decoder["type"] == "Sequence" else [decoder["type"]]
