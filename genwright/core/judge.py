"""The contract of every metric: one a file in `judges/`; a number never travels without its anchors.

A judge measures some rows against the real ones. The same measurement on two stand-ins gives the anchors: the
*floor* (real rows in place of draws: as good as it gets) and the *ceiling* (draws of the trivial model, independent
columns).
"""

import abc
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from genwright.core.space import Batch, Category, Real, Space

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    import torch

    from genwright.core.dataset import Dataset

Direction = Literal["lower", "higher", "half"]  # half: 0.5 is best, as for an AUC that should see no difference


@dataclass(frozen=True)
class Evidence:
    """Everything a judge may look at: encoded rows of one space.

    Args:
        space: Their space.
        train: Real rows the model learnt from.
        held_out: Real rows it did not see.
        fake: Its draws.
        trivial: Draws of independent columns fitted to the same training rows.
        log_prob: Log probability of rows (B,) in nats under the model, or a bound; None where it has neither.
        trivial_log_prob: The same under independent columns.
        is_bound: `log_prob` is a lower bound.
        bound_name: Which one.
        targets: Columns to be predicted in `utility`; empty: the judge chooses.
        seed: For the judges' own randomness.
        records: Encoded rows, of all columns or of some, as a table of records; for judges that read texts. None where
            nobody can decode.
        given: Columns that the model is always given and does not model; empty where that is not known.
        given_log_prob: What `log_prob` holds of them; None: nothing.
        trivial_given_log_prob: The same under independent columns.
        shared: Floors and ceilings that were measured for other runs on the same rows; judges look there first and add
            what they measure.
        predict: Encoded rows → a column as the model guesses it from the others; None where it guesses none.
        train_rows: Numbers (N,) of `train` among all training rows, so that they can be found again; None: unknown.
        all_train: All training rows with pictures, of which `train` may be a sample; None where they are not at hand.
        features: Of pictures, as `nn/picture_features` keeps them in a run; None: judges learn them from `train`.
        memo: What judges work out of these rows for each other.
    """

    space: Space
    train: Batch
    held_out: Batch
    fake: Batch
    trivial: Batch
    log_prob: "Callable[[Batch], torch.Tensor] | None" = None
    trivial_log_prob: "Callable[[Batch], torch.Tensor] | None" = None
    is_bound: bool = False
    bound_name: str = ""
    targets: tuple[str, ...] = ()
    seed: int = 0
    records: "Callable[[Batch], pa.Table] | None" = None
    given: tuple[str, ...] = ()
    given_log_prob: "Callable[[Batch], torch.Tensor] | None" = None
    trivial_given_log_prob: "Callable[[Batch], torch.Tensor] | None" = None
    shared: "dict[tuple[type, str], list[dict[str, Measure]]] | None" = None
    predict: "Callable[[Batch], Batch] | None" = None
    train_rows: "np.ndarray | None" = None
    all_train: "Dataset | None" = None
    features: "dict[str, torch.Tensor] | None" = None
    memo: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def digest(self) -> str:
        """Of what floors and ceilings rest on: real rows, trivial draws, number of draws, targets, seed, features."""
        import hashlib

        n_fake = len(next(iter(self.fake.values()))) if self.fake else 0
        n_all = None if self.all_train is None else len(self.all_train)  # `train` is a sample of these, by the seed
        found = hashlib.sha256(repr((n_fake, n_all, self.targets, self.seed, list(self.space.items()))).encode())
        for rows in (self.train, self.held_out, self.trivial):
            for name, x in rows.items():
                found.update(name.encode() + repr(tuple(x.shape)).encode() + x.numpy().tobytes())
        for name, x in sorted((self.features or {}).items()):
            found.update(name.encode() + x.numpy().tobytes())
        return found.hexdigest()


