"""Foretell a column from the others: a classifier is chosen, fitted, judged on rows it has not seen, and kept.

    p(class | the other columns)

Half of what `fit` learns, p(row), and often the easier half: see `docs/classify.md`.
"""

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import torch

from genwright.codecs.boolean import Boolean
from genwright.codecs.category import Category as CategoryCodec
from genwright.core.classifier import Classifier, n_classes
from genwright.core.codec import TableCodec
from genwright.core.config import to_json
from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, FitError, GivenError, UnknownNameError, UnsupportedError
from genwright.core.model import HasLoss, Model, Progress
from genwright.core.records import Records
from genwright.core.registry import CLASSIFIERS
from genwright.core.rng import torch_generator
from genwright.core.schema import Schema
from genwright.core.space import Category, Field, Real, Space
from genwright.data.cache import encode
from genwright.data.leakage import leaks
from genwright.data.read import read
from genwright.data.split import HeldOut
from genwright.data.target import Labels, labelled, labels_of, one_sided, stratified
from genwright.data.typed import as_written, typed
from genwright.nn.given_columns import GivenColumns
from genwright.pipeline import facts_of, schema_of
from genwright.runs.artefact import ClassifierArtefact
from genwright.runs.classifier_run import BY_CLASS, BY_ROW, OF_FITTED, ClassifierRun
from genwright.runs.document import versions
from genwright.runs.folder import check_target
from genwright.runs.run import Run, silent
from genwright.training.asked import Asked
from genwright.training.budget import Budget
from genwright.training.checkpoint import kept_in
from genwright.training.choose_classifier import choose_classifier
from genwright.training.config import TrainingConfig
from genwright.training.learn_classifier import NOTHING_KEPT, HasModels, learn_classifier
from genwright.training.settings import divided

log = logging.getLogger("genwright")
N_DRAWS, N_LONG_DRAWS = 4_096, 200  # rows drawn to learn the shares of classes; of texts, sequences and pictures


