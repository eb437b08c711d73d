"""What scikit-learn calls y: labels, checked, and as a column beside X."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_bool_dtype, is_integer_dtype
from sklearn.utils import assert_all_finite, column_or_1d


def labels_of(estimator: Any, y: Any) -> np.ndarray:
    """y as an array (B,) of labels, none of them missing.

    Raises:
        ValueError: y is absent, has two dimensions, lacks a label, or mixes words with other things.
    """
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    found = column_or_1d(_whole(y), warn=True)
    if (is_missing := pd.isna(found)).any():  # None and pandas' NA, too, which no comparison knows
        told = f"row {int(is_missing.argmax()) + 1} has no label; leave out rows without one"
        raise ValueError(f"Input y contains NaN: {told}")
    assert_all_finite(found, input_name="y")
    return _of_one_type(found) if found.dtype == object else found


def _whole(y: Any) -> Any:
    """Whole numbers and truth values of pandas' nullable types as NumPy's; scikit-learn would make floats of them."""
    is_nullable = isinstance(y, pd.Series) and isinstance(y.dtype, pd.api.extensions.ExtensionDtype)
    if not is_nullable or not (is_integer_dtype(y.dtype) or is_bool_dtype(y.dtype)) or y.hasnans:
        return y
    return y.to_numpy(y.dtype.type)


def _of_one_type(labels: np.ndarray) -> np.ndarray:
    """Objects (B,) in the type that they have; where gaps were dropped, truth values and numbers are still objects."""
    kind = infer_dtype(labels, skipna=False)
    if kind in ("boolean", "integer", "floating"):
        return pd.Series(labels, dtype=object).infer_objects().to_numpy()
    if kind.startswith("mixed"):
        found = ", ".join(sorted({type(label).__name__ for label in labels}))
        raise ValueError(f"Unknown label type: y holds {found} side by side; make all of them words: y.astype(str)")
    return labels


def with_column(frame: Any, codes: np.ndarray) -> tuple[Any, str]:
    """The frame with the codes of classes as one more column, and that column's name."""
    name = "target"
    while name in frame.columns:
        name += "_"
    if isinstance(frame, pd.DataFrame):
        return frame.assign(**{name: codes}), name
    return frame.with_columns(type(frame)({name: codes})[name]), name


def amounts(labels: np.ndarray, strategy: Any) -> dict[Any, int]:
    """Class → rows that it lacks, of the classes that lack some.

    Args:
        labels: Of the rows (N,).
        strategy: See `Augmenter`.

    Raises:
        ValueError: there is no such strategy, or it does not fit these classes.
    """
    strategy = strategy(labels) if callable(strategy) else strategy
    found, counts = np.unique(labels, return_counts=True)
    have = dict(zip(found.tolist(), counts.tolist()))
    lacks = {label: n - have[label] for label, n in _wanted(have, strategy).items()}
    if fewer := [label for label, n in lacks.items() if n < 0]:
        label = fewer[0]
        raise ValueError(
            f"strategy asks for {have[label] + lacks[label]} rows of class {label!r}, which has {have[label]} already; "
            "an Augmenter only adds rows"
        )
    return {label: n for label, n in lacks.items() if n}


def _wanted(have: dict[Any, int], strategy: Any) -> dict[Any, int]:
    """Class → rows that it is to have."""
    most, least = max(have.values()), min(have, key=lambda label: have[label])
    if isinstance(strategy, str) and strategy in ("auto", "not majority", "all"):
        return dict.fromkeys(have, most)
    if isinstance(strategy, str) and strategy == "not minority":
        return {label: most for label in have if label != least}
    if isinstance(strategy, str) and strategy == "minority":
        return {least: most}
    if isinstance(strategy, Mapping):
        if unknown := [label for label in strategy if label not in have]:
            raise ValueError(f"strategy names class {unknown[0]!r}, which y does not have; it has {list(have)[:10]}")
        for label, n in strategy.items():
            if not isinstance(n, Integral) and not (isinstance(n, float) and n.is_integer()):
                raise ValueError(f"strategy asks for {n!r:.40} rows of class {label!r}; expected a whole number")
        return {label: int(n) for label, n in strategy.items()}
    if isinstance(strategy, Real) and not isinstance(strategy, bool) and 0 < float(strategy) <= 1:
        if len(have) > 2:
            raise ValueError(f"strategy={strategy} is for two classes, y has {len(have)}; pass {{class: rows}}")
        return {least: int(float(strategy) * most)}
    expected = (
        '"auto", "not majority", "all", "minority", "not minority", a share above 0 up to 1, a mapping of classes'
    )
    expected += " to rows, or a function of y that gives one"
    raise ValueError(f"strategy={strategy!r}; expected {expected}")
