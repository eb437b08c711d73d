"""genwright's judges on plain frames: what a generator's rows score beside real rows of one table.

Frames are encoded here and not by genwright's codecs, so that no generator gains from a codec made for another: a
number is itself, every other value a category, and a value that no real row has stays visible as a level of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmarks.table_data import Source, independent_columns
from genwright.core.features import equal_size, matrix, sample_rows
from genwright.core.judge import Evidence, Judge, Measure
from genwright.core.registry import JUDGES
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Category, Field, Real, Space
from genwright.core.statistics import auc, normal_measure
from genwright.judges.detectability import WIDENING

Judged = Callable[[Judge, Evidence], Batch]  # which rows of the evidence a judge is to measure
PLAIN = "plain_detector"


@dataclass(frozen=True)
class Number:
    """One column of the comparison.

    Args:
        judge: Name in `genwright.judges`, or `PLAIN`.
        parts: Of the judge; the first that the table has is taken.
        against_train: The judge gets the training rows in place of the held-out ones.
    """

    judge: str
    parts: tuple[str, ...]
    against_train: bool = False


NUMBERS = {
    "detectability": Number("detectability", ("boosting",)),
    "detectability_train": Number("detectability", ("boosting",), against_train=True),
    "detectability_plain": Number(PLAIN, ("",)),
    "utility": Number("utility", ("auc", "r2")),
    "marginals": Number("marginals", ("",)),
    "pairs": Number("associations", ("pairs",)),
    "exact": Number("near_copies", ("exact",)),
    "closer": Number("near_copies", ("closer",)),
    "closer_tail": Number("near_copies", ("closer_tail",)),
    "membership": Number("membership", ("auc",)),
}


class PlainDetector(Judge):
    """scikit-learn's boosting with all its defaults, as anyone would take it to check a figure.

    Above 10,000 rows they stop it early, after fewer trees than those of genwright's own detector.
    """

    max_rows = 10_000

    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """Pooled out-of-fold AUC of five folds, with the interval of genwright's detector."""
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.model_selection import StratifiedKFold, cross_val_predict

        rng = numpy_generator(evidence.seed, PLAIN)
        n = self._size(fake, evidence)
        X, is_category = zip(*(matrix(sample_rows(x, n, rng), evidence.space) for x in (evidence.held_out, fake)))
        is_fake = np.repeat([False, True], n)
        trees = HistGradientBoostingClassifier(categorical_features=is_category[0], random_state=evidence.seed)
        folds = StratifiedKFold(5, shuffle=True, random_state=evidence.seed)
        chances = cross_val_predict(trees, np.concatenate(X), is_fake, cv=folds, method="predict_proba")[:, 1]
        found = auc(chances, is_fake)
        return {"": normal_measure(found.value, WIDENING * found.error, 2 * n, 0, 1)}

    def protocol(self, evidence: Evidence) -> str:
        """Rows and detector."""
        return (
            f"{self._size(evidence.fake, evidence):,} draws against as many held-out rows, scikit-learn's "
            "`HistGradientBoostingClassifier` with its defaults (it stops early above 10,000 rows), "
            "5-fold stratified cross-validation, out-of-fold scores pooled, DeLong's interval widened by √2"
        )

    def _size(self, fake: Batch, evidence: Evidence) -> int:
        return min(equal_size(fake, evidence, self.max_rows), len(next(iter(evidence.held_out.values()))))


def judge_of(name: str) -> Judge:
    """The judge of a number."""
    return PlainDetector() if name == PLAIN else JUDGES.get(name)()


@dataclass(frozen=True)
class Arena:
    """The real rows of one table, and what its generators are asked."""

    source: Source
    train: pd.DataFrame
    held_out: pd.DataFrame
    seed: int = 0

    @cached_property
    def trivial(self) -> pd.DataFrame:
        """Draws of independent columns, as many as training rows."""
        return independent_columns(self.train, len(self.train), self.seed)

    def evidence(self, fake: pd.DataFrame, against_train: bool = False) -> Evidence:
        """What the judges look at."""
        frames = [self.train, self.held_out, fake, self.trivial]
        space, (train, held_out, drawn, trivial) = encode(frames)
        real = train if against_train else held_out
        return Evidence(space, train, real, drawn, trivial, targets=(self.source.target,), seed=self.seed)

    def protocols(self) -> dict[str, str]:
        """Number → how it is measured, in the judge's own words."""
        sides = {against: self.evidence(self.trivial, against) for against in (False, True)}
        found = {n: judge_of(number.judge).protocol(sides[number.against_train]) for n, number in NUMBERS.items()}
        trained = {n: found[n].replace("held-out rows", "training rows") for n in found if NUMBERS[n].against_train}
        return found | trained


def encode(frames: list[pd.DataFrame]) -> tuple[Space, list[Batch]]:
    """Frames with the columns of the first as batches of one space."""
    fields: dict[str, Field] = {}
    batches: list[Batch] = [{} for _ in frames]
    for name in frames[0]:
        columns = [frame[name] for frame in frames]
        fields[name], tensors = _encode_column(columns)
        for batch, x in zip(batches, tensors, strict=True):
            batch[name] = x
    return Space(fields), batches


def _encode_column(columns: list[pd.Series]) -> tuple[Field, list[torch.Tensor]]:
    """A number with more than two values is real; everything else is a category, a missing cell one of its levels."""
    real_values = columns[0]
    if pd.api.types.is_numeric_dtype(real_values) and real_values.nunique() > 2:
        arrays = [c.to_numpy(float) for c in columns]
        return Field(Real(has_missing=True)), [torch.from_numpy(a.copy()) for a in arrays]
    levels = sorted(set().union(*(c.dropna() for c in columns)))
    codes = [pd.Categorical(c, categories=levels).codes.astype(np.int64) for c in columns]
    return Field(Category(len(levels) + 1)), [torch.from_numpy(np.where(c < 0, len(levels), c)) for c in codes]


def draws(_: Judge, evidence: Evidence) -> Batch:
    """The generator's rows."""
    return evidence.fake


def floor(judge: Judge, evidence: Evidence) -> Batch:
    """Real rows in place of draws."""
    return judge.anchors(evidence)[0]


def score(arena: Arena, fake: pd.DataFrame, judged: Judged = draws) -> dict[str, dict[str, Any]]:
    """Number → value, interval and rows, for one generator's draws."""
    found: dict[str, dict[str, Any]] = {}
    for against_train in (False, True):
        evidence = arena.evidence(fake, against_train)
        names = [n for n, number in NUMBERS.items() if number.against_train is against_train]
        for judge_name in dict.fromkeys(NUMBERS[n].judge for n in names):
            judge = judge_of(judge_name)
            measures = judge.measure(judged(judge, evidence), evidence)
            found |= {n: _number(NUMBERS[n], measures) for n in names if NUMBERS[n].judge == judge_name}
    return {n: s for n, s in found.items() if s}


def score_floor(arena: Arena) -> dict[str, dict[str, Any]]:
    """What real rows score: each judge's own floor; against the training rows, the held-out ones are the draws."""
    found = score(arena, arena.train, floor)
    number, swapped = NUMBERS["detectability_train"], arena.evidence(arena.held_out, against_train=True)
    found["detectability_train"] = _number(number, judge_of(number.judge).measure(swapped.fake, swapped))
    return found


def _number(number: Number, measures: dict[str, Measure]) -> dict[str, Any]:
    part = next((p for p in number.parts if p in measures), None)
    if part is None:
        return {}  # the judge had nothing to say about this table
    m = measures[part]
    return {"value": m.value, "low": m.low, "high": m.high, "n": m.n, "part": part}
