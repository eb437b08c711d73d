"""A run: a fitted model with everything needed to draw from it, weigh rows with it, judge it and keep it."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Unpack, overload

import numpy as np
import pyarrow as pa
import torch

from genwright.core.codec import TableCodec
from genwright.core.dataset import Dataset, concat, n_rows
from genwright.core.decoding import Decoding, Settings
from genwright.core.errors import CellError, ConfigError, DataError, GenwrightError, UnsupportedError
from genwright.core.given import parse
from genwright.core.judge import Evidence, Judge, Score
from genwright.core.lengths import JUDGED_STEPS, LEAST_ROWS, affordable_rows
from genwright.core.model import HasBound, HasLogProb, Model, Progress
from genwright.core.records import Records
from genwright.core.registry import JUDGES, MODELS
from genwright.core.rng import numpy_generator, torch_generator
from genwright.core.schema import Schema
from genwright.core.space import Batch, Real, Space, Tokens, Vectors, row_shape
from genwright.data.cache import encode
from genwright.data.fingerprint import fingerprint
from genwright.data.read import read
from genwright.data.readers.builtin import NAMES as BUILT_IN
from genwright.data.readers.text import TextReader
from genwright.data.series import Series
from genwright.data.split import split
from genwright.data.typed import readable, typed
from genwright.nn.given_columns import GivenColumns
from genwright.runs import artefact as artefacts
from genwright.runs.artefact import Artefact
from genwright.runs.beside import drawn_beside, is_given_whole
from genwright.runs.draw import Draw, whole
from genwright.runs.frames import frame, known_flavour
from genwright.runs.live import live
from genwright.runs.picture_evidence import (
    JUDGED_PICTURES,
    is_readable,
    learnt,
    most_train,
    needs_features,
    row_pixels,
)
from genwright.runs.remembered import Remembered
from genwright.training.checkpoint import remove

log = logging.getLogger("genwright")

JUDGED_COLUMNS = 100  # of wider tables, judges look at some columns only; the likelihood is of all of them
JUDGED_ROWS = 10_000  # rows of each side that judges look at, unless asked for more
TRAIN_PLACES = 20_000_000  # places of sequences in the training rows that judges look at
_REFUSED = "Not judged by {}: "


def silent(done: float, line: str) -> None:
    """The progress of someone who does not watch."""


@dataclass
class Run:
    """A fitted model with everything that is needed to use it.

    Args:
        artefact: What is saved: codec, model, facts, scores.
        train: Encoded rows it learnt from; only where the fit was made in this process.
        held_out: Encoded rows it did not see; the same.
        path: The folder it was loaded from.
        checkpoint: The file that its training is kept in until it is saved.
    """

    artefact: Artefact
    train: Dataset | None = field(default=None, repr=False)
    held_out: Dataset | None = field(default=None, repr=False)
    path: Path | None = None
    _unread: str = field(default="", repr=False)  # why the data of the fit could not be read again
    checkpoint: Path | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        """One line for whoever looks at it; the card has the rest."""
        facts, kept = self.artefact.facts, f", kept in {self.path}" if self.path else ""
        learnt = f", {facts['n_train']:,} rows learnt from" if "n_train" in facts else ""
        what = f"{self.artefact.model_name} of {facts.get('data', 'a table')}{learnt}"
        return f"{type(self).__name__}({what}, {len(self.scores)} scores{kept})"

    @property
    def schema(self) -> Schema:
        """The columns."""
        return self.artefact.codec.schema

    @property
    def model(self) -> Model:
        """The fitted family."""
        return self.artefact.model

    @property
    def scores(self) -> list[Score]:
        """What the judges found."""
        return self.artefact.scores

    def sample(
        self, n: int, given: Any = None, *, seed: int | None = None, flavour: Any = None, **settings: Unpack[Settings]
    ) -> Any:
        """n new rows.

        Args:
            n: Number of rows.
            given: Conditions, as text (`"age > 60 and income = '>50K'"`) or as a mapping (`{"income": ">50K"}`).
            seed: Row i is a function of (run, seed, i); the run's own seed where it is not given.
            flavour: "pandas", "polars" or "arrow"; what the run was fitted on where it is not given.
            settings: Of the draw. `temperature`: below 1 likelier rows, above 1 less likely ones. For families that
                draw texts token by token also `top_k`, `top_p`, `min_p`, `repetition_penalty`, `stop`, `pattern`,
                `allowed`, `max_tokens` and `n_beams`; see `genwright.core.decoding.Decoding`.

        Returns:
            A frame with the columns of the data and their types; a pandas `category` comes back as its values, and
            whole numbers or truth values with gaps as pandas' nullable types.

        Raises:
            GivenError: a condition names nothing that exists, or is too rare; says what exists, or how rare.
            UnknownNameError: a condition names no column, or a setting is none.
            ConfigError: n is not a whole number, or a setting is out of range.
            UnsupportedError: the family knows no such setting.
        """
        flavour = known_flavour(flavour) or self.artefact.facts.get("flavour", "pandas")
        tables = list(self.stream(whole(n, "n"), given, seed=seed, **settings))
        table = pa.concat_tables(tables) if tables else self._empty()
        if self.series is not None:
            return frame(self.series.unrolled(table), flavour)
        return self.framed(table, flavour)

    def framed(self, table: pa.Table, flavour: Any) -> Any:
        """Drawn rows as a frame, as `sample` gives them: columns that may have gaps are nullable always."""
        is_text = self.artefact.facts.get("is_text", False)
        return frame(readable(table, self.schema, is_text), flavour, () if is_text else self._with_gaps())

    @overload
    def stream(
        self, n: int, given: Any = ..., *, seed: int | None = ..., start: int = ..., **settings: Unpack[Settings]
    ) -> Iterator[pa.Table]: ...

    @overload
    def stream(
        self, n: None = ..., given: Any = ..., *, seed: int | None = ..., start: int = ..., **settings: Unpack[Settings]
    ) -> Iterator[str]: ...

    def stream(
        self,
        n: int | None = None,
        given: Any = None,
        *,
        seed: int | None = None,
        start: int = 0,
        **settings: Unpack[Settings],
    ) -> Iterator[pa.Table] | Iterator[str]:
        """The same rows, start … start+n−1, one Arrow table a chunk: memory stays flat however many there are.

        Without n: the text of the first row, in pieces as they are drawn, for runs that draw one column of texts. The
        pieces join to the text that `sample(1)` gives under the same settings, its given beginning included. Whoever
        stops taking them ends the draw.

        Raises:
            ConfigError: without n, the run draws no text, or several.
        """
        draw = self.draw(given, seed=seed, **settings)
        return live(draw) if n is None else draw.tables(n, start)

    def written(self, tables: Iterable[pa.Table]) -> tuple[Iterator[pa.Table], Schema]:
        """Drawn tables as a file has them, with their schema: of a series, its steps below each other."""
        series = self.series
        if series is None:
            return iter(tables), self.schema
        return series.all_unrolled(tables), series.unrolled_schema()

    def draw(self, given: Any = None, *, seed: int | None = None, **settings: Unpack[Settings]) -> Draw:
        """Draws that can also tell how many candidates met the conditions (`acceptance`)."""
        artefact = self.artefact
        seed = artefact.seed if seed is None else seed
        return Draw(artefact.codec, artefact.model, parse(given), seed, Decoding.of(settings))

    def log_prob(self, rows: Any) -> np.ndarray:
        """Log probability of each row (B,) in nats, exact or a lower bound, as the model has it.

        Categories, whole numbers and repeated values have probability mass, continuous values density in their own
        units. A number beyond those of the fit counts as the nearest of them, but in series, whose densities go on; a
        category that the fit never saw counts as the least frequent one, and a warning says so.

        Raises:
            UnsupportedError: the family has neither a likelihood nor a bound.
            DataError: the rows lack a modelled column, or a value does not fit its column.
        """
        score = self._log_prob_of_batch()
        if score is None:
            other = getattr(self.model, "bound_name", "")
            why = f"no likelihood of these rows; its bound is an {other}" if other else "no likelihood and no bound"
            raise UnsupportedError(f"{self.artefact.model_name} has {why}")
        return torch.cat([score(batch) for batch in self.encode(rows)]).numpy()

    @property
    def series(self) -> Series | None:
        """How rows of the data are steps of sequences; None where they are rows."""
        state = self.artefact.facts.get("series")
        return Series.from_json(state) if state else None

    def _as_rows(self, records: Records, held_out: float = 0.0) -> Records:
        """Records as the model has rows: steps gathered to sequences, where they are that."""
        is_steps = self.series is not None and self.schema.names[0] not in records.arrow_schema.names
        return self.series.rows(records, held_out) if self.series and is_steps else records

    def _read(self, rows: Any) -> Records:
        """Records of new rows; another text file is cut as that of the fit was asked to be."""
        options = self.artefact.facts.get("options", {})
        return read(rows, **options) if "rows" in options and TextReader.accepts(rows) else read(rows)

    def encode(self, rows: Any) -> Iterator[Batch]:
        """Records with this run's columns as tensors."""
        records = self._as_rows(self._read(rows))
        _require(records, self.artefact.codec)
        modelled = set(self.artefact.codec.modelled)
        first = 0
        for batch in typed(records, Schema(tuple(c for c in self.schema if c.name in modelled))):
            try:
                yield self.artefact.codec.encode(batch)
            except CellError as error:
                raise CellError(first + error.row, error.what, error.column) from None
            first += batch.num_rows

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
        """How good the draws are: scores with intervals, between a floor and a ceiling.

        Args:
            held_out: Rows the model has not seen; those held out in the fit where it is not given.
            train: The rows it learnt from; those of the fit where it is not given.
            judges: A name in `genwright.judges`, or several; all of them where it is not given.
            targets: A column whose prediction matters, or several.
            max_rows: Rows of each side that judges look at, 10,000 where it is not given; 2,000 with pictures.
            shared: A dictionary that keeps floors, ceilings and features of pictures from one run to the next on the
                same rows; empty at first.
            progress: Called with (fraction done, what is being done).

        A judge that refuses, as a detector does beside too few rows, leaves a note in `artefact.facts["notes"]`, and so
        does one that was asked by name and looks at nothing that is there.

        Raises:
            DataError: rows are needed that neither the fit nor the caller provides, or every judge refuses.
            UnsupportedError: the judges asked by name have nothing to say of these rows; says why.
            UnknownNameError: there is no such judge or target.
            ConfigError: `max_rows` is not a whole number of two or more.
        """
        max_rows = self._judged_rows(max_rows)
        found = {name: JUDGES.get(name)() for name in as_names(judges or JUDGES.names())}
        for target in (targets := as_names(targets)):
            self.schema[target]  # raises for an unknown column
        evidence = replace(self._evidence(held_out, train, targets, max_rows), shared=shared)
        if needs_features(found, evidence.space):
            progress(0.0, "judging: learning what pictures look like")
            evidence = replace(evidence, features=self._features(train, evidence, shared))
        scores, refusals = self._heard(found, evidence, is_asked=bool(judges), progress=progress)
        if refusals and not scores:
            raise next(iter(refusals.values()))
        self._note(found, refusals)
        beside = "; draws have the given columns of held-out rows" if is_given_whole(self.model) else ""
        scores = [_with_draws(score, n_rows(evidence.fake), max_rows) for score in scores]
        self.artefact.scores = [replace(s, protocol=s.protocol + beside) for s in scores]
        progress(1.0, "judged")
        return self.artefact.scores

    def _judged_rows(self, asked: int | None) -> int:
        """Rows of each side that judges look at."""
        if asked is None:
            return JUDGED_PICTURES if row_pixels(self.artefact.codec.space) else JUDGED_ROWS
        n = whole(asked, "max_rows")
        if n < 2:
            raise ConfigError(f"max_rows = {asked}; expected 2 or more, judges compare rows with each other")
        return n

    def _heard(
        self, judges: Mapping[str, Judge], evidence: Evidence, is_asked: bool, progress: Progress
    ) -> tuple[list[Score], dict[str, GenwrightError]]:
        """What judges say, and why some refuse; where they were asked by name, also why some have nothing to say."""
        scores: list[Score] = []
        refusals: dict[str, GenwrightError] = {}
        for i, (name, judge) in enumerate(judges.items()):
            progress(i / len(judges), f"judging: {name}")
            why = _silence(judge, evidence)
            try:
                own = [] if why else _scores(judge, evidence)
            except DataError as error:
                refusals[name] = error
                continue
            scores += own
            if is_asked and not own:
                why = why or "finds nothing in these rows that it could measure"
                refusals[name] = UnsupportedError(f"{name} {why}; see genwright list judges for others")
        return scores, refusals

    def _note(self, judged: Collection[str], refusals: Mapping[str, GenwrightError]) -> None:
        """Keeps why judges refused, in place of what these judges said before."""
        facts = self.artefact.facts
        kept = [note for note in facts.get("notes", []) if not note.startswith(tuple(map(_REFUSED.format, judged)))]
        notes = [f"{_REFUSED.format(name)}{error}." for name, error in refusals.items()]
        for note in notes:
            log.warning("%s", note)
        self.artefact.facts = {**facts, "notes": [*kept, *notes]}

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Writes the run as a folder, atomically; the file that its training was kept in is needed no more, and goes.

        Raises:
            RunError: the folder is something else, is being written by another process, or cannot be written.
        """
        self.path = artefacts.save(self.artefact, path, overwrite=overwrite)
        if self.checkpoint is not None:
            remove(self.checkpoint)
            self.checkpoint = None  # another training may be kept there from now on
        return self.path

    def _empty(self) -> pa.Table:
        return next(self.stream(1)).slice(0, 0)

    def _with_gaps(self) -> list[str]:
        """The columns whose draws can be missing."""
        codec = self.artefact.codec
        supports = {name: codec.codecs[name].field.support for name in codec.modelled}
        return [
            n
            for n, s in supports.items()
            if getattr(s if isinstance(s, Real) else codec.codecs[n], "has_missing", False)
        ]

    def _log_prob_of_batch(self) -> Any:
        model, seed = self.model, self.artefact.seed
        if isinstance(model, HasLogProb):
            return model.log_prob
        if isinstance(model, HasBound) and model.bounds_rows:
            return lambda batch: model.bound(batch, torch_generator(seed, "bound"))
        return None

    def _rows(self, given: Any, own: Dataset | None, what: str, max_rows: int) -> tuple[Batch, np.ndarray, Dataset]:
        """At most `max_rows` encoded rows, handed in or kept from the fit, their numbers among all, and all of them."""
        rng = numpy_generator(self.artefact.seed, "judge", what)
        if given is not None:
            rows = concat(list(self.encode(given)))
            own = Dataset(self.artefact.codec.space, {k: v.numpy() for k, v in rows.items()})
        elif own is None or not len(own):
            why = f"; {self._unread}" if self._unread else ""
            raise DataError(f"judging needs the {what} rows: pass {what}=…, a path or a frame{why}")
        numbers = own.sample_numbers(max_rows, rng)
        return own.take(numbers), numbers, own

    def _features(self, train: Any, evidence: Evidence, shared: dict[Any, Any] | None) -> dict[str, torch.Tensor]:
        """What judges learn of pictures, from all training rows at hand; kept where these are the run's own.

        What another version kept and this one cannot read is learnt anew.
        """
        kept = self.artefact.features
        if kept is not None and is_readable(evidence.space, kept):
            return kept
        seen = Dataset(evidence.space, {k: x.numpy() for k, x in evidence.train.items()})
        found = learnt(self.train if train is None and self.train is not None else seen, shared)
        if train is None:
            self.artefact.features = found
        return found

    def _evidence(self, held_out: Any, train: Any, targets: tuple[str, ...], max_rows: int) -> Evidence:
        self.remember_rows(need_train=train is None, need_held_out=held_out is None)
        artefact, seed = self.artefact, self.artefact.seed
        codec = artefact.codec
        real, numbers, every = self._rows(train, self.train, "train", min(max_rows * 4, _most_rows(codec.space)))
        held, _, _ = self._rows(held_out, self.held_out, "held_out", max_rows)
        n = affordable_rows(held, codec.space, max_rows)
        if is_given_whole(self.model):
            fake = drawn_beside(held, n, self.model, codec, seed)
        else:
            fake = concat([codec.encode(t) for t in self.stream(n, seed=seed)])
        log_prob = self._log_prob_of_batch()
        trivial = MODELS.get("marginals")(codec.space)
        data = Dataset(codec.space, {k: v.numpy() for k, v in real.items()})
        trivial.solve(data, torch_generator(seed, "trivial"), silent)
        return Evidence(
            space=codec.space,
            train=real,
            train_rows=numbers,
            all_train=every if row_pixels(codec.space) else None,
            held_out=held,
            fake=fake,
            trivial=trivial.sample(n, {}, torch_generator(seed, "trivial")),
            log_prob=log_prob and Remembered(log_prob),
            trivial_log_prob=trivial.log_prob,
            is_bound=not isinstance(self.model, HasLogProb),
            bound_name=getattr(self.model, "bound_name", ""),
            targets=targets,
            seed=seed,
            predict=getattr(self.model, "predict", None) if getattr(self.model, "tags", "") else None,
            records=lambda rows: pa.table({name: codec.codecs[name].decode(x) for name, x in rows.items()}),
            **self._given_evidence(data),
        )

    def _given_evidence(self, data: Dataset) -> dict[str, Any]:
        """The columns that a neural family is always given, and how likely they are, for judges of the others."""
        given = getattr(self.model, "given", None)
        names = tuple(name for name, f in self.model.space.items() if f.is_given)
        if not isinstance(given, GivenColumns) or not names:
            return {}
        trivial = MODELS.get("marginals")(Space({name: data.space[name] for name in names}))
        trivial.solve(data, torch_generator(self.artefact.seed, "trivial"), silent)
        of_given = lambda rows: given.log_prob(rows, n_rows(rows))  # noqa: E731
        return {"given": names, "given_log_prob": of_given, "trivial_given_log_prob": trivial.log_prob}

    def remember_rows(self, need_train: bool, need_held_out: bool) -> None:
        """Reads and splits the data of the fit again, where it is still there and unchanged; else says why not."""
        is_known = (self.train is not None or not need_train) and (self.held_out is not None or not need_held_out)
        facts = self.artefact.facts
        source = facts.get("path") or (facts["data"] if facts.get("data") in BUILT_IN else None)
        if is_known or source is None:
            return
        try:
            records = read(source, **facts.get("options", {}))
            is_same = fingerprint(records) == facts["fingerprint"]
            self._unread = "" if is_same else f"{source} has changed since the fit"
        except DataError as error:
            self._unread = f"the data of the fit cannot be read again: {error}"
        if self._unread:
            log.warning("%s; it is not used for judging", self._unread)
            return
        records = self._as_rows(records, facts["held_out"])
        rows = split(records, self.schema, facts["n_rows"], facts["held_out"], self.artefact.seed)
        train, held_out = encode(records, self.schema, self.artefact.codec, rows)
        self.train = train if self.train is None else self.train
        self.held_out = held_out if self.held_out is None else self.held_out


def as_names(names: str | Iterable[str]) -> tuple[str, ...]:
    """Several names, or a single one."""
    return (names,) if isinstance(names, str) else tuple(names)


def _require(records: Records, codec: TableCodec) -> None:
    there = set(records.arrow_schema.names)
    absent = [name for name in codec.modelled if name not in there]
    if absent:
        raise DataError(f"{records.name}: column {absent[0]!r} is absent; the run models {', '.join(codec.modelled)}")


def _silence(judge: Judge, evidence: Evidence) -> str:
    """Why a judge has nothing to say; empty where it may have."""
    if "predictions" in judge.needs:
        return "judges what classifiers foretell, and this run draws rows"
    if "log_prob" in judge.needs and evidence.log_prob is None:
        return "asks for the likelihood of rows, and this model has none"
    if "predict" in judge.needs and evidence.predict is None:
        return "asks for tags that the model guesses, and this model guesses none"
    if judge.sees(evidence.space):
        return ""
    there = [f"{name} ({type(f.support).__name__.lower()})" for name, f in evidence.space.items()]
    more = f" and {len(there) - 5} more" if len(there) > 5 else ""
    return f"looks at {judge.looks_at}, and this run has {', '.join(there[:5])}{more}"


def _scores(judge: Judge, evidence: Evidence) -> list[Score]:
    """A judge's scores, of `JUDGED_COLUMNS` columns where there are more."""
    if "log_prob" in judge.needs:
        return judge.scores(evidence)
    names = list(judge.sees(evidence.space))
    if len(names) <= JUDGED_COLUMNS:
        return judge.scores(_narrow(evidence, set(names)) if len(names) < len(evidence.space) else evidence)
    rng = numpy_generator(evidence.seed, "judge", "columns")
    chosen = {*evidence.targets, *rng.permutation(names)[: JUDGED_COLUMNS - len(evidence.targets)].tolist()}
    narrow = _narrow(evidence, chosen)
    note = f"; on {len(chosen)} of {len(names)} columns"
    return [replace(score, protocol=score.protocol + note) for score in judge.scores(narrow)]


def _with_draws(score: Score, n: int, max_rows: int) -> Score:
    """Says so where fewer rows were drawn than asked for."""
    if n >= max_rows:
        return score
    why = f"; {n:,} rows were drawn: those that {JUDGED_STEPS:,} tokens or steps pay for, and at least {LEAST_ROWS}"
    return replace(score, protocol=score.protocol + why)


def _most_rows(space: Space) -> int:
    """Training rows that judges look at, at most, so that long sequences and pictures fit into memory."""
    places = sum(row_shape(f)[0] for f in space.values() if isinstance(f.support, Tokens | Vectors))
    n = max(LEAST_ROWS, TRAIN_PLACES // max(places, 1))
    return min(n, most_train(space)) if row_pixels(space) else n


def _narrow(evidence: Evidence, names: set[str]) -> Evidence:
    """The same evidence, of some columns."""
    return replace(
        evidence,
        space=Space({n: f for n, f in evidence.space.items() if n in names}),
        train=_columns(evidence.train, names),
        held_out=_columns(evidence.held_out, names),
        fake=_columns(evidence.fake, names),
        trivial=_columns(evidence.trivial, names),
    )


def _columns(batch: Batch, names: set[str]) -> Batch:
    return {name: x for name, x in batch.items() if name in names}
