"""A glimpse of what a model draws while it is still learning: the beginning of one text."""

from collections.abc import Callable
from typing import cast

from genwright.core.codec import TableCodec
from genwright.core.decoding import Decoding
from genwright.core.model import Autoregressive, Model, Vocabulary
from genwright.core.rng import torch_generator

LENGTH = 160  # tokens


def preview(codec: TableCodec, model: Model, seed: int) -> Callable[[], str] | None:
    """A function that draws one; None where the model draws no texts, or needs to be given one."""
    spelt = {name: column for name, column in codec.codecs.items() if hasattr(column, "to_text") and column.is_modelled}
    texts = cast(dict[str, Vocabulary], spelt)
    drawn = [name for name in texts if not model.space[name].is_given]
    if not isinstance(model, Autoregressive) or not drawn or len(drawn) < len(texts):
        return None

    def look() -> str:
        rows = model.decode_rows(1, {}, torch_generator(seed, "preview"), Decoding(max_tokens=LENGTH), texts)
        return str(codec.codecs[drawn[-1]].decode(rows[drawn[-1]])[0].as_py() or "")

    return look