def classify(
    data: Any,
    target: str,
    model: str = "auto",
    *,
    settings: Mapping[str, Any] | None = None,
    seed: int | None = None,
    held_out: float | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    schema: Schema | None = None,
    kinds: Mapping[str, str] | None = None,
    judge: bool = True,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> ClassifierRun:
    """Learns p(target | other columns).

    Args:
        data: What `fit` takes: a table, texts, a folder of pictures, the name of a built-in set. Or a run that `fit`
            gave: its model becomes the classifier, by Bayes' rule, and nothing is learnt anew.
        target: The column to foretell; its values are classes. Rows without one are left out.
        model: A family in `genwright.classifiers`, or `auto`: what foretells best on folds of the training rows.
        settings: Of the family, and of a network's training.
        seed: Of everything random; 0 where it is not given.
        held_out: Share of each class that the classifier does not see and that scores rest on, 0.2 where it is not
            given; 0: none, and no scores.
        minutes: How long a network trains; 5 where neither this nor `steps` is given.
        steps: The same in gradient steps.
        checkpoint: File that a network's training is kept in until the run is saved, so that it can go on after a
            kill; beside `out` where it is not given.
        resume: Go on from that file; what is not given is as it was, and `model="auto"` too.
        schema: Kinds of the columns; inferred where it is not given.
        kinds: Single columns' kinds; `{"column": "omitted"}` leaves one out.
        judge: Whether to score it.
        out: Folder to save the run to.
        overwrite: Replace a run that is there already.
        progress: Called with (fraction done, what is being done).

    Raises:
        DataError: the data cannot be read or encoded; names file, row or column.
        FitError: nothing can be learnt, as from a target with one class; says why.
        UnsupportedError: the target holds no classes, as many numbers do, or the family cannot read the columns.
        UnknownNameError: there is no such column, family or setting; the nearest is named.
        RunError: `out` is taken, or there is nothing to resume there, or it is of another fit.
        ConfigError: a setting is out of range, or the family learns in one go, so that there is nothing to resume.
    """
    started = time.perf_counter()
    if out is not None:
        check_target(out, overwrite=overwrite)
    if isinstance(data, Run):
        learning = {"settings": settings, "seed": seed, "held_out": held_out, "minutes": minutes, "steps": steps}
        _check_run(data, model, resume, learning | {"schema": schema, "kinds": kinds})
        return _finished(by_bayes_rule(data, target), started, judge, out, overwrite, progress)
    kept = kept_in(checkpoint, out, resume=resume, overwrite=overwrite)
    said: dict[str, Any] = {
        "model": None if model == "auto" else model,
        "settings": settings,
        "seed": seed,
        "held_out": held_out,
    }
    said |= {"budget": None if minutes is None and steps is None else Budget(minutes, steps), "schema": schema}
    asked = _asked(said, kept if resume else None)
    progress(0.0, "reading")
    records = read(data, **asked.options) if isinstance(data, (str, Path)) else read(data)
    run = _learned(records, target, asked, kinds or {}, kept, resume, progress)
    run.checkpoint = kept
    return _finished(run, started, judge, out, overwrite, progress)


def _check_run(run: Run, model: str, resume: bool, said: Mapping[str, Any]) -> None:
    """Refuses what asks for learning, where a run has learnt already.

    Raises:
        ConfigError: something does.
        UnsupportedError: the run predicts already.
    """
    if isinstance(run, ClassifierRun):
        what = f"this run foretells {run.target!r} already ({run.artefact.model_name})"
        raise UnsupportedError(f"{what}; hand over data, or a run that draws rows")
    if resume:
        raise ConfigError(f"bayes_rule on a fitted run has {NOTHING_KEPT}; call it without resume")
    if model not in ("auto", "bayes_rule"):
        raise ConfigError(
            f"a fitted run becomes a classifier by bayes_rule, not by {model}; for that hand over its data"
        )
    if asked := [name for name, value in said.items() if value]:
        raise ConfigError(f"the run has learnt already, and {asked[0]} would change nothing; leave it out, or fit anew")


def _asked(said: Mapping[str, Any], checkpoint: Path | None) -> Asked:
    """The arguments, known to be right before any data are read."""
    name = said["model"]
    if name is not None and checkpoint is not None and not issubclass(CLASSIFIERS.get(name), HasLoss):
        raise ConfigError(f"{name} has {NOTHING_KEPT}; fit it without resume")
    asked = Asked.of(said, checkpoint)
    if asked.model != "auto":
        divided(CLASSIFIERS.get(asked.model), asked.settings)
    elif asked.settings:
        raise ConfigError(
            f"{next(iter(asked.settings))} is a setting of one family, and auto chooses among several: name it"
        )
    return asked


def by_bayes_rule(run: Run, target: str) -> ClassifierRun:
    """A fitted model of rows as a classifier: p(class | rest) ∝ p(row with that class).

    Raises:
        UnknownNameError: the run has no such column.
        UnsupportedError: the column holds no classes, or the model has no likelihood.
    """
    column, own = run.schema[target], run.model.space
    if target not in own or not isinstance(own[target].support, Category):
        how = f'fit it anew with kinds={{"{target}": "category"}}, --kind {target}=category'
        how = "name a column that varies" if column.kind == "constant" else how
        raise UnsupportedError(f"the run has {target!r} as {column.kind}, whose values are no classes; {how}")
    classifier = CLASSIFIERS.get("bayes_rule").of(run.model, target)
    run.remember_rows(need_train=True, need_held_out=True)
    facts, n = dict(run.artefact.facts), classifier.n_classes
    if run.train is not None:
        counts = np.bincount(np.asarray(run.train.arrays[target]), minlength=n)[:n]
    else:
        counts, note = _drawn_counts(run, target, n)
        log.warning("%s", note)
        facts["notes"] = [*facts.get("notes", []), note]
    why = f"{OF_FITTED}{run.artefact.model_name}"
    facts |= {"target": target, "n_classes": n, "shares": (counts / counts.sum()).tolist(), "why": why, "split": BY_ROW}
    artefact = ClassifierArtefact(run.artefact.codec, classifier, "bayes_rule", run.artefact.seed, facts)
    return ClassifierRun(artefact, run.train, run.held_out)


def _drawn_counts(run: Run, target: str, n_classes: int) -> tuple[np.ndarray, str]:
    """How often a model draws each class (K,), where its training rows are not at hand, and what to tell of it."""
    given = getattr(run.model, "given", None)
    n = N_DRAWS if all(isinstance(f.support, Real | Category) for f in run.model.space.values()) else N_LONG_DRAWS
    generator = torch_generator(run.artefact.seed, "shares")
    why = "The rows of the fit are not at hand: the shares of the classes, on which the trivial guess rests,"
    try:
        if isinstance(given, GivenColumns) and target in given.space:
            n, drawn = N_DRAWS, given.complete(N_DRAWS, {}, generator)
        else:
            drawn = run.model.sample(n, {}, generator)
    except GivenError:
        return np.ones(n_classes), f"{why} are equal."
    counts = np.bincount(drawn[target].numpy(), minlength=n_classes)[:n_classes]
    return counts + 1 / n_classes, f"{why} are those of {n:,} draws."  # a class that is not drawn has a share, too


def _finished(
    run: ClassifierRun,
    started: float,
    judge: bool,
    out: str | Path | None,
    overwrite: bool,
    progress: Progress,
) -> ClassifierRun:
    """Judged and saved."""
    run.artefact.facts["seconds"] = round(time.perf_counter() - started, 3)
    if judge and run.held_out is not None and len(run.held_out):
        run.judge(progress=progress)
    if out is not None:
        run.save(out, overwrite=overwrite)
    return run


def _learned(
    records: Records,
    target: str,
    asked: Asked,
    kinds: Mapping[str, str],
    kept: Path | None,
    resume: bool,
    progress: Progress,
) -> ClassifierRun:
    """Records become tensors, a classifier learns them."""
    if target not in records.arrow_schema.names:
        raise UnknownNameError(target, records.arrow_schema.names, f"the columns of {records.name}")
    facts, schema = facts_of(records), schema_of(records, asked.schema, kinds, (target,))
    labels = labels_of(records, schema, target, is_set=target in kinds)
    schema = schema.with_columns([labels.column])
    n_rows = len(labels.codes)
    records, codes = labelled(records, labels)
    model, seed = asked.model, asked.seed
    held = stratified(records, schema, codes, asked.held_out, seed)
    codec = _codec(records, schema, labels, held)
    train, unseen = encode(records, schema, codec, held)
    _check(records, train, target)
    notes = [*labels.notes, *_one_sided(codec, labels, train, unseen), *leaks(train, target, seed)]
    train = Dataset(_space(codec, target), train.arrays)
    why = asked.why
    if model == "auto":
        model, why = choose_classifier(train, target, seed, progress)
    train, gone = _readable(train, target, model)
    notes += gone
    for note in notes:
        log.warning("%s", note)
    classifier, config = _bound(model, asked.settings, train, target, asked.budget)
    if asked.budget == Budget() and isinstance(classifier, HasLoss) and classifier.usual_minutes:
        asked = replace(asked, budget=Budget(minutes=classifier.usual_minutes))
    if asked.budget.minutes and not isinstance(classifier, HasLoss | HasModels):
        log.info("%s learns in one go and needs no minutes", model)
    asked = replace(asked, model=model, schema=schema, given=(), why=why, options=facts.get("options", {}))
    basis = {"target": target, "data": facts["fingerprint"], "versions": versions()}
    plan = asked.plan(cast(Model, classifier), config, kept, resume, basis)
    outcome = learn_classifier(classifier, train, plan, progress)
    counts = np.bincount(np.asarray(train.arrays[target]), minlength=classifier.n_classes)
    facts |= {"target": target, "n_classes": classifier.n_classes, "n_rows": n_rows, "n_train": len(train)}
    facts |= {"n_held_out": len(unseen), "held_out": asked.held_out, "why": why or "asked for", "split": BY_CLASS}
    facts |= {"shares": (counts / counts.sum()).tolist(), "notes": [*notes, *outcome.notes]}
    facts |= outcome.facts
    artefact = ClassifierArtefact(codec, classifier, model, seed, facts, log=outcome.log)
    unseen = Dataset(train.space, {name: unseen.arrays[name] for name in train.space})
    return ClassifierRun(artefact, train, unseen)


def _codec(records: Records, schema: Schema, labels: Labels, held: HeldOut) -> TableCodec:
    """Fitted to the rows that are learnt from, with a code of missing values for every category but the target.

    Where whole groups or the latest rows are held out, they may have classes of their own, so that the target's codec
    is fitted to all rows.
    """
    target = labels.column.name
    codec = TableCodec(schema).fit(_kept(typed(records, schema), held))
    if any(column.split for column in schema):
        one = Schema((labels.column,))
        codec.codecs[target] = TableCodec(one).fit(typed(records, one)).codecs[target]
    for name, own in codec.codecs.items():
        if name != target and isinstance(own, CategoryCodec | Boolean):
            own.has_missing = True  # a value that was never met is as a missing one
    return codec


def _kept(batches: Iterator[pa.RecordBatch], held: HeldOut) -> Iterator[pa.RecordBatch]:
    """The rows that are learnt from."""
    first = 0
    for batch in batches:
        yield batch.filter(pa.array(~held(batch, first)))
        first += batch.num_rows


def _space(codec: TableCodec, target: str) -> Space:
    """What the classifier sees: every column but the target may lack a value, whether one did so far or not."""
    return Space({name: f if name == target else _can_miss(f) for name, f in codec.space.items()})


def _can_miss(f: Field) -> Field:
    return replace(f, support=replace(f.support, has_missing=True)) if isinstance(f.support, Real | Category) else f


def _check(records: Records, train: Dataset, target: str) -> None:
    """Refuses rows from which nothing can be learnt."""
    if len(train) < 2:
        raise FitError(f"{records.name}: {len(train)} rows with {target!r} are too few to learn from; 2 are needed")
    if len(train.arrays) < 2:
        raise FitError(
            f"{records.name}: beside {target!r} no column varies or can be read; constants and ids tell no class"
        )


def _one_sided(codec: TableCodec, labels: Labels, train: Dataset, unseen: Dataset) -> list[str]:
    """What to tell of classes that nothing is learnt of, or that nothing tests."""
    target = labels.column.name
    codes = torch.arange(n_classes(codec.space, target))
    names = as_written(codec.codecs[target].decode(codes), labels.column).to_pylist()
    counts = (np.bincount(np.asarray(rows.arrays[target]), minlength=len(names)) for rows in (train, unseen))
    return one_sided(names, *counts)


def _readable(data: Dataset, target: str, model: str) -> tuple[Dataset, list[str]]:
    """The rows without the columns that the family cannot read, and what to tell of it."""
    supports = CLASSIFIERS.get(model).supports
    gone = [n for n, f in data.space.items() if n != target and not isinstance(f.support, supports)]
    if not gone or len(gone) == len(data.space) - 1:
        return data, []
    space = Space({name: f for name, f in data.space.items() if name not in gone})
    listed = ", ".join(map(repr, gone[:5])) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
    return Dataset(space, {name: data.arrays[name] for name in space}), [f"{model} does not read {listed}: left out"]


def _bound(
    model: str, settings: Mapping[str, Any], data: Dataset, target: str, budget: Budget
) -> tuple[Classifier, TrainingConfig]:
    """The classifier, untrained, and the settings of its training."""
    family: type[Any] = CLASSIFIERS.get(model)
    config, training = divided(family, settings)
    if issubclass(family, HasLoss):
        config, more = family.suited(config, data, budget.minutes)
        training = divided(CLASSIFIERS.get(model), settings, more)[1]
    log.debug("%s: %s", model, to_json(config))
    return family(config).bind(data.space, target), training
