"""Latents of rows: one row each, those of the encoder; of chains, how long each state lasts."""

import numpy as np
import pandas as pd
import pytest
import torch

from genwright.core.errors import DataError, UnsupportedError
from genwright.pipeline import fit
from genwright.recipes.latent_features import features
from tests.tables import dependent


def test_latents_are_the_encoders():
    rows = dependent(80)
    run = fit(rows, "vae", steps=5, judge=False, held_out=0, settings={"latent_dim": 3})
    found = features(run, rows)
    assert found.shape == (80, 3)
    wanted = torch.cat([run.model.encode(batch) for batch in run.encode(rows)])
    np.testing.assert_array_equal(found, wanted.numpy())
    same = (rows == rows.iloc[0]).all(axis=1).to_numpy()
    np.testing.assert_allclose(found[same], np.tile(found[0], (same.sum(), 1)), atol=1e-5)  # rows alike, latents alike
    with pytest.raises(DataError, match="'a' is absent"):
        features(run, rows.drop(columns="a"))


def test_a_chain_tells_how_long_each_state_lasts():
    """Sequences of one letter each: a state a letter, whose share is nearly 1; every row sums to 1."""
    rows = pd.DataFrame({"steps": [["a"] * 6, ["b"] * 4] * 20})
    run = fit(rows, "hmm", settings={"n_states": 2}, judge=False, held_out=0)
    found = features(run, rows)
    assert found.shape == (40, 2)
    np.testing.assert_allclose(found.sum(1), 1)
    assert abs(found[0] - found[1]).max() > 0.9
    np.testing.assert_allclose(found[0], found[2])


def test_a_family_without_latents_is_refused():
    with pytest.raises(UnsupportedError, match="has no latents"):
        features(fit(dependent(30), "marginals", judge=False), dependent(30))
