"""Scores: cross-fitted by hand, only where they foretell, saved whole."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit, ndtr

from genwright.core.packing import Packer, Unpacker
from genwright.core.space import Category, Field
from genwright.models.trees import TreesConfig
from genwright.nn.trees.boosting import MIN_ROWS, Scored, find_score
from genwright.nn.trees.column import TreeColumn, learn_column
from genwright.nn.trees.donors import Donors
from genwright.nn.trees.score import Score, looked_at
from genwright.nn.trees.target import Target
from tests.nn.worlds import real_column


def _target(is_category: bool, strength: float, n: int = 2_000) -> Target:
    """Two numbers and a colour, and a column that they explain by a curve, so well as the strength says."""
    rng = np.random.default_rng(0)
    a, b, colour = rng.normal(size=n), rng.normal(size=n), rng.integers(0, 4, n)
    y = strength * (np.cos(2 * a) + b * (colour - 1.5)) + rng.normal(size=n)
    columns: list[TreeColumn] = [real_column(a), real_column(b), learn_column(Field(Category(4)), colour)]
    values = [a, b, colour, (y > 0).astype(np.int64) if is_category else y]
    columns.append(learn_column(Field(Category(2)), values[3]) if is_category else real_column(y))
    return Target.of(3, columns, Donors.of(columns, values))


def _found(target: Target, **settings: Any) -> Scored | None:
    return find_score(target, np.arange(3), TreesConfig(**settings), np.random.default_rng(1))


@pytest.mark.parametrize("is_category", [True, False])
def test_own_score_is_that_of_the_expert_that_has_not_seen_the_row(is_category: bool) -> None:
    target = _target(is_category, 2.0)
    found = _found(target)
    assert found is not None
    assert found.predictors.tolist() == [0, 1, 2, 4]
    own = found.target.donors.where[:, -1]
    order = np.random.default_rng(1).permutation(len(own))
    first = np.isin(np.arange(len(own)), order[: len(own) // 2])
    seen = looked_at(target.donors.where, np.arange(3), found.score.turns)
    by_expert = [e.expected(seen, is_category) for e in found.score.experts]
    assert np.array_equal(own, np.where(first, by_expert[1], by_expert[0]))
    np.testing.assert_allclose(found.score(target.donors.where), (by_expert[0] + by_expert[1]) / 2, rtol=1e-6)


@pytest.mark.parametrize("is_category", [True, False])
def test_score_is_the_mean_over_links(is_category: bool) -> None:
    target = _target(is_category, 2.0)
    found = _found(target)
    assert found is not None
    assert (found.score.turns is None) is is_category
    X = looked_at(target.donors.where, np.arange(3), found.score.turns)
    total = np.zeros(len(X))
    for expert in found.score.experts:
        ordered = X.copy()
        ordered[:, 2] = expert.maps[2][X[:, 2].astype(int)]
        total += (expit if is_category else ndtr)(expert.forest(ordered))
    np.testing.assert_allclose(found.score(target.donors.where), total / 2, rtol=1e-5)


@pytest.mark.parametrize("is_category", [True, False])
def test_noise_few_rows_many_rows_and_none_asked_for_have_no_score(is_category: bool) -> None:
    assert _found(_target(is_category, 0.0)) is None
    assert _found(_target(is_category, 2.0, n=MIN_ROWS - 1)) is None
    assert _found(_target(is_category, 2.0), max_boosted=1_999) is None
    assert _found(_target(is_category, 2.0), boosted_rounds=0) is None


@pytest.mark.parametrize("rare", [0, 1])
@pytest.mark.parametrize("n_rare", [0, 1])
def test_a_half_with_one_class_alone_has_no_score(rare: int, n_rare: int) -> None:
    rng = np.random.default_rng(0)
    a, y = rng.normal(size=600), np.full(600, 1 - rare)
    y[:n_rare] = rare
    columns: list[TreeColumn] = [real_column(a), learn_column(Field(Category(2)), y)]
    target = Target.of(1, columns, Donors.of(columns, [a, y]))
    with np.errstate(all="raise"):
        for seed in range(3):
            assert find_score(target, np.arange(1), TreesConfig(), np.random.default_rng(seed)) is None


@pytest.mark.parametrize("is_category", [True, False])
def test_saved_score_is_the_same(is_category: bool) -> None:
    target = _target(is_category, 2.0)
    found = _found(target)
    assert found is not None
    packer = Packer()
    found.score.pack(packer)
    loaded = Score.unpack(Unpacker(packer.tensors()), target.columns)
    assert np.array_equal(loaded(target.donors.where), found.score(target.donors.where))


def test_scores_of_older_versions_have_no_turns() -> None:
    target = _target(True, 2.0)
    found = _found(target)
    assert found is not None
    packer = Packer()
    found.score.pack(packer)
    state = packer.tensors()
    state["score"], state["score.shapes"] = state["score"][:2], torch.tensor([[2]])
    loaded = Score.unpack(Unpacker(state), target.columns)
    assert np.array_equal(loaded(target.donors.where), found.score(target.donors.where))
