"""`mlp` and `convnet`: what networks learn through the shared loop, and that they come back bit for bit."""

import numpy as np
import pytest
import torch

from genwright.classifiers.convnet import ConvNet
from genwright.classifiers.mlp import MLP, MLPConfig
from genwright.core.dataset import Dataset
from genwright.core.errors import SpaceMismatchError, UnsupportedError
from genwright.core.space import Category, Field, Pixels, Real, Space, Tokens
from genwright.nn.class_net import NetClassifier
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.learn_classifier import learn_classifier
from genwright.training.plan import Plan

CONFIG = TrainingConfig(batch_size=64, n_evaluations=3, learning_rate=3e-3)


def rows(n: int = 400, seed: int = 0) -> Dataset:
    """A label told by a number, a category and a text, each on its own; an unlike picture tells nothing."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    x = rng.normal(size=n) + 2 * y
    x[rng.random(n) < 0.1] = np.nan
    quantiles = tuple(np.nanquantile(x, np.linspace(0, 1, 33)))
    words = np.where(rng.random((n, 5)) < 0.7, 2 + y[:, None], rng.integers(4, 8, (n, 5)))
    words[:, 4] = 1
    fields = {
        "x": Field(Real(quantiles[0], quantiles[-1], quantiles=quantiles, has_missing=True)),
        "c": Field(Category(4, has_missing=True)),
        "t": Field(Tokens(5, 8)),
        "y": Field(Category(3)),  # the third class is never seen
    }
    arrays = {"x": x, "c": np.where(rng.random(n) < 0.7, y, rng.integers(0, 3, n)), "t": words, "y": y}
    return Dataset(Space(fields), arrays)


def stripes(n: int = 300, seed: int = 0) -> Dataset:
    """Pictures of horizontal or vertical stripes under noise, with a category that tells nothing."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    phase = rng.integers(0, 4, n)
    grid = np.arange(12)
    across = (grid[None, :] + phase[:, None]) // 2 % 2  # (N, 12)
    flat = np.where(y[:, None, None] == 0, across[:, None, :], across[:, :, None])
    x = np.clip(flat * 150 + rng.normal(60, 30, (n, 12, 12)), 0, 255).astype(np.uint8)
    space = Space({"p": Field(Pixels(256), (1, 12, 12)), "c": Field(Category(2)), "y": Field(Category(2))})
    return Dataset(space, {"p": x[:, None], "c": rng.integers(0, 2, n), "y": y})


def fitted(classifier: NetClassifier, data: Dataset, steps: int = 120, seed: int = 0) -> NetClassifier:
    classifier.bind(data.space, "y")
    learn_classifier(classifier, data, Plan(CONFIG, Budget(steps=steps), seed), lambda done, line: None)
    return classifier


@pytest.fixture(scope="module")
def mlp() -> NetClassifier:
    return fitted(MLP(MLPConfig(hidden=(32,))), rows())


@pytest.fixture(scope="module")
def convnet() -> NetClassifier:
    return fitted(ConvNet(ConvNet.Config(width=8, n_picture=32)), stripes())


def accuracy(classifier: NetClassifier, data: Dataset) -> float:
    p = classifier.predict_rows(data.take(slice(None)))
    return float((p.argmax(1) == data.arrays["y"]).mean())


def test_mlp_learns_from_numbers_categories_and_texts(mlp: NetClassifier) -> None:
    assert accuracy(mlp, rows(500, 1)) > 0.9


@pytest.mark.parametrize("alone", ["x", "c", "t"])
def test_mlp_reads_each_kind_of_column(alone: str) -> None:
    data = rows()
    space = Space({name: data.space[name] for name in (alone, "y")})
    found = fitted(MLP(MLPConfig(hidden=(16,))), Dataset(space, {n: data.arrays[n] for n in space}), 60)
    assert accuracy(found, rows(500, 1)) > 0.75


