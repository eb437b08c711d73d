import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from genwright.sklearn import Latents

SMALL = {"latent_dim": 3, "n_hidden": 8}


def test_latents_are_a_frame_where_one_is_asked_for() -> None:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)), columns=["a", "b"])
    model = Latents(settings=SMALL, steps=2, random_state=0).set_output(transform="pandas")
    found = model.fit_transform(X)
    assert list(found.columns) == ["latents0", "latents1", "latents2"]
    assert found.shape == (40, 3)
    with pytest.warns(UserWarning, match="valid feature names"):
        np.testing.assert_allclose(model.transform(X.to_numpy()), found)


def test_they_feed_a_classifier() -> None:
    X = np.random.default_rng(0).normal(size=(60, 4))
    y = (X[:, 0] > 0).astype(int)
    model = make_pipeline(Latents(settings=SMALL, steps=5, random_state=0), LogisticRegression()).fit(X, y)
    assert model.predict(X).shape == (60,)


def test_a_family_without_latents_is_refused() -> None:
    with pytest.raises(ValueError, match="trees has no latents"):
        Latents("trees").fit(np.eye(4))


def test_the_order_of_rows_does_not_matter_beyond_rounding() -> None:
    X = np.random.default_rng(0).normal(size=(30, 3))
    model = Latents(settings=SMALL, steps=2, random_state=0).fit(X)
    order = np.random.default_rng(1).permutation(30)
    np.testing.assert_allclose(model.transform(X[order]), model.transform(X)[order], atol=1e-5)
