"""Texts as pieces of words, learnt from the texts themselves, in Hugging Face's `tokenizers`.

- `bpe`: the most frequent pair of neighbouring pieces becomes a piece, again and again (Sennrich, Haddow and Birch,
  2016, https://aclanthology.org/P16-1162), over bytes as in GPT-2.
- `unigram`: many pieces, of which those go whose loss costs the likelihood of the texts least (Kudo, 2018,
  https://aclanthology.org/P18-1007): p(text) = max over segmentations of Π_i p(x_i).

Both read bytes, written as 256 printable characters, so that no text is unknown; words are split as GPT-2 does. What
is saved is the list of pieces with its merges or scores, from which the tokenizer is built anew: nothing is executed.
"""

import json
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from genwright.codecs._pieces import N_SPECIAL
from genwright.core.errors import DataError

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # one thread, and the same pieces every time
LETTERS = sorted(pre_tokenizers.ByteLevel.alphabet())  # the 256 characters that stand for bytes


def _letters_of_bytes() -> dict[str, int]:
    """Letter → byte: printable Latin-1 stands for itself, the other bytes in turn for what comes from U+0100 on."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in set(plain)]
    return {**{chr(b): b for b in plain}, **{chr(0x100 + i): b for i, b in enumerate(others)}}


BYTE_OF = _letters_of_bytes()


class Subwords:
    """A tokenizer of pieces of words.

    Args:
        letters: The pieces of codes 3, 4, 5 …, written in `LETTERS`.
        merges: Of BPE: pairs of pieces, the first to be joined first.
        scores: Of unigram: log probability of each piece.
    """

    def __init__(
        self,
        letters: list[str],
        merges: list[tuple[str, str]] | None = None,
        scores: list[float] | None = None,
    ):
        self.letters, self.merges, self.scores = letters, merges, scores
        if scores is not None:
            self._tokenizer = _split(models.Unigram(list(zip(letters, scores, strict=True))))
        else:
            self._tokenizer = _split(models.BPE({piece: i for i, piece in enumerate(letters)}, merges or []))

    @classmethod
    def learn(cls, kind: str, texts: list[str], n: int) -> "Subwords":
        """From some texts.

        Args:
            kind: `bpe` or `unigram`.
            texts: What to learn from; their order must not depend on chance.
            n: Pieces, at least the 256 bytes.
        """
        rest: dict[str, Any] = {"vocab_size": max(n, len(LETTERS)), "initial_alphabet": LETTERS}
        rest |= {"special_tokens": [], "show_progress": False}
        if kind == "unigram":
            return cls._learn_unigram([text for text in texts if text], rest)
        tokenizer = _split(models.BPE())
        tokenizer.train_from_iterator(texts, trainers.BpeTrainer(**rest))
        return cls(*_bpe_parts(tokenizer))

    @classmethod
    def _learn_unigram(cls, texts: list[str], rest: dict[str, Any]) -> "Subwords":
        if not texts:
            return cls(LETTERS, scores=[-math.log(len(LETTERS))] * len(LETTERS))
        tokenizer = _split(models.Unigram())
        tokenizer.train_from_iterator(texts, trainers.UnigramTrainer(**rest))
        found = _settled(dict(_parts(tokenizer)["vocab"]))
        return cls(list(found), scores=list(found.values()))

    def pieces(self) -> list[bytes]:
        """The bytes of codes 3, 4, 5 …"""
        return [bytes(BYTE_OF[letter] for letter in piece) for piece in self.letters]

    def encode(self, texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Large strings without nulls → codes one text behind the other, and how many each text has (B,)."""
        found = self._tokenizer.encode_batch_fast(texts.to_pylist(), add_special_tokens=False)
        ids = [encoding.ids for encoding in found]
        flat = np.concatenate([np.array(row, np.int64) for row in ids]) if ids else np.zeros(0, np.int64)
        return flat + N_SPECIAL, np.array([len(row) for row in ids], np.int64)

    def state(self) -> dict[str, Any]:
        """Plain JSON values."""
        rest = {"scores": self.scores} if self.scores is not None else {"merges": [list(m) for m in self.merges or []]}
        return {"pieces": self.letters, **rest}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "Subwords":
        """The inverse of `state`.

        Raises:
            DataError: it does not describe a tokenizer; says what is wrong.
        """
        letters, scores = state["pieces"], state.get("scores")
        _check_pieces(letters)
        if scores is not None:
            _require(len(scores) == len(letters) and all(map(_is_score, scores)), "scores")
            return cls(letters, scores=scores)
        merges, known = [tuple(pair) for pair in state["merges"]], set(letters)
        _require(all(len(m) == 2 and {*m, "".join(m)} <= known for m in merges), "merges")
        return cls(letters, merges=merges)  # type: ignore[arg-type]


def _settled(scores: dict[str, float]) -> dict[str, float]:
    """The pieces, the likeliest first, freed of what differs from one training to the next.

    Letters that the texts lack get scores from the least upwards, a ten-thousandth apart, in the order of a hash
    table: they all get the least.
    """
    least = min(scores.values())
    most = least + 1e-4 * (len(LETTERS) + 1)
    even = {p: round(least if len(p) == 1 and s <= most else s, 6) for p, s in scores.items()}
    return dict(sorted(even.items(), key=lambda item: (-item[1], item[0])))


def _split(model: Any) -> Any:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def _parts(tokenizer: Any) -> dict[str, Any]:
    return json.loads(tokenizer.to_str())["model"]


def _bpe_parts(tokenizer: Any) -> tuple[list[str], list[tuple[str, str]]]:
    """Pieces in the order of their codes, and merges."""
    parts = _parts(tokenizer)
    merges = [(first, second) for first, second in parts["merges"]]
    return sorted(parts["vocab"], key=parts["vocab"].get), merges


def _check_pieces(letters: Any) -> None:
    is_text = isinstance(letters, list) and all(isinstance(piece, str) for piece in letters)
    _require(is_text and len(set(letters)) == len(letters), "pieces")
    _require(
        set(LETTERS) <= set(letters) and all(set(piece) <= BYTE_OF.keys() and piece for piece in letters), "pieces"
    )


def _is_score(score: Any) -> bool:
    return isinstance(score, (int, float)) and math.isfinite(score)


def _require(is_right: bool, what: str) -> None:
    if not is_right:
        raise DataError(f"the {what} of a text codec do not belong together; its state is damaged")
