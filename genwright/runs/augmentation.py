"""What an augmentation tried, chose and gained."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from genwright.core.paired import Gain
from genwright.core.schema import Schema
from genwright.data.typed import readable
from genwright.runs.frames import frame, gapped


@dataclass(frozen=True)
class Way:
    """A way to make more rows."""

    maker: str  # a family, copies, smote or moved
    amount: float | str  # how many of each class, see `counts`
    keep: float = 1.0  # share of the draws that a detector keeps

    def __str__(self) -> str:
        return f"{self.maker} ({self.how})"

    @property
    def how(self) -> str:
        """How many rows, and which of them."""
        kept = f", the {self.keep:.0%} that look most real" if self.keep < 1 else ""
        what = {"balance": "until classes are equal", "half": "until none has less than half of the largest"}
        amount = what.get(str(self.amount), "as many as there are" if self.amount == "double" else "")
        return (amount or f"{self.amount:g} times as many as there are") + kept


@dataclass
class Trial:
    """A way and its gains on the folds that it was tried on; a reason where it failed."""

    way: Way
    gains: list[float] = field(default_factory=list)
    reason: str = ""

    @property
    def gain(self) -> float:
        """Mean over folds; −∞ where it failed."""
        known = [g for g in self.gains if g == g]
        return float(np.mean(known)) if known and not self.reason else -np.inf

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; a fold without a row of the class has no gain."""
        return {**asdict(self.way), "gains": _known(self.gains), "gain": self.gain if self.gain > -np.inf else None} | (
            {"reason": self.reason} if self.reason else {}
        )


@dataclass(frozen=True)
class Report:
    """What was tried, what was chosen and what it gained.

    Args:
        target: The class.
        judge_model: The classifier that gains were measured with.
        metric: What decided.
        counts: Class → its rows.
        trials: The ways, the best first.
        chosen: The way that was taken; None: declined.
        confirmed: Mean gain of the best way on other folds; NaN where no fold could tell it.
        p: Of "no gain" there.
        level: What p had to be below.
        gains: On held-out rows, the deciding metric first, but for those that these rows cannot tell; empty where
            nothing was held out or chosen.
        drawn: Class → rows added.
        notes: What else to know, in sentences.
        fresh: Gains of the best way on the other folds; empty where it had gained nothing on those that chose.
        before: The metric without more rows, mean of the folds that chose.
        confusion: Held-out rows by true class and likeliest class (K, K), before and after; empty as `gains` is, and
            of very many classes.
        facts: Data, rows, folds, seed and budget; plain JSON.
    """

    target: str
    judge_model: str
    metric: str
    counts: dict[str, int]
    trials: list[Trial]
    chosen: Way | None
    confirmed: float
    p: float
    level: float
    gains: list[Gain] = field(default_factory=list)
    drawn: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    fresh: list[float] = field(default_factory=list)
    before: float = float("nan")
    confusion: list[list[list[int]]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def n_drawn(self) -> int:
        """Rows added."""
        return sum(self.drawn.values())

    def __str__(self) -> str:
        where = "on folds it was not chosen on" if self.fresh else "on the folds that chose"
        found = f"{self.confirmed:+.3f} {self.metric} {where}, p = {self.p:.2g}"
        found = f"no fold has the rows to tell its gain in {self.metric}" if np.isnan(self.confirmed) else found
        if self.chosen is None and not self.trials:
            equal = "the classes are equally frequent, and " if len(set(self.counts.values())) == 1 else ""
            return f"rows are unchanged: {equal}this amount adds no row"
        if self.chosen is None:
            n, best = len(self.trials), self.trials[0].way
            tried = f"of {n} ways the best was {best}" if n > 1 else f"{best} was tried"
            return f"declined, rows are unchanged: {tried}, {found}"
        held = f"; on held-out rows {self.gains[0]}" if self.gains else ""
        added = ", ".join(f"{n:,} of {name}" for name, n in self.drawn.items() if n) or "no row"
        return f"{self.chosen}: {added} added; {found}{held}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        gains = [{**asdict(g), "gain": g.gain} for g in self.gains]
        trials = [t.to_json() for t in self.trials]
        before, confirmed = _known([self.before, self.confirmed])
        numbers = {"fresh": _known(self.fresh), "before": before, "confirmed": confirmed}
        return {**asdict(self), **numbers, "gains": gains, "trials": trials, "n_drawn": self.n_drawn, "told": str(self)}


def _known(values: list[float]) -> list[float | None]:
    """Numbers as JSON has them: none where a fold has no row of the class."""
    return [None if np.isnan(value) else value for value in values]


@dataclass(frozen=True, repr=False)
class Augmented:
    """All labelled rows and, behind them, the drawn ones."""

    table: pa.Table  # typed
    schema: Schema
    report: Report
    flavour: Any = "pandas"
    is_text: bool = False  # values were read from text
    white: int = 255  # the value of white in arrays of pictures

    def __repr__(self) -> str:
        """One line for whoever looks at it; `rows`, `drawn` and `report` have the rest."""
        return f"Augmented({self.table.num_rows:,} rows, the last {self.report.n_drawn:,} of them drawn; {self.report})"

    @property
    def rows(self) -> Any:
        """As the user's kind of frame."""
        return self._framed(self.table)

    @property
    def drawn(self) -> Any:
        """The drawn rows alone."""
        return self._framed(self.table.slice(self.table.num_rows - self.report.n_drawn))

    def _framed(self, table: pa.Table) -> Any:
        with_gaps = () if self.is_text else gapped(self.table)
        return frame(readable(table, self.schema, self.is_text), self.flavour, with_gaps)
