"""Findings of augmentations that the tests of their page share, made by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from genwright.core.paired import Gain
from genwright.core.schema import Column, Schema
from genwright.runs.augmentation import Augmented, Report, Trial, Way

COPIES, TREES = Way("copies", "balance"), Way("trees", "half")
FACTS = {"data": "shop.csv", "kind": "tables", "n_rows": 10, "n_train": 8, "n_looked_at": 8, "n_held_out": 2}
FACTS |= {"n_folds": 5, "minutes": 10.0, "steps": None, "seed": 3}
GAIN = Gain("balanced_accuracy", 0.5, 0.75, 0.1, 0.4, 20, (0.4, 0.6), (0.6, 0.85))


def report(**changes: Any) -> Report:
    """Two classes of 7 and 3 rows; 4 were added to the rarer one, and that helped."""
    trials = [
        Trial(COPIES, [0.1, 0.2, 0.1, 0.3, 0.2]),
        Trial(TREES, [-0.1]),
        Trial(Way("ngram", "half"), [], "no text"),
    ]
    found = Report(
        target="churn",
        judge_model="knn",
        metric="balanced_accuracy",
        counts={"no": 7, "yes": 3},
        trials=trials,
        chosen=COPIES,
        confirmed=0.15,
        p=0.01,
        level=0.05,
        gains=[GAIN],
        drawn={"no": 0, "yes": 4},
        notes=("a note",),
        fresh=[0.1, 0.2, 0.15],
        before=0.512,
        confusion=[[[9, 1], [8, 2]], [[8, 2], [3, 7]]],
        facts=FACTS,
    )
    return replace(found, **changes)


def declined(**changes: Any) -> Report:
    nothing = {"chosen": None, "gains": [], "drawn": {}, "confusion": [], "p": 0.6, "confirmed": -0.01}
    return report(**{**nothing, **changes})


def augmented(found: Report | None = None, **columns: Any) -> Augmented:
    """Fourteen rows, the last four of them drawn, with further columns as (kind, values)."""
    found = found or report()
    labels = (["no"] * 7 + ["yes"] * 3 + ["yes"] * 4)[: 10 + found.n_drawn]
    columns = {found.target: ("category", labels), **(columns or {"age": ("number", list(range(14)))})}
    kinds = [Column(name, kind) for name, (kind, _) in columns.items()]
    arrays = {
        name: values.slice(0, len(labels)) if isinstance(values, pa.ChunkedArray | pa.Array) else values[: len(labels)]
        for name, (_, values) in columns.items()
    }
    return Augmented(pa.table(arrays), Schema(tuple(kinds)), found)


def pictures() -> pa.Array:
    """Fourteen pictures of 8 × 8 pixels."""
    shape = pa.fixed_shape_tensor(pa.uint8(), [8, 8])
    pixels = pa.array(np.arange(14 * 64) % 255, pa.uint8())
    return pa.ExtensionArray.from_storage(shape, pa.FixedSizeListArray.from_arrays(pixels, 64))
