"""Filtered draws of independent columns have the dependence of the real rows; variety is kept; the rest is refused."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import genwright.recipes.filter as recipe
from genwright.classifiers.convnet import ConvNet
from genwright.core.errors import ConfigError, DataError, UnknownNameError
from genwright.nn.acceptance import fitted
from genwright.pipeline import fit
from genwright.recipes.classify import classify
from genwright.recipes.filter import Filter, filtered
from genwright.training import taught
from genwright.training.budget import Budget
from tests.pictures import run_of, shapes
from tests.tables import dependent


@pytest.fixture(scope="module")
def run():
    return fit(dependent(600), "marginals", judge=False, held_out=0)


@pytest.fixture(scope="module")
def kept(run):
    return filtered(run, 400, keep=0.1, seed=3)


def agreement(rows: pd.DataFrame) -> float:
    return float((rows["a"] == rows["b"]).mean())


def test_dependence_comes_back(run, kept):
    """P(a = b): ⅓ of independent draws, 0.867 of real rows; within standard errors of draws and detector's rows.

    A tenth is less than 1 / max r, so that no draw is as good as certain to be kept."""
    real = agreement(dependent(600))
    assert agreement(run.sample(400, seed=3)) < 0.45
    assert abs(agreement(kept.rows) - real) < 5 * np.sqrt(real * (1 - real) * (1 / 400 + 1 / 600))
    assert len(kept.rows) == 400
    assert kept.report.auc > 0.8


def test_kept_rows_are_draws_in_their_order(run, kept):
    drawn = run.sample(kept.report.n_tried, seed=3)
    rows = iter(drawn.itertuples(index=False))
    assert all(row in rows for row in kept.rows.itertuples(index=False))  # a subsequence
    rate = kept.report.n_kept / kept.report.n_tried
    assert abs(rate - 0.1) < 5 * np.sqrt(0.1 * 0.9 / kept.report.n_tried) + 0.02  # and the pilot's own error


def test_coverage_is_watched(kept):
    report = kept.report
    assert report.strength == 1
    assert report.coverage_after >= 0.9 * report.coverage_before
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["n_kept"] == 400
    assert "coverage" in str(report)


def test_importance_does_it_too(run):
    rows = filtered(run, 300, {"a": "x"}, keep=0.25, method="importance").rows
    assert set(rows["a"]) == {"x"}  # conditions hold
    assert (rows["b"] == "x").mean() > 0.6


@pytest.fixture(scope="module")
def classifier():
    return classify(dependent(400, 5), "c", "naive_bayes", judge=False, held_out=0)


def test_a_classifier_judges_each_rows_own_class(run, classifier):
    kept = filtered(run, 300, keep=0.3, judged_by=classifier)
    drawn = run.sample(300)
    assert (kept.rows["b"] == kept.rows["c"]).mean() > (drawn["b"] == drawn["c"]).mean() + 0.2
    assert "classifier of 'c'" in kept.report.judged_by


def test_row_j_is_the_same_however_many_are_kept(run, classifier):
    judged = Filter(run, keep=0.3, judged_by=classifier, seed=3)
    many, few = (pa.concat_tables(list(judged.tables(n))) for n in (200, 20))
    assert few.equals(many.slice(0, 20))
    other = pa.concat_tables(list(Filter(run, keep=0.3, judged_by=classifier, seed=4).tables(20)))
    assert not other.equals(few)


def test_a_wanted_class_that_would_lose_variety_weakens_the_filter():
    """All rows of the class have x > 0: half of the real rows would have no draw near them."""
    x = np.random.default_rng(0).normal(size=(400, 2))
    frame = pd.DataFrame({"x": x[:, 0], "y": x[:, 1]})
    run = fit(frame, "marginals", judge=False, held_out=0)
    judge = classify(frame.assign(side=np.where(x[:, 0] > 0, "right", "left")), "side", "logistic", judge=False)
    kept = filtered(run, 100, keep=0.2, judged_by=judge, wanted="right").report
    assert kept.strength < 1
    assert kept.coverage_after >= 0.9 * kept.coverage_before
    assert "weakened" in str(kept) or "not filtered" in str(kept)
    free = filtered(run, 100, keep=0.2, judged_by=judge, wanted="right", most_loss=1.0)
    assert free.report.strength == 1
    assert free.report.coverage_after < 0.7 * free.report.coverage_before
    assert (free.rows["x"] > 0).mean() > 0.95


def test_a_classifier_of_a_file_with_words_for_truth(tmp_path):
    """Another column of yes and no does not disturb the classes."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"n": rng.normal(size=60), "side": rng.choice(["l", "r"], 60), "paid": rng.choice(["yes", "no"], 60)}
    )
    frame.to_csv(tmp_path / "words.csv", index=False)
    judge = classify(tmp_path / "words.csv", "side", "naive_bayes", judge=False)
    assert set(judge.classes) == {"l", "r"}
    run = fit(tmp_path / "words.csv", "marginals", judge=False)
    assert set(filtered(run, 20, keep=0.5, judged_by=judge).rows["paid"]) == {"yes", "no"}
    paid = classify(tmp_path / "words.csv", "paid", "naive_bayes", judge=False)
    odds = Filter(run, judged_by=paid).judge(pa.concat_tables(list(run.stream(50))))
    assert np.abs(odds).max() < 5  # each row's own class is among those of the classifier


