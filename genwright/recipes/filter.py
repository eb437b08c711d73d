"""Keep the draws that look most like real rows, without losing what real rows vary in.

A calibrated detector learns to tell real rows from draws; its odds are the density ratio r(x) (`nn/density_ratio.py`),
and draws are kept with a probability that rises with it (`nn/acceptance.py`). Where the rows hold few numbers in all, a
second detector learns what tells the draws that the first would keep from real rows. These follow p(x | drawn) a(x),
where a is the probability to be kept, so that with the second one's odds r₂ the ratio is

    r(x) ∝ a(x) r₂(x)

A fitted classifier can judge instead: then r(x) is the odds of the class that is wanted. Of pictures detectors read the
numbers that judges see in them (`nn/picture_numbers.py`), networks all pixels.

Before any row goes out, the same is done to pilot draws, and the coverage of real rows by kept ones is compared with
that by as many unfiltered ones (`nn/coverage.py`). Where more than a stated share of it would be lost, the filter is
weakened, step by step; the report says so. A fresh detector tells the kept pilot draws from real rows, and as many that
were not filtered: where it tells them no worse, the report says that the filter does not help, and where the difference
lies within its 95 % interval, that this is not certain. Both sides share the real rows, so that the interval, which
takes them for independent, is rather too wide.

Kept row j is a function of (run, seed, settings, j), however many are asked for.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from genwright.core.classifier import Classifier, MatrixClassifier
from genwright.core.codec import TableCodec
from genwright.core.config import configure, is_number
from genwright.core.dataset import Dataset, concat, n_rows, select
from genwright.core.errors import ConfigError, DataError, FitError, UnknownNameError
from genwright.core.given import meets, parse
from genwright.core.model import HasLoss, Progress
from genwright.core.picture_judge import PictureJudge
from genwright.core.predictions import UNSEEN
from genwright.core.registry import CLASSIFIERS
from genwright.core.rng import derive, numpy_generator
from genwright.core.space import Batch, Space, pictures, row_shape
from genwright.core.statistics import Z95, Estimate
from genwright.data.class_codes import class_codes, listed
from genwright.data.typed import as_written
from genwright.judges.detectability import WIDENING
from genwright.nn.acceptance import Acceptance, Method, fitted
from genwright.nn.coverage import K, coverage
from genwright.nn.density_ratio import LEAST_ROWS, N_FOLDS, DensityRatio, in_one_go
from genwright.nn.picture_features import PictureFeatures
from genwright.nn.picture_numbers import PictureNumbers
from genwright.runs.classifier_run import ClassifierRun
from genwright.runs.draw import whole
from genwright.runs.frames import known_flavour
from genwright.runs.picture_evidence import is_readable, learnt
from genwright.runs.run import Run, silent
from genwright.training.budget import Budget
from genwright.training.taught import Teacher

USUAL, USUAL_OF_PICTURES = "boosting", "logistic"  # the detector where none is named
MOST_ROWS = 50_000  # real rows that a detector learns from at most, and as many draws, while they hold at most
MOST_NUMBERS = 1_000_000  # numbers in all; but
FEWEST = 10_000  # of them however large rows are
N_FOLDS_OF_NETWORKS = 3
USUAL_MINUTES = 5.0  # of all networks of a detector together
AGAIN = 3  # draws for each real row, of which a second detector sees those that the first would keep
LEAST_KEPT = 1e-9  # probabilities to be kept count as it where they are smaller
LEAST_FOR_SECOND = 300  # real rows for a second detector
WATCHED = 1_000  # kept pilot rows that coverage is measured with
MOST_LOSS = 0.1  # share of the coverage that may be lost
STRENGTHS = (1.0, 0.75, 0.5, 0.25)
LEAST_KEEP = 0.001  # share of the draws that can be kept: the pilot draws are WATCHED / keep, all in memory
VAIN = 50  # blocks without a single kept row before the filter gives up


@dataclass
class Report:
    """What a filter does.

    Args:
        keep: Share of the draws that it was to keep.
        judged_by: The detector, or the classifier.
        strength: 1: the whole filter; less: weakened to save coverage; 0: nothing is filtered.
        auc: How well the detector tells real rows from draws it has not seen; NaN for a classifier.
        coverage_before: Of real rows, by unfiltered pilot draws; NaN where it is not watched.
        coverage_after: The same by as many kept ones.
        told_before: How well a fresh detector tells unfiltered pilot draws from real rows, AUC; NaN: not asked.
        told_after: The same of as many kept ones.
        told_error: Half the 95 % interval of how much `told_before` exceeds `told_after`.
        n_tried: Draws looked at so far.
        n_kept: Of them kept.
        notes: What else to know, in sentences.
    """

    keep: float
    judged_by: str
    strength: float = 1.0
    auc: float = float("nan")
    coverage_before: float = float("nan")
    coverage_after: float = float("nan")
    told_before: float = float("nan")
    told_after: float = float("nan")
    told_error: float = float("nan")
    n_tried: int = 0
    n_kept: int = 0
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kept = f"kept {self.n_kept:,} of {self.n_tried:,} draws by {self.judged_by}"
        auc = "" if np.isnan(self.auc) else f", which tells them from real rows with AUC {self.auc:.3f}"
        watched = (
            ""
            if np.isnan(self.coverage_before)
            else (f"; coverage of real rows {self.coverage_before:.1%} → {self.coverage_after:.1%}")
        )
        told = (
            ""
            if np.isnan(self.told_before)
            else f"; a fresh detector tells them with AUC {self.told_before:.3f} → {self.told_after:.3f} "
            f"(the difference ± {self.told_error:.3f})"
        )
        return f"{kept}{auc}{watched}{told}" + "".join(f"; {note}" for note in self.notes)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {k: None if isinstance(v, float) and np.isnan(v) else v for k, v in asdict(self).items()}


class Filter:
    """Draws of a run, filtered; it is set up once, and gives as many rows as are asked for.

    Args:
        run: Fitted.
        given: Conditions of the draws, as `Run.sample` takes them.
        keep: Share of the draws that is kept.
        judged_by: A family of `genwright.classifiers` that learns to tell real rows from draws, or a fitted classifier;
            `auto`: `boosting`, of pictures `logistic`.
        wanted: With a classifier: the class that draws should be. Without it, each row's own value of the classifier's
            target, where the run draws that; else the class `real`.
        real: Real rows; those the run learnt from where it is not given.
        method: "reject" or "importance", see `nn/acceptance.py`.
        most_loss: Share of the coverage that may be lost.
        minutes: Of all networks that learn to judge, 5 where nothing is said.
        steps: Gradient steps of each of them instead.
        seed: Of the draws; the run's own where it is not given.
        progress: Called with (fraction done, what is being done).
        settings: Of the draw.

    Raises:
        DataError: real rows are needed and not at hand.
        FitError: they are too few.
        ConfigError: a share is out of range, or the detector cannot be used.
        UnknownNameError: there is no such detector, method or class.
    """

    def __init__(
        self,
        run: Run,
        given: Any = None,
        *,
        keep: float = 0.25,
        judged_by: "str | ClassifierRun" = "auto",
        wanted: Any = None,
        real: Any = None,
        method: Method = "importance",
        most_loss: float = MOST_LOSS,
        minutes: float | None = None,
        steps: int | None = None,
        seed: int | None = None,
        progress: Progress = silent,
        **settings: Any,
    ):
        if not (is_number(keep) and 0 < keep <= 1):
            raise ConfigError(f"keep = {keep!r:.40} of the draws; expected above 0 and at most 1")
        if keep < LEAST_KEEP:
            n = f"{WATCHED / keep:,.0f} pilot draws, more than memory may hold"
            raise ConfigError(f"keep = {keep:g} of the draws; expected at least {LEAST_KEEP:g}: less would take {n}")
        if not (is_number(most_loss) and 0 <= most_loss <= 1):
            raise ConfigError(f"most_loss = {most_loss!r:.40} of the coverage; expected from 0 to 1")
        if not isinstance(judged_by, str | ClassifierRun):
            found = (
                f"a run of {judged_by.artefact.model_name}, which draws" if isinstance(judged_by, Run) else judged_by
            )
            what = f"judged_by is {found!s:.60}; expected a run that predicts"
            raise ConfigError(f"{what}, as genwright.classify makes one, or the name of a classifier, such as {USUAL}")
        self.run, self.method, self.most_loss = run, method, most_loss
        self.seed = run.artefact.seed if seed is None else seed
        self.draw = run.draw(given, seed=self.seed, **settings)
        self._own = lambda what: run.draw(given if what == "pilot" else None, seed=derive(self.seed, what), **settings)
        self.budget = Budget(USUAL_MINUTES if minutes is None and steps is None else minutes, steps)
        if judged_by == "auto":
            judged_by = self._usual
        name = judged_by if isinstance(judged_by, str) else f"the classifier of {judged_by.target!r}"
        self.report = Report(keep, name)
        real_rows = self._real(real, needed=isinstance(judged_by, str))
        progress(0.0, "filtering: learning what real rows look like")
        self.judge = (
            self._detector(judged_by, real_rows) if isinstance(judged_by, str) else _Odds(judged_by, run, wanted)
        )
        progress(0.5, "filtering: watching coverage")
        self.accept = self._watched(self._met(real_rows, given), judged_by if isinstance(judged_by, str) else "")
        progress(1.0, "filtering")

    def tables(self, n: int) -> Iterator[pa.Table]:
        """The first n kept rows as Arrow tables.

        Raises:
            FitError: next to nothing is kept.
        """
        size, left, vain, block = self.run.model.chunk, n, 0, 0
        while left > 0:
            table = pa.concat_tables(list(self.draw.tables(size, block * size)))
            u = numpy_generator(self.seed, "filter", block).random(table.num_rows)
            kept = np.flatnonzero(u < self.accept(self.judge(table)))
            vain = 0 if len(kept) else vain + 1
            if vain == VAIN:
                raise FitError(f"none of {VAIN * size:,} draws was kept: the pilot draws were unlike them; keep more")
            last = kept[left - 1] if len(kept) >= left else table.num_rows - 1
            kept = kept[:left]
            self.report.n_tried, self.report.n_kept = (
                self.report.n_tried + int(last) + 1,
                self.report.n_kept + len(kept),
            )
            left, block = left - len(kept), block + 1
            if len(kept):
                yield table.take(pa.array(kept))

    def _real(self, real: Any, needed: bool) -> Batch:
        """Real rows, at most some; none where they are not at hand and only watching would need them."""
        run = self.run
        if real is not None:
            own: Dataset | None = _dataset(run, real)
        else:
            run.remember_rows(need_train=True, need_held_out=False)
            own = run.train
        if own is None or not len(own):
            if needed:
                raise DataError("a detector needs real rows, and those of the fit are not at hand: pass real=…, a file")
            return {}
        n = min(max(MOST_NUMBERS // _n_numbers(own.space), FEWEST), MOST_ROWS)
        return own.sample_rows(n, numpy_generator(self.seed, "filter", "real"))

    @property
    def _usual(self) -> str:
        """The detector of such rows: what the numbers of pictures tell is a matter of sums, not of thresholds."""
        return USUAL_OF_PICTURES if pictures(self.run.artefact.codec.space) else USUAL

    def _detector(self, name: str, real: Batch) -> "_Detector":
        n, is_network = n_rows(real), issubclass(CLASSIFIERS.get(name), HasLoss)
        self.numbers, whole_rows = self._numbers(real), _Sight(self.run.artefact.codec)
        see = whole_rows if is_network else self.numbers
        n_folds = N_FOLDS_OF_NETWORKS if is_network else N_FOLDS
        how = (n_folds, _straight if see.numbers else Teacher(self.budget.each(n_folds)).classifier)
        real = see.encoded(real)
        first = DensityRatio(see.space, name, derive(self.seed, "detector"), *how)
        first.fit(real, self._seen(see, "detector", n))
        self.report.auc = first.auc.value
        if n < LEAST_FOR_SECOND or n * _n_numbers(see.space) > MOST_NUMBERS or is_network:
            return _Detector(see, first)
        more = self._seen(see, "second detector", AGAIN * n)
        log_ratio = first(more)
        accept = fitted(log_ratio, 1 / AGAIN, self.method)
        u = numpy_generator(self.seed, "filter", "second detector").random(len(log_ratio))
        kept = select(more, np.flatnonzero(u < accept(log_ratio)))
        second = DensityRatio(see.space, name, derive(self.seed, "second detector"), *how).fit(real, kept)
        return _Detector(see, first, accept, second)

    def _numbers(self, real: Batch) -> "_Sight":
        """Rows with numbers for their pictures, learnt from real rows unless the run has them."""
        codec, kept = self.run.artefact.codec, self.run.artefact.features
        if not pictures(codec.space):
            return _Sight(codec)
        if kept is None or not is_readable(codec.space, kept):
            kept = learnt(Dataset(codec.space, {name: x.numpy() for name, x in real.items()}), None)
        features = PictureFeatures.from_state(PictureJudge.sees(codec.space), kept)
        return _Sight(codec, PictureNumbers(codec.space, features))

    def _seen(self, see: "_Sight", what: str, n: int) -> Batch:
        """Draws that are none of the filter's own."""
        return see(pa.concat_tables(list(self._own(what).tables(max(n, 1)))))

    def _met(self, real: Batch, given: Any) -> Batch:
        """The real rows that meet the conditions of the draws."""
        if not n_rows(real) or not self.draw.conditions:
            return real
        codec = self.run.artefact.codec
        names = {c.column for c in parse(given)}
        table = pa.table({name: codec.codecs[name].decode(real[name]) for name in names})
        return select(real, np.flatnonzero(meets(self.draw.conditions, table)))

    def _watched(self, real: Batch, detector: str) -> Acceptance:
        """The strongest filter that keeps enough of the coverage."""
        report, codec = self.report, self.run.artefact.codec
        pilot = pa.concat_tables(list(self._own("pilot").tables(int(np.ceil(WATCHED / report.keep)))))
        log_ratio, rows = self.judge(pilot), codec.encode(pilot)
        strongest = fitted(log_ratio, report.keep, self.method)
        real = select(real, np.arange(min(n_rows(real), WATCHED)))
        if n_rows(real) <= 4 * K:
            report.notes.append("coverage is not watched: too few real rows are at hand")
            return strongest
        u = numpy_generator(self.seed, "filter", "pilot").random(len(log_ratio))
        for strength in STRENGTHS:
            accept = fitted(log_ratio, report.keep, self.method, strength)
            kept = np.flatnonzero(u < accept(log_ratio))
            before = coverage(real, select(rows, np.arange(len(kept))), codec.space)
            after = coverage(real, select(rows, kept), codec.space)
            report.strength, report.coverage_before, report.coverage_after = strength, before, after
            if np.isnan(before):
                report.notes.append("coverage is not watched: no column holds numbers, categories or pictures")
                return strongest
            if after >= (1 - self.most_loss) * before:
                if strength < 1:
                    report.notes.append(f"weakened to {strength:g} of its strength, so that coverage stays")
                if detector:
                    self._asked(detector, real, rows, kept)
                return accept
        report.strength, report.coverage_after = 0.0, report.coverage_before
        report.notes.append(f"not filtered: every filter would lose more than {self.most_loss:.0%} of the coverage")
        return fitted(log_ratio, 1.0, "importance", 0.0)

    def _asked(self, detector: str, real: Batch, pilot: Batch, kept: np.ndarray) -> None:
        """What a fresh detector says of the pilot draws that are kept, and of as many of all."""
        n, report = min(n_rows(real), len(kept)), self.report
        if n < LEAST_ROWS:
            return
        name = detector if issubclass(CLASSIFIERS.get(detector), MatrixClassifier) else self._usual
        see, teach = self.numbers, _straight if self.numbers.numbers else in_one_go
        real = see.encoded(select(real, np.arange(n)))

        def told(rows: np.ndarray) -> Estimate:
            ratio = DensityRatio(see.space, name, derive(self.seed, "fresh detector"), teach=teach)
            return ratio.fit(real, see.encoded(select(pilot, rows[:n]))).auc

        before, after = told(np.arange(n_rows(pilot))), told(kept)
        report.told_before, report.told_after = before.value, after.value
        report.told_error = Z95 * WIDENING * math.hypot(before.error, after.error)
        if after.value >= before.value:
            report.notes.append("the filter does not help: kept draws are told as easily; name another detector")
        elif before.value - after.value < report.told_error:
            report.notes.append("that the filter helps is not certain: chance alone may make this difference")