@dataclass(frozen=True)
class Measure:
    """One measured number.

    Args:
        value: The number.
        low: Lower end of its 95 % interval.
        high: Upper end.
        n: Rows it rests on.
        details: Parts of it that a report may draw: per column, per pair …
    """

    value: float
    low: float
    high: float
    n: int
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """A measured number with all that is needed to read it.

    Args:
        name: `judge` or `judge.part`.
        value: The number, with its 95 % interval `low` … `high`, resting on `n` rows.
        floor: The same measured on real rows: as good as it gets.
        ceiling: The same measured on draws of independent columns.
        unit: Of the value.
        direction: Which way is better.
        protocol: How it was measured, in a sentence.
        source: Where the metric comes from.
        details: Parts of it that a report may draw.
        floor_low: Lower end of the floor's 95 % interval; None: not known.
        floor_high: Its upper end.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    floor: float
    ceiling: float
    unit: str
    direction: Direction
    protocol: str
    source: str
    details: dict[str, Any] = field(default_factory=dict)
    floor_low: float | None = None
    floor_high: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Part:
    """What one number of a judge is."""

    unit: str
    direction: Direction
    meaning: str  # one sentence for a reader who has never met it


def owner(score: str) -> tuple[str, str]:
    """The judge and the part that a score's name is made of; no judge of that name need be installed.

    >>> owner("utility.auc"), owner("perplexity")
    (('utility', 'auc'), ('perplexity', ''))
    """
    from genwright.core.registry import JUDGES

    judge, _, part = score.partition(".")
    names = JUDGES.names()
    if part or judge in names:
        return judge, part
    longest = max((name for name in names if judge.startswith(f"{name}_")), key=len, default="")
    return (longest, judge.removeprefix(f"{longest}_")) if longest else (judge, "")


def scalars(space: Space) -> Space:
    """Its single numbers and categories."""
    return Space({n: f for n, f in space.items() if isinstance(f.support, Real | Category) and not f.event_shape})


def comparable(space: Space) -> Space:
    """The same for judges that compare rows: nothing where one number or category is all they see of longer rows."""
    seen = scalars(space)
    return seen if len(seen) > 1 or len(seen) == len(space) else Space()


class Judge(abc.ABC):
    """A metric, or a few that are measured together.

    `parts` names its numbers; a judge with a single number calls it "".
    """

    parts: ClassVar[dict[str, Part]]
    joint: ClassVar[str] = "."  # between the judge's name and a part's in the name of a score; "." or "_"
    needs: ClassVar[frozenset[str]] = frozenset({"train", "held_out", "fake"})  # of the evidence's fields
    source: ClassVar[str]
    looks_at: ClassVar[str] = "single numbers and categories"  # what `sees` looks for, in words

    @classmethod
    def sees(cls, space: Space) -> Space:
        """The columns it looks at: single numbers and categories, unless a judge says otherwise; none: not for it."""
        return scalars(space)

    @abc.abstractmethod
    def measure(self, fake: Batch, evidence: Evidence) -> dict[str, Measure]:
        """Part → the number for `fake`, which may be draws or a stand-in. Parts that make no sense are left out."""

    @abc.abstractmethod
    def protocol(self, evidence: Evidence) -> str:
        """How it is measured, in a sentence: classifier, folds, subsample."""

    def anchors(self, evidence: Evidence) -> tuple[Batch, Batch]:
        """The rows that stand in for draws in (floor, ceiling)."""
        return evidence.train, evidence.trivial

    def scores(self, evidence: Evidence) -> list[Score]:
        """The numbers of the draws between their anchors."""
        found = self.measure(evidence.fake, evidence)
        floor, ceiling = self._anchored(evidence)
        return self.between(found, floor, ceiling, evidence)

    def _anchored(self, evidence: Evidence) -> list[dict[str, Measure]]:
        """The numbers of floor and ceiling, measured or known."""
        shared, key = evidence.shared, (type(self), "" if evidence.shared is None else evidence.digest())
        if shared is not None and key in shared:
            return shared[key]
        found = [self.measure(rows, evidence) for rows in self.anchors(evidence)]
        if shared is not None:
            shared[key] = found
        return found

    def by_likelihood(self, on: "Callable[..., dict[str, Measure]]", evidence: Evidence) -> list[Score]:
        """The scores of a surprise: at held-out rows; floor: at training rows; ceiling: under the trivial model.

        Args:
            on: (rows, log p, log p of what is given or None, evidence) → what was measured.
            evidence: With both models' likelihoods.
        """
        found = on(evidence.held_out, evidence.log_prob, evidence.given_log_prob, evidence)
        floor = on(evidence.train, evidence.log_prob, evidence.given_log_prob, evidence)
        ceiling = on(evidence.held_out, evidence.trivial_log_prob, evidence.trivial_given_log_prob, evidence)
        return self.between(found, floor, ceiling, evidence)

    def between(
        self, found: dict[str, Measure], floor: dict[str, Measure], ceiling: dict[str, Measure], evidence: Evidence
    ) -> list[Score]:
        """The scores of the parts that were measured on all three."""
        from genwright.core.registry import JUDGES

        name = JUDGES.name_of(type(self))
        protocol = self.protocol(evidence)
        return [
            Score(
                name=f"{name}{self.joint}{part}" if part else name,
                value=m.value,
                low=m.low,
                high=m.high,
                n=m.n,
                floor=floor[part].value,
                ceiling=ceiling[part].value,
                unit=self.parts[part].unit,
                direction=self.parts[part].direction,
                protocol=protocol,
                source=self.source,
                details=m.details,
                floor_low=floor[part].low,
                floor_high=floor[part].high,
            )
            for part, m in found.items()
            if part in floor and part in ceiling
        ]
