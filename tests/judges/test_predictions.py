"""Judges of predictions against scikit-learn, enumeration and what is known by construction."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from genwright.core.judge import Score
from genwright.core.predictions import UNSEEN, MetricJudge, PredictionJudge, Predictions
from genwright.core.space import Space
from genwright.judges.calibration_error import BINS, CalibrationError, by_chance
from genwright.judges.macro_f1 import MacroF1, confusion
from genwright.judges.pr_auc import GRID, PrAuc
from genwright.judges.worst_group import WorstGroup

JUDGES: tuple[type[PredictionJudge], ...] = (MacroF1, PrAuc, CalibrationError, WorstGroup)


def predictions(n: int = 400, k: int = 3, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    p = np.exp(np.round(rng.normal(size=(n, k)), 1))  # rounded, so that scores are tied
    p /= p.sum(1, keepdims=True)
    y = np.array([rng.choice(k, p=row) for row in p])
    town = np.array(["north", "south", "west"])[rng.integers(0, 3, n)]
    return Predictions(y, p, np.bincount(y, minlength=k) / n, np.arange(n), tuple("abc"[:k]), by={"town": town})


def only(judge: type[PredictionJudge], rows: Predictions) -> Score:
    (found,) = judge().predicted(rows)
    return found


@pytest.mark.parametrize("k", [2, 3])
def test_f1_and_confusion_are_scikit_learns(k: int) -> None:
    rows = predictions(k=k)
    found, called = only(MacroF1, rows), rows.p.argmax(1)
    assert found.value == pytest.approx(sk.f1_score(rows.y, called, average="macro"))
    assert found.details["confusion"] == sk.confusion_matrix(rows.y, called).tolist()


def test_classes_never_seen_are_a_row_of_their_own() -> None:
    rows = predictions()
    y = np.where(np.arange(len(rows)) < 50, UNSEEN, rows.y)
    rows, called = replace(rows, y=y), rows.p.argmax(1)
    assert only(MacroF1, rows).value == pytest.approx(sk.f1_score(y, called, average="macro", zero_division=0))
    assert (confusion(rows)[:3] == sk.confusion_matrix(y, called, labels=range(3))).all()
    assert confusion(rows)[3].tolist() == np.bincount(called[:50], minlength=3).tolist()


@pytest.mark.parametrize("k", [2, 3])
def test_average_precision_is_scikit_learns(k: int) -> None:
    rows = predictions(k=k)
    one_hot = np.eye(k)[rows.y]
    expected = (
        sk.average_precision_score(rows.y, rows.p[:, 1]) if k == 2 else sk.average_precision_score(one_hot, rows.p)
    )
    assert only(PrAuc, rows).value == pytest.approx(expected)


def test_curves_are_scikit_learns_within_their_bands() -> None:
    rows = predictions()
    found = only(PrAuc, rows).details["curves"]
    assert [c["class"] for c in found] == ["a", "b", "c"]
    for k, curve in enumerate(found):
        fpr, tpr, _ = sk.roc_curve(rows.y == k, rows.p[:, k], drop_intermediate=False)
        assert curve["roc"]["y"] == pytest.approx(np.interp(GRID, fpr, tpr), abs=1e-4)
        precision, recall, _ = sk.precision_recall_curve(rows.y == k, rows.p[:, k])
        needed = np.maximum(GRID, 1 / (rows.y == k).sum())
        at = [np.flatnonzero(recall >= r - 1e-9)[-1] for r in needed]
        assert curve["pr"]["y"] == pytest.approx(precision[at], abs=1e-4)
        for side in (curve["roc"], curve["pr"]):
            inside = (np.array(side["low"]) <= side["y"]) & (np.array(side["y"]) <= side["high"])
            assert inside.mean() > 0.9


@pytest.mark.parametrize("k", [2, 3])
def test_calibration_error_is_scikit_learns(k: int) -> None:
    rows = predictions(k=k)
    found, confidence = only(CalibrationError, rows), rows.p.max(1)
    true, told = calibration_curve(rows.p.argmax(1) == rows.y, confidence, n_bins=BINS, strategy="quantile")
    bins = found.details["bins"]
    n = np.array([b["n"] for b in bins])
    assert [b["hits"] / b["n"] for b in bins] == pytest.approx(true)
    assert [b["confidence"] for b in bins] == pytest.approx(told)
    assert n.sum() == len(rows)
    assert found.value == pytest.approx((n * np.abs(true - told)).sum() / n.sum())


def test_the_floor_of_calibration_is_what_exact_probabilities_show() -> None:
    found = np.array([CalibrationError().values(r.y, r.p, np.ones((1, len(r))))[0] for r in map(drawn, range(60))])
    floor = np.mean([by_chance(drawn(seed).p) for seed in range(60)])
    assert abs(found.mean() - floor) < 4 * found.std() / 60**0.5 + 0.02 * floor  # the normal law is nearly exact


def test_a_guess_that_is_right_on_average_has_no_calibration_error() -> None:
    y = np.arange(100) < 53
    shares = np.array([0.47, 0.53])
    assert (
        only(CalibrationError, Predictions(y.astype(int), np.tile(shares, (100, 1)), shares, np.arange(100))).ceiling
        == 0
    )


def test_an_interval_has_its_own_number_in_it() -> None:
    """Of classes with a few rows each, resamples rank rows that are drawn twice, and look better."""
    rng, k = np.random.default_rng(2), np.arange(45)
    y = rng.integers(0, 45, 300)
    p = np.exp(-(((y + rng.normal(0, 1.5, 300))[:, None] - k) ** 2) / 8)
    found = only(PrAuc, Predictions(y, p / p.sum(1, keepdims=True), np.full(45, 1 / 45), np.arange(300)))
    assert found.low <= found.value <= found.high


def drawn(seed: int) -> Predictions:
    return predictions(1000, 2, seed)


def test_overconfidence_is_seen() -> None:
    rows = predictions(2000, 2)
    sharp = rows.p**4 / (rows.p**4).sum(1, keepdims=True)
    found, gap = only(CalibrationError, replace(rows, p=sharp)), (sharp.max(1) - rows.p.max(1)).mean()
    assert found.low < gap < found.high
    assert found.low > 2 * found.floor
    exact = only(CalibrationError, rows)
    assert exact.low <= exact.floor


def test_the_least_group_is_found() -> None:
    rows = predictions()
    found = only(WorstGroup, rows)
    town, hit = rows.by["town"], rows.p.argmax(1) == rows.y
    shares = {name: hit[town == name].mean() for name in ("north", "south", "west")}
    table = found.details["groups"]
    assert {g["value"]: g["accuracy"][0] for g in table} == pytest.approx(shares)
    assert found.value == pytest.approx(min(shares.values()))
    assert f"town = {min(shares, key=shares.__getitem__)}." in found.protocol
    for g in table:
        at = town == g["value"]
        assert g["n"] == at.sum()
        assert g["cross_entropy"][0] == pytest.approx(sk.log_loss(rows.y[at], rows.p[at], labels=range(3)))


def test_few_rows_are_no_group() -> None:
    rows = predictions(30)
    assert WorstGroup().predicted(rows) == []
    assert WorstGroup().predicted(replace(predictions(), by={})) == []


@pytest.mark.parametrize("judge", [MacroF1, PrAuc])
def test_weights_are_repeated_rows(judge: type[MetricJudge]) -> None:
    rows = predictions(60)
    w = np.random.default_rng(1).integers(0, 4, 60)
    at = np.repeat(np.arange(60), w)
    weighed = judge().values(rows.y, rows.p, w[None].astype(float))
    assert weighed == pytest.approx(judge().values(rows.y[at], rows.p[at], np.ones((1, len(at)))))


def test_no_ranking_of_equal_rows_beats_the_floor_of_average_precision() -> None:
    groups = np.array([0, 0, 1, 1, 1, 1, 2, 2, 2, 3])
    y = np.array([0, 1, 0, 0, 1, 1, 1, 1, 0, 0])
    rows = Predictions(y, np.full((10, 2), 0.5), np.array([0.5, 0.5]), groups)
    best = max(
        PrAuc().values(y, np.column_stack([-s, s]), np.ones((1, 10)))[0]
        for order in permutations(range(4))
        for s in [np.array(order)[groups]]
    )
    assert only(PrAuc, rows).floor == pytest.approx(best)


@pytest.mark.parametrize("judge", JUDGES)
def test_anchors_and_intervals(judge: type[PredictionJudge]) -> None:
    rows = predictions()
    found, again = only(judge, rows), only(judge, rows)
    assert found == again
    assert found.low <= found.value <= found.high
    assert judge().sees(Space()) == Space()
    if judge is not CalibrationError:
        assert found.ceiling < found.value < found.floor == 1
    assert judge().predicted(replace(rows, y=rows.y[:0], p=rows.p[:0], groups=rows.groups[:0], by={})) == []
