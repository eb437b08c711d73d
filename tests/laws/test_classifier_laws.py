"""What is true of every classifier that learns in one go, on rows of numbers, categories, pictures and texts."""

from functools import cache

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from genwright.core.classifier import MatrixClassifier
from genwright.core.dataset import Dataset, select
from genwright.core.errors import FitError, RunError, SpaceMismatchError, UnknownNameError, UnsupportedError
from genwright.core.registry import CLASSIFIERS
from genwright.core.space import Batch, Category, Field, Pixels, Real, Space, Tokens, Vectors

NAMES = [name for name in CLASSIFIERS.names() if issubclass(CLASSIFIERS.get(name), MatrixClassifier)]
PLACES = {
    "numbers": {"x": Field(Real(has_missing=True)), "c": Field(Category(4))},
    "pictures": {"picture": Field(Pixels(256), (1, 4, 4))},
    "texts": {"text": Field(Tokens(8, 12, pad=0, end=1))},
    "everything": {
        "x": Field(Real(has_missing=True)),
        "picture": Field(Pixels(17), (1, 4, 4)),
        "text": Field(Tokens(8, 12, pad=0, end=1)),
        "c": Field(Category(4)),
    },
}
every = pytest.mark.parametrize("name", NAMES)
everywhere = pytest.mark.parametrize("place", PLACES)


def space_of(place: str) -> Space:
    """Three classes and a code for missing ones, in the middle of the columns."""
    columns = list(PLACES[place].items())
    return Space(dict([columns[0], ("y", Field(Category(4, has_missing=True))), *columns[1:]]))


def rows(place: str, n: int, seed: int) -> Batch:
    """Rows whose columns all tell the class, none without mistakes; one in ten has no class."""
    rng, space = np.random.default_rng(seed), space_of(place)
    y = rng.integers(0, 3, n)
    made: dict[str, np.ndarray] = {"y": np.where(rng.random(n) < 0.1, 3, y)}
    made["x"] = np.where(rng.random(n) < 0.05, np.nan, 2.0 * y + rng.normal(0, 0.5, n))
    made["c"] = np.where(rng.random(n) < 0.2, 3, y)
    if "picture" in space:
        top = space["picture"].support.n - 1
        bright = np.arange(16).reshape(1, 1, 4, 4) // 5 == y[:, None, None, None]
        made["picture"] = np.where(bright, top - rng.integers(0, top // 2, bright.shape), 0).astype(np.uint8)
    words = np.where(rng.random((n, 8)) < 0.6, 2 + rng.integers(0, 3, (n, 8)), 5 + 2 * y[:, None])
    length = rng.integers(5, 8, n)[:, None]
    made["text"] = np.where(np.arange(8) < length, words, np.where(np.arange(8) == length, 1, 0))
    return {column: torch.from_numpy(made[column]) for column in space}


def data_of(place: str, n: int = 240, seed: int = 0) -> Dataset:
    return Dataset(space_of(place), {name: x.numpy() for name, x in rows(place, n, seed).items()})


@cache
def fitted(name: str, place: str, again: int = 0) -> MatrixClassifier:
    classifier = CLASSIFIERS.get(name)().bind(space_of(place), "y")
    classifier.fit_rows(data_of(place), seed=7)
    return classifier


@every
@everywhere
def test_learns_what_can_be_learnt(name: str, place: str) -> None:
    """Accuracy against the majority's share: three balanced classes, told nearly without mistakes."""
    batch = rows(place, 300, 1)
    known = batch["y"].numpy() < 3
    p = fitted(name, place).predict_rows(batch)
    assert p.shape == (300, 3)
    assert p.dtype == np.float64
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-9)
    assert (p.argmax(1) == batch["y"].numpy())[known].mean() > 0.8


@every
@everywhere
def test_same_seed_same_probabilities(name: str, place: str) -> None:
    batch = rows(place, 50, 2)
    p = fitted(name, place).predict_rows(batch)
    np.testing.assert_array_equal(p, fitted(name, place, again=1).predict_rows(batch))


@every
@everywhere
def test_saved_is_loaded_bit_for_bit(name: str, place: str) -> None:
    batch, classifier = rows(place, 50, 3), fitted(name, place)
    state = load(save(classifier.state()))
    other = CLASSIFIERS.get(name)().bind(space_of(place), "y")
    other.load_state(state)
    np.testing.assert_array_equal(other.predict_rows(batch), classifier.predict_rows(batch))
    del state["shares"]
    with pytest.raises(RunError, match="lacks 'shares'"):
        other.load_state(state)


@every
@everywhere
def test_order_of_rows_and_the_target_do_not_matter(name: str, place: str) -> None:
    batch, classifier = rows(place, 60, 4), fitted(name, place)
    p, order = classifier.predict_rows(batch), np.random.default_rng(0).permutation(60)
    without = {column: x for column, x in batch.items() if column != "y"}
    np.testing.assert_allclose(classifier.predict_rows(select(without, order)), p[order], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(classifier.predict_rows(select(without, slice(0, 1))), p[:1], rtol=1e-9, atol=1e-12)
    assert classifier.predict_rows(select(without, slice(0, 0))).shape == (0, 3)


@every
def test_global_random_state_is_left_alone(name: str) -> None:
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    classifier = CLASSIFIERS.get(name)().bind(space_of("everything"), "y")
    classifier.fit_rows(data_of("everything", 60), seed=1)
    classifier.predict_rows(rows("everything", 10, 0))
    found = np.random.random(), float(torch.rand(()))  # noqa: NPY002
    np.random.seed(5)  # noqa: NPY002
    torch.manual_seed(5)
    assert found == (np.random.random(), float(torch.rand(())))  # noqa: NPY002


@every
def test_classes_that_no_row_had_have_no_probability(name: str) -> None:
    data = data_of("numbers")
    seen = data.subset(np.flatnonzero(data.arrays["y"] != 1))
    classifier = CLASSIFIERS.get(name)().bind(data.space, "y")
    classifier.fit_rows(seen)
    p = classifier.predict_rows(rows("numbers", 20, 5))
    assert (p[:, 1] == 0).all()
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-9)


@every
def test_one_class_is_certain_and_none_is_an_error(name: str) -> None:
    data = data_of("numbers")
    classifier = CLASSIFIERS.get(name)().bind(data.space, "y")
    classifier.fit_rows(data.subset(np.flatnonzero(data.arrays["y"] == 2)))
    assert (classifier.predict_rows(rows("numbers", 20, 5)) == [0, 0, 1]).all()
    other = CLASSIFIERS.get(name)().bind(data.space, "y")
    other.load_state(classifier.state())
    assert (other.predict_rows(rows("numbers", 20, 5)) == [0, 0, 1]).all()
    with pytest.raises(FitError, match="'y'"):
        classifier.fit_rows(data.subset(np.flatnonzero(data.arrays["y"] == 3)))


@every
def test_a_class_with_one_row_is_learnt_from(name: str) -> None:
    data = data_of("numbers")
    y = data.arrays["y"]
    chosen = np.sort(np.concatenate([np.flatnonzero(y == 0), np.flatnonzero(y == 2)[:1], np.flatnonzero(y == 1)[:2]]))
    classifier = CLASSIFIERS.get(name)().bind(data.space, "y")
    classifier.fit_rows(data.subset(chosen))
    p = classifier.predict_rows(rows("numbers", 50, 5))
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-9)
    assert (p[:, 0] > 0).all()


