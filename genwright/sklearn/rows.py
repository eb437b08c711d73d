"""What scikit-learn calls X ↔ frames: every way to hand rows over, checked as its conventions ask.

Columns of a matrix of numbers are numbers, named x0, x1 …; those of frames and of lists with words are inferred, as
`genwright.fit` infers them. `kinds` overrules, by name or position: `{"zip": "category"}`, `{3: "category"}`. Where a
column is called 3, that is its name.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import validate_data

from genwright.core.errors import GenwrightError
from genwright.runs.run import Run


class ReadsTables:
    """A mixin for estimators that read missing values and words; it stands before scikit-learn's own base classes."""

    def set_params(self, **params: Any) -> Any:
        """As scikit-learn has it; `settings` are one parameter.

        Raises:
            ValueError: there is no such parameter, or one of the settings is named as if it were one.
        """
        if inner := [name for name in params if name.startswith("settings__")]:
            setting, value = inner[0].removeprefix("settings__"), params[inner[0]]
            how = f'settings={{"{setting}": {value!r}}}, in a grid "settings": [{{"{setting}": {value!r}}}, …]'
            raise ValueError(f"{inner[0]} is no parameter; settings are set together: {how}")
        return super().set_params(**params)  # type: ignore[misc]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.allow_nan = tags.input_tags.categorical = True
        return tags


@dataclass(frozen=True)
class Form:
    """What X looked like in `fit`, so that draws come back alike.

    Args:
        names: Of the columns, unique strings.
        labels: Of a pandas frame's columns, as it has them; None for anything else.
        dtypes: Of a pandas frame's columns by name, or of a matrix's all.
        flavour: "pandas", "polars" or "arrow" for frames, "array" for the rest.
        kinds: Of columns whose kind is set.
    """

    names: list[str]
    labels: Any
    dtypes: Any
    flavour: str
    kinds: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, X: Any, frame: Any, kinds: Mapping[Any, str] | None) -> "Form":
        """The form of X, whose checked frame is given."""
        names = [str(name) for name in frame.columns]
        labels = X.columns if isinstance(X, pd.DataFrame) else None
        said = {_name_at(names, labels, key): kind for key, kind in (kinds or {}).items()}
        if isinstance(X, pd.DataFrame):
            return cls(names, labels, dict(zip(names, X.dtypes)), "pandas", said)
        if is_frame(X):
            return cls(names, None, None, "polars", said)
        numeric = {n: "number" for n in names if pd.api.types.is_numeric_dtype(frame[n]) and frame[n].dtype != bool}
        dtype = X.dtype if isinstance(X, np.ndarray) else None
        return cls(names, None, dtype, "array", numeric | said)

    def name_at(self, key: Any) -> str:
        """The name of a column that is said by its name or its position; where a column is called so, that one."""
        return _name_at(self.names, self.labels, key)

    def back(self, frame: Any) -> Any:
        """A frame of draws as X was: its container, its columns' names and types."""
        if self.flavour == "array":
            X = frame.to_numpy()  # (B, D)
            is_whole = self.dtypes is not None and self.dtypes.kind in "iu"
            fits = self.dtypes is not None and not (is_whole and pd.isna(X).any())
            return X.astype(self.dtypes) if fits else X
        if self.flavour == "pandas":
            frame = frame.astype({name: t for name, t in self.dtypes.items() if _fits(frame[name], t)})
            return frame.set_axis(self.labels, axis=1)
        return frame


def checked(estimator: Any, X: Any, *, reset: bool, least: int = 1) -> Any:
    """X as a frame with unique string names, after scikit-learn's checks of X.

    Args:
        estimator: Gets `n_features_in_` and `feature_names_in_`, or is asked for them and for its `_form`.
        X: Rows.
        reset: In `fit`; otherwise X must look as it did there. Where one of both has no names, columns are taken by
            their position, and scikit-learn warns of it.
        least: Rows that are needed.

    Raises:
        ValueError: X is no table, is infinite or complex, too short, or has other columns than in `fit`.
    """
    frame = _checked(estimator, X, reset, least)
    return frame if reset else _named(estimator._form, X, frame)


def _checked(estimator: Any, X: Any, reset: bool, least: int) -> Any:
    if is_frame(X):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        if len(X) < least or not len(X.columns):
            what, n, least = ("sample", len(X), least) if len(X.columns) else ("feature", 0, 1)
            raise ValueError(f"Found a frame with {n} {what}(s) while a minimum of {least} is required.")
        return X.set_axis(_names(X), axis=1).reset_index(drop=True) if isinstance(X, pd.DataFrame) else X
    if not hasattr(X, "shape") and np.asarray(X).dtype.kind in "US":
        X = np.asarray(X, dtype=object)  # a list of rows with words keeps its numbers
    X = validate_data(estimator, X, reset=reset, dtype=None, ensure_all_finite="allow-nan", ensure_min_samples=least)
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    return _typed(frame) if X.dtype == object else frame


def _named(form: Form, X: Any, frame: Any) -> Any:
    """Columns called as in `fit`, by their position, where either X or what was fitted had no names."""
    if is_frame(X) == (form.flavour != "array"):
        return frame
    is_pandas = isinstance(frame, pd.DataFrame)
    return frame.set_axis(form.names, axis=1) if is_pandas else frame.rename(dict(zip(frame.columns, form.names)))


def is_frame(X: Any) -> bool:
    """Whether X is a pandas or polars frame."""
    return isinstance(X, pd.DataFrame) or (type(X).__module__.startswith("polars") and hasattr(X, "columns"))


def seed_of(random_state: Any) -> int:
    """A seed: the number itself, or one drawn from a generator; of None, from NumPy's global one, as scikit-learn does.

    Another seed each time makes another fit each time.
    """
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def check_rows(run: Run) -> None:
    """Refuses a run of a family that read the rows as steps of a series: its draws are whole series.

    Raises:
        ValueError: it is one.
    """
    if run.series:
        name = run.artefact.model_name
        what = f"{name} reads these rows as steps of a series, and draws whole series"
        raise ValueError(f"{what}, not rows; name another family, or use genwright.fit(X, {name!r})")


@contextmanager
def as_value_errors() -> Iterator[None]:
    """Errors that scikit-learn's conventions want to be ValueErrors become such; the message stays."""
    try:
        yield
    except GenwrightError as error:
        if isinstance(error, ValueError):
            raise
        raise ValueError(str(error)) from error


def _names(frame: pd.DataFrame) -> list[str]:
    names = [str(name) for name in frame.columns]
    return names if len(set(names)) == len(names) else [f"x{i}" for i in range(len(names))]


def _name_at(names: list[str], labels: Any, key: Any) -> str:
    """See `Form.name_at`."""
    called = names if labels is None else list(labels)
    if key in called:
        return names[called.index(key)]
    return names[int(key)] if isinstance(key, int | np.integer) and 0 <= key < len(names) else str(key)


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame of objects with the types that its values have."""
    if any(isinstance(value, (Mapping, list)) for value in frame.to_numpy().flat):
        raise TypeError("argument must be a string or a number; X holds a mapping or a list")
    return frame.infer_objects()


def _fits(values: pd.Series, dtype: Any) -> bool:
    """Whether drawn values can have the type of the column that they were learnt from."""
    if values.dtype == dtype:
        return False
    try:
        return bool((values.astype(dtype).isna() == values.isna()).all())
    except (ValueError, TypeError):
        return False
