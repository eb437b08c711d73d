"""More rows of rare classes, where they help: drawn, measured without a look at the test, and declined if they do not.

1. *Chosen* on folds of the training rows: codec, generator and classifier learn from the other folds alone. Tried are
   families (p(row | class)), copies of rows and points between neighbours, each in several amounts; after each fold the
   worse half is out (Karnin et al., 2013, https://proceedings.mlr.press/v28/karnin13.html). If a generator is among the
   last, it is also tried with the half of its draws that a detector finds most real.
2. *Confirmed* on other folds, against doing nothing, by Nadeau and Bengio's corrected paired test (see
   `core/paired.py`). What is chosen as the best of many looks better than it is; fresh folds take most of that away.
   Without a gain at the stated level the rows come back unchanged.
3. *Measured* on held-out rows that neither step saw, with a paired interval.

The rows that come back are drawn by a generator of all rows. Tables, texts and pictures differ in what is tried where
nothing is said. Networks share the time: each takes as many steps as its first training did for its part.
"""

import logging
import math
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from genwright.core.config import check_share, is_number
from genwright.core.dataset import n_rows
from genwright.core.errors import ConfigError, FitError, GenwrightError, UnknownNameError, UnsupportedError
from genwright.core.model import HasLoss, Progress
from genwright.core.paired import Gain, confusion, dealt, looked_at, metrics_for, p_value, paired_gain, value
from genwright.core.registry import CLASSIFIERS, MODELS
from genwright.core.rng import derive, numpy_generator
from genwright.core.schema import Schema
from genwright.core.space import Batch
from genwright.data.leakage import leaks
from genwright.data.read import read
from genwright.data.target import one_sided
from genwright.pipeline import schema_of
from genwright.runs.augmentation import Augmented, Report, Trial, Way
from genwright.runs.frames import known_flavour
from genwright.runs.lessons import Kind, LabelledTable, Lesson, joined
from genwright.runs.row_makers import PLAIN, Maker, counts, made, maker
from genwright.runs.run import as_names, silent
from genwright.training.budget import Budget
from genwright.training.choose_classifier import choose_classifier
from genwright.training.taught import Teacher

N_FOLDS, N_FOLDS_OF_NETWORKS = 5, 3
N_CONFIRMED = 2  # deals of folds that confirm
LEVEL = 0.5  # p below which rows are added: where a gain is likelier than a loss
KEEP = 0.5  # share of draws that a detector may keep
STAY = 3  # ways that are tried on all folds
MOST_ROWS = 20_000  # that choosing and confirming look at
MOST_CLASSES = 50  # of which every pair is counted
TRIED = ("balance", "double", 4.0)  # amounts where none is named; many draws carry what a generator takes for granted
USUAL_MINUTES = 10.0  # of all networks together
FAMILIES = ("marginals", "trees", "bayes_net", "copula")
MAKERS: Mapping[Kind, tuple[str, ...]] = {  # tried where none is named
    "tables": (*FAMILIES, "copies", "smote"),
    "texts": ("ngram", "copies"),
    "pictures": ("flow_matching", "moved", "copies"),
}
ONLY_OF: Mapping[str, Kind] = {"smote": "tables", "moved": "pictures"}
Amount = float | Literal["auto", "balance", "half", "double"]


