"""A run that predicts: a fitted classifier with everything needed to ask it, judge it and keep it."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch

from genwright.core.classifier import Classifier
from genwright.core.dataset import Dataset, n_rows
from genwright.core.errors import CellError, ConfigError, DataError, UnknownNameError, UnsupportedError
from genwright.core.judge import Score
from genwright.core.model import Progress
from genwright.core.predictions import METRICS, UNSEEN, PredictionJudge, Predictions, scores
from genwright.core.records import Records
from genwright.core.registry import JUDGES
from genwright.core.rng import numpy_generator
from genwright.core.schema import Column, Schema
from genwright.core.space import Batch, Category
from genwright.data.cache import encode
from genwright.data.class_codes import class_codes, listed
from genwright.data.fingerprint import fingerprint
from genwright.data.picture_types import is_file_with_path
from genwright.data.read import read
from genwright.data.readers.builtin import NAMES as BUILT_IN
from genwright.data.target import labelled, labels_of, stratified
from genwright.data.typed import as_written, readable, typed
from genwright.nn.networks.codes import CategoryCodes
from genwright.runs.artefact import Artefact
from genwright.runs.code_words import MISSING, code_words
from genwright.runs.draw import whole
from genwright.runs.frames import frame, gapped, known_flavour
from genwright.runs.run import Run, as_names, silent

CLASS, PROBABILITY, SECOND, SECOND_PROBABILITY, CERTAINTY = PREDICTED = (
    "class",
    "probability",
    "second",
    "second_probability",
    "certainty",
)
FILE = "file"  # the column of predictions that names a picture's file
FEW = 12  # values of a category whose rows get their own numbers, and columns of this sort
AT_ONCE = 8_192  # rows that are predicted at a time
JUDGED_ROWS = 100_000  # rows that are looked at, unless asked for more
BY_ROW, BY_CLASS = "rows", "classes"  # how rows were held out: a share of all, or of each class
OF_FITTED = "Bayes' rule on a fitted "  # begins why a model of rows is a classifier; before the family's name


@dataclass(repr=False)
class ClassifierRun(Run):
    """A fitted classifier with everything that is needed to use it.

    Args:
        artefact: What is saved; its model is a classifier.
        train: Encoded rows it learnt from; only where the fit was made in this process.
        held_out: Encoded rows it did not see; the same.
        path: The folder it was loaded from.
    """

    artefact: Artefact

    @property
    def classifier(self) -> Classifier:
        """The fitted family."""
        model: Any = self.artefact.model
        return model

    @property
    def target(self) -> str:
        """The column that it foretells."""
        return self.classifier.target

    @property
    def columns(self) -> list[str]:
        """The columns that it reads."""
        return list(self.classifier.others)

    @property
    def classes(self) -> list[Any]:
        """The classes, in the order of `predict_proba`'s columns."""
        return self._values(np.arange(self.classifier.n_classes)).to_pylist()

    @property
    def known_classes(self) -> pa.Array:
        """The same, as the data of the fit write them."""
        return as_written(self._known(), self.schema[self.target])

    def predict(self, rows: Any, *, flavour: Any = None) -> Any:
        """The likeliest class of each row, and how sure that is.

        Args:
            rows: Records with the columns that the run reads, in any order; others are not looked at.
            flavour: "pandas", "polars" or "arrow"; what `rows` is where it is not given.

        Returns:
            A frame with a row for each of `rows`: `class` and its `probability`; `second`, the next likeliest class,
            with `second_probability`; `certainty`, from 0 (all classes are equally likely) to 1 (one is certain):
            1 − H(p) / log K. Ids that `rows` have come first, as they are there; of pictures in files, `file` does.

        Raises:
            DataError: a column is absent, or a value does not fit its column; says which, and what may be meant.
        """
        records = read(rows)
        known_flavour(flavour)
        return _framed(rows, records, list(self.predictions(records)), flavour)

    def predict_proba(self, rows: Any, *, flavour: Any = None) -> Any:
        """The probability of every class: a frame with a column for each, named by it; else as `predict`."""
        records = read(rows)
        known_flavour(flavour)
        return _framed(rows, records, list(self.probabilities(records)), flavour)

    def predictions(self, rows: Any) -> Iterator[pa.Table]:
        """What `predict` says, one Arrow table a chunk: memory stays flat however many rows there are."""
        return (_beside(names, self._told(p)) for p, names in self._probabilities(read(rows)))

    def probabilities(self, rows: Any, with_names: bool = False) -> Iterator[pa.Table]:
        """The same of `predict_proba`, with what names the rows (ids, files of pictures) where that is said."""
        classes = [str(value) for value in self.classes]
        for p, names in self._probabilities(read(rows)):
            yield _beside(names if with_names else {}, pa.table({n: p[:, k] for k, n in enumerate(classes)}))

    def predicted_schema(self, records: Records, every: bool = False) -> Schema:
        """The columns of predictions of some records, as a file is to have them.

        Args:
            records: The rows.
            every: Those of `probabilities`.
        """
        own = self.schema[self.target]
        classes = tuple(Column(name, own.kind, own.options) for name in (CLASS, SECOND))
        numbers = (Column(name, "number") for name in (PROBABILITY, SECOND_PROBABILITY, CERTAINTY))
        found = {c.name: c for c in (*classes, *numbers)}
        columns = [Column(str(k), "number") for k in self.classes] if every else [found[name] for name in PREDICTED]
        taken = {c.name for c in columns}
        has_files = self._files_in(records.arrow_schema) is not None
        beside = [*([Column(FILE, "text")] if has_files else []), *self._ids_in(records.arrow_schema)]
        return Schema((*(c for c in beside if c.name not in taken), *columns))

    def judge(
        self,
        held_out: Any = None,
        train: Any = None,
        *,
        judges: str | Iterable[str] | None = None,
        targets: str | Iterable[str] = (),
        max_rows: int | None = None,
        shared: dict[Any, Any] | None = None,
        progress: Progress = silent,
    ) -> list[Score]:
        """How good the predictions are: scores with intervals, between the best possible and the trivial guess.

        Args:
            held_out: Rows with their classes that it has not seen; those held out in the fit where it is not given.
            train: Not looked at: what it learnt is in the run.
            judges: A score's name, such as `accuracy`, or several; all of them where it is not given.
            targets: The run's own target; no other can be judged.
            max_rows: Rows that are looked at, 100,000 where it is not given; of more, as many at random.
            shared: Not looked at.
            progress: Called with (fraction done, what is being done).

        Rows whose class the fit never saw count as wrong, and rows without one are left out; both are said.

        Raises:
            DataError: there are no rows with a class, or none of them is of a class that the fit saw.
            UnknownNameError: there is no such score.
            UnsupportedError: the scores asked for cannot be measured on these rows.
            ConfigError: another column's prediction is asked for, or `max_rows` is not a whole number of one or more.
        """
        own, max_rows = _judges(), self._judged_rows(max_rows)
        wanted = [*(m.name for m in METRICS), *own] if judges is None else list(as_names(judges))
        for name in wanted:
            if name not in own and name not in {m.name for m in METRICS}:
                raise UnknownNameError(name, [*(m.name for m in METRICS), *own], "the scores of predictions")
        if other := [name for name in as_names(targets) if name != self.target]:
            raise ConfigError(f"this run foretells {self.target!r}, not {other[0]!r}; fit another for that")
        progress(0.0, "judging: predicting")
        rows = self._predictions(held_out, max_rows)
        progress(0.5, "judging: scores")
        found = scores(rows, [m for m in METRICS if m.name in wanted])
        for name in (name for name in wanted if name in own):
            found += own[name].predicted(rows)
        if not found:
            raise UnsupportedError(f"{', '.join(wanted)}: nothing in these rows that could be measured; ask for others")
        self.artefact.scores = found
        progress(1.0, "judged")
        return found

    def _judged_rows(self, asked: int | None) -> int:
        """Rows that are looked at."""
        n = JUDGED_ROWS if asked is None else whole(asked, "max_rows")
        if n < 1:
            raise ConfigError(f"max_rows = {asked}; expected 1 or more, or judge=False where nothing is to be judged")
        return n

    def sample(self, *args: Any, **more: Any) -> NoReturn:
        """A classifier draws nothing."""
        raise self._no_draws()

    def stream(self, *args: Any, **more: Any) -> NoReturn:
        """A classifier draws nothing."""
        raise self._no_draws()

    def draw(self, *args: Any, **more: Any) -> NoReturn:
        """A classifier draws nothing."""
        raise self._no_draws()

    def log_prob(self, rows: Any) -> NoReturn:
        """A classifier knows p(class | row), not p(row)."""
        raise UnsupportedError(f"this run knows how likely a {self.target!r} is, not a row; use predict_proba")

    def _no_draws(self) -> UnsupportedError:
        what = f"this run predicts {self.target!r} ({self.artefact.model_name}) and draws no rows"
        return UnsupportedError(f"{what}: use predict (genwright predict), or fit a family of genwright list models")

    def encode(self, rows: Any) -> Iterator[Batch]:
        """The columns that it reads, as tensors."""
        return (batch for batch, _ in self._encoded(read(rows), with_target=False))

    def remember_rows(self, need_train: bool, need_held_out: bool) -> None:
        """Reads and splits the data of the fit again, where it is still there and unchanged; else says why not."""
        if self._is_split_by_row:
            super().remember_rows(need_train, need_held_out)
        elif (self.train is None and need_train) or (self.held_out is None and need_held_out):
            self._split_by_class()
        self.train, self.held_out = self._as_read(self.train), self._as_read(self.held_out)

    def _split_by_class(self) -> None:
        """The data of the fit, of each class a share held out; where it is not there, says why not."""
        facts = self.artefact.facts
        source = facts.get("path") or (facts["data"] if facts.get("data") in BUILT_IN else None)
        if source is None:
            return
        try:
            records = read(source, **facts.get("options", {}))
            if fingerprint(records) != facts["fingerprint"]:
                self._unread = f"{source} has changed since the fit"
                return
            labels = labels_of(records, self.schema, self.target, is_set=True)
            records, codes = labelled(records, labels)
            rows = stratified(records, self.schema, codes, facts["held_out"], self.artefact.seed)
            self.train, self.held_out = encode(records, self.schema, self.artefact.codec, rows)
        except DataError as error:
            self._unread = f"the data of the fit cannot be read again: {error}"

    def _as_read(self, rows: Dataset | None) -> Dataset | None:
        """The columns that it reads, and the class: others must not tell rows apart."""
        space = self.classifier.space
        return None if rows is None else Dataset(space, {name: rows.arrays[name] for name in space})

    @property
    def _is_split_by_row(self) -> bool:
        """Whether its rows were held out without regard to the class, as of a fitted model that became a classifier."""
        facts = self.artefact.facts
        known = facts.get("split") or (BY_ROW if facts.get("why", "").startswith(OF_FITTED) else BY_CLASS)
        return bool(known == BY_ROW)

    def _probabilities(self, records: Records) -> Iterator[tuple[np.ndarray, dict[str, pa.Array]]]:
        """Probabilities (B, K), and what names the rows: ids, and the files that pictures lie in."""
        file, ids = self._files_in(records.arrow_schema), self._ids_in(records.arrow_schema)
        for part, first in self._parts(records, self.columns, ids):
            names = {} if file is None else {FILE: pc.struct_field(part.column(file), "path")}
            names |= {c.name: part.column(c.name) for c in ids}
            yield self.classifier.predict_rows(self._tensors(part, first)), names

    def _ids_in(self, schema: pa.Schema) -> list[Column]:
        """Ids that records have, to be read as they are."""
        known = [c.name for c in self.schema if c.kind == "id" and c.name in schema.names]
        return [Column(name, "id", {"parse": {"verbatim": True}}) for name in known if name not in self.columns]

    def _files_in(self, schema: pa.Schema) -> str | None:
        """The first column that it reads of files with their paths."""
        found = (f.name for f in schema if f.name in self.columns and is_file_with_path(f.type))
        return next(found, None)

    def _told(self, p: np.ndarray) -> pa.Table:
        """Probabilities (B, K) as what `predict` says of them."""
        n, K = p.shape
        order = np.argsort(-p, axis=1, kind="stable")
        first = order[:, 0] if K else np.zeros(n, np.int64)
        second = order[:, 1] if K > 1 else first
        with np.errstate(divide="ignore", invalid="ignore"):
            entropy = -np.where(p > 0, p * np.log(p), 0).sum(1)
        certainty = np.clip(1 - entropy / np.log(K), 0, 1) if K > 1 else np.ones(n)
        at = np.arange(n)
        columns = [self._values(first), p[at, first], self._values(second), p[at, second], certainty]
        return pa.table(dict(zip(PREDICTED, columns, strict=True)))

    def _values(self, codes: np.ndarray) -> pa.ChunkedArray:
        """Classes of codes (B,), as the data had them."""
        decoded = self.artefact.codec.codecs[self.target].decode(torch.from_numpy(codes.astype(np.int64)))
        is_text = self.artefact.facts.get("is_text", False)
        own = Schema((self.schema[self.target],))  # the table has no other column
        return readable(pa.table({self.target: decoded}), own, is_text).column(0)

    def _encoded(self, records: Records, with_target: bool) -> Iterator[tuple[Batch, np.ndarray]]:
        """Batches of columns that it reads, with the codes of their classes (B,): `UNSEEN`, or −2 without one."""
        names = [*self.columns, *([self.target] if with_target else [])]
        for part, first in self._parts(records, names):
            yield self._tensors(part, first), self._codes(part) if with_target else np.zeros(0, np.int64)

    def _parts(
        self, records: Records, names: list[str], more: Iterable[Column] = ()
    ) -> Iterator[tuple[pa.RecordBatch, int]]:
        """Some columns, typed, `AT_ONCE` rows at most, and the number of the first row among them."""
        _require(records, names)
        wanted = Schema((*(c for c in self.schema if c.name in set(names)), *more))
        first = 0
        for batch in _typed(records, wanted):
            for start in range(0, max(batch.num_rows, 1), AT_ONCE):
                yield batch.slice(start, AT_ONCE), first + start
            first += batch.num_rows

    def _tensors(self, part: pa.RecordBatch, first: int) -> Batch:
        try:
            found = self.artefact.codec.encode(part, self.columns)
        except CellError as error:
            raise CellError(first + error.row, error.what, error.column) from None
        return found or {"": torch.zeros(part.num_rows)}

    def _codes(self, part: pa.RecordBatch) -> np.ndarray:
        """The class of each row."""
        return class_codes(part.column(part.schema.get_field_index(self.target)), self._known())

    def _known(self) -> pa.Array:
        """The classes, as the codec has them."""
        return self.artefact.codec.codecs[self.target].decode(torch.arange(self.classifier.n_classes))

    def _predictions(self, held_out: Any, max_rows: int) -> Predictions:
        """What it says of rows with their classes."""
        parts = list(self._judged(held_out, max_rows))
        y = np.concatenate([y for _, y, *_ in parts]) if parts else np.zeros(0, np.int64)
        if not len(y):
            why = f"; {self._unread}" if self._unread else ""
            raise DataError(f"judging needs rows with a known {self.target!r}: pass held_out=…, a path or a frame{why}")
        p, groups = (np.concatenate([part[i] for part in parts]) for i in (0, 2))
        by = {name: words[torch.cat([part[3][name] for part in parts]).numpy()] for name, words in self._few().items()}
        shares = np.asarray(self.artefact.facts["shares"], float)
        return Predictions(y, p, shares, groups, [str(c) for c in self.classes], self.artefact.seed, by)

    def _few(self) -> dict[str, np.ndarray]:
        """Words of the codes of categories with few values, by which rows are told apart in a judge's table."""
        codec = self.artefact.codec
        found: dict[str, np.ndarray] = {}
        for name, own in self.classifier.others.items():
            if not isinstance(own.support, Category) or own.event_shape or len(found) == FEW:
                continue
            if own.support.n - own.support.has_missing <= FEW:  # a missing value has a code whether one was seen or not
                words = code_words(codec, name, CategoryCodes(codec.codecs[name].field.support))  # type: ignore[arg-type]
                found[name] = np.array(
                    [*(word or MISSING for word in words), MISSING]
                )  # also of what is missing first here
        return found

    def _judged(self, held_out: Any, max_rows: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, Batch]]:
        """Probabilities, classes, groups and columns of few values of rows that have a class, chunk by chunk."""
        few = list(self._few())
        if held_out is None:
            self.remember_rows(need_train=False, need_held_out=True)
        records = None if held_out is None else read(held_out)
        chosen, first = self._chosen(records, max_rows), 0
        for batch, y in self._own_rows() if records is None else self._encoded(records, with_target=True):
            keep = chosen[slice(*np.searchsorted(chosen, (first, first + len(y))))] - first
            first += len(y)
            if len(keep):
                rows = {name: x[keep] for name, x in batch.items()}
                yield self.classifier.predict_rows(rows), y[keep], _groups(rows), {name: rows[name] for name in few}

    def _chosen(self, records: Records | None, max_rows: int) -> np.ndarray:
        """The numbers of the rows to judge, in order: those that have a class, of too many some at random."""
        y = np.concatenate(list(self._own_codes() if records is None else self._codes_of(records)))
        known = np.flatnonzero(y >= UNSEEN)
        if records is not None and len(known) and (y[known] == UNSEEN).all():
            raise self._strange(records)
        if len(known) <= max_rows:
            return known
        return np.sort(numpy_generator(self.artefact.seed, "judge", "held_out").choice(known, max_rows, replace=False))

    def _codes_of(self, records: Records) -> Iterator[np.ndarray]:
        """The classes of rows that are handed over, as `_codes`."""
        _require(records, [*self.columns, self.target])
        yield np.zeros(0, np.int64)
        for part, _ in self._parts(records, [self.target]):
            yield self._codes(part)

    def _strange(self, records: Records) -> DataError:
        """Says that no row has a class of the fit, and what both call theirs."""
        found = pa.chunked_array([part.column(0) for part, _ in self._parts(records, [self.target])])
        what = f"{self.target!r} holds {listed(found)}, and the fit saw {listed(self._known())}"
        return DataError(f"{records.name}: no row is of a known class: {what}; write them alike, or fit anew")

    def _own_codes(self) -> Iterator[np.ndarray]:
        """The classes of the rows held out in the fit, or −2 without one."""
        own = self.held_out.arrays if self.held_out is not None else {}
        codes = np.asarray(own.get(self.target, ()), np.int64)
        yield np.where(codes < self.classifier.n_classes, codes, UNSEEN - 1)

    def _own_rows(self) -> Iterator[tuple[Batch, np.ndarray]]:
        """The rows held out in the fit, with their classes."""
        if self.held_out is None:
            return
        for batch in self.held_out.batches(AT_ONCE):
            y = batch.pop(self.target).numpy()
            yield batch or {"": torch.zeros(len(y))}, y


