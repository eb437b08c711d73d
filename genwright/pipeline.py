"""The path on one page: records become tensors, a model learns them, draws come back, judges compare.

data → codecs → models → runs → judges → report
records  tensors  samples  artefact  score   figure
"""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from genwright.codecs.sequence import Sequence
from genwright.codecs.text import Text
from genwright.core.codec import TableCodec
from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, FitError
from genwright.core.model import HasLoss, Model, Progress
from genwright.core.records import Records
from genwright.core.registry import MODELS
from genwright.core.schema import Schema
from genwright.core.space import Category, Pixels, Space
from genwright.data.cache import encode
from genwright.data.fingerprint import fingerprint
from genwright.data.infer import infer
from genwright.data.read import read
from genwright.data.series import Series, series_of
from genwright.data.split import HeldOut, split
from genwright.data.typed import typed
from genwright.nn.picture_view import pictures
from genwright.runs import artefact as artefacts
from genwright.runs.artefact import Artefact, ClassifierArtefact
from genwright.runs.classifier_run import ClassifierRun
from genwright.runs.document import versions
from genwright.runs.folder import check_target
from genwright.runs.preview import preview
from genwright.runs.run import Run, as_names, silent
from genwright.training.asked import Asked
from genwright.training.budget import Budget
from genwright.training.checkpoint import kept_in
from genwright.training.config import TrainingConfig
from genwright.training.learn import learn
from genwright.training.plan import Outcome, Plan
from genwright.training.processes import by_main, is_main, wait
from genwright.training.rival import rival
from genwright.training.settings import divided

log = logging.getLogger("genwright")
OF_TEXTS = ("gpt", "ngram")  # families that model texts, the best first
OF_PICTURES = ("flow_matching", "vae", "marginals")  # families that model pictures, in the order that auto tries
MOST_CLASSES = 1_000  # values of a category beside pictures that is given where nothing else is said


