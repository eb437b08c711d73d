"""Conditions on texts as rows of codes: a whole text, or a beginning and open places behind it.

A row has as many places as the rows of the fit. Where those are passages of a running text, a model that completes
them goes on as long as it is asked to; elsewhere a beginning must leave room for a token at least.
"""

import logging
from typing import TYPE_CHECKING, Protocol, cast

import torch

from genwright.core.codec import Codec, TableCodec
from genwright.core.decoding import Decoding
from genwright.core.errors import ConfigError, DataError, GivenError
from genwright.core.given import Condition
from genwright.core.model import Model, Vocabulary
from genwright.core.space import OPEN, Tokens

if TYPE_CHECKING:
    from torch import Tensor

log = logging.getLogger("genwright")


class TextCodec(Vocabulary, Protocol):
    """A codec whose tokens spell texts."""

    def encode_prefix(self, text: str) -> list[int]:
        """Codes of a text that goes on, without an end."""
        ...


def spells(codec: Codec) -> bool:
    """Whether a column's tokens spell texts."""
    return codec.is_modelled and hasattr(codec, "encode_prefix") and isinstance(codec.field.support, Tokens)


def vocabularies(codec: TableCodec) -> dict[str, Vocabulary]:
    """The columns whose tokens spell texts."""
    return {name: cast(Vocabulary, column) for name, column in codec.codecs.items() if spells(column)}


def begun(condition: Condition, codec: Codec, model: Model, decoding: Decoding) -> "Tensor":
    """The row (1, T) of a text that starts so: its codes, then open places.

    Raises:
        GivenError: the beginning leaves no room, or cannot be read.
    """
    support, text = codec.field.support, str(condition.values[0])
    assert isinstance(support, Tokens)
    try:
        codes = cast(TextCodec, codec).encode_prefix(text)
    except DataError as error:
        raise GivenError(f"{condition}: {error}") from None
    if (read := cast(TextCodec, codec).to_text(codes)) != text:
        log.warning("%s: the beginning is read as %r", condition.column, read)
    return _opened(condition.column, codes, support, model, decoding)


def opened(name: str, codec: Codec, model: Model, decoding: Decoding) -> "Tensor | None":
    """The open row (1, T) of a text of which nothing is given; None where it is as long as the rows of the fit."""
    support = codec.field.support
    assert isinstance(support, Tokens)
    row = _opened(name, [], support, model, decoding)
    return None if row.shape[1] == support.length else row


def _opened(name: str, codes: list[int], support: Tokens, model: Model, decoding: Decoding) -> "Tensor":
    n, length = len(codes), support.length
    width = max(length, n + (decoding.max_tokens or (length if n >= length else 0)))
    if not (support.runs_on and model.completes):
        if n >= length:
            raise GivenError(
                f"the beginning of {name} has {n} tokens, and texts of this run at most {length - 1}; shorten it, "
                "or fit with a larger max_length"
            )
        if width > length:
            log.warning("%s: texts of this run have at most %s tokens, fewer than asked for", name, length)
        width = length
    elif n >= length:
        told = (
            "%s: the beginning has %s tokens, more than the passages of the fit (%s); the model looks back on the last"
        )
        log.warning(told, name, n, length)
    if n > (most := getattr(model, "looks_back", None) or n):
        log.info("%s: the beginning has %s tokens, and the model looks back %s at a time", name, f"{n:,}", f"{most:,}")
    row = torch.full((1, width), OPEN)
    row[0, :n] = torch.tensor(codes, dtype=torch.int64)
    return row


def check_whole(condition: Condition, codec: Codec) -> None:
    """Refuses a text that is longer than the rows of the fit, which would be cut.

    Raises:
        GivenError: it is.
    """
    if not spells(codec) or not condition.values:
        return
    support = codec.field.support
    assert isinstance(support, Tokens)
    n = len(cast(TextCodec, codec).encode_prefix(str(condition.values[0])))
    if n > support.length:
        raise GivenError(f"{condition.column} = a text of {n} tokens; texts of this run have at most {support.length}")


def check_settings(decoding: Decoding, codec: TableCodec) -> None:
    """Refuses settings of sequences where there are none.

    Raises:
        ConfigError: there is no column that they could be for.
    """
    supports = [codec.codecs[name].field.support for name in codec.modelled]
    if decoding.turned and not any(isinstance(s, Tokens) for s in supports):
        what = f"{', '.join(decoding.turned)}: for columns of text or sequences, and this run has none"
        raise ConfigError(f"{what}; leave out all but the temperature")