def augment(
    data: Any,
    target: str,
    *,
    model: str | Iterable[str] = "auto",
    amount: Amount = "auto",
    balance: bool = False,
    judge_model: str = "auto",
    metric: str = "auto",
    held_out: float = 0.2,
    level: float = LEVEL,
    anyway: bool = False,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    schema: Schema | None = None,
    kinds: Mapping[str, str] | None = None,
    flavour: Any = None,
    progress: Progress = silent,
) -> Augmented:
    """Adds rows of the classes of `target` where a classifier gains by them, and says what it gained.

    Args:
        data: What `fit` takes: tables, texts, pictures. Rows without a class are left out.
        target: The class.
        model: Where rows come from: a family, `copies`, `smote` (tables), `moved` (pictures), or several; `auto` tries
            what suits the rows.
        amount: "balance": until classes are equally frequent; "half": until each has half as many rows as the largest;
            "double": as many again of each; a number: that share of all rows, shared out as classes are; "auto"
            tries equal classes, as many again, and four times as many.
        balance: The same as amount="balance".
        judge_model: The classifier that is to gain: a family in `genwright.classifiers`; `auto`: `boosting` for tables,
            else what `classify` would choose.
        metric: What is to rise: "pr_auc" of the rarer of two classes, which `auto` takes, or "balanced_accuracy", which
            every other number of classes has.
        held_out: Share of each class that measures the gain in the end, or of a column's groups where the schema has a
            `split` by group; 0: none, and no such gain.
        level: What p of "no gain" on folds has to be below; otherwise it declines. 0.5: a gain is likelier than a loss;
            0.05: there has to be proof of it, which few rows seldom give.
        anyway: Draw by the best way even where it would decline.
        minutes: How long networks train, all of them together; 10 where neither this nor `steps` is given.
        steps: Gradient steps of each network instead.
        seed: Of everything random.
        schema: Kinds of the columns, and which of them holds groups; inferred where it is not given.
        kinds: Single columns' kinds.
        flavour: "pandas", "polars" or "arrow"; what `data` is where it is not given.
        progress: Called with (fraction done, what is being done).

    Raises:
        DataError: the data cannot be read.
        UnknownNameError: there is no such column, family, classifier or metric.
        UnsupportedError: the target holds no classes, or no classifier reads a column.
        FitError: there is one class, or nothing that was named can make such rows.
        ConfigError: a share, an amount or the budget is out of range, or the schema has a `split` by time.
    """
    named = _named(model)
    amounts = _amounts("balance" if balance else amount)
    budget = Budget(USUAL_MINUTES if minutes is None and steps is None else minutes, steps)
    _check(judge_model, held_out, level)
    records = read(data)
    progress(0.0, f"reading {records.name}")
    known_flavour(flavour)
    inferred = schema_of(records, schema, kinds or {}, (target,))
    rows = LabelledTable.of(records, inferred, target, is_set=target in (kinds or {}))
    with _quiet():
        how = (judge_model, metric, held_out, level, budget, seed, progress)
        search = _Search(rows, _makers(named, rows.kind), amounts, *how)
        found, table = search.found(anyway)
    found = replace(found, facts={"data": PurePath(records.name).name, **found.facts})
    progress(1.0, "done")
    return Augmented(table, rows.schema, found, flavour or records.flavour, records.is_text, rows.white)


@contextmanager
def _quiet() -> Iterator[None]:
    """What has been told of all rows is not told again of every part of them; other threads tell what they do."""
    log, thread = logging.getLogger("genwright"), threading.get_ident()
    told = lambda record: record.thread != thread or record.levelno >= logging.ERROR  # noqa: E731
    log.addFilter(told)
    try:
        yield
    finally:
        log.removeFilter(told)


@dataclass
class _Fold:
    """Rows to learn from and to test, and what has learnt from them.

    Args:
        lesson: The rows.
        seed: Of what learns.
        before: What the deciding metric says of a classifier without more rows.
        makers: What has learnt to make rows, by name.
    """

    lesson: Lesson
    seed: int
    before: float
    makers: dict[str, Maker] = field(default_factory=dict)