def fit(
    data: Any,
    model: str = "auto",
    *,
    settings: Mapping[str, Any] | None = None,
    seed: int | None = None,
    held_out: float | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    given: str | Iterable[str] | None = None,
    schema: Schema | None = None,
    kinds: Mapping[str, str] | None = None,
    targets: Iterable[str] = (),
    judge: bool = True,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Run:
    """Learns p(row) from data.

    Args:
        data: What `genwright.read` takes: a path (a table as CSV, TSV, JSON lines or Parquet, a text, a folder of texts
            or pictures …), a pandas or polars frame, an Arrow table, a NumPy array, or the name of a built-in set.
        model: A family in `genwright.models`, or `auto`.
        settings: Of the family, e.g. `{"min_leaf": 20}`, and of a neural one's training, e.g. `{"batch_size": 128}`.
        seed: Of everything random in the fit; 0 where it is not given.
        held_out: Share of the rows that the model does not see and that judges use, 0.2 where it is not given; 0: none,
            and no scores.
        minutes: How long a neural family trains. With neither this nor `steps`: `gpt` three minutes, `vqvae` ten,
            others 60 times through the rows, at least 2,000 and at most 12,000 steps. Other families need none.
        steps: The same in gradient steps; asking for the `steps` of a run's facts repeats its fit, unless the clock or
            a hand had cut that off, which its notes say. Of `gpt` and `vqvae`, minutes chose settings as well, which
            have to be asked for, too: those of `run.model.config`.
        checkpoint: File that a neural family's training is kept in until the run is saved, so that it can go on after
            a kill; beside `out` where it is not given.
        resume: Go on from that file; what is not given is as it was, and `model="auto"` too.
        given: Columns that are always known when sampling: neural families read them and model the others, `trees` puts
            them first, so that they are met exactly. Draws that do not fix them draw them together, as rows had them.
            Beside pictures, categories are given where this is not said.
        schema: Kinds of the columns; inferred where it is not given.
        kinds: Single columns' kinds, e.g. `{"zip": "category"}`.
        targets: Columns whose prediction matters, for the judge `utility`.
        judge: Whether to score the fit.
        out: Folder to save the run to.
        overwrite: Replace a run that is there already.
        progress: Called with (fraction done, what is being done).

    Returns:
        The fitted run. Of several processes under `torchrun` all have it, and the main one saves it, judges it and has
        its scores.

    Raises:
        DataError: the data cannot be read or encoded; names file, row or column.
        SchemaError: a kind is not modelled yet, or the columns are not what the family needs.
        FitError: nothing can be learnt from it; says why.
        UnsupportedError: the family cannot model the columns; names one.
        UnknownNameError: there is no such model, setting or column; the nearest is named.
        ConfigError: a setting or `held_out` is out of range, there are two budgets, or steps for a family without them.
        RunError: `out` is taken, or there is nothing to resume there, or it is of another fit.
    """
    started = time.perf_counter()
    if out is not None:
        check_target(out, overwrite=overwrite)  # tells a folder that is taken before the work begins
    kept = kept_in(checkpoint, out, resume=resume, overwrite=overwrite)
    said: dict[str, Any] = {"model": None if model == "auto" else model, "settings": settings, "seed": seed}
    said |= {"held_out": held_out, "given": None if given is None else as_names(given), "schema": schema}
    said |= {"budget": None if minutes is None and steps is None else Budget(minutes, steps)}
    asked = Asked.of(said, kept if resume else None)
    if asked.model != "auto":
        divided(MODELS.get(asked.model), asked.settings)  # raises before any data are read
    wait()  # no process writes before all have looked at what is there
    progress = progress if is_main() else silent
    records = read(data, **asked.options) if isinstance(data, (str, Path)) else read(data)
    run = _learned(records, asked, kinds or {}, targets := as_names(targets), kept, resume, progress)
    run.artefact.facts["seconds"], run.checkpoint = round(time.perf_counter() - started, 3), kept
    by_main(lambda: _kept(run, out, overwrite, judge, targets, progress))
    return run


def _kept(
    run: Run,
    out: str | Path | None,
    overwrite: bool,
    judge: bool,
    targets: tuple[str, ...],
    progress: Progress,
) -> None:
    """Saves and judges."""
    if out is not None:
        run.save(out, overwrite=overwrite)  # before it is judged, so that no judge can cost a fit
    if judge and run.held_out is not None and len(run.held_out) >= 2:
        run.judge(targets=targets, progress=progress)
        if out is not None:
            run.save(out, overwrite=True)


def _learned(
    records: Records,
    asked: Asked,
    kinds: Mapping[str, str],
    targets: tuple[str, ...],
    kept: Path | None,
    resume: bool,
    progress: Progress,
) -> Run:
    """Records become tensors, a model learns them."""
    progress(0.0, f"reading {records.name}")
    facts, schema = facts_of(records), schema_of(records, asked.schema, kinds, targets)
    if (series := _series(records, schema, asked)) is not None:
        records, schema = series.rows(records, asked.held_out), series.schema()
        facts["series"] = series.to_json()
    codec, rows, n_rows, n_train = fitted_codec(records, schema, asked.held_out, asked.seed, least=1 if series else 2)
    is_chosen = asked.model == "auto" or asked.why != ""  # now, or when the fit began that goes on
    name, why = choose(codec, n_train) if asked.model == "auto" else (asked.model, asked.why or "asked for")
    if is_chosen and not issubclass(MODELS.get(name), HasLoss):  # the others have no such loop
        asked = replace(asked, settings={k: v for k, v in asked.settings.items() if k != "threads"})
    codec, notes = _readable(codec, name)
    asked = replace(asked, notes=tuple(notes) or asked.notes)  # of a fit that goes on, what was told when it began
    train, held = encode(records, codec.schema, codec, rows)
    asked = replace(asked, given=_usually_given(codec) if asked.given is None else asked.given)
    space = _space(codec, codec.schema, asked.given or ())
    of_model, of_training, asked = _suited(MODELS.get(name), asked, Dataset(space, train.arrays))
    fitted: Model = MODELS.get(name)(space, of_model)
    basis = {"data": facts["fingerprint"], "versions": versions()}
    asked = replace(
        asked, model=name, schema=codec.schema, why=why if is_chosen else "", options=facts.get("options", {})
    )
    plan = asked.plan(fitted, of_training, kept, resume, basis)
    plan.preview = preview(codec, fitted, asked.seed)
    if isinstance(fitted, HasLoss) and (size := fitted.describe()):
        log.info("%s: %s", name, ", ".join(f"{what} {_amount(n)}" for what, n in size.items()))
    elif asked.budget.minutes and not isinstance(fitted, HasLoss):
        log.info("%s learns in one go and needs no minutes", name)
    outcome = learn(fitted, train, plan, progress)
    if is_chosen and name == OF_TEXTS[0]:
        fitted, name, why, outcome = _beside_rival(fitted, train, plan, why, outcome)
    facts |= {"n_rows": n_rows, "n_train": len(train), "n_held_out": len(held), "held_out": asked.held_out, "why": why}
    facts |= {**outcome.facts, "notes": [*asked.notes, *outcome.notes]}
    return Run(Artefact(codec, fitted, name, asked.seed, facts, log=outcome.log), train, held)


def _beside_rival(
    fitted: Model, train: Dataset, plan: Plan, why: str, outcome: Outcome
) -> tuple[Model, str, str, Outcome]:
    """The network, or n-grams where they foretell better, with their name and why."""
    other, told = rival(fitted, Dataset(fitted.space, train.arrays), plan)
    name = MODELS.name_of(type(fitted))
    why = f"{why}; {told}" if told else why
    if other is None:
        return fitted, name, why, outcome
    note = f"{name} learnt less in {outcome.n_steps:,} steps than n-grams know; it gains with --minutes, --model {name}"
    return other, MODELS.name_of(type(other)), why, Outcome(notes=[f"{note}."])


def _suited(family: type[Model], asked: Asked, data: Dataset) -> tuple[Any, TrainingConfig, Asked]:
    """The configurations of a family and of its training, what is left open chosen for the data and the time."""
    of_model, of_training = divided(family, asked.settings)
    if not issubclass(family, HasLoss):
        return of_model, of_training, asked
    if asked.budget == Budget() and family.usual_minutes:
        asked = replace(asked, budget=Budget(minutes=family.usual_minutes))
    n = of_training.threads
    chosen, more = family.suited(of_model, data, asked.budget.minutes and asked.budget.minutes * n)
    if chosen != of_model and (minutes := asked.budget.minutes or family.usual_minutes):
        threads = "one thread" if n == 1 else f"{n} threads"
        log.info("size chosen for %g minutes of training on %s; --set NAME=VALUE overrules", minutes, threads)
    return chosen, divided(family, asked.settings, more)[1], asked


def _amount(n: Any) -> str:
    return f"{n:,}" if isinstance(n, int) else str(n)


def _space(codec: TableCodec, schema: Schema, given: tuple[str, ...]) -> Space:
    """What the model sees, with the columns marked that it is always given.

    Raises:
        ConfigError: one is not modelled, or no other column is left.
    """
    for name in given:
        if not codec.codecs[schema[name].name].is_modelled:
            raise ConfigError(f"column {name} is of kind {schema[name].kind} and cannot be given; name another")
    if given and set(given) >= set(codec.modelled):
        raise ConfigError(f"every modelled column is given ({', '.join(given)}); leave one to be drawn")
    return codec.space.given(given)


def _usually_given(codec: TableCodec) -> tuple[str, ...]:
    """Beside pictures the categories, so that a class can be asked for; nothing in other tables."""
    space = codec.space
    if not pictures(space):
        return ()
    supports = {name: f.support for name, f in space.items()}
    names = tuple(n for n, s in supports.items() if isinstance(s, Category) and s.n <= MOST_CLASSES)
    if names:
        log.info("given, so that draws can ask for it: %s; given=… (--given) overrules", ", ".join(names))
    return names


def _series(records: Records, schema: Schema, asked: Asked) -> Series | None:
    """How the table's rows are steps of sequences, where the family reads them so."""
    if asked.model == "auto" or not MODELS.get(asked.model).reads_series:
        return None
    config = divided(MODELS.get(asked.model), asked.settings)[0]
    return series_of(records, schema, config.group, config.window)


def fitted_codec(
    records: Records, schema: Schema, held_out: float, seed: int, least: int = 2
) -> tuple[TableCodec, HeldOut, int, int]:
    """The codec, which rows are held out, how many rows there are, and how many to learn from.

    Raises:
        FitError: too few rows, or no column that can be modelled.
    """
    n_rows = records.n_rows if records.n_rows is not None else sum(batch.num_rows for batch in records.open())
    if n_rows < least:
        found = "1 row is" if n_rows == 1 else f"{n_rows} rows are"
        more = ", of a text also by cutting it into lines: rows=, --rows" if schema.is_running_text else ""
        raise FitError(f"{records.name}: {found} too few to learn from; at least {least} are needed{more}")
    rows = split(records, schema, n_rows, held_out, seed)
    n_train = 0

    def counted() -> Iterator[pa.RecordBatch]:
        nonlocal n_train
        for batch in _train_rows(typed(records, schema), rows):
            n_train += batch.num_rows
            yield batch

    codec = TableCodec(schema).fit(counted())
    if not codec.modelled:
        raise FitError(
            f"{records.name}: no column can be modelled; kinds are {_kinds(schema)}: add a column that varies, "
            'or set some with kinds=, for example kinds={"city": "category"}'
        )
    if n_train < least:
        raise FitError(f"{records.name}: {n_train} of {n_rows} rows are too few to learn from; lower held_out")
    return codec, rows, n_rows, n_train


def _readable(codec: TableCodec, name: str) -> tuple[TableCodec, list[str]]:
    """The codec without the columns that the family cannot model, and what to tell of it.

    Where nothing would be left, all stay, and the family refuses them by name.
    """
    supports = MODELS.get(name).supports
    gone = [column for column, f in codec.space.items() if not isinstance(f.support, supports)]
    if not gone or len(gone) == len(codec.modelled):
        return codec, []
    listed = ", ".join(map(repr, gone[:5])) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
    kinds = " and ".join(dict.fromkeys(codec.schema[column].kind for column in gone))
    note = f"{name} does not model {kinds}: {listed} left out, which comes back empty"
    log.warning("%s", note)
    return codec.without(gone, f"left out, as {name} does not model it"), [note]


def load(path: str | Path) -> Run:
    """A saved run; a `ClassifierRun` where it predicts. Nothing in the folder is executed.

    Raises:
        RunError: the folder is not a run, or was damaged; names the file.
    """
    artefact = artefacts.load(path)
    kind = ClassifierRun if isinstance(artefact, ClassifierArtefact) else Run
    return kind(artefact, path=Path(path))


def choose(codec: TableCodec, n: int) -> tuple[str, str]:
    """The family for a table of n training rows, and why in one line."""
    if pictures(codec.space) and n >= 20 and (family := _of_pictures()):
        return family, "pictures" + (f" and {len(codec.modelled) - 1} more" if len(codec.modelled) > 1 else "")
    texts = {name: column for name, column in codec.codecs.items() if isinstance(column, Text)}
    n_others = len(codec.modelled) - len(texts)
    family = next((name for name in OF_TEXTS if name in MODELS.names()), "")
    if texts and family and (not n_others or _is_of_texts(list(texts.values()), n_others, n)):
        return family, "text" + (f" and {len(codec.modelled) - 1} more" if len(codec.modelled) > 1 else "")
    if all(isinstance(codec.codecs[name], Sequence) for name in codec.modelled):
        return "hmm", "sequences: states that follow each other, and what each of them shows"
    if n < 20:
        return "marginals", f"{n} training rows are too few to learn how columns depend on each other"
    columns = f"{len(codec.modelled)} mixed columns" if len(codec.modelled) > 1 else "1 column"
    why = f"{columns} and {n:,} rows: sequential trees are the most faithful here"
    return "trees", why + (f"; {family} models the text, too (model={family})" if texts and family else "")


def _of_pictures() -> str:
    """The best family that models pictures, or nothing."""
    there = (name for name in OF_PICTURES if name in MODELS.names())
    return next((name for name in there if Pixels in MODELS.get(name).supports), "")


def _is_of_texts(texts: list[Text], n_others: int, n: int) -> bool:
    """Whether one text holds nearly all there is: 40 characters on average, four times those of the other texts."""
    longest, whole = max(t.n_characters for t in texts), sum(t.n_characters for t in texts)
    return n_others + len(texts) <= 5 and longest >= 40 * n and longest >= 0.8 * whole


def schema_of(records: Records, schema: Schema | None, kinds: Mapping[str, str], targets: tuple[str, ...]) -> Schema:
    """The columns: those given, with single kinds inferred anew, or all of them inferred."""
    if schema is None or kinds:
        inferred, _ = infer(records, kinds)
        schema = inferred if schema is None else schema.with_inferred(inferred[name] for name in kinds)
    for name in targets:
        schema[name]  # raises for an unknown column
    return schema


def facts_of(records: Records) -> dict[str, Any]:
    """Where the rows come from: a short name, the absolute path, the fingerprint, and what kind of frame they are."""
    path = Path(records.path).resolve() if records.path else None
    return {
        "data": path.name if path else records.name,
        "path": str(path) if path else None,
        **({"options": dict(records.options)} if records.options else {}),
        "fingerprint": fingerprint(records),
        "flavour": records.flavour,
        "is_text": records.is_text,
    }


def _train_rows(batches: Iterator[pa.RecordBatch], rows: Any) -> Iterator[pa.RecordBatch]:
    """The batches without the rows that are held out."""
    start = 0
    for batch in batches:
        yield batch.filter(pa.array(~rows(batch, start)))
        start += batch.num_rows


def _kinds(schema: Schema, most: int = 10) -> str:
    shown = ", ".join(f"{c.name}: {c.kind}" for c in schema.columns[:most])
    return f"{shown} and {len(schema) - most} more" if len(schema) > most else shown