def test_a_row_without_a_class_is_not_of_the_class_none(tmp_path):
    kinds = np.array(["None", "b", None] * 40, object)
    pd.DataFrame({"kind": kinds, "x": np.arange(120.0)}).to_csv(tmp_path / "kinds.csv", index=False)
    drawing = fit(tmp_path / "kinds.csv", "marginals", judge=False)
    odds = Filter(drawing, judged_by=classify(tmp_path / "kinds.csv", "kind", "naive_bayes", judge=False)).judge
    rows = next(drawing.stream(60))
    absent = rows.column("kind").is_null().to_numpy()
    assert absent.any()
    assert (odds(rows)[absent] == odds(rows).min()).all()
    assert (odds(rows)[~absent] > odds(rows).min()).all()


def test_classes_that_are_written_otherwise():
    """1, 1.0 and true are one class; yes and true are not, and a filter that knows no row's class is refused."""
    x = np.random.default_rng(0).normal(size=200)
    frame = pd.DataFrame({"x": x, "side": x > 0})
    drawing = fit(frame, "marginals", judge=False)
    as_number = classify(frame.assign(side=frame["side"].astype(float)), "side", "naive_bayes", judge=False)
    rows = next(drawing.stream(60))
    agrees = (rows.column("x").to_numpy() > 0) == rows.column("side").to_numpy(zero_copy_only=False)
    odds = Filter(drawing, judged_by=as_number).judge(rows)
    assert odds[agrees].mean() > 1 > odds[~agrees].mean()
    as_words = classify(frame.assign(side=np.where(x > 0, "yes", "no")), "side", "naive_bayes", judge=False)
    with pytest.raises(DataError, match=r"draws have .* as 'side', and the classifier knows '(yes|no)', .*wanted="):
        Filter(drawing, judged_by=as_words)


def test_no_rows(run, classifier):
    found = filtered(run, 0, judged_by=classifier)
    assert len(found.rows) == 0
    assert list(found.rows.columns) == ["a", "b", "c"]


def test_what_cannot_be(run, classifier, tmp_path):
    with pytest.raises(ConfigError, match="keep"):
        Filter(run, keep=0)
    with pytest.raises(ConfigError, match="keep = 'half' of the draws; expected above 0"):
        Filter(run, keep="half")
    with pytest.raises(ConfigError, match=r"expected at least 0\.001: less would take 1,000,000,000 pilot draws"):
        Filter(run, keep=1e-6, judged_by=classifier)
    for judge, words in ((run, "a run of marginals, which draws"), (None, "None")):
        with pytest.raises(ConfigError, match=f"judged_by is {words}; expected a run that predicts"):
            Filter(run, judged_by=judge)
    with pytest.raises(ConfigError, match="most_loss"):
        Filter(run, most_loss=2)
    with pytest.raises(UnknownNameError, match="did you mean boosting"):
        Filter(run, judged_by="bosting")
    with pytest.raises(UnknownNameError, match="wanted"):
        Filter(run, judged_by=classifier, wanted="q")
    other = pd.DataFrame({"size": np.arange(40.0), "kind": ["u", "v"] * 20})
    with pytest.raises(DataError, match="reads column 'size', which draws do not have"):
        Filter(run, judged_by=classify(other, "kind", "naive_bayes", judge=False))
    with pytest.raises(UnknownNameError, match="did you mean reject"):
        Filter(run, method="rejekt", judged_by=classifier)
    run.save(tmp_path / "run")
    from genwright.pipeline import load

    with pytest.raises(DataError, match="real="):
        Filter(load(tmp_path / "run"))


def test_a_judge_that_reads_what_draws_leave_out_is_refused():
    rows = dependent(200)
    draws = fit(rows, "marginals", kinds={"b": "omitted"}, judge=False, held_out=0)
    with pytest.raises(DataError, match="reads column 'b', which draws do not have"):
        Filter(draws, judged_by=classify(rows, "a", "naive_bayes", judge=False))


