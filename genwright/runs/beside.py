"""Draws beside real rows' given columns, for models that are always given what they cannot draw: texts, series, images.

(given_i, rest_i),   rest_i ~ p(rest | given_i),   given_i of row i of the real ones
"""

import numpy as np

from genwright.core.codec import TableCodec
from genwright.core.dataset import concat, n_rows, select
from genwright.core.decoding import Decoding
from genwright.core.model import Autoregressive, Model
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Real
from genwright.runs.beginnings import vocabularies


def is_given_whole(model: Model) -> bool:
    """Whether it is always given a column that is neither one number nor one category, and draws none itself."""
    given = [f for f in model.space.values() if f.is_given]
    return any(f.event_shape or not isinstance(f.support, Real | Category) for f in given)


def drawn_beside(rows: Batch, n: int, model: Model, codec: TableCodec, seed: int) -> Batch:
    """n rows that have the given columns of some rows, which begin anew where there are fewer than n.

    Args:
        rows: Real rows, encoded.
        n: Rows to be drawn.
        model: It is always given some columns.
        codec: What its tokens spell.
        seed: Of the draws; chunk k of the model's own size is a function of (seed, k) and what it is given.
    """
    names, size = [name for name, f in model.space.items() if f.is_given], model.chunk
    drawn = []
    for k in range(-(-n // size)):
        some = select(rows, np.arange(k * size, (k + 1) * size) % n_rows(rows))
        given, generator = {name: some[name] for name in names}, torch_generator(seed, "beside", k)
        if isinstance(model, Autoregressive):
            drawn.append(model.decode_rows(size, given, generator, Decoding(), vocabularies(codec)))
        else:
            drawn.append(model.sample(size, given, generator))
    return select(concat(drawn), slice(0, n))
