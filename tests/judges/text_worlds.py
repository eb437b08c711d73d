"""A small world of texts whose probability is known: a Markov chain of words, for tests of judges and reports."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pyarrow as pa
import torch

from genwright.core.dataset import concat, n_rows, select
from genwright.core.judge import Evidence
from genwright.core.space import Batch, Field, Space, Tokens

SYLLABLES = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
WORDS = ["", "", ". ", *(a + b + " " for a in SYLLABLES[::3] for b in SYLLABLES[::4])]  # of each code; 0 pads, 1 ends
PAD, END, LENGTH, STOP = 0, 1, 30, 0.07
SUPPORT = Tokens(LENGTH, len(WORDS), PAD, END)
SPACE = Space({"text": Field(SUPPORT)})


@cache
def chain(seed: int = 4) -> np.ndarray:
    """p(next | this) (V, V): few words follow each, and a text ends after any of them alike."""
    n = len(WORDS)
    p = np.zeros((n, n))
    letters = np.random.default_rng(seed).dirichlet(np.full(n - 2, 0.01), n)
    p[:, 2:] = letters * (1 - STOP)
    p[:, END] = STOP
    p[END] = [0, 0, *np.full(n - 2, 1 / (n - 2))]  # from the start
    return p


@cache
def unigrams() -> np.ndarray:
    """p(code) (V,) of independent tokens."""
    counts = np.bincount(np.concatenate([_known(row) for row in draw(2000, 999)["text"].numpy()]), minlength=len(WORDS))
    return (counts + 0.5 * (np.arange(len(counts)) > 0)) / (counts.sum() + 0.5 * (len(counts) - 1))


def draw(n: int, seed: int, p: np.ndarray | None = None) -> Batch:
    """n texts of the chain, or of another p (V, V)."""
    u = np.random.default_rng(seed).random((n, LENGTH))
    steps = (chain() if p is None else p).cumsum(1)
    codes, now = np.zeros((n, LENGTH), np.int64), np.full(n, END)
    is_open = np.ones(n, bool)
    for t in range(LENGTH):
        now = (u[:, t, None] >= steps[now]).sum(1).clip(max=len(WORDS) - 1)
        codes[is_open, t] = now[is_open]
        is_open &= now != END
    return {"text": torch.from_numpy(codes)}


def scrambled(n: int, seed: int) -> Batch:
    """n texts of independent words, as long as those of the chain."""
    p = unigrams().copy()
    p[END] = 0
    p = np.broadcast_to(p / p.sum() * (1 - STOP), (len(p), len(p))).copy()
    p[:, END] = STOP
    p[END] = unigrams() * (np.arange(len(p)) != END)
    p[END] /= p[END].sum()
    return draw(n, seed, p)


def foreign(n: int, seed: int) -> Batch:
    """n texts of another chain of the same words."""
    return draw(n, seed, chain(5))


def log_prob_of(p: np.ndarray) -> Callable[[Batch], torch.Tensor]:
    """Exact log probability under a chain p (V, V)."""

    def found(rows: Batch) -> torch.Tensor:
        codes = rows["text"]
        before = torch.cat([torch.full((len(codes), 1), END), codes[:, :-1]], 1)
        is_there = codes != PAD
        with np.errstate(divide="ignore"):
            steps = torch.from_numpy(np.log(p))[before, codes]
        return torch.where(is_there, steps, 0.0).sum(1)

    return found


def blend(share: float) -> Callable[[Batch], torch.Tensor]:
    """Log probability of a chain that takes a step by unigrams now and then."""
    return log_prob_of((1 - share) * chain() + share * unigrams())


def spell(rows: Batch) -> pa.Table:
    """Rows as records."""
    return pa.table({name: ["".join(WORDS[c] for c in _known(row)) for row in x.numpy()] for name, x in rows.items()})


def encode(texts: list[str]) -> Batch:
    """Texts of known words as rows."""
    codes = np.zeros((len(texts), LENGTH), np.int64)
    for row, text in zip(codes, texts, strict=True):
        known = [WORDS.index(word + " ") for word in text.split()] + [END]
        row[: len(known)] = known[:LENGTH]
    return {"text": torch.from_numpy(codes)}


def mixed(rows: Batch, others: Batch, share: float, seed: int) -> Batch:
    """Some rows of which a share is replaced by others."""
    n = n_rows(rows)
    k = round(share * n)
    picked = np.random.default_rng(seed).permutation(n_rows(others))[:k]
    return concat([select(rows, slice(k, n)), select(others, picked)])


def repeated(rows: Batch, seed: int = 0) -> Batch:
    """One of some rows, again and again."""
    lengths = (rows["text"] != PAD).sum(1)
    return select(rows, np.full(n_rows(rows), int(lengths.argmax())))


def text_world(n_train: int = 600, n_held_out: int = 300, seed: int = 0, fake: Batch | None = None) -> Evidence:
    """Evidence whose draws are a third real sample, unless others are given."""
    train, held_out = draw(n_train, 3 * seed + 1), draw(n_held_out, 3 * seed + 2)
    fake = draw(n_train, 3 * seed + 3) if fake is None else fake
    return Evidence(
        SPACE,
        train,
        held_out,
        fake,
        scrambled(n_train, 3 * seed + 100_000),
        log_prob=log_prob_of(chain()),
        trivial_log_prob=blend(1.0),
        seed=seed,
        records=spell,
    )


def sequence_world(n_train: int = 600, n_held_out: int = 300, seed: int = 0) -> Evidence:
    """The same whose steps are items that spell nothing."""
    return replace(text_world(n_train, n_held_out, seed), records=_items)


def _items(rows: Batch) -> pa.Table:
    return pa.table({name: [_known(row).tolist() for row in x.numpy()] for name, x in rows.items()})


def _known(row: np.ndarray) -> np.ndarray:
    """Codes before the padding."""
    return row[row != PAD]