def as_classifier(run: Run, path: str | Path) -> ClassifierRun:
    """A loaded run, where it predicts.

    Raises:
        UnsupportedError: it draws rows instead.
    """
    if isinstance(run, ClassifierRun):
        return run
    raise UnsupportedError(
        f"{path} is a run of {run.artefact.model_name}, which draws rows and foretells no class; "
        "make one that does with genwright classify DATA --target COLUMN"
    )


def _judges() -> dict[str, PredictionJudge]:
    """The registered judges of predictions, by name."""
    found = {name: JUDGES.get(name) for name in JUDGES.names()}
    return {name: cls() for name, cls in found.items() if issubclass(cls, PredictionJudge)}


def _beside(names: dict[str, pa.Array], table: pa.Table) -> pa.Table:
    """A table behind what names its rows, unless a column of its own is called so."""
    known = {name: array for name, array in names.items() if name not in table.column_names}
    return pa.table({**known, **dict(zip(table.column_names, table.columns))})


def _framed(rows: Any, records: Records, tables: list[pa.Table], flavour: Any) -> Any:
    """Tables one below the other as a frame, with the index of the one that was asked about."""
    table = pa.concat_tables(tables)
    found = frame(table, flavour or records.flavour, gapped(table))
    is_pandas = type(rows).__name__ == "DataFrame" and hasattr(rows, "index") and hasattr(found, "set_axis")
    return found.set_axis(rows.index, axis=0) if is_pandas else found