@dataclass
class _Search:
    """Choosing, confirming, measuring and drawing."""

    rows: LabelledTable
    makers: tuple[str, ...]
    amounts: tuple[float | str, ...]
    judge_model: str
    metric: str
    held_out: float
    level: float
    budget: Budget
    seed: int
    progress: Progress

    def __post_init__(self) -> None:
        n = np.bincount(self.rows.y, minlength=self.rows.n_classes)
        self.metrics = metrics_for(self.rows.n_classes, int(n.argmin()), self.metric)
        mask = self.rows.held_out(self.held_out, self.seed)
        self.test, self.train = np.flatnonzero(mask), np.flatnonzero(~mask)
        y, rng = self.rows.y[self.train], numpy_generator(self.seed, "looked at")
        self.amounts = tuple(a for a in self.amounts if counts(a, y, self.rows.n_classes).any())
        self.looked_at = self.train[looked_at(y, MOST_ROWS, N_FOLDS, rng)]
        n = np.bincount(self.rows.units(self.looked_at)[0], minlength=self.rows.n_classes)
        if self.rows.groups is not None and n.max() < 2:
            raise FitError("no class has rows in two groups, one to learn from and one to test; add groups")
        known = self.rows.lesson(self.looked_at, np.zeros(0, np.int64)).train
        self.given_away = leaks(known, self.rows.target, self.seed)
        if self.judge_model == "auto" and self.rows.kind == "tables":
            self.judge_model = "boosting"
        elif self.judge_model == "auto":
            self.judge_model = choose_classifier(known, self.rows.target, self.seed, silent)[0]
        is_network = [issubclass(MODELS.get(name), HasLoss) for name in self.makers if name not in PLAIN]
        judged_by_network = issubclass(CLASSIFIERS.get(self.judge_model), HasLoss)
        most = N_FOLDS_OF_NETWORKS if judged_by_network or any(is_network) else N_FOLDS
        self.n_folds = int(np.clip(n[n > 1].min(initial=most), 2, most))  # as many as the rarest class has rows
        self.teacher = Teacher(self.budget.each(self._n_networks(sum(is_network), judged_by_network)))

    def _n_networks(self, n_makers: int, judged_by_network: bool) -> int:
        """Trainings of networks that there are at most."""
        n_made = n_makers * self.n_folds + (N_CONFIRMED * self.n_folds + 2) * (n_makers > 0)
        n_ways, going = len(self.makers) * len(self.amounts), 0
        for _ in range(self.n_folds):
            going, n_ways = going + n_ways, _staying(n_ways)
        n_judged = going + 2 * self.n_folds + 2 * N_CONFIRMED * self.n_folds + 2
        return max(1, n_made + n_judged * judged_by_network)

    def found(self, anyway: bool) -> tuple[Report, pa.Table]:
        """The whole search, and the rows with what it draws."""
        report = self.report(anyway)
        if report.chosen is None:
            return report, self.rows.table
        self.progress(0.95, "drawing rows")
        table, drawn = self.drawn(report.chosen)
        return replace(report, drawn=dict(zip(self.rows.names, drawn))), table

    def report(self, anyway: bool) -> Report:
        """Choosing, confirming and measuring."""
        trials = self._trials()
        best = trials[0] if trials else None
        confirmed, p, fresh = self._confirmed(best) if best else (0.0, 1.0, [])
        chosen = best.way if best and (p < self.level or anyway) else None
        gains, counted = self._measured(chosen) if chosen and len(self.test) else ([], [])
        names = self.rows.names
        return Report(
            target=self.rows.target,
            judge_model=self.judge_model,
            metric=self.metrics[0].name,
            counts=dict(zip(names, np.bincount(self.rows.y, minlength=len(names)).tolist())),
            trials=trials,
            chosen=chosen,
            confirmed=confirmed,
            p=p,
            level=self.level,
            gains=gains,
            notes=self._notes(trials),
            fresh=fresh,
            before=float(np.nanmean(self.before)) if np.isfinite(self.before).any() else math.nan,
            confusion=counted,
            facts=self._facts(),
        )

    def _facts(self) -> dict[str, Any]:
        """Which rows did what."""
        return {
            "kind": self.rows.kind,
            "n_rows": len(self.rows),
            "n_train": len(self.train),
            "n_looked_at": len(self.looked_at),
            "n_held_out": len(self.test),
            "n_folds": self.n_folds,
            "minutes": self.budget.minutes,
            "steps": self.budget.steps,
            "seed": self.seed,
        }

    def drawn(self, way: Way) -> tuple[pa.Table, list[int]]:
        """All rows and those that a way adds, learnt from all; and how many of each class were added."""
        rows, lesson = self.rows, self.rows.lesson(np.arange(len(self.rows)), np.zeros(0, np.int64))
        seed = derive(self.seed, "final")
        by = maker(way.maker, lesson, rows.target, derive(seed, way.maker), self.teacher)
        extra = made(way, lesson, rows.target, seed, by)
        if not n_rows(extra):
            return rows.table, [0] * rows.n_classes
        n = np.bincount(extra[rows.target].numpy(), minlength=rows.n_classes)
        return rows.above(rows.decoded(extra, lesson, derive(self.seed, "rows")), lesson), n.tolist()

    def _notes(self, trials: list[Trial]) -> tuple[str, ...]:
        n, of = len(self.looked_at), len(self.train)
        few = f"chosen on {n:,} of {of:,} rows" if n < of else ""
        rare = np.bincount(self.rows.y[self.train]).min()
        has = f"{rare} training row{'' if rare == 1 else 's'}"
        scarce = f"the rarest class has {has}, too few to tell small gains" if rare < 20 else ""
        failed = dict.fromkeys(f"{t.way.maker} was left out: {t.reason}" for t in trials if t.reason)
        names, y = self.rows.names, self.rows.y
        learnt, tested = (np.bincount(y[at], minlength=len(names)) for at in (self.train, self.test))
        one = one_sided(names, learnt, tested)
        return (*self.rows.notes, *one, *self.given_away, *(note for note in (few, scarce, *failed) if note))

    def _trials(self) -> list[Trial]:
        """All ways on one deal of folds, the best first."""
        trials = [Trial(Way(name, amount)) for name in self.makers for amount in self.amounts]
        folds: list[_Fold] = []
        going = trials
        for k in range(self.n_folds if trials else 0):
            self.progress(0.5 * k / self.n_folds, f"chosen: fold {k + 1}")
            folds.append(fold := self._fold("chosen", k))
            self._try(going, fold)
            left = sorted((t for t in going if not t.reason), key=lambda t: -t.gain)
            if not left:
                raise FitError(f"nothing that was named makes such rows: {going[0].reason}")
            going = left[: _staying(len(left))]
        self.before = [fold.before for fold in folds]
        drawn = [t for t in sorted(going, key=lambda t: -t.gain) if t.way.maker not in PLAIN]
        if drawn:
            kept = Trial(replace(drawn[0].way, keep=KEEP))
            trials = [*trials, kept]
            for k, fold in enumerate(folds):
                self.progress(0.5 + 0.1 * k / self.n_folds, f"chosen: a detector on fold {k + 1}")
                self._try([kept], fold)
                if kept.reason or (k and kept.gain <= float(np.nanmean(drawn[0].gains[: k + 1]))):
                    break  # it is behind the same draws without the detector
        return sorted(trials, key=lambda t: (bool(t.reason), -len(t.gains), -t.gain))

    def _confirmed(self, best: Trial) -> tuple[float, float, list[float]]:
        """Mean gain and p on other folds, and the gain on each."""
        if not best.gain > 0:
            return (best.gain if best.gain > -math.inf else math.nan), 1.0, []
        fresh = Trial(best.way)
        for deal in range(N_CONFIRMED):
            if deal and not fresh.gain > 0:
                break  # no further deal would be believed
            for k in range(self.n_folds):
                done = (deal * self.n_folds + k) / (N_CONFIRMED * self.n_folds)
                self.progress(0.6 + 0.3 * done, f"confirmed: fold {k + 1}")
                self._try([fresh], self._fold(f"confirmed {deal}", k))
        known = np.array([g for g in fresh.gains if g == g])
        mean = float(known.mean()) if len(known) else 0.0
        return mean, p_value(known, 1 / (self.n_folds - 1)), fresh.gains

    def _fold(self, deal: str, k: int) -> _Fold:
        """Fold k of a deal."""
        seed, (y, unit) = derive(self.seed, deal), self.rows.units(self.looked_at)
        fold = dealt(y, self.n_folds, numpy_generator(seed, "folds"))[unit]
        lesson = self.rows.lesson(self.looked_at[fold != k], self.looked_at[fold == k])
        before = value(self.metrics[0], lesson.y_test, self._predicted(lesson, {}, derive(seed, k)))
        return _Fold(lesson, derive(seed, k), before)

    def _try(self, trials: list[Trial], fold: _Fold) -> None:
        """Adds the gain of each way on a fold."""
        for trial, extra in self._each(trials, fold):
            after = self._predicted(fold.lesson, extra, fold.seed)
            trial.gains.append(value(self.metrics[0], fold.lesson.y_test, after) - fold.before)

    def _each(self, trials: list[Trial], fold: _Fold) -> Iterator[tuple[Trial, Batch]]:
        """The rows of every way; a maker learns once a fold, and one that fails is not asked again."""
        failed: dict[str, str] = {}
        for trial in trials:
            name = trial.way.maker
            try:
                if name in failed:
                    raise FitError(failed[name])
                if name not in fold.makers:
                    seed = derive(fold.seed, name)
                    fold.makers[name] = maker(name, fold.lesson, self.rows.target, seed, self.teacher)
                extra = made(trial.way, fold.lesson, self.rows.target, fold.seed, fold.makers[name])
            except GenwrightError as error:
                trial.reason = failed[name] = str(error)
                continue
            yield trial, extra

    def _measured(self, way: Way) -> tuple[list[Gain], list[list[list[int]]]]:
        """Gains on held-out rows, and what is taken for what before and after."""
        self.progress(0.9, "measuring on held-out rows")
        lesson, seed, target = self.rows.lesson(self.train, self.test), derive(self.seed, "held out"), self.rows.target
        before = self._predicted(lesson, {}, seed)
        by = maker(way.maker, lesson, target, derive(seed, way.maker), self.teacher)
        after = self._predicted(lesson, made(way, lesson, target, seed, by), seed)
        gains = [paired_gain(m, lesson.y_test, before, after, seed) for m in self.metrics]
        gains = [gain for gain in gains if not math.isnan(gain.gain)]  # of a class that no held-out row has
        few = self.rows.n_classes <= MOST_CLASSES
        return gains, [confusion(lesson.y_test, p).tolist() for p in (before, after)] if few else []

    def _predicted(self, lesson: Lesson, extra: Batch, seed: int) -> np.ndarray:
        """p(class | row) of the test rows, learnt from the others and further rows (M, K)."""
        rows, target = joined(lesson.train, extra), self.rows.target
        return self.teacher.classifier(self.judge_model, rows, target, derive(seed, "classifier")).predict_rows(
            lesson.test
        )


