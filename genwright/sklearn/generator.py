"""A generative model in scikit-learn's conventions: `fit(X)`, `sample(n)`, `score_samples(X)`.

X → p(row) → new rows, in the container that X had
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import check_is_fitted

from genwright.pipeline import fit
from genwright.sklearn.rows import Form, ReadsTables, as_value_errors, check_rows, checked, seed_of


class Generator(ReadsTables, DensityMixin, BaseEstimator):
    """Learns p(row) and draws from it.

    Args:
        model: A family in `genwright.models`, or `auto`.
        settings: Of the family and of its training; in a grid search, `{"settings": [{…}, {…}]}`.
        kinds: Kinds of single columns, by name or position.
        given: Columns, by name or position, that are always known when sampling.
        minutes: How long a neural family trains.
        steps: The same in gradient steps.
        random_state: Seed of fits and draws. None: another one each time; a number: the same fits and draws.

    Attributes:
        run_: The fitted `genwright` run: what `genwright.fit` returns, to judge and to save.
        n_features_in_: Number of columns.
        feature_names_in_: Their names, where X had some.
    """

    def __init__(
        self,
        model: str = "auto",
        *,
        settings: Mapping[str, Any] | None = None,
        kinds: Mapping[Any, str] | None = None,
        given: Any = (),
        minutes: float | None = None,
        steps: int | None = None,
        random_state: Any = None,
    ):
        self.model = model
        self.settings = settings
        self.kinds = kinds
        self.given = given
        self.minutes = minutes
        self.steps = steps
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learns from all rows; y is not looked at: a class to be drawn is a column of X.

        Raises:
            ValueError: X is no table, or nothing can be learnt from it; says why.
        """
        frame = checked(self, X, reset=True, least=2)
        self._form = Form.of(X, frame, self.kinds)
        given = [self.given] if isinstance(self.given, (str, int)) else self.given
        with as_value_errors():
            self.run_ = fit(
                frame,
                self.model,
                settings=self.settings,
                seed=seed_of(self.random_state),
                held_out=0.0,
                minutes=self.minutes,
                steps=self.steps,
                given=[self._form.name_at(key) for key in given] or None,
                kinds=self._form.kinds,
                judge=False,
            )
        check_rows(self.run_)
        self.run_.train = self.run_.held_out = None  # an estimator does not keep its data
        return self

    def sample(self, n_samples: int = 1, given: Any = None, random_state: Any = None) -> Any:
        """New rows, as X was: an array or a frame.

        Args:
            n_samples: How many.
            given: Conditions, as `genwright`'s runs take them; columns of a matrix by their position or as x0, x1 …
            random_state: Of this draw; the estimator's own where it is not given.
        """
        check_is_fitted(self)
        if isinstance(given, Mapping):
            given = {self._form.name_at(key): value for key, value in given.items()}
        seed = seed_of(self.random_state if random_state is None else random_state)
        flavour = "pandas" if self._form.flavour == "array" else self._form.flavour
        with as_value_errors():
            return self._form.back(self.run_.sample(n_samples, given, seed=seed, flavour=flavour))

    def score_samples(self, X: Any) -> np.ndarray:
        """Log probability of each row (B,) in nats, or the family's bound below it.

        Raises:
            ValueError: the family has neither, or X has other columns than in `fit`.
        """
        check_is_fitted(self)
        frame = checked(self, X, reset=False)
        with as_value_errors():
            return self.run_.log_prob(frame).astype(np.float64)

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log probability of the rows; higher is better, so that a grid search can use it."""
        return float(self.score_samples(X).mean())
