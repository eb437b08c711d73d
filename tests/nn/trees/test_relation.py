"""A linear relation is found where there is one, and a trial says whether slopes help."""

import numpy as np
import pytest

from genwright.core.space import Category, Field
from genwright.models.trees import TreesConfig
from genwright.nn.trees.column import learn_column
from genwright.nn.trees.donors import Donors
from genwright.nn.trees.growth import SLOPE_GAIN, WEAK
from genwright.nn.trees.relation import Relation
from genwright.nn.trees.target import Target
from genwright.nn.trees.trial import Trial, try_slopes
from tests.nn.worlds import real_column

N, BEFORE = 3_000, np.arange(3)


def _target(slope: float, jump: float, noise: float, n: int = N) -> Target:
    """A number that follows the first of two normal columns, and a category, which stands between them."""
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=n), rng.normal(size=n), rng.integers(0, 3, n)
    values = [a, c, b, slope * a + jump * (c == 2) + noise * rng.normal(size=n)]
    columns = [real_column(x) if k != 1 else learn_column(Field(Category(3)), x) for k, x in enumerate(values)]
    return Target.of(3, columns, Donors.of(columns, values))


def _related(target: Target) -> Relation:
    relation = Relation.find(target, BEFORE, TreesConfig())
    assert relation is not None
    return relation


def test_slopes_of_a_normal_world_are_its_correlations() -> None:
    """Scores of normal columns are the columns themselves over their deviations."""
    relation = _related(_target(slope=0.6, jump=0.0, noise=0.8))
    slope = dict(zip(relation.columns.places.tolist(), relation.slope, strict=True))
    error = 5 * 0.8 / N**0.5
    assert slope[0] == pytest.approx(0.6, abs=error)
    assert slope[2] == pytest.approx(0.0, abs=error)


def test_a_categorys_scores_are_in_the_order_of_its_means() -> None:
    score = _related(_target(slope=0.0, jump=2.0, noise=0.5)).columns.maps[1]
    assert score.argmax() == 2
    assert score[2] - max(score[:2]) > 5 * abs(score[0] - score[1])


def test_few_rows_have_no_relation() -> None:
    assert Relation.find(_target(1.0, 0.0, 0.1, n=100), BEFORE, TreesConfig()) is None


def test_what_a_slope_leaves_is_not_related() -> None:
    target = _target(slope=1.0, jump=0.0, noise=0.3)
    left = _related(target).residual(target.y)
    assert abs(np.corrcoef(left, target.donors.where[:, 0])[0, 1]) < 5 / N**0.5


def _trial(slope: float) -> Trial:
    target = _target(slope, jump=0.0, noise=0.1)
    X = target.donors.where[:, BEFORE]
    return try_slopes(_related(target), X, target.y, TreesConfig(), np.random.default_rng(1))


def test_slopes_gain_where_a_number_follows_another() -> None:
    assert _trial(slope=1.0).gain > SLOPE_GAIN


def test_noise_is_told_from_a_relation() -> None:
    noise = _trial(slope=0.0)
    assert noise.information + max(noise.gain, 0) < WEAK
