"""Features of rows: numbers, codes and pixels as they are, n-grams beside scikit-learn's TfidfVectorizer."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from genwright.core import feature_view
from genwright.core.errors import SpaceMismatchError
from genwright.core.feature_view import FeatureView
from genwright.core.space import Category, Field, Pixels, Real, Space, Tokens

SPACE = Space(
    {
        "text": Field(Tokens(9, 30, pad=0, end=1)),
        "x": Field(Real(has_missing=True)),
        "picture": Field(Pixels(17), (2, 3, 1)),
        "c": Field(Category(5)),
    }
)


def rows(n: int, seed: int = 0) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(seed)
    length = rng.integers(0, 10, (n, 1))  # 9 and above: no end
    words = np.minimum(2 + rng.geometric(0.2, (n, 9)), 29)
    text = np.where(np.arange(9) < length, words, np.where(np.arange(9) == length, 1, 0))
    return {
        "text": torch.from_numpy(text),
        "x": torch.from_numpy(np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))),
        "picture": torch.from_numpy(rng.integers(0, 17, (n, 2, 3, 1)).astype(np.uint8)),
        "c": torch.from_numpy(rng.integers(0, 5, n)),
    }


def as_words(batch: dict[str, torch.Tensor]) -> list[str]:
    return [" ".join(f"w{code:02}" for code in row if code > 1) for row in batch["text"].tolist()]


@pytest.mark.parametrize(("n", "min_df", "longest"), [(300, 2, 5), (300, 2, 2), (50, 1, 2)])
def test_n_grams_are_counted_and_weighted_as_scikit_learn_does(
    n: int, min_df: int, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_view, "AT_ONCE", 99)  # eleven rows at a time
    monkeypatch.setattr(feature_view, "FEW_CODES", 1_000 if longest == 5 else 10)
    batch, new = rows(n), rows(40, 1)
    view = FeatureView(SPACE).fit(batch, 0)
    asked = {"ngram_range": (1, longest), "token_pattern": r"\S+", "min_df": min_df}
    theirs = TfidfVectorizer(sublinear_tf=True, **asked).fit(as_words(batch))
    names = theirs.get_feature_names_out()
    singles = sorted(names, key=lambda gram: (gram.count(" "), gram))  # ours: single tokens, then pairs …
    order = [theirs.vocabulary_[gram] for gram in singles]
    np.testing.assert_allclose(
        view.features(new).weights.toarray(), theirs.transform(as_words(new)).toarray()[:, order]
    )
    counts = CountVectorizer(**asked).fit(as_words(batch)).transform(as_words(new)).toarray()[:, order]
    np.testing.assert_array_equal(view.features(new).counts.toarray(), counts)


def test_the_most_frequent_n_grams_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_view, "N_GRAMS", 7)
    batch = rows(300)
    features = FeatureView(SPACE).fit(batch, 0).features(batch)
    everything = CountVectorizer(ngram_range=(1, 5), token_pattern=r"\S+").fit_transform(as_words(batch))
    seven = np.sort(np.asarray(everything.sum(0)).ravel())[-7:]
    np.testing.assert_array_equal(np.sort(np.asarray(features.counts.sum(0)).ravel()), seven)


def test_numbers_codes_and_pixels() -> None:
    batch = rows(20)
    features = FeatureView(SPACE).fit(batch, 0).features(batch)
    np.testing.assert_array_equal(features.X, np.column_stack([batch["x"], batch["c"]]))
    assert features.is_category.tolist() == [False, True]
    np.testing.assert_allclose(features.pixels, batch["picture"].reshape(20, 6).numpy() / 16, rtol=1e-6)
    assert features.width == 2 + 6 + features.counts.shape[1]


def test_topics_are_those_of_truncated_svd() -> None:
    """Where all singular vectors are asked for, lengths and angles stay as they were."""
    batch = rows(60)
    dense, sparse = FeatureView(SPACE, is_dense=True).fit(batch, 0), FeatureView(SPACE).fit(batch, 0)
    found, weights = dense.features(batch), sparse.features(batch).weights
    topics = found.X[:, 8:]
    assert topics.shape[1] == min(feature_view.N_TOPICS, *weights.shape)
    np.testing.assert_allclose(topics @ topics.T, (weights @ weights.T).toarray(), atol=1e-6)
    theirs = TruncatedSVD(5, algorithm="arpack", random_state=0).fit(weights).singular_values_
    np.testing.assert_allclose(np.sqrt(np.square(topics).sum(0))[:5], theirs, rtol=1e-3)
    assert found.weights.shape[1] == found.pixels.shape[1] == 0
    assert dense.is_category.tolist() == found.is_category.tolist() == [False, True] + [False] * (found.X.shape[1] - 2)


@pytest.mark.parametrize("is_dense", [False, True])
def test_state(is_dense: bool) -> None:
    batch = rows(80)
    view = FeatureView(SPACE, is_dense).fit(batch, 3)
    other = FeatureView(SPACE, is_dense)
    other.load_state(view.state())
    ours, theirs = view.features(rows(9, 5)), other.features(rows(9, 5))
    np.testing.assert_array_equal(ours.X, theirs.X)
    np.testing.assert_array_equal(ours.weights.toarray(), theirs.weights.toarray())
    assert (view.is_category == other.is_category).all()


def test_texts_without_words_and_columns_that_are_absent() -> None:
    batch = rows(20) | {"text": torch.zeros((20, 9), dtype=torch.int64)}
    for is_dense in (False, True):
        view = FeatureView(SPACE, is_dense).fit(batch, 0)
        assert view.features(rows(4)).weights.shape == (4, 0)
    with pytest.raises(SpaceMismatchError, match="'x' is absent"):
        view.features({name: x for name, x in batch.items() if name != "x"})
    with pytest.raises(SpaceMismatchError, match="event shape"):
        view.features(batch | {"picture": batch["picture"][:, :1]})
