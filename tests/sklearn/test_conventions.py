"""scikit-learn's own checks of estimators."""

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from genwright.sklearn import Augmenter, Classifier, Generator, Latents

ESTIMATORS = [
    Generator("marginals"),
    Generator("copula"),
    Augmenter("marginals"),
    Classifier("logistic"),
    Classifier("boosting", settings={"n_iter": 20}),
    Latents(steps=1, settings={"n_hidden": 4, "latent_dim": 2}),
]


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(ESTIMATORS)
def test_conventions_hold(estimator: Any, check: Any) -> None:
    check(estimator)
