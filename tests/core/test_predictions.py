"""Metrics of predictions against scikit-learn's, and their anchors and intervals against what is known."""

import numpy as np
import pytest
from sklearn import metrics as sk

from genwright.core.judge import Score
from genwright.core.predictions import METRICS, UNSEEN, Metric, Predictions, beyond_guess, scores


def predictions(n: int = 300, k: int = 3, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    logits = np.round(rng.normal(size=(n, k)), 1)  # rounded, so that scores are tied
    p = np.exp(logits)
    p /= p.sum(1, keepdims=True)
    y = np.array([rng.choice(k, p=row) for row in p])
    return Predictions(y, p, np.bincount(y, minlength=k) / n, np.arange(n), tuple("abc"[:k]))


def by_name(rows: Predictions) -> dict[str, Score]:
    return {s.name: s for s in scores(rows)}


def one_hot(rows: Predictions) -> np.ndarray:
    return np.eye(rows.p.shape[1])[rows.y]


@pytest.mark.parametrize("k", [2, 3])
def test_equal_scikit_learns(k: int) -> None:
    rows = predictions(k=k)
    y, p, found = rows.y, rows.p, by_name(rows)
    auc = sk.roc_auc_score(y, p[:, 1]) if k == 2 else sk.roc_auc_score(y, p, multi_class="ovr", average="macro")
    expected = {
        "accuracy": sk.accuracy_score(y, p.argmax(1)),
        "balanced_accuracy": sk.balanced_accuracy_score(y, p.argmax(1)),
        "cross_entropy": sk.log_loss(y, p, labels=range(k)),
        "brier": np.square(p - one_hot(rows)).sum(1).mean(),
        "roc_auc": auc,
    }
    assert {name: s.value for name, s in found.items()} == pytest.approx(expected)


@pytest.mark.parametrize("metric", METRICS)
def test_weights_are_repeated_rows(metric: type[Metric]) -> None:
    rows = predictions(60)
    w = np.random.default_rng(1).integers(0, 4, 60)
    at = np.repeat(np.arange(60), w)
    weighed = metric().values(rows.y, rows.p, w[None].astype(float))
    repeated = metric().values(rows.y[at], rows.p[at], np.ones((1, len(at))))
    assert weighed == pytest.approx(repeated)


def test_the_trivial_guess_is_the_share_of_the_classes() -> None:
    rows = predictions()
    found, largest = by_name(rows), rows.shares.max()
    assert found["accuracy"].ceiling == pytest.approx(largest)
    assert found["balanced_accuracy"].ceiling == pytest.approx(1 / 3)
    assert found["cross_entropy"].ceiling == pytest.approx(-(rows.shares * np.log(rows.shares)).sum())
    assert found["brier"].ceiling == pytest.approx(1 - np.square(rows.shares).sum())
    assert found["roc_auc"].ceiling == pytest.approx(0.5)


def test_rows_that_differ_could_all_be_foretold() -> None:
    found = by_name(predictions())
    best = [found[name].floor for name in ("accuracy", "balanced_accuracy", "cross_entropy", "brier", "roc_auc")]
    assert best == pytest.approx([1, 1, 0, 0, 1], abs=1e-12)


def test_no_function_of_equal_rows_beats_the_floor() -> None:
    """All functions of two different rows, on a grid of probabilities."""
    groups = np.array([0, 0, 0, 0, 1, 1, 1])
    y = np.array([0, 0, 0, 1, 0, 1, 1])
    grid = np.linspace(0, 1, 41)
    for metric in METRICS:
        values = []
        for a in grid:
            for b in grid:
                q = np.where(groups == 0, a, b)
                p = np.column_stack([1 - q, q])
                values.append(metric().values(y, p, np.ones((1, 7)))[0])
        rows = Predictions(y, np.full((7, 2), 0.5), np.array([4, 3]) / 7, groups)
        floor = by_name(rows)[metric.name].floor
        best = max(values) if metric.direction == "higher" else min(values)
        assert floor >= best - 1e-9 if metric.direction == "higher" else floor <= best + 1e-9
        assert floor == pytest.approx(best, abs=0.01)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Accuracy 0.7: 200 data sets, of which 95 % ± 5 standard errors hold it."""
    rng, hits = np.random.default_rng(0), 0
    for seed in range(200):
        y = np.zeros(100, int)
        p = np.where(rng.random(100) < 0.7, 0.9, 0.1)
        rows = Predictions(y, np.column_stack([p, 1 - p]), np.array([0.5, 0.5]), np.arange(100), seed=seed)
        accuracy = scores(rows, METRICS[:1])[0]
        hits += accuracy.low <= 0.7 <= accuracy.high
    assert abs(hits / 200 - 0.95) < 5 * (0.95 * 0.05 / 200) ** 0.5


def test_the_guess_is_compared_on_the_same_resamples() -> None:
    """Few rows of a rare class cost much, whoever guesses: both costs vary, and their difference hardly does."""
    y = (np.arange(100) % 10 == 0).astype(int)
    q = np.where(y, 0.15, 0.08)
    found = by_name(Predictions(y, np.column_stack([1 - q, q]), np.array([0.9, 0.1]), np.arange(100)))["cross_entropy"]
    low, high = beyond_guess(found)
    assert found.low < found.ceiling < found.high  # alone it tells nothing
    own, guess = (-np.where(y, np.log(p), np.log(1 - np.asarray(p))) for p in (q, 0.1))
    more, error = (own - guess).mean(), (own - guess).std() / 10
    assert [low, high] == pytest.approx([more - 1.96 * error, more + 1.96 * error], abs=0.3 * error)
    assert high < 0


def test_all_right_is_not_certain() -> None:
    rows = Predictions(np.array([0, 1] * 5), np.eye(2)[[0, 1] * 5], np.array([0.5, 0.5]), np.arange(10))
    accuracy = by_name(rows)["accuracy"]
    assert accuracy.value == 1
    assert accuracy.low == pytest.approx(10 / (10 + 1.96**2), abs=1e-3)  # Wilson's lower end


def test_classes_never_seen_count_as_wrong() -> None:
    y = np.array([0, 1, UNSEEN, UNSEEN])
    rows = Predictions(y, np.eye(2)[[0, 1, 0, 1]], np.array([0.5, 0.5]), np.arange(4))
    found = by_name(rows)
    assert found["accuracy"].value == 0.5
    assert found["brier"].value == pytest.approx((0 + 0 + 2 + 2) / 4)
    assert "2 rows of classes never seen" in found["accuracy"].protocol


def test_one_class_has_no_area_and_no_row_no_score() -> None:
    rows = Predictions(np.zeros(5, int), np.ones((5, 1)), np.ones(1), np.arange(5))
    assert "roc_auc" not in by_name(rows)
    assert scores(Predictions(np.zeros(0, int), np.ones((0, 2)), np.ones(2) / 2, np.zeros(0))) == []


@pytest.mark.parametrize(("n", "is_sure"), [(1, False), (5, False), (6, True), (40, True)])
@pytest.mark.parametrize("is_right", [True, False])
def test_a_few_rows_on_one_side_of_the_guess_may_be_chance(n: int, is_sure: bool, is_right: bool) -> None:
    y = np.arange(n) % 2
    p = np.where(np.eye(2)[y] == is_right, 0.9, 0.1)
    low, high = beyond_guess(by_name(Predictions(y, p, np.array([0.5, 0.5]), np.arange(n)))["cross_entropy"])
    assert (high < 0) == (is_sure and is_right)
    assert (low > 0) == (is_sure and not is_right)