@dataclass(frozen=True)
class Filtered:
    """Kept rows, and how they were kept."""

    rows: Any
    report: Report


def filtered(run: Run, n: int, given: Any = None, *, flavour: Any = None, **options: Any) -> Filtered:
    """n kept draws as a frame.

    Args:
        run: Fitted.
        n: Rows to keep.
        given: Conditions, as `Run.sample` takes them.
        flavour: "pandas", "polars" or "arrow"; what the run was fitted on where it is not given.
        options: Of `Filter`: `keep`, `judged_by`, `wanted`, `real`, `method`, `most_loss`, `seed` …

    Raises:
        ConfigError: n is not a whole number; as `Filter` besides.
    """
    n = whole(n, "n")
    flavour = known_flavour(flavour) or run.artefact.facts.get("flavour", "pandas")
    kept = Filter(run, given, **options)
    tables = list(kept.tables(n))
    table = pa.concat_tables(tables) if tables else next(run.stream(1)).slice(0, 0)
    return Filtered(run.framed(table, flavour), kept.report)


@dataclass(frozen=True)
class _Sight:
    """What a detector reads of records."""

    codec: TableCodec
    numbers: PictureNumbers | None = None

    @property
    def space(self) -> Space:
        """Of what it reads."""
        return self.numbers.space if self.numbers else self.codec.space

    def __call__(self, table: pa.Table) -> Batch:
        """Of a table."""
        return self.encoded(self.codec.encode(table))

    def encoded(self, rows: Batch) -> Batch:
        """Of rows that the codec has encoded."""
        return self.numbers(rows) if self.numbers else rows


