import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from genwright import fit
from genwright.sklearn import Augmenter, Generator


def table(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    age = rng.integers(18, 90, n)
    return pd.DataFrame(
        {
            "age": age.astype(np.int32),
            "height": rng.normal(170, 10, n).astype(np.float32),
            "region": pd.Categorical(rng.choice(["north", "south"], n), categories=["south", "north", "east"]),
            "visits": pd.array([None, *rng.integers(0, 9, n - 1)], dtype="Int64"),
            "is_new": age > 60,
        }
    )


def test_draws_of_a_frame_have_its_columns_and_types() -> None:
    frame = table()
    drawn = Generator("marginals", random_state=0).fit(frame).sample(20)
    assert drawn.dtypes.to_dict() == frame.dtypes.to_dict()
    assert set(drawn["region"]) <= {"north", "south"}


def test_draws_of_a_frame_whose_columns_are_numbers() -> None:
    frame = table()[["age", "height"]].set_axis([7, 3], axis=1)
    drawn = Generator("marginals", random_state=0, kinds={0: "category"}).fit(frame).sample(3)
    assert list(drawn.columns) == [7, 3]
    assert set(drawn[7]) <= set(frame[7])


def test_draws_of_a_polars_frame_are_one() -> None:
    frame = pl.from_pandas(table()[["age", "height", "is_new"]])
    model = Generator("marginals", random_state=0).fit(frame)
    assert isinstance(model.sample(4), pl.DataFrame)
    assert model.score_samples(frame).shape == (60,)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, bool])
def test_draws_of_a_matrix_have_its_type(dtype: type) -> None:
    X = np.random.default_rng(0).integers(0, 2, (30, 3)).astype(dtype)
    drawn = Generator("marginals", random_state=0).fit(X).sample(5)
    assert drawn.dtype == dtype
    assert drawn.shape == (5, 3)


def test_lists_with_words_keep_their_numbers() -> None:
    X = [["north", 1.5], ["south", 2.5], ["north", 3.5]] * 10
    drawn = Generator("marginals", random_state=0).fit(X).sample(8)
    assert {type(value) for value in drawn[:, 1]} == {float}
    assert set(drawn[:, 0]) <= {"north", "south"}


def test_numbers_of_a_matrix_are_numbers_unless_said_otherwise() -> None:
    X = np.c_[np.arange(40), np.arange(40) % 2]  # as a frame: an id and a truth value
    kinds = [c.kind for c in Generator("marginals").fit(X).run_.schema]
    assert kinds == ["number", "number"]
    model = Generator("marginals", kinds={1: "category", "x0": "number"}).fit(X)
    assert [c.kind for c in model.run_.schema] == ["number", "category"]


def test_it_is_what_fit_learns() -> None:
    frame = table()
    model = Generator("trees", random_state=3).fit(frame)
    run = fit(frame, "trees", seed=3, held_out=0.0, judge=False)
    np.testing.assert_array_equal(model.score_samples(frame), run.log_prob(frame))
    assert model.score(frame) == pytest.approx(run.log_prob(frame).mean())
    pd.testing.assert_frame_equal(model.sample(5)[["age"]], run.sample(5)[["age"]], check_dtype=False)


def test_a_number_repeats_draws_and_none_does_not() -> None:
    X = np.random.default_rng(0).normal(size=(50, 2))
    fixed, free = Generator("marginals", random_state=1).fit(X), Generator("marginals").fit(X)
    np.testing.assert_array_equal(fixed.sample(4), fixed.sample(4))
    assert (free.sample(4) != free.sample(4)).any()
    assert (fixed.sample(4) != fixed.sample(4, random_state=2)).any()


def test_draws_meet_conditions() -> None:
    drawn = Generator("trees", random_state=0, given="region").fit(table()).sample(6, given={"region": "south"})
    assert (drawn["region"] == "south").all()
    X = np.c_[np.arange(40) % 2, np.arange(40) / 7]
    drawn = Generator("trees", random_state=0, kinds={0: "category"}, given=0).fit(X).sample(6, given={0: 1})
    assert (drawn[:, 0] == 1).all()


def test_grid_search_finds_the_likelier_family() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 1))
    X = np.c_[x, x + 0.1 * rng.normal(size=x.shape)]  # columns that hang together
    search = GridSearchCV(Generator(random_state=0), {"model": ["marginals", "copula"]}, cv=3).fit(X)
    assert search.best_params_ == {"model": "copula"}


def test_it_stands_at_the_end_of_a_pipeline() -> None:
    X = np.random.default_rng(0).normal(5, 2, size=(60, 2))
    model = make_pipeline(StandardScaler(), Generator("copula", random_state=0)).fit(X)
    assert model.score_samples(X).shape == (60,)


def test_clones_and_pickles() -> None:
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = Generator("copula", settings=None, random_state=0).fit(X)
    assert clone(model).get_params() == model.get_params()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).sample(3), model.sample(3))


def test_errors_are_value_errors_that_say_what_to_do() -> None:
    X = np.random.default_rng(0).normal(size=(40, 2))
    with pytest.raises(ValueError, match="did you mean copula"):
        Generator("copola").fit(X)
    with pytest.raises(ValueError, match="no column can be modelled"):
        Generator("copula").fit(pd.DataFrame({"a": [1] * 9}))
    with pytest.raises(ValueError, match="minimum of 2"):
        Generator().fit(table(1))
    with pytest.raises(ValueError, match="feature names"):
        Generator("marginals").fit(table()).score_samples(table().rename(columns={"age": "years"}))


@pytest.mark.parametrize("as_frame", [True, False])
def test_draws_that_are_series_are_refused(as_frame: bool) -> None:
    X = pd.DataFrame({"x": np.random.default_rng(0).normal(size=60)})
    with pytest.raises(
        ValueError, match=r"hmm reads these rows as steps of a series, .* use genwright.fit\(X, 'hmm'\)"
    ):
        Generator("hmm", random_state=0).fit(X if as_frame else X.to_numpy())
    with pytest.raises(ValueError, match="draws whole series, not rows"):
        Augmenter("hmm", random_state=0).fit_resample(X, np.repeat(["a", "b"], [40, 20]))


def test_a_name_goes_before_a_position():
    """Of a frame whose columns are called by numbers; where no column is called so, positions count."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({1: rng.integers(0, 3, 60), 0: rng.integers(0, 3, 60)})
    kinds = {"0": "category", "1": "number"}
    for said in ({0: "category", 1: "number"}, {"0": "category", 1: "number"}, {np.int64(0): "category", 1: "number"}):
        model = Generator("marginals", kinds=said, given=[0]).fit(X)
        assert {c.name: c.kind for c in model.run_.schema} == kinds
        assert [name for name, f in model.run_.model.space.items() if f.is_given] == ["0"]
    assert set(model.sample(20, given={0: 2})[0]) == {2}
    for labels in (["1", "0"], [5, 6]):
        model = Generator("marginals", kinds={0: "category", 1: "number"}).fit(X.set_axis(labels, axis=1))
        assert [c.kind for c in model.run_.schema] == ["category", "number"]


def test_numbers_wider_than_float64_are_numbers() -> None:
    X = np.random.default_rng(0).normal(size=(40, 2)).astype(np.longdouble)
    model = Generator("marginals", random_state=0).fit(X)
    assert [column.kind for column in model.run_.schema] == ["number", "number"]
    assert model.sample(3).dtype == X.dtype
