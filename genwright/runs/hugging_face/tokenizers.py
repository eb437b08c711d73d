"""A text codec's tokenizer as `tokenizer.json`, which `transformers` and `tokenizers` read.

Its ids are the codec's codes: 0, 1, 2 the special tokens `<|pad|>`, `<|end|>` and `<|missing|>`, then the pieces. The
end also stands before a text, where the model starts from. Characters become BPE without merges, whose characters
without a code fall back on bytes; pieces of words keep their own algorithm over bytes, as in GPT-2.
"""

from collections.abc import Mapping
from typing import Any

from genwright.codecs._pieces import END
from genwright.codecs._tokenizer_file import SPECIAL
from genwright.codecs.text import Text
from genwright.data import cleaning

START = SPECIAL[END]  # also stands before a text
LEAST_SCORE = -1e6  # of special tokens among unigram's pieces, so that no text is read as one


def tokenizer_json(codec: Text) -> str:
    """The content of `tokenizer.json`; a text is read as the end, then the codec's codes."""
    from tokenizers import AddedToken, Tokenizer, normalizers, processors

    state = codec.state()
    build = _of_characters if codec.tokenizer in ("char", "byte") else _of_words
    tokenizer: Any = build(Tokenizer, codec.pieces(), state["vocabulary"])
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A", pair=f"{START} $A {START} $B:1", special_tokens=[(START, END)]
    )
    if codec.config.clean:
        steps = [step for name in cleaning.STEPS if name in codec.config.clean for step in _normalizers(name)]
        tokenizer.normalizer = normalizers.Sequence(steps)
    return tokenizer.to_str()


def _of_characters(tokenizer: Any, pieces: list[str], vocabulary: Mapping[str, Any]) -> Any:
    """Characters and bytes: every character of a text is a piece of its own."""
    from tokenizers import decoders, models

    n = len(SPECIAL) + len(vocabulary["characters"])
    spelt = [piece.encode("utf-8", "surrogateescape")[0] for piece in pieces[n:]]
    tokens = [*SPECIAL, *vocabulary["characters"], *(f"<0x{byte:02X}>" for byte in spelt)]
    codes = {token: code for code, token in enumerate(tokens)}
    found = tokenizer(models.BPE(vocab=codes, merges=[], byte_fallback=True))
    found.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return found


def _of_words(tokenizer: Any, pieces: list[str], vocabulary: Mapping[str, Any]) -> Any:
    """Pieces of words over bytes."""
    from tokenizers import decoders, models, pre_tokenizers

    if "scores" in vocabulary:
        scored = zip(vocabulary["pieces"], vocabulary["scores"], strict=True)
        found = tokenizer(models.Unigram([*((token, LEAST_SCORE) for token in SPECIAL), *scored]))
    else:
        codes = {token: code for code, token in enumerate([*SPECIAL, *vocabulary["pieces"]])}
        found = tokenizer(models.BPE(codes, [(first, second) for first, second in vocabulary["merges"]]))
    found.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    found.decoder = decoders.ByteLevel()
    return found


def _normalizers(step: str) -> list[Any]:
    """A step of cleaning."""
    from tokenizers import Regex, normalizers

    def replacing(*pairs: tuple[str, str]) -> list[Any]:
        return [normalizers.Replace(Regex(pattern.replace(r"\x0b", r"\x{0b}")), by) for pattern, by in pairs]

    if step in ("nfc", "nfkc"):
        return [normalizers.NFC() if step == "nfc" else normalizers.NFKC()]
    if step == "lines":
        return replacing(cleaning.LINE_END)
    return (
        replacing((cleaning.CONTROL, "")) if step == "control" else [*replacing(*cleaning.BLANKS), normalizers.Strip()]
    )
