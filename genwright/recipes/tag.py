"""The tags of sentences, as the most probable path of a hidden Markov model whose states are tags has them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from genwright.core.errors import DataError, UnsupportedError
from genwright.core.schema import Column, Schema
from genwright.core.space import Tokens
from genwright.data.read import read
from genwright.data.typed import typed
from genwright.models.hmm import HMM
from genwright.runs.run import Run
from genwright.runs.states import encoded, hmm_of, state_names

BATCH = 2_000  # sentences worked on together


@dataclass(frozen=True)
class Tagged:
    """One sentence.

    Args:
        words: Its words; None: one that is missing.
        tags: A tag for each of them.
        probabilities: Of each tag, given the whole sentence.
        is_known: Whether each word was seen in training; the tags of others rest on their shape and neighbours.
    """

    words: tuple[str | None, ...]
    tags: tuple[str, ...]
    probabilities: tuple[float, ...]
    is_known: tuple[bool, ...]


def tag(run: Run, sentences: "str | Iterable[str | Sequence[str | None]]") -> list[Tagged]:
    """Tags of sentences.

    Args:
        run: Of an `hmm` whose states are tags.
        sentences: Texts, whose words have blanks between them, or lists of words; a missing word is tagged, too.

    Raises:
        UnsupportedError: the run guesses no tags.
    """
    model, name = _tagger(run)
    rows = [_words(s) for s in ([sentences] if isinstance(sentences, str) else sentences)]
    found: list[Tagged] = []
    for start in range(0, len(rows), BATCH):
        found += _tagged(run, model, name, rows[start : start + BATCH])
    return found


def sentences_of(run: Run, source: Any) -> list[list[str | None]]:
    """The sentences of a file or table: a column of words as the run has it, or texts, one a row.

    Raises:
        DataError: there are neither.
    """
    _, name = _tagger(run)
    is_text = isinstance(source, (str, Path)) and str(source).lower().endswith((".txt", ".text"))
    records = read(source, rows="lines") if is_text else read(source)
    columns = records.arrow_schema.names
    texts = [f.name for f in records.arrow_schema if pa.types.is_string(f.type)]
    chosen = name if name in columns else texts[0] if len(texts) == 1 else None
    if chosen is None:
        raise DataError(
            f"{records.name} has no column {name!r}, and not one column of texts; it has {', '.join(columns)}"
        )
    schema = Schema((run.schema[name],)) if chosen == name else None
    batches = records.open() if schema is None else typed(records, schema)
    return [_words(value or ()) for batch in batches for value in batch.column(chosen).to_pylist()]


def as_table(tagged: Iterable[Tagged]) -> pa.Table:
    """One row a word: `sentence` and `place`, counted from 1, `word`, `tag`, `probability`."""
    rows = [
        (i, t, word, tag_, p)
        for i, s in enumerate(tagged, 1)
        for t, (word, tag_, p) in enumerate(zip(s.words, s.tags, s.probabilities, strict=True), 1)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * 5
    types = (pa.int64(), pa.int64(), pa.string(), pa.string(), pa.float64())
    names = ("sentence", "place", "word", "tag", "probability")
    return pa.table({name: pa.array(values, kind) for name, values, kind in zip(names, columns, types, strict=True)})


def tagged_schema() -> Schema:
    """How such a table is written."""
    kinds = {"sentence": "number", "place": "number", "word": "category", "tag": "category", "probability": "number"}
    return Schema(tuple(Column(name, kind) for name, kind in kinds.items()))


def as_sentences(tagged: Iterable[Tagged]) -> pa.Table:
    """One row a sentence: `words` and `tags`, as a .conllu file has them."""
    rows, kind = list(tagged), pa.list_(pa.string())
    return pa.table({name: pa.array([list(getattr(s, name)) for s in rows], kind) for name in ("words", "tags")})


def sentences_schema() -> Schema:
    """How such a table is written."""
    return Schema((Column("words", "sequence"), Column("tags", "sequence")))


def _tagger(run: Run) -> tuple[HMM, str]:
    """The model and its column of words."""
    model = hmm_of(run)
    words = [n for n, f in model.space.items() if n != model.tags and isinstance(f.support, Tokens)]
    if not model.tags or len(words) != 1:
        raise UnsupportedError(
            "the states of this run are no tags of words; fit words and tags, as from a .conllu file"
        )
    return model, words[0]


def _words(sentence: "str | Sequence[str | None]") -> list[str | None]:
    return list(sentence.split()) if isinstance(sentence, str) else [None if w is None else str(w) for w in sentence]


def _tagged(run: Run, model: HMM, name: str, rows: list[list[str | None]]) -> list[Tagged]:
    batch = encoded(run, pa.table({name: pa.array(rows, pa.list_(pa.string()))}))
    states, _ = model.best_paths(batch)
    gamma = model.posteriors(batch)
    share = np.take_along_axis(gamma, np.maximum(states, 0)[:, :, None], 2)[:, :, 0]
    names, known = state_names(run), set(run.artefact.codec.codecs[name].words())  # type: ignore[attr-defined]
    return [
        Tagged(
            tuple(words),
            tuple(names[k] for k in z[: len(words)].tolist()),
            tuple(round(p, 6) for p in q[: len(words)].tolist()),
            tuple(word in known for word in words),
        )
        for words, z, q in zip(rows, states, share, strict=True)
    ]