@every
def test_constant_features_give_the_shares_of_the_classes(name: str) -> None:
    n = 60
    y = np.arange(n) % 3 // 2  # 40 and 20
    space = Space({"x": Field(Real()), "c": Field(Category(2)), "y": Field(Category(2))})
    data = Dataset(space, {"x": np.full(n, 3.0), "c": np.ones(n, np.int64), "y": y})
    classifier = CLASSIFIERS.get(name)().bind(space, "y")
    classifier.fit_rows(data)
    p = classifier.predict_rows(data.take(slice(0, 5)))
    np.testing.assert_allclose(p, np.tile([2 / 3, 1 / 3], (5, 1)), atol=0.05)
    alone = CLASSIFIERS.get(name)().bind(Space({"y": space["y"]}), "y")
    alone.fit_rows(Dataset(alone.space, {"y": y}))
    np.testing.assert_allclose(alone.predict_rows({"y": torch.zeros(2, dtype=torch.int64)}), p[:2] * 0 + [2 / 3, 1 / 3])


@every
def test_more_columns_than_rows(name: str) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(20) % 2
    X = rng.normal(size=(20, 100)) + 2 * y[:, None]
    space = Space({**{f"x{j}": Field(Real()) for j in range(100)}, "y": Field(Category(2))})
    data = Dataset(space, {**{f"x{j}": X[:, j] for j in range(100)}, "y": y})
    classifier = CLASSIFIERS.get(name)().bind(space, "y")
    classifier.fit_rows(data)
    p = classifier.predict_rows(data.take(slice(None)))
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-9)
    if name != "boosting":  # 20 rows are fewer than two of its leaves
        assert (p.argmax(1) == y).all()


@every
def test_unseen_codes_and_unknown_words_are_taken(name: str) -> None:
    space = Space({"c": Field(Category(9)), "t": Field(Tokens(4, 20)), "x": Field(Real()), "y": Field(Category(2))})
    y = np.arange(120) % 2
    arrays = {"c": y.copy(), "t": np.tile(2 + y[:, None], (1, 4)), "x": y * 1.0, "y": y}
    classifier = CLASSIFIERS.get(name)().bind(space, "y")
    classifier.fit_rows(Dataset(space, arrays))
    strange = {"c": torch.tensor([8, 0]), "t": torch.tensor([[17, 18, 19, 1], [0, 0, 0, 0]])}
    p = classifier.predict_rows({**strange, "x": torch.tensor([1e300, float("nan")], dtype=torch.float64)})
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(1), 1, atol=1e-9)


@every
def test_says_what_does_not_fit(name: str) -> None:
    space = Space({"x": Field(Real()), "v": Field(Vectors(3, 2)), "y": Field(Category(2))})
    with pytest.raises(UnsupportedError, match=f"{name} cannot read column 'v'"):
        CLASSIFIERS.get(name)().bind(space, "y")
    with pytest.raises(UnsupportedError, match="'x' is of kind real"):
        CLASSIFIERS.get(name)().bind(space, "x")
    with pytest.raises(UnknownNameError, match="did you mean"):
        CLASSIFIERS.get(name)().bind(space, "yy")
    batch = rows("numbers", 5, 0)
    with pytest.raises(SpaceMismatchError, match="'c' is absent"):
        fitted(name, "numbers").predict_rows({"x": batch["x"]})
    with pytest.raises(SpaceMismatchError, match="event shape"):
        fitted(name, "numbers").predict_rows({**batch, "c": batch["c"][:, None]})
