"""A glimpse of what a model draws while it is still learning: the beginning of one text, or some small pictures.

Pictures are a sheet as text (`data/data_uri`), which fits into a line of the log; always of the same noise and classes,
so that one sees them grow.
"""

from collections.abc import Callable
from typing import cast

from genwright.core.codec import TableCodec
from genwright.core.decoding import Decoding
from genwright.core.model import Autoregressive, HasStages, Model, Vocabulary
from genwright.core.rng import torch_generator
from genwright.core.space import Pixels, Tokens, Vectors
from genwright.data.contact_sheet import bright
from genwright.data.data_uri import small_sheet
from genwright.nn.picture_view import pictures

LENGTH = 160  # tokens
N_PICTURES, N_COLUMNS = 16, 8


def preview(codec: TableCodec, model: Model, seed: int) -> Callable[[], str] | None:
    """A function that draws one; None where the model draws neither, needs to be given one, or cannot draw yet."""
    if any(f.is_given and isinstance(f.support, Tokens | Pixels | Vectors) for f in model.space.values()):
        return None
    if (shown := _pictures(model, seed)) is not None:
        return shown
    spelt = {name: column for name, column in codec.codecs.items() if hasattr(column, "to_text") and column.is_modelled}
    texts = cast(dict[str, Vocabulary], spelt)
    if not isinstance(model, Autoregressive) or not texts:
        return None
    last = list(texts)[-1]

    def look() -> str:
        rows = model.decode_rows(1, {}, torch_generator(seed, "preview"), Decoding(max_tokens=LENGTH), texts)
        return str(codec.codecs[last].decode(rows[last])[0].as_py() or "")

    return look


def _pictures(model: Model, seed: int) -> Callable[[], str] | None:
    """A function that draws some; None where there are none, or where they take long or come only in a second stage."""
    names = list(pictures(model.space))
    if not names or isinstance(model, Autoregressive | HasStages):
        return None

    def look() -> str:
        rows = model.sample(N_PICTURES, {}, torch_generator(seed, "preview"))
        support = model.space[names[0]].support
        assert isinstance(support, Pixels)
        return small_sheet(bright(rows[names[0]].numpy(), support.n), N_COLUMNS)

    return look