def _require(records: Records, names: list[str]) -> None:
    """Refuses records that lack a column, and names the one that may be it under another name."""
    there = records.arrow_schema.names
    absent = [name for name in names if name not in there]
    if not absent:
        return
    unused = {name.lower(): name for name in there if name not in names}
    near = get_close_matches(absent[0].lower(), unused, n=1, cutoff=0.6)
    hint = f"did you mean its column {unused[near[0]]!r}? rename it" if near else f"the run reads {', '.join(names)}"
    raise DataError(f"{records.name}: column {absent[0]!r} is absent; {hint}")


def _typed(records: Records, schema: Schema) -> Iterator[pa.RecordBatch]:
    """Typed batches; of rows where nothing is read, their number alone."""
    if len(schema):
        return typed(records, schema)
    return (batch.select([]) for batch in records.open())


def _groups(rows: Batch) -> np.ndarray:
    """A number for each row (B,), equal where all its tensors are."""
    n = n_rows(rows)
    parts = [np.ascontiguousarray(x.numpy()).reshape(n, -1).view(np.uint8) for x in rows.values()]
    beside = np.ascontiguousarray(np.concatenate(parts, 1))  # (B, bytes)
    hashes = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in beside]
    return np.frombuffer(b"".join(hashes), np.int64)
