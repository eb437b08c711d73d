"""More rows of rare classes, where they help: drawn, measured without a look at the test, and declined if they do not.

1. *Chosen* on folds of the training rows: codec, generator and classifier learn from the other folds alone. Tried are
   families (p(row | class)), copies of rows and points between neighbours, each in several amounts; the best generator
   also with the half of its draws that a detector finds most real.
2. *Confirmed* on other folds, against doing nothing, by Nadeau and Bengio's corrected paired test (see
   `core/paired.py`). What is chosen as the best of many looks better than it is; fresh folds take most of that away.
   Without a gain at the stated level the rows come back unchanged.
3. *Measured* on held-out rows that neither step saw, with a paired interval.

The rows that come back are drawn by a generator of all rows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa

from genwright.core.classifier import MatrixClassifier
from genwright.core.dataset import Dataset, select
from genwright.core.errors import ConfigError, GenwrightError, UnknownNameError, UnsupportedError
from genwright.core.model import HasSolution, Progress
from genwright.core.paired import Gain, dealt, metrics_for, p_value, paired_gain, value
from genwright.core.registry import CLASSIFIERS, MODELS
from genwright.core.rng import derive, numpy_generator
from genwright.core.schema import Schema
from genwright.core.space import Batch
from genwright.data.read import read
from genwright.data.target import held_out_mask
from genwright.nn.density_ratio import LEAST_ROWS, DensityRatio, likeliest
from genwright.nn.oversample import Between, Copies
from genwright.pipeline import schema_of
from genwright.runs.augmentation import Augmented, Report, Trial, Way
from genwright.runs.class_draws import ClassDraws
from genwright.runs.frames import known_flavour
from genwright.runs.lessons import LabelledTable, Lesson, joined
from genwright.runs.run import as_names, silent

N_FOLDS = 5
N_CONFIRMED = 2  # deals of folds that confirm
LEVEL = 0.05  # p below which a gain is believed
KEEP = 0.5  # share of draws that a detector may keep
MOST_ROWS = 20_000  # that choosing and confirming look at
FAMILIES = ("marginals", "trees", "bayes_net", "copula")  # tried where no model is named
PLAIN: Mapping[str, Callable[[Dataset, str], Any]] = {"copies": Copies, "smote": Between}
Amount = float | Literal["auto", "balance", "half", "double"]


class Maker(Protocol):
    """What makes rows of a class."""

    def draw(self, counts: np.ndarray, rng: np.random.Generator) -> Batch:
        """counts[k] rows of class k."""
        ...


def augment(
    data: Any,
    target: str,
    *,
    model: str | Iterable[str] = "auto",
    amount: Amount = "auto",
    balance: bool = False,
    judge_model: str = "boosting",
    held_out: float = 0.2,
    level: float = LEVEL,
    anyway: bool = False,
    seed: int = 0,
    schema: Schema | None = None,
    kinds: Mapping[str, str] | None = None,
    flavour: Any = None,
    progress: Progress = silent,
) -> Augmented:
    """Adds rows of the classes of `target` where a classifier gains by them, and says what it gained.

    Args:
        data: What `fit` takes; a table of numbers and categories. Rows without a class are left out.
        target: The class.
        model: Where rows come from: a family that learns in one go, `copies`, `smote`, or several; `auto` tries them.
        amount: "balance": until classes are equally frequent; "half": until each has half as many rows as the largest;
            "double": as many again of each; a number: that share of all rows, shared out as classes are; "auto" tries.
        balance: The same as amount="balance".
        judge_model: The classifier that is to gain: a family in `genwright.classifiers` that learns in one go.
        held_out: Share of each class that measures the gain in the end; 0: none, and no such gain.
        level: What p of "no gain" on folds has to be below; otherwise it declines.
        anyway: Draw by the best way even where it would decline.
        seed: Of everything random.
        schema: Kinds of the columns; inferred where it is not given.
        kinds: Single columns' kinds.
        flavour: "pandas", "polars" or "arrow"; what `data` is where it is not given.
        progress: Called with (fraction done, what is being done).

    Raises:
        DataError: the data cannot be read.
        UnknownNameError: there is no such column, family or classifier.
        UnsupportedError: the target holds no classes, or a column is neither number nor category.
        FitError: there is one class.
        ConfigError: a share or amount is out of range, or the classifier learns by gradient steps.
    """
    makers = _makers(model)
    amounts = _amounts("balance" if balance else amount)
    _check(judge_model, held_out, level)
    records = read(data)
    progress(0.0, f"reading {records.name}")
    known_flavour(flavour)
    inferred = schema_of(records, schema, kinds or {}, (target,))
    rows = LabelledTable.of(records, inferred, target, is_set=target in (kinds or {}))
    found = _Search(rows, makers, amounts, judge_model, held_out, level, seed, progress).report(anyway)
    table = rows.table
    if found.chosen is not None:
        everything = rows.lesson(np.arange(len(rows)), np.zeros(0, np.int64))
        extra = made(found.chosen, everything, target, derive(seed, "final"))
        drawn = rows.decoded(extra, everything, derive(seed, "rows"))
        table = pa.concat_tables([table, drawn.select(table.column_names).cast(table.schema)])
        n = np.bincount(extra[target].numpy(), minlength=rows.n_classes)
        found = replace(found, drawn=dict(zip(rows.names, n.tolist())))
    progress(1.0, "done")
    return Augmented(table, rows.schema, found, flavour or records.flavour, records.is_text)


def counts(amount: float | str, y: np.ndarray, n_classes: int) -> np.ndarray:
    """How many rows of each class an amount is (K,)."""
    n = np.bincount(y, minlength=n_classes)
    if amount == "double":
        return n
    if isinstance(amount, str):
        return np.maximum(0, int(n.max() * (1 if amount == "balance" else 0.5)) - n)
    return np.round(n * amount).astype(np.int64)


def maker(name: str, data: Dataset, target: str, seed: int) -> Maker:
    """Something that has learnt to make rows of a class."""
    return PLAIN[name](data, target) if name in PLAIN else ClassDraws(name, data, target, seed)


def made(way: Way, lesson: Lesson, target: str, seed: int, by: Maker | None = None) -> Batch:
    """The rows that a way adds to those of a lesson."""
    by = by or maker(way.maker, lesson.train, target, derive(seed, way.maker))
    rng = numpy_generator(seed, "draw", str(way))
    n = counts(way.amount, lesson.y, lesson.train.space[target].support.n)  # type: ignore[union-attr]
    if way.keep == 1 or n.sum() < LEAST_ROWS or len(lesson.y) < LEAST_ROWS:
        return by.draw(n, rng)
    pool = by.draw(np.ceil(n / way.keep).astype(np.int64), rng)
    ratio = DensityRatio(lesson.train.space, seed=derive(seed, "detector"))
    ratio.fit(lesson.train.take(slice(None)), pool)
    log_ratio, y = ratio.unseen[len(lesson.y) :], pool[target].numpy()
    kept = [np.flatnonzero(y == k)[likeliest(log_ratio[y == k], int(m), rng)] for k, m in enumerate(n) if m]
    return select(pool, np.concatenate(kept))


@dataclass
class _Search:
    """Choosing, confirming and measuring."""

    rows: LabelledTable
    makers: tuple[str, ...]
    amounts: tuple[float | str, ...]
    judge_model: str
    held_out: float
    level: float
    seed: int
    progress: Progress

    def __post_init__(self) -> None:
        n = np.bincount(self.rows.y, minlength=self.rows.n_classes)
        self.metrics = metrics_for(self.rows.n_classes, int(n.argmin()))
        mask = held_out_mask(self.rows.y, self.held_out, self.seed)
        self.test, self.train = np.flatnonzero(mask), np.flatnonzero(~mask)
        order = numpy_generator(self.seed, "looked at").permutation(len(self.train))[:MOST_ROWS]
        self.looked_at = self.train[np.sort(order)]

    def report(self, anyway: bool) -> Report:
        """The whole search."""
        trials = self._trials()
        best = trials[0] if trials else None
        confirmed, p = self._confirmed(best) if best else (0.0, 1.0)
        chosen = best.way if best and (p < self.level or (anyway and best.gain > -np.inf)) else None
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
            gains=self._measured(chosen) if chosen and len(self.test) else [],
            notes=self._notes(p),
        )

    def _notes(self, p: float) -> tuple[str, ...]:
        few = f"chosen on {MOST_ROWS:,} of {len(self.train):,} rows" if len(self.train) > MOST_ROWS else ""
        rare = np.bincount(self.rows.y[self.train]).min()
        scarce = f"the rarest class has {rare} training rows, too few to tell small gains" if rare < 20 else ""
        return (*self.rows.notes, *(note for note in (few, scarce) if note))

    def _trials(self) -> list[Trial]:
        """All ways on one deal of folds, the best first."""
        n = np.bincount(self.rows.y[self.looked_at], minlength=self.rows.n_classes)
        amounts = [a for a in self.amounts if counts(a, self.rows.y[self.looked_at], len(n)).sum()]
        trials = {Way(m, a): Trial(Way(m, a)) for m in self.makers for a in amounts}
        if trials:
            self._try(trials, "chosen", 0.0, 0.5)
        found = sorted(trials.values(), key=lambda t: -t.gain)
        drawn = [t for t in found if t.way.maker not in PLAIN and t.gain > -np.inf]
        if drawn:
            kept = replace(drawn[0].way, keep=KEEP)
            more = {kept: Trial(kept)}
            self._try(more, "chosen", 0.5, 0.6)
            found = sorted([*found, more[kept]], key=lambda t: -t.gain)
        return found

    def _confirmed(self, best: Trial) -> tuple[float, float]:
        """Mean gain and p on other folds."""
        if not best.gain > 0:
            return max(best.gain, -1.0), 1.0
        gains: list[float] = []
        for deal in range(N_CONFIRMED):
            fresh = {best.way: Trial(best.way)}
            span = 0.6 + 0.3 * deal / N_CONFIRMED
            self._try(fresh, f"confirmed {deal}", span, span + 0.3 / N_CONFIRMED)
            gains += fresh[best.way].gains
        known = np.array([g for g in gains if g == g])
        return (float(known.mean()) if len(known) else 0.0), p_value(known, 1 / (self._n_folds - 1))

    @property
    def _n_folds(self) -> int:
        """As many as the rarest class that can be dealt has rows, at most `N_FOLDS`."""
        n = np.bincount(self.rows.y[self.looked_at])
        return int(np.clip(n[n > 1].min(initial=N_FOLDS), 2, N_FOLDS))

    def _try(self, trials: dict[Way, Trial], deal: str, start: float, end: float) -> None:
        """Adds the gains of one deal of folds."""
        seed = derive(self.seed, deal)
        fold = dealt(self.rows.y[self.looked_at], self._n_folds, numpy_generator(seed, "folds"))
        for k in range(self._n_folds):
            self.progress(start + (end - start) * k / self._n_folds, f"{deal.split()[0]}: fold {k + 1}")
            lesson = self.rows.lesson(self.looked_at[fold != k], self.looked_at[fold == k])
            before = self._predicted(lesson, {}, derive(seed, k))
            for way, extra in _each(trials, lesson, self.rows.target, derive(seed, k)):
                after = self._predicted(lesson, extra, derive(seed, k))
                was, now = (value(self.metrics[0], lesson.y_test, p) for p in (before, after))
                trials[way].gains.append(now - was)

    def _measured(self, way: Way) -> list[Gain]:
        """Gains on held-out rows."""
        self.progress(0.9, "measuring on held-out rows")
        lesson, seed = self.rows.lesson(self.train, self.test), derive(self.seed, "held out")
        before = self._predicted(lesson, {}, seed)
        after = self._predicted(lesson, made(way, lesson, self.rows.target, seed), seed)
        return [paired_gain(m, lesson.y_test, before, after, seed) for m in self.metrics]

    def _predicted(self, lesson: Lesson, extra: Batch, seed: int) -> np.ndarray:
        """p(class | row) of the test rows, learnt from the others and further rows (M, K)."""
        classifier: MatrixClassifier = CLASSIFIERS.get(self.judge_model)()
        classifier.bind(lesson.train.space, self.rows.target)
        classifier.fit_rows(joined(lesson.train, extra), derive(seed, "classifier"))
        return classifier.predict_rows(lesson.test)


def _each(trials: dict[Way, Trial], lesson: Lesson, target: str, seed: int) -> Iterator[tuple[Way, Batch]]:
    """The rows of every way; a maker learns once, and one that fails is not asked again."""
    for name in dict.fromkeys(way.maker for way in trials):
        ways = [way for way in trials if way.maker == name and not trials[way].reason]
        by = None
        for way in ways:
            try:
                by = by or maker(name, lesson.train, target, derive(seed, name))
                extra = made(way, lesson, target, seed, by)
            except GenwrightError as error:
                trials[way].reason = str(error)
                continue
            yield way, extra


def _makers(model: str | Iterable[str]) -> tuple[str, ...]:
    names = as_names(model)
    if names == ("auto",):
        return (*FAMILIES, *PLAIN)
    for name in names:
        if name not in PLAIN and name not in MODELS.names():
            raise UnknownNameError(name, [*MODELS.names(), *PLAIN], "what makes rows of a class")
        if name not in PLAIN and not issubclass(MODELS.get(name), HasSolution):
            raise UnsupportedError(f"{name} learns by gradient steps, once a fold: name one of {', '.join(FAMILIES)}")
    return names


def _amounts(amount: Amount) -> tuple[float | str, ...]:
    named = ("balance", "half", "double")
    if amount == "auto":
        return named
    if isinstance(amount, str):
        if amount not in named:
            raise UnknownNameError(amount, [*named, "auto"], "the amounts")
        return (amount,)
    if not 0 < amount <= 100:
        raise ConfigError(f"amount = {amount} times the rows; expected above 0 and at most 100")
    return (float(amount),)


def _check(judge_model: str, held_out: float, level: float) -> None:
    if not issubclass(CLASSIFIERS.get(judge_model), MatrixClassifier):
        raise ConfigError(
            f"judge_model {judge_model} learns by gradient steps; name one that learns in one go: boosting"
        )
    if not 0 <= held_out < 1:
        raise ConfigError(f"held_out = {held_out} of the rows; expected 0 up to but not including 1")
    if not 0 < level < 1:
        raise ConfigError(f"level = {level}; expected between 0 and 1, such as 0.05")
