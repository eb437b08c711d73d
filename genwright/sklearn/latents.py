"""The latent code of each row as features: `fit(X)`, `transform(X)`.

    z = μ(x)                            of the guess q(z | x) that a variational auto-encoder makes

A model learns from all rows, labelled or not; what reads its latents needs labels for few of them (Kingma et al.,
2014, https://arxiv.org/abs/1406.5298, their model M1).
"""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from genwright.core.model import HasLatent
from genwright.core.registry import MODELS
from genwright.pipeline import fit
from genwright.sklearn.rows import Form, ReadsTables, as_value_errors, checked, seed_of


class Latents(ReadsTables, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Learns latents of rows, and tells those of new ones.

    Args:
        model: A family with latents, such as `vae`.
        settings: Of the family and of its training, e.g. `{"latent_dim": 8}`.
        kinds: Kinds of single columns, by name or position.
        minutes: How long it trains.
        steps: The same in gradient steps.
        random_state: Seed of the fit. None: another one each time.

    Attributes:
        run_: The fitted `genwright` run.
        n_features_in_: Number of columns.
        feature_names_in_: Their names, where X had some.
    """

    def __init__(
        self,
        model: str = "vae",
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

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learns from all rows; y is not looked at.

        Raises:
            ValueError: the family has no latents, X is no table, or nothing can be learnt from it; says why.
        """
        frame = checked(self, X, reset=True, least=2)
        self._form = Form.of(X, frame, self.kinds)
        with as_value_errors():
            if not issubclass(MODELS.get(self.model), HasLatent):
                raise ValueError(f"{self.model} has no latents; pass model='vae'")
            self.run_ = fit(
                frame,
                self.model,
                settings=self.settings,
                seed=seed_of(self.random_state),
                held_out=0.0,
                minutes=self.minutes,
                steps=self.steps,
                kinds=self._form.kinds,
                judge=False,
            )
        self.run_.train = self.run_.held_out = None  # an estimator does not keep its data
        self._n_features_out = self._encoded(frame[:1]).shape[1]
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The latents of each row (B, K), float32, as the network has them.

        Raises:
            ValueError: X has other columns than in `fit`, or values of another type.
        """
        check_is_fitted(self)
        return self._encoded(checked(self, X, reset=False))

    def _encoded(self, frame: Any) -> np.ndarray:
        model = self.run_.model
        assert isinstance(model, HasLatent)
        with as_value_errors():
            return torch.cat([model.encode(batch) for batch in self.run_.encode(frame)]).numpy()

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        assert tags.transformer_tags is not None
        tags.transformer_tags.preserves_dtype = []  # float32 whatever X is
        return tags
