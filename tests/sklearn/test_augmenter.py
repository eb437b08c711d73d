import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from genwright.sklearn import Augmenter


def scarce(n: int = 60, n_rare: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(0, 1, (n, 2)), rng.normal(5, 1, (n_rare, 2))]
    return X, np.r_[np.zeros(n, int), np.ones(n_rare, int)]


def test_classes_become_equal_and_the_rows_stay() -> None:
    X, y = scarce()
    more, labels = Augmenter("copula", random_state=0).fit_resample(X, y)
    assert np.bincount(labels).tolist() == [60, 60]
    np.testing.assert_array_equal(more[: len(X)], X)
    np.testing.assert_array_equal(labels[: len(y)], y)


def test_drawn_rows_are_of_their_class() -> None:
    X, y = scarce(200, 100)
    more, labels = Augmenter("copula", random_state=0).fit_resample(X, y)
    new, rare = more[len(X) :], X[y == 1]
    assert (labels[len(X) :] == 1).all()
    error = rare.std(0) * (1 / len(new) + 1 / len(rare)) ** 0.5  # of a difference of two means
    assert (abs(new.mean(0) - rare.mean(0)) < 5 * error).all()
    assert len({tuple(row) for row in new.tolist()} - {tuple(row) for row in rare.tolist()}) > 90


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("auto", {"a": 5, "b": 3}),
        ("minority", {"a": 5}),
        ("not minority", {"b": 3}),
        (lambda y: {"b": 2 * int((y == "b").sum())}, {"b": 4}),
        ({"a": 4, "c": 9}, {"a": 2, "c": 2}),
        ({"a": 2}, {}),
    ],
)
def test_strategies(strategy: object, expected: dict[str, int]) -> None:
    y = ["a"] * 2 + ["b"] * 4 + ["c"] * 7
    model = Augmenter(strategy=strategy).fit(np.arange(26.0).reshape(13, 2), y)
    assert model.amounts_ == expected


def test_a_share_is_of_the_larger_class() -> None:
    X, y = scarce()
    for share in (0.5, np.float32(0.5)):
        _, labels = Augmenter("marginals", strategy=share).fit_resample(X, y)
        assert np.bincount(labels).tolist() == [60, 30]


@pytest.mark.parametrize(
    ("strategy", "match"),
    [
        ({"a": 1}, "only adds"),
        ({"q": 9}, "class 'q'"),
        (0.5, "two classes"),
        ("most", "expected"),
        (1.5, "expected"),
        ({"a": None}, "asks for None rows of class 'a'; expected a whole number"),
        ({"a": float("nan")}, "asks for nan rows"),
        ({"a": 30.7}, "asks for 30.7 rows"),
    ],
)
def test_strategies_that_do_not_fit(strategy: object, match: str) -> None:
    y = ["a"] * 2 + ["b"] * 4 + ["c"] * 7
    with pytest.raises(ValueError, match=match):
        Augmenter(strategy=strategy).fit(np.arange(26.0).reshape(13, 2), y)


def test_frames_stay_frames() -> None:
    X, y = scarce()
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(kind=pd.Categorical(np.where(X[:, 0] > 0, "hi", "lo")))
    more, labels = Augmenter("marginals").fit_resample(frame, pd.Series(y, name="y", dtype="int8"))
    assert more.dtypes.to_dict() == frame.dtypes.to_dict()
    assert (labels.name, labels.dtype, len(labels)) == ("y", "int8", len(more))
    other, codes = Augmenter("marginals").fit_resample(pl.from_pandas(frame[["a", "b"]]), pl.Series("y", y))
    assert isinstance(other, pl.DataFrame)
    assert isinstance(codes, pl.Series)
    assert len(other) == len(codes) == 120


def test_a_class_of_one_row_is_repeated_and_told() -> None:
    X, y = scarce(8, 1)
    with pytest.warns(UserWarning, match="one row"):
        more, _ = Augmenter("marginals").fit_resample(X, y)
    np.testing.assert_array_equal(more[len(X) :], np.repeat(X[-1:], 7, axis=0))


@pytest.mark.parametrize("as_polars", [False, True])
@pytest.mark.parametrize("text", ["{}", "INV-{:05d}", "{:04x}-q"])
def test_drawn_rows_have_ids_of_their_own(text: str, as_polars: bool) -> None:
    """One class has a single row, which is repeated; those of all classes lie among each other."""
    rng, y = np.random.default_rng(0), np.array(["p"] * 25 + ["q"] * 35 + ["n"] * 60 + ["one"])
    ids = [int(text.format(1000 + i)) if text == "{}" else text.format(1000 + 7 * i) for i in range(len(y))]
    X = pd.DataFrame({"a": rng.normal(size=len(y)), "id": ids, "b": rng.choice(list("xyz"), len(y))})
    model = Augmenter("marginals", kinds={"id": "id"}, random_state=0)
    with pytest.warns(UserWarning, match="one row"):
        more, labels = model.fit_resample(pl.from_pandas(X) if as_polars else X, y)
    assert list(more.columns) == ["a", "id", "b"]
    assert more["id"].dtype == (pl.from_pandas(X) if as_polars else X)["id"].dtype
    found = more["id"].to_list()
    assert found[: len(y)] == ids
    assert len(set(found)) == len(found) == len(labels) == 240
    assert set(more["a"].to_numpy()[labels == "one"]) == {X["a"].iloc[-1]}


def test_ids_of_a_matrix_go_on_above_all() -> None:
    X, y = scarce()
    X = np.c_[X, np.arange(len(X))[::-1]]
    more, _ = Augmenter("marginals", kinds={2: "id"}, random_state=0).fit_resample(X, y)
    assert len(set(more[:, 2])) == len(more)


def test_a_class_in_which_nothing_varies() -> None:
    X = np.r_[np.random.default_rng(0).normal(size=(9, 2)), np.ones((3, 2))]
    more, _ = Augmenter("marginals", random_state=0).fit_resample(X, [0] * 9 + [1] * 3)
    np.testing.assert_array_equal(more[12:], 1)


def test_the_same_number_draws_the_same_rows() -> None:
    X, y = scarce()
    a, b, c = (Augmenter("copula", random_state=s).fit_resample(X, y)[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_scikit_learns_pipelines_refuse_it() -> None:
    X, y = scarce()
    with pytest.raises(TypeError, match="transform"):
        make_pipeline(Augmenter("marginals"), LogisticRegression()).fit(X, y)


def test_imbalanced_learns_pipelines_resample_in_fit_alone() -> None:
    imblearn = pytest.importorskip("imblearn.pipeline", reason="imbalanced-learn is not installed")
    X, y = scarce()
    model = imblearn.make_pipeline(Augmenter("copula", random_state=0), DecisionTreeClassifier(random_state=0))
    model.fit(X, y)
    assert model[-1].tree_.n_node_samples[0] == 120
    assert model.predict(X).shape == y.shape
