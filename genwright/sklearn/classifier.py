"""genwright's classifiers in scikit-learn's conventions: `fit(X, y)`, `predict(X)`, `predict_proba(X)`.

(X, y) → p(class | row)
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from genwright.recipes.classify import classify
from genwright.sklearn.rows import Form, ReadsTables, as_value_errors, checked, seed_of
from genwright.sklearn.targets import labels_of, with_column


class Classifier(ReadsTables, ClassifierMixin, BaseEstimator):
    """Learns p(class | row).

    Args:
        model: A family in `genwright.classifiers`, or `auto`: what foretells best on folds of the rows.
        settings: Of the family and of its training; in a grid search, `{"settings": [{…}, {…}]}`.
        kinds: Kinds of single columns, by name or position.
        minutes: How long a network trains.
        steps: The same in gradient steps.
        random_state: Seed of the fit. None: another one each time.

    Attributes:
        run_: The fitted `genwright` run: what `genwright.classify` returns, to judge and to save; its classes are the
            places of the labels in `classes_`, and its target is called `target`.
        classes_: The labels, sorted; the columns of `predict_proba`.
        n_features_in_: Number of columns.
        feature_names_in_: Their names, where X had some.
    """

    def __init__(
        self,
        model: str = "auto",
        *,
        settings: Mapping[str, Any] | None = None,
        kinds: Mapping[Any, str] | None = None,
        minutes: float | None = None,
        steps: int | None = None,
        random_state: Any = None,
    ):
        self.model = model
        self.settings = settings
        self.kinds = kinds
        self.minutes = minutes
        self.steps = steps
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> Self:
        """Learns from all rows.

        Raises:
            ValueError: X is no table, y no classes or a single one, or nothing can be learnt; says why.
        """
        frame = checked(self, X, reset=True)
        y = labels_of(self, y)
        check_consistent_length(frame, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class, {self.classes_.tolist()[0]!r}, in every row; a classifier needs two")
        self._form = Form.of(X, frame, self.kinds)
        frame, target = with_column(frame, codes)
        with as_value_errors():
            self.run_ = classify(
                frame,
                target,
                self.model,
                settings=self.settings,
                seed=seed_of(self.random_state),
                held_out=0.0,
                minutes=self.minutes,
                steps=self.steps,
                kinds={**self._form.kinds, target: "category"},
                judge=False,
            )
        self.run_.train = self.run_.held_out = None  # an estimator does not keep its data
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class (B, K), columns as in `classes_`.

        Raises:
            ValueError: X has other columns than in `fit`, or values of another type.
        """
        check_is_fitted(self)
        frame = checked(self, X, reset=False)
        order = np.array([int(code) for code in self.run_.classes])
        p = np.zeros((len(frame), len(self.classes_)))
        with as_value_errors():
            p[:, order] = self.run_.predict_proba(frame, flavour="pandas").to_numpy()
        return p

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each row (B,)."""
        p = self.predict_proba(X)
        return self.classes_[p.argmax(1)]