def test_two_detectors_are_the_ratio_of_the_first_acceptance_and_the_second():
    """Draws N(0, 1), real rows N(½, 0.8²): log a + log r₂ is log r but for a constant, whatever a is."""
    x = np.linspace(-2, 2, 41)
    log_ratio = -0.5 * ((x - 0.5) / 0.8) ** 2 + 0.5 * x**2
    accept = fitted(log_ratio, 0.33)
    left = log_ratio - np.log(accept(log_ratio))
    found = recipe._Detector(lambda table: x, lambda rows: log_ratio, accept, lambda rows: left)(pa.table({"x": x}))
    np.testing.assert_allclose(found - found[0], log_ratio - log_ratio[0], atol=1e-6)


def test_few_real_rows_have_one_detector(run):
    few = run.sample(100, seed=5)
    assert Filter(run, judged_by="logistic", real=few).judge.second is None
    many = run.sample(400, seed=5)
    assert Filter(run, judged_by="logistic", real=many).judge.second is not None


def test_a_network_sees_what_gives_pictures_away():
    """Real rows are discs alone, and draws in equal shares discs and bars: discs are kept."""
    run, discs = run_of("vae", 60, given="label"), shapes(200).query("label == 'disc'")
    kept = Filter(run, keep=0.3, judged_by="convnet", real=discs, most_loss=1.0, steps=20)
    assert kept.report.judged_by == "convnet"
    assert isinstance(kept.judge.first.machines[0], ConvNet)
    labels = [str(label) for table in kept.tables(200) for label in table.column("label").to_pylist()]
    assert labels.count("disc") / 200 > 0.5 + 3 * np.sqrt(0.25 / 200)
    assert kept.report.auc > 0.6


def test_trees_see_it_in_the_numbers_that_judges_see():
    """Real rows are draws whose picture is a disc, whatever their label says."""
    run = run_of("vae", 60, given="label")
    discs = run.sample(200, {"label": "disc"}, seed=5).assign(label=["disc", "bar"] * 100)
    kept = Filter(run, keep=0.3, real=discs, most_loss=1.0)
    assert kept.judge.see.space["image"].event_shape == (128,)
    labels = [str(label) for table in kept.tables(200) for label in table.column("label").to_pylist()]
    assert labels.count("disc") / 200 > 0.5 + 3 * np.sqrt(0.25 / 200)
    assert kept.report.told_after < kept.report.told_before


def test_a_fresh_detector_says_whether_a_filter_helps(run, kept):
    """Of kept rows it sees less; where the filter's detector sees nothing that trees do not, it says so."""
    assert kept.report.told_after < 0.7 < kept.report.told_before
    assert "a fresh detector tells them with AUC 0." in str(kept.report)
    noise = np.random.default_rng(0).normal(size=(2_000, 2))
    frame = pd.DataFrame({"x": noise[:, 0], "y": noise[:, 1]})
    same = fit(frame, "marginals", judge=False, held_out=0)
    reports = [Filter(same, keep=0.5, judged_by="logistic", seed=seed).report for seed in range(6)]
    says = ["does not help" in str(r) for r in reports]
    assert says == [r.told_after >= r.told_before for r in reports]
    assert any(says)
    unsure = ["not certain" in str(r) for r in reports]
    assert unsure == [0 < r.told_before - r.told_after < r.told_error for r in reports]
    assert "not certain" not in str(kept.report)
    assert all(abs(r.told_before - r.told_after) <= r.told_error for r in reports)


def test_bayes_rule_judges_and_another_detector_says_whether_it_helps(run):
    report = Filter(run, keep=0.5, judged_by="bayes_rule").report
    assert report.judged_by == "bayes_rule"
    assert report.told_before > 0.8  # trees see the dependence that marginals of each side do not


def test_every_network_takes_the_steps_and_a_part_of_the_minutes(run, monkeypatch):
    budgets = []
    real = taught.learn_classifier

    def spied(classifier, data, plan, progress):
        budgets.append(plan.budget)
        return real(classifier, data, replace(plan, budget=Budget(steps=plan.budget.steps or 9)), progress)

    monkeypatch.setattr(taught, "learn_classifier", spied)
    Filter(run, judged_by="mlp", steps=9)
    assert budgets == 3 * [Budget(steps=9)]
    budgets.clear()
    Filter(run, judged_by="mlp", minutes=0.3)
    assert budgets[0].minutes == pytest.approx(0.1)


@pytest.mark.parametrize("n", [2.5, "5", -1, None, True])
def test_a_number_of_rows_is_whole(run, n, monkeypatch):
    monkeypatch.setattr(recipe, "Filter", lambda *a, **k: pytest.fail("it began to learn"))
    with pytest.raises(ConfigError, match=f"n = {n!r}; expected a whole number of rows"):
        filtered(run, n)


def test_a_number_of_rows_may_be_written_as_a_float(run):
    assert len(filtered(run, 3e0, judged_by="logistic", keep=1.0).rows) == 3
