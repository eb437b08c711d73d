"""Sentences with tags, and a model that guesses a fixed share of them right."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch

from genwright.core.judge import Evidence
from genwright.core.space import Batch, Field, Space, Tokens

N, T, V, K = 500, 8, 12, 4
SPACE = Space({"words": Field(Tokens(T + 1, V + 2)), "tags": Field(Tokens(T + 1, K + 3, missing=K + 2))})


def sentences(n: int, seed: int) -> Batch:
    """Each word has one of two tags, the first in two of three places; the order of tags tells nothing."""
    rng = np.random.default_rng(seed)
    words, lengths = rng.integers(0, V, (n, T)), rng.integers(1, T + 1, n)
    tags = (words + (rng.random((n, T)) < 1 / 3)) % K
    behind = np.arange(T + 1) - lengths[:, None]
    rows = {}
    for name, x in (("words", words), ("tags", tags)):
        codes = np.concatenate([x + 2, np.zeros((n, 1), int)], 1)
        rows[name] = torch.from_numpy(np.where(behind == 0, 1, np.where(behind > 0, 0, codes)))
    return rows


def guessing(share: float):  # type: ignore[no-untyped-def]
    """A model whose tags are wrong in this share of the steps, by a hash of what is there."""

    def predict(rows: Batch) -> Batch:
        tags = rows["tags"]
        place = (
            torch.arange(tags.shape[1])
            + 31 * (rows["words"] * (7 ** torch.arange(tags.shape[1]) % 1009)).sum(1)[:, None]
        )
        is_wrong = (place * 2654435761 % 2**32).double() / 2**32 < share
        return {"tags": torch.where(is_wrong & (tags > 1), 2 + (tags - 1) % K, tags)}

    return predict


@cache
def tag_world() -> Evidence:
    batches = [sentences(N, seed) for seed in range(4)]
    return Evidence(SPACE, *batches, predict=guessing(0.1))  # type: ignore[arg-type]


def with_wrong_tags(share: float) -> Evidence:
    """The same with a worse model."""
    return replace(tag_world(), predict=guessing(0.1 + 0.5 * share))