@dataclass(frozen=True)
class _Detector:
    """log r(x) of records, by one detector, or by a second one of what the first would keep."""

    see: _Sight
    first: DensityRatio
    accept: Acceptance | None = None
    second: DensityRatio | None = None

    def __call__(self, table: pa.Table) -> np.ndarray:
        rows = self.see(table)
        log_ratio = self.first(rows)
        if self.accept is None or self.second is None:
            return log_ratio
        return np.log(np.maximum(self.accept(log_ratio), LEAST_KEPT)) + self.second(rows)


class _Odds:
    """log odds of the wanted class of records, by a classifier."""

    def __init__(self, classifier: ClassifierRun, run: Run, wanted: Any):
        self.classifier, self.run, self.own = classifier, run, ""
        self.names = [str(name) for name in classifier.classes]
        self.known = classifier.known_classes
        drawn = {column.name for column in run.schema if column.kind != "omitted"}
        absent = [name for name in classifier.columns if name not in drawn]
        if absent:
            raise DataError(
                f"the classifier of {classifier.target!r} reads column {absent[0]!r}, which draws do not have; "
                "name one that was fitted to such rows"
            )
        if wanted is None and classifier.target in run.artefact.codec.modelled:
            self.own = classifier.target
        else:
            self.wanted = str("real" if wanted is None else wanted)
            if self.wanted not in self.names:
                raise UnknownNameError(
                    self.wanted, self.names, f"the classes of {classifier.target!r}; say wanted=… (--wanted)"
                )

    def __call__(self, table: pa.Table) -> np.ndarray:
        found = self.classifier.predict_proba(table, flavour="arrow")
        p = np.stack([found.column(name).to_numpy() for name in self.names], 1)  # (B, K)
        codes = self._own_codes(table) if self.own else np.full(len(p), self.names.index(self.wanted))
        of_wanted = np.where(codes >= 0, p[np.arange(len(p)), codes], 0.0)
        odds = np.clip(of_wanted, 1e-6, 1 - 1e-6)
        return np.log(odds) - np.log1p(-odds)

    def _own_codes(self, table: pa.Table) -> np.ndarray:
        """The class that each row has (B,); below 0 where that is missing, or none of the classifier's.

        Raises:
            DataError: no row has a class of the classifier's.
        """
        values = as_written(table.column(self.own), self.run.schema[self.own])
        codes = class_codes(values, self.known)
        if (codes == UNSEEN).any() and not (codes >= 0).any():
            what = f"draws have {listed(values)} as {self.own!r}, and the classifier knows {listed(self.known)}"
            raise DataError(f"{what}; write them alike and fit anew, or say wanted=… (--wanted)")
        return codes


def _straight(name: str, data: Dataset, target: str, seed: int) -> Classifier:
    """Teaches a detector of pictures; `logistic` without hinges, since these numbers are many, and sums of others."""
    if name != "logistic":
        return in_one_go(name, data, target, seed)
    machine = CLASSIFIERS.get(name)(configure(CLASSIFIERS.get(name).Config, {"n_knots": 0})).bind(data.space, target)
    assert isinstance(machine, MatrixClassifier)
    machine.fit_rows(data, seed)
    return machine


def _n_numbers(space: Space) -> int:
    """Of a row."""
    return max(sum(math.prod(row_shape(f)) for f in space.values()), 1)


def _dataset(run: Run, rows: Any) -> Dataset:
    return Dataset(run.artefact.codec.space, {n: x.numpy() for n, x in concat(list(run.encode(rows))).items()})