def _staying(n: int) -> int:
    """Of n ways, those that are tried on the next fold."""
    return min(n, max(STAY, math.ceil(n / 2)))


def _named(model: str | Iterable[str]) -> tuple[str, ...]:
    """What makes rows, as asked for; nothing: it is to be chosen."""
    names = as_names(model)
    if not names:
        raise ConfigError(
            f"model names nothing that makes rows; name some of {', '.join(PLAIN)} and the families, or auto"
        )
    if names == ("auto",):
        return ()
    for name in names:
        if name not in PLAIN and name not in MODELS.names():
            raise UnknownNameError(name, [*MODELS.names(), *PLAIN], "what makes rows of a class")
    return names


def _makers(named: tuple[str, ...], kind: Kind) -> tuple[str, ...]:
    for name in named:
        if ONLY_OF.get(name, kind) != kind:
            raise UnsupportedError(f"{name} makes rows of {ONLY_OF[name]}, and these are {kind}; name another")
    return named or MAKERS[kind]


def _amounts(amount: Amount) -> tuple[float | str, ...]:
    named = ("balance", "half", "double")
    if amount == "auto":
        return TRIED
    if isinstance(amount, str):
        if amount not in named:
            raise UnknownNameError(amount, [*named, "auto"], "the amounts")
        return (amount,)
    if not is_number(amount) or not 0 < amount <= 100:
        raise ConfigError(f"amount = {amount!r:.40} times the rows; expected above 0 and at most 100")
    return (float(amount),)


def _check(judge_model: str, held_out: float, level: float) -> None:
    if judge_model != "auto":
        CLASSIFIERS.get(judge_model)  # raises for an unknown one
    check_share(held_out)
    if not is_number(level) or not 0 < level < 1:
        raise ConfigError(f"level = {level!r:.40}; expected between 0 and 1, such as 0.05")
