"""Scarce classes filled up with drawn rows: `fit_resample(X, y)`, as imbalanced-learn has it.

    rows of class k → p(row | k) → the rows that the class lacks

A generative model is fitted to each class that is to grow, so that a draw's class is certain. It serves as a step of
imbalanced-learn's pipelines, which resample while fitting and never while predicting; scikit-learn's own pipelines
cannot change the number of rows, and refuse it. Whether more rows help is another question, which no balance answers:
compare by cross-validation.
"""

import warnings
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length

from genwright.core.codec import TableCodec
from genwright.core.rng import derive
from genwright.core.schema import Schema
from genwright.data.infer import infer
from genwright.data.read import read
from genwright.data.typed import readable, typed
from genwright.pipeline import fit
from genwright.runs.run import Run
from genwright.sklearn.rows import Form, ReadsTables, as_value_errors, check_rows, checked, is_frame, seed_of
from genwright.sklearn.targets import amounts, labels_of


class Augmenter(ReadsTables, BaseEstimator):
    """Adds drawn rows to scarce classes.

    Args:
        model: A family in `genwright.models`, or `auto`, which chooses by the rows of each class.
        strategy: How many rows classes get, as imbalanced-learn's `sampling_strategy`. "auto", "not majority" or
            "all": as many as the largest class; "minority": that for the smallest class alone; "not minority": that for
            all but the smallest; a number: of two classes, the smaller one's share of the larger one; a mapping: rows
            of a class, those it has included; a function of y that gives a mapping.
        settings: Of the family and of its training.
        kinds: Kinds of single columns, by name or position.
        minutes: How long a neural family trains, for each class.
        steps: The same in gradient steps.
        random_state: Seed of fits and draws. None: another one each time.

    Attributes:
        amounts_: Rows to be drawn, by class.
        runs_: The fitted `genwright` runs, by class; after `fit_resample`.
        n_features_in_: Number of columns.
        feature_names_in_: Their names, where X had some.
    """

    def __init__(
        self,
        model: str = "auto",
        *,
        strategy: Any = "auto",
        settings: Mapping[str, Any] | None = None,
        kinds: Mapping[Any, str] | None = None,
        minutes: float | None = None,
        steps: int | None = None,
        random_state: Any = None,
    ):
        self.model = model
        self.strategy = strategy
        self.settings = settings
        self.kinds = kinds
        self.minutes = minutes
        self.steps = steps
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Checks X and y, and counts the rows that classes lack: nothing is drawn, no model fitted.

        Raises:
            ValueError: X is no table, y no classes, or the strategy does not fit them; says why.
        """
        self._prepared(X, y)
        return self

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """X and y with the drawn rows below, in their containers.

        Raises:
            ValueError: as `fit`, or nothing can be learnt from a class; says why.
        """
        frame, labels = self._prepared(X, y)
        seed = seed_of(self.random_state)
        self.runs_: dict[Any, Run] = {}
        with as_value_errors():
            schema = infer(frame, self._form.kinds)[0]
            parts = [
                self._drawn(frame, labels, label, n, schema, seed + k)
                for k, (label, n) in enumerate(self.amounts_.items())
            ]
            parts = [self._form.back(part) for part in _identified(parts, frame, schema, seed)]
        added = np.repeat(np.array(list(self.amounts_), dtype=labels.dtype), list(self.amounts_.values()))
        return self._joined(X, parts), _more(y, labels, added)

    def _prepared(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        frame = checked(self, X, reset=True)
        labels = labels_of(self, y)
        check_consistent_length(frame, labels)
        check_classification_targets(labels)
        self._form = Form.of(X, frame, self.kinds)
        self.amounts_ = amounts(labels, self.strategy)
        return frame, labels

    def _drawn(self, frame: Any, labels: np.ndarray, label: Any, n: int, schema: Schema, seed: int) -> Any:
        """n rows of a class as a frame; their ids are those of `_identified` in the end."""
        rows = _rows(frame, labels == label)
        if len(rows) < 2:
            told = f"class {label!r} has one row, from which nothing can be learnt; it is repeated {n} times"
            warnings.warn(told, UserWarning, stacklevel=3)
            return _rows(rows, np.zeros(n, np.int64))
        run = fit(
            rows,
            self.model,
            settings=self.settings,
            seed=seed,
            held_out=0.0,
            minutes=self.minutes,
            steps=self.steps,
            schema=schema,
            judge=False,
        )
        check_rows(run)
        run.train = run.held_out = None
        self.runs_[label] = run
        flavour = "pandas" if self._form.flavour == "array" else self._form.flavour
        return run.sample(n, flavour=flavour)

    def _joined(self, X: Any, parts: list[Any]) -> Any:
        if isinstance(X, pd.DataFrame):
            return pd.concat([X, *parts], ignore_index=True)
        if is_frame(X):
            import polars as pl

            return pl.concat([X, *(part.cast(X.schema) for part in parts)])
        whole = (
            X if hasattr(X, "shape") else np.asarray(X, dtype=object if parts and parts[0].dtype == object else None)
        )
        return np.concatenate([np.asarray(whole), *parts])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _identified(parts: list[Any], whole: Any, schema: Schema, seed: int) -> list[Any]:
    """Frames of drawn rows whose ids are their own: of no row of the whole frame, and of none of each other."""
    ids = Schema(tuple(column for column in schema if column.kind == "id"))
    if not parts or not len(ids):
        return parts
    codecs = TableCodec(ids).fit(typed(read(whole), ids)).codecs
    starts = np.cumsum([0, *map(len, parts)])
    found = []
    for part, start in zip(parts, starts.tolist()):
        made = {name: codec.regenerate(len(part), start, derive(seed, name)) for name, codec in codecs.items()}
        found.append(_with_columns(part, readable(pa.table(made), ids, is_text=False)))
    return found


def _with_columns(rows: Any, table: pa.Table) -> Any:
    """A frame with some of its columns replaced."""
    if isinstance(rows, pd.DataFrame):
        return rows.reset_index(drop=True).assign(**dict(table.to_pandas().items()))
    import polars as pl

    return rows.with_columns(pl.from_arrow(table))


def _rows(frame: Any, rows: np.ndarray) -> Any:
    """Some rows of a frame, by a mask (N,) or by numbers."""
    if isinstance(frame, pd.DataFrame):
        return frame.loc[rows].reset_index(drop=True) if rows.dtype == bool else frame.iloc[rows]
    return frame.filter(rows) if rows.dtype == bool else frame[rows]


def _more(y: Any, labels: np.ndarray, added: np.ndarray) -> Any:
    """y with more labels below, in its container."""
    if isinstance(y, pd.Series):
        return pd.concat([y, pd.Series(added, dtype=y.dtype, name=y.name)], ignore_index=True)
    whole = np.concatenate([labels, added])
    return type(y)(y.name, whole) if type(y).__module__.startswith("polars") else whole
