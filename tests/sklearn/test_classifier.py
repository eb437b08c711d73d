import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genwright import classify
from genwright.sklearn import Augmenter, Classifier


def labelled(n: int = 120) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    x, place = rng.normal(size=n), rng.choice(["north", "south"], n)
    frame = pd.DataFrame({"x": np.where(rng.random(n) < 0.1, np.nan, x), "place": place})
    return frame, np.where(x + 2 * (place == "north") > 1, "ja", "nein, ß")


def test_it_is_what_classify_learns() -> None:
    X, y = labelled()
    model = Classifier("logistic", random_state=0).fit(X, y)
    run = classify(X.assign(y=y), "y", "logistic", held_out=0.0, judge=False)
    expected = run.predict_proba(X)[list(model.classes_)].to_numpy()
    np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-12)
    assert model.score(X, y) > 0.8


@pytest.mark.parametrize("labels", [[3, -1, 2], [True, False, True], ["b", "ä", "a"], [0.0, 2.0, 1.0]])
def test_classes_are_sorted_labels_of_their_own_type(labels: list[object]) -> None:
    X = np.repeat(np.eye(3), 20, axis=0)
    y = np.repeat(np.array(labels), 20)
    model = Classifier("knn", random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.classes_, np.unique(y))
    np.testing.assert_array_equal(model.predict(X), y)
    assert model.predict(X).dtype == y.dtype


def test_nullable_whole_numbers_are_labels_as_they_are() -> None:
    y = pd.Series(np.repeat([2**60 + 1, 2**60 + 3], 10), dtype="Int64")  # one float for both
    model = Classifier("knn").fit(y.to_numpy()[:, None] % 8, y)
    assert model.classes_.tolist() == [2**60 + 1, 2**60 + 3]


@pytest.mark.parametrize("dtype", ["boolean", "bool[pyarrow]", object])
def test_truth_values_are_labels_whatever_holds_them(dtype: object) -> None:
    y = pd.Series(np.repeat([True, False], 10), dtype=dtype)
    model = Classifier("knn").fit(y.to_numpy(bool)[:, None] * 1.0, y)
    assert model.classes_.dtype == bool
    assert model.score(y.to_numpy(bool)[:, None] * 1.0, y.to_numpy(bool)) == 1


def test_numbers_that_are_objects_are_labels_and_a_mixture_is_refused() -> None:
    X, y = np.eye(4).repeat(5, axis=0), pd.Series([1, 2, None, 3], dtype=object).dropna().repeat(5)
    assert Classifier("knn").fit(X[:15], y).classes_.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match=r"Unknown label type: y holds int, str side by side; .* y\.astype\(str\)"):
        Classifier("knn").fit(X, np.array([1, "b"] * 10, dtype=object))


def test_codes_above_nine_keep_their_columns() -> None:
    X = np.repeat(np.arange(12.0), 10)[:, None]
    y = np.repeat([f"class {i}" for i in range(12)], 10)
    model = Classifier("knn").fit(X, y)
    assert model.score(X, y) == 1.0


def test_a_column_may_be_called_target() -> None:
    X, y = labelled()
    model = Classifier("logistic").fit(X.rename(columns={"x": "target", "place": "target_"}), y)
    assert model.n_features_in_ == 2


def test_polars_and_lists() -> None:
    X, y = labelled()
    a = Classifier("logistic").fit(pl.from_pandas(X), pl.Series(y)).predict_proba(pl.from_pandas(X))
    b = Classifier("logistic").fit(X.to_numpy().tolist(), y.tolist()).predict_proba(X.to_numpy().tolist())
    c = Classifier("logistic").fit(X, pd.Series(y)).predict_proba(X)
    np.testing.assert_allclose(a, c)
    np.testing.assert_allclose(b, c)


def test_columns_without_names_are_taken_by_position() -> None:
    """A matrix to what was fitted on a frame, and a frame to what was fitted on a matrix, as scikit-learn has it."""
    X, y = labelled()
    numbers = X.assign(place=X["place"] == "north").astype(float)
    for known in (numbers, pl.from_pandas(numbers), numbers.to_numpy()):
        model = Classifier("logistic").fit(known, y)
        expected = model.predict_proba(known)
        for other in (numbers, pl.from_pandas(numbers), numbers.to_numpy()):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                np.testing.assert_allclose(model.predict_proba(other), expected)
    of_frame, of_words = Classifier("logistic").fit(numbers, y), Classifier("logistic").fit(X, y)
    with pytest.warns(UserWarning, match="valid feature names"):
        of_frame.predict(numbers.to_numpy())
    with pytest.warns(UserWarning, match="valid feature names"):
        np.testing.assert_allclose(of_words.predict_proba(X.to_numpy()), of_words.predict_proba(X))
    with pytest.raises(ValueError, match="3 features"), pytest.warns(UserWarning, match="valid feature names"):
        of_frame.predict(np.zeros((4, 3)))


def test_grid_search_pipelines_and_cross_validation() -> None:
    X, y = labelled()
    assert cross_val_score(Classifier("logistic"), X, y, cv=3).mean() > 0.75
    grid = {"settings": [{"n_neighbours": 1}, {"n_neighbours": 9}]}
    search = GridSearchCV(Classifier("knn"), grid, cv=3, scoring="neg_log_loss").fit(X, y)
    assert search.best_params_["settings"] == {"n_neighbours": 9}
    assert make_pipeline(StandardScaler(), Classifier("logistic")).fit(X[["x"]], y).score(X[["x"]], y) > 0.6
    with pytest.raises(ValueError, match=r'in a grid "settings": \[{"n_neighbours": 1}, …\]'):
        GridSearchCV(Classifier("knn"), {"settings__n_neighbours": [1, 9]}, cv=3).fit(X, y)


def test_errors() -> None:
    X, y = labelled()
    with pytest.raises(ValueError, match=r"one class, 0\.0,"):
        Classifier("logistic").fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="Unknown label type"):
        Classifier("logistic").fit(X, X["x"].fillna(0.5))
    with pytest.raises(ValueError, match="did you mean"):
        Classifier("logistik").fit(X, y)
    with pytest.raises(ValueError, match="'x'"):
        Classifier("logistic").fit(X, y).predict(X.assign(x="far"))


@pytest.mark.parametrize(
    "missing", [pd.Series([None] + ["a", "b"] * 10), pd.Series([pd.NA] + ["a", "b"] * 10, dtype="string")]
)
@pytest.mark.parametrize("estimator", [Classifier("logistic"), Augmenter("marginals")])
def test_a_row_without_a_label_is_told(missing: pd.Series, estimator: object) -> None:
    X = np.random.default_rng(0).normal(size=(21, 2))
    for y in (missing, missing.to_numpy(dtype=object), pl.Series([None] + ["a", "b"] * 10)):
        with pytest.raises(ValueError, match="row 1 has no label"):
            estimator.fit(X, y)  # type: ignore[attr-defined]