def test_convnet_sees_directions(convnet: NetClassifier) -> None:
    assert accuracy(convnet, stripes(200, 1)) > 0.95


def test_mlp_reads_pictures_flat() -> None:
    assert accuracy(fitted(MLP(MLPConfig(hidden=(64,))), stripes(), 150), stripes(200, 1)) > 0.8


@pytest.mark.parametrize("name", ["mlp", "convnet"])
def test_saved_is_loaded_bit_for_bit(name: str, request: pytest.FixtureRequest) -> None:
    found: NetClassifier = request.getfixturevalue(name)
    again = type(found)(found.config).bind(found.space, "y")
    again.load_state({k: x.clone() for k, x in found.state().items()})
    batch = (rows if name == "mlp" else stripes)(50, 2).take(slice(None))
    np.testing.assert_array_equal(again.predict_rows(batch), found.predict_rows(batch))


@pytest.mark.parametrize("name", ["mlp", "convnet"])
def test_the_target_is_not_looked_at_and_order_does_not_matter(name: str, request: pytest.FixtureRequest) -> None:
    found: NetClassifier = request.getfixturevalue(name)
    batch = (rows if name == "mlp" else stripes)(60, 2).take(slice(None))
    p = found.predict_rows(batch)
    np.testing.assert_allclose(p.sum(1), 1)
    without = {k: x for k, x in batch.items() if k != "y"}
    np.testing.assert_array_equal(found.predict_rows(without), p)
    order = torch.from_numpy(np.random.default_rng(0).permutation(60))
    shuffled = found.predict_rows({k: x[order] for k, x in batch.items()})
    np.testing.assert_allclose(shuffled, p[order.numpy()], atol=1e-6)


def test_a_class_never_seen_has_no_probability(mlp: NetClassifier) -> None:
    assert (mlp.predict_rows(rows(20, 3).take(slice(None)))[:, 2] == 0).all()


def test_same_seed_same_weights() -> None:
    states = [fitted(MLP(MLPConfig(hidden=(8,))), rows(100), 10, seed).state() for seed in (1, 1, 2)]
    assert all((states[0][k] == states[1][k]).all() for k in states[0])
    assert any((states[0][k] != states[2][k]).any() for k in states[0])


def test_missing_cells_are_read(mlp: NetClassifier) -> None:
    """Nothing known but the text: still better than chance; nothing known at all: unsure."""
    batch = rows(300, 4).take(slice(None))
    batch["x"][:], batch["c"][:] = torch.nan, 3
    assert (mlp.predict_rows(batch).argmax(1) == batch["y"].numpy()).mean() > 0.75


def test_rows_without_a_class_cost_nothing() -> None:
    data = rows(50)
    space = Space({**data.space.fields, "y": Field(Category(3, has_missing=True))})
    found = MLP(MLPConfig(hidden=(8,))).bind(space, "y")
    prepared = found.prepare(data.take(slice(None)))
    prepared["y"][:10] = 2  # missing
    loss = found.loss(prepared, torch.Generator().manual_seed(0))
    assert (loss[:10] == 0).all()
    torch.testing.assert_close(loss[10:], torch.full((40,), np.log(2.0).item()))  # all weights are zero


def test_no_other_column_gives_the_shares() -> None:
    y = np.array([0, 0, 0, 1] * 25)
    found = fitted(MLP(MLPConfig(hidden=(8,))), Dataset(Space({"y": Field(Category(2))}), {"y": y}), 300)
    p = found.predict_rows({"y": torch.zeros(3, dtype=torch.int64)})
    np.testing.assert_allclose(p, [[0.75, 0.25]] * 3, atol=0.05)


def test_what_does_not_fit_is_refused(mlp: NetClassifier) -> None:
    with pytest.raises(UnsupportedError, match="convnet reads pictures"):
        ConvNet().bind(rows().space, "y")
    with pytest.raises(SpaceMismatchError, match="column c is absent"):
        mlp.predict_rows({"x": torch.zeros(2)})
