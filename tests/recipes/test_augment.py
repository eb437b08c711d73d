"""It gains where rows help, declines where they do not, and looks at no row that tests."""

import json
import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import genwright.recipes.augment as recipe
from genwright.core.errors import ConfigError, FitError, UnknownNameError, UnsupportedError
from genwright.core.schema import Column, Schema
from genwright.data.split import split
from genwright.data.typed import typed
from genwright.recipes.augment import augment, counts
from genwright.runs.lessons import LabelledTable
from genwright.runs.run import silent
from genwright.training.budget import Budget

CHEAP = {"model": ["copies", "smote"], "judge_model": "naive_bayes"}


def rare(n: int = 300, signal: float = 2.0, seed: int = 0) -> pd.DataFrame:
    """Three classes of 80, 14 and 6 %, apart by the signal."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=[0.8, 0.14, 0.06])
    at = rng.normal(size=(n, 2)) + signal * np.array([[0, 0], [1, 0], [0, 1]])[y]
    shop = np.where(rng.random(n) < 0.7, np.array(list("äbc"))[y], rng.choice(list("äbc"), n))
    kind = np.array(["usual", "räre", "rarest"])[y]
    return pd.DataFrame(
        {"id": [f"N{i:04d}" for i in range(n)], "u": at[:, 0], "v": at[:, 1].round(1), "shop": shop}
    ).assign(kind=kind)


def hard() -> pd.DataFrame:
    """Classes that overlap so much that the largest is the likeliest nearly everywhere."""
    frame = rare(600, 1.2)
    return frame.assign(shop=np.random.default_rng(1).choice(list("äbc"), 600))


@pytest.fixture(scope="module")
def helped() -> recipe.Augmented:
    return augment(hard(), "kind", model="copies", judge_model="naive_bayes", balance=True)


def test_rare_classes_are_found_better(helped):
    """Balanced accuracy of a classifier that minimises plain errors rises when classes are balanced."""
    report = helped.report
    assert report.metric == "balanced_accuracy"
    assert report.chosen is not None
    assert report.p < 0.05
    assert report.gains[0].low > 0, str(report)
    assert report.gains[0].n == 120


def test_the_log_speaks_again_when_two_have_augmented(caplog):
    log, one, other = logging.getLogger("genwright"), recipe._quiet(), recipe._quiet()
    one.__enter__()
    other.__enter__()
    log.warning("meanwhile")
    one.__exit__(None, None, None)  # before the other, as in two threads
    other.__exit__(None, None, None)
    log.warning("afterwards")
    assert caplog.messages == ["afterwards"]


def test_rows_stand_first_as_they_were_and_classes_are_equal(helped):
    before, after = hard(), helped.rows
    pd.testing.assert_frame_equal(after.head(600), before, check_dtype=False)
    assert len(after) == 600 + helped.report.n_drawn
    assert after["kind"].value_counts().nunique() == 1
    assert len(helped.drawn) == helped.report.n_drawn
    assert after["id"].is_unique
    assert set(after["shop"]) == set("äbc")


def test_the_report_is_json_and_words(helped):
    document = json.loads(json.dumps(helped.report.to_json(), allow_nan=False))
    assert document["drawn"].keys() == {"usual", "räre", "rarest"}
    assert document["gains"][0]["gain"] > 0
    assert "95 % interval" in str(helped.report)
    assert "until classes are equal" in str(helped.report)
    assert repr(helped).startswith(
        f"Augmented({len(helped.rows):,} rows, the last {helped.report.n_drawn} of them drawn; "
    )
    assert "\n" not in repr(helped)


def test_the_report_says_on_what_it_rests(helped):
    report = helped.report
    before, after = (np.array(counts) for counts in report.confusion)
    held = {"usual": 93, "räre": 19, "rarest": 8}  # a fifth of each class
    assert dict(zip(report.counts, before.sum(1).tolist())) == dict(zip(report.counts, after.sum(1).tolist())) == held
    recall = [float((np.diag(x) / x.sum(1)).mean()) for x in (before, after)]
    assert recall == pytest.approx([report.gains[0].before, report.gains[0].after])
    assert np.mean(report.fresh) == pytest.approx(report.confirmed)
    assert 1 / 3 < report.before < 1
    assert report.facts["n_train"] + report.facts["n_held_out"] == 600


def test_noise_is_declined():
    frame = rare(200, signal=0)
    frame["shop"] = np.random.default_rng(1).choice(list("äbc"), 200)
    frame["kind"] = np.where(np.random.default_rng(2).random(200) < 0.2, "yes", "no")
    found = augment(frame, "kind", **CHEAP)
    assert found.report.chosen is None
    assert found.report.n_drawn == 0
    assert found.report.metric == "pr_auc"
    pd.testing.assert_frame_equal(found.rows, frame, check_dtype=False)
    assert "declined, rows are unchanged" in str(found.report)
    forced = augment(frame, "kind", anyway=True, amount="half", held_out=0, **CHEAP)
    assert forced.report.n_drawn > 0
    assert forced.report.gains == forced.report.confusion == []


def test_the_metric_that_decides_is_asked_for():
    frame = hard()
    frame["kind"] = np.where(frame["kind"] == "usual", "usual", "other")
    asked = {**CHEAP, "model": "copies", "amount": "balance", "metric": "balanced_accuracy", "held_out": 0}
    report = augment(frame, "kind", **asked).report
    assert report.metric == "balanced_accuracy"
    assert report.confirmed > 0.05
    assert report.chosen is not None


def test_equal_classes_need_nothing():
    frame = pd.DataFrame({"x": np.arange(40.0), "kind": ["a", "b"] * 20})
    found = augment(frame, "kind", balance=True, **CHEAP)
    assert found.report.chosen is None
    assert "equally frequent" in str(found.report)


def test_an_amount_that_adds_nothing_is_told_as_that():
    frame = pd.DataFrame({"x": np.arange(50.0), "kind": ["a"] * 20 + ["b"] * 30})
    for amount in ("half", 0.001):
        told = str(augment(frame, "kind", amount=amount, **CHEAP).report)
        assert told == "rows are unchanged: this amount adds no row"


@pytest.mark.parametrize("seed", [1, 3])
def test_a_rare_class_is_among_the_rows_that_are_looked_at(monkeypatch, seed):
    """Of 240 training rows the search looks at 60; the three of a class are not among them by chance."""
    monkeypatch.setattr(recipe, "MOST_ROWS", 60)
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=300), "kind": ["a", "b"] * 150})
    frame.loc[[5, 6, 7, 8], "kind"] = "rare"
    report = augment(frame, "kind", amount="balance", seed=seed, **CHEAP).report
    assert all(len(trial.gains) == report.facts["n_folds"] > 2 for trial in report.trials)
    assert 60 <= report.facts["n_looked_at"] <= 63


def test_classes_are_equal_by_all_training_rows_and_not_by_some(monkeypatch):
    monkeypatch.setattr(recipe, "MOST_ROWS", 50)
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=200), "kind": ["a", "b"] * 100})
    report = augment(frame, "kind", balance=True, anyway=True, **CHEAP).report
    assert report.trials == []
    assert "equally frequent" in str(report)


def test_nothing_may_be_left_to_add_to_all_rows():
    """Equal classes of 28: of one of them, one row more is held out."""
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=56), "kind": ["a", "b"] * 28})
    found = augment(frame, "kind", balance=True, anyway=True, model="copies", judge_model="naive_bayes")
    assert found.report.chosen is not None
    assert found.report.drawn == {"a": 0, "b": 0}
    assert "no row added" in str(found.report)
    assert len(found.rows) == 56
    assert len(found.drawn) == 0


def test_no_lesson_sees_the_rows_that_test(monkeypatch):
    """Held-out rows appear in one lesson only, as test rows, and never in one that chooses."""
    seen: list[tuple[set[int], set[int]]] = []
    real = LabelledTable.lesson

    def spied(self, at, at_test):
        found = real(self, at, at_test)
        seen.append((set(at.tolist()), set(at_test.tolist())))
        alone = real(self, at, np.zeros(0, np.int64))  # the codec and space are those of the rows to learn from alone
        assert found.codec.state() == alone.codec.state()
        assert found.train.space == alone.train.space
        return found

    monkeypatch.setattr(LabelledTable, "lesson", spied)
    report = augment(rare(200), "kind", anyway=True, amount="balance", **CHEAP).report
    assert report.gains
    held = seen[-2][1]  # the last one is of all rows
    assert len(held) == 40
    for at, at_test in seen[:-2]:
        assert not at & at_test
        assert not (at | at_test) & held


def of_patients(n: int = 40, each: int = 5) -> pd.DataFrame:
    """Rows of one patient are all but equal; a fifth of the patients are ill, some rows of each unclear."""
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(n), each)
    kind = np.where(np.arange(n) % 5 == 0, "ill", "well")[patient]
    kind[rng.random(n * each) < 0.1] = "unclear"
    x = rng.normal(size=n)[patient] + 0.01 * rng.normal(size=n * each)
    return pd.DataFrame({"patient": [f"P{p:03d}" for p in patient], "x": x, "kind": kind}).sample(
        frac=1, random_state=0
    )


def by_group(split: str = "group", column: str = "patient") -> Schema:
    columns = (Column("patient", "id"), Column("x", "number"), Column("kind", "category"))
    return Schema(tuple(replace(c, split=split) if c.name == column else c for c in columns))


def test_groups_are_held_out_and_dealt_to_folds_whole(monkeypatch):
    frame, schema, seen = of_patients(), by_group(), []
    real = LabelledTable.lesson

    def spied(self, at, at_test):
        seen.append((at, at_test))
        return real(self, at, at_test)

    monkeypatch.setattr(LabelledTable, "lesson", spied)
    asked = {"model": "copies", "judge_model": "naive_bayes", "amount": "balance", "anyway": True}
    report = augment(frame, "kind", schema=schema, seed=2, **asked).report
    patients = frame["patient"].to_numpy()
    folds = [(set(patients[at]), set(patients[at_test])) for at, at_test in seen if len(at_test)]
    assert len(folds) > report.facts["n_folds"] >= 2
    assert all(not learnt & tested for learnt, tested in folds)
    records = recipe.read(frame)
    held = split(records, schema, 200, 0.2, 2)(next(typed(records, schema)), 0)  # those that fit and classify hold out
    assert folds[-1][1] == set(patients[held])
    assert report.facts["n_held_out"] == 40
    assert "whole groups of 'patient' are held out and dealt to folds" in report.notes


def test_what_is_dealt_whole_has_its_rarest_class():
    records = recipe.read(of_patients())
    rows = LabelledTable.of(records, by_group(), "kind")
    at = np.arange(7, 190)
    own, unit = rows.units(at)
    for k in range(len(own)):
        there = rows.y[at[unit == k]]
        assert len(set(rows.groups[at[unit == k]])) == 1
        assert own[k] == min(set(there), key=lambda c: (rows.y[at] == c).sum())
    plain = LabelledTable.of(records, by_group(None), "kind")
    assert [x.tolist() for x in plain.units(at)] == [plain.y[at].tolist(), list(range(len(at)))]


@pytest.mark.parametrize("judge_model", ["naive_bayes", "logistic", "boosting", "knn"])
def test_a_class_of_one_group_may_be_held_out_with_it(judge_model):
    """Then it is not learnt, and no rows of it are made; where the group is learnt from, it is never tested."""
    frame = of_patients()
    frame.loc[frame["patient"] == "P003", "kind"] = "strange"
    asked = {"schema": by_group(), "model": "copies", "judge_model": judge_model, "amount": "balance", "anyway": True}
    for seed in range(9):
        search = recipe._Search(*_search(frame, by_group(), seed))
        if "P003" in set(frame["patient"].to_numpy()[search.test]):
            break
    found = augment(frame, "kind", seed=seed, **asked)
    assert found.report.gains
    assert found.report.drawn["strange"] > 0  # in the end all rows are learnt from


def _search(frame: pd.DataFrame, schema: Schema, seed: int) -> tuple:
    rows = LabelledTable.of(recipe.read(frame), schema, "kind")
    return rows, ("copies",), ("balance",), "naive_bayes", "auto", 0.2, 0.05, Budget(), seed, silent


@pytest.mark.parametrize("how", ["time", "order"])
def test_later_rows_are_not_kept_apart_and_it_says_so(how):
    with pytest.raises(ConfigError, match=f"column 'x' has the split {how!r}.*leave it out of the schema"):
        augment(of_patients(), "kind", schema=by_group(how, "x"))


def test_groups_of_which_no_class_has_two():
    frame = of_patients(2).assign(kind=lambda f: f["patient"])
    with pytest.raises(FitError, match="no class has rows in two groups"):
        augment(frame, "kind", schema=by_group(), held_out=0, **CHEAP)


def test_drawn_rows_have_their_own_class_where_rare_values_would_share_a_code():
    y = ["p"] * 60 + ["n"] * 50 + ["r1"] * 6 + ["r2"] * 4
    frame = pd.DataFrame({"x": np.random.default_rng(0).normal(size=120), "y": y})
    schema = Schema((Column("x", "number"), Column("y", "category", {"min_count": 8})))
    asked = {"schema": schema, "model": "copies", "judge_model": "naive_bayes", "held_out": 0, "anyway": True}
    found = augment(frame, "y", amount="balance", **asked)
    assert found.report.drawn == {"p": 0, "n": 10, "r1": 54, "r2": 56}
    assert found.drawn["y"].value_counts().to_dict() == {"n": 10, "r1": 54, "r2": 56}
    originals = frame.groupby("y")["x"].agg(set)
    assert all(x in originals[k] for x, k in zip(found.drawn["x"], found.drawn["y"]))  # copies of rows of that class


def test_drawn_rows_look_like_the_data():
    found = augment(rare(120), "kind", model="marginals", amount="half", anyway=True, held_out=0, judge_model="knn")
    assert found.report.n_drawn == len(found.drawn) > 0
    assert found.rows["id"].is_unique
    assert (found.drawn["v"].round(1) == found.drawn["v"]).all()
    assert set(found.drawn["kind"]) <= {"räre", "rarest"}


def test_seeded():
    one, again, other = (
        augment(rare(150), "kind", amount="half", anyway=True, held_out=0, seed=s, **CHEAP) for s in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one.rows, again.rows)
    assert one.report.to_json() == again.report.to_json()
    assert not one.rows.equals(other.rows)


def test_a_detector_keeps_the_half():
    """`keep` of a way draws twice as many and keeps as many rows of each class."""
    frame = rare(200)
    rows = LabelledTable.of(recipe.read(frame), recipe.schema_of(recipe.read(frame), None, {}, ()), "kind")
    lesson = rows.lesson(np.arange(200), np.zeros(0, np.int64))
    n = counts("balance", lesson.y, 3)
    kept = recipe.made(recipe.Way("marginals", "balance", 0.5), lesson, "kind", 0)
    assert np.bincount(kept["kind"].numpy(), minlength=3).tolist() == n.tolist()
    lesson.train.space.check(kept)


def test_amounts():
    y = np.repeat([0, 1, 2], [10, 4, 1])
    assert counts("balance", y, 3).tolist() == [0, 6, 9]
    assert counts("half", y, 3).tolist() == [0, 1, 4]
    assert counts("double", y, 3).tolist() == [10, 4, 1]
    assert counts(0.5, y, 3).tolist() == [5, 2, 0]
    assert counts("balance", y, 4).tolist() == [0, 6, 9, 0]  # nothing is known of a class without rows


@pytest.mark.parametrize("name", ["marginals", "trees", "bayes_net", "copula"])
def test_every_family_draws_rows_of_a_class(name):
    """Rows of a class are near that class: u of "räre" is 2 on average, of "usual" 0."""
    frame = rare(300)
    rows = LabelledTable.of(recipe.read(frame), recipe.schema_of(recipe.read(frame), None, {}, ()), "kind")
    lesson = rows.lesson(np.arange(300), np.zeros(0, np.int64))
    n = np.zeros(3, np.int64)
    n[rows.names.index("räre")], n[rows.names.index("usual")] = 80, 60
    drawn = recipe.maker(name, lesson, "kind", 0).draw(n, np.random.default_rng(0))
    lesson.train.space.check(drawn)
    y, u = drawn["kind"].numpy(), drawn["u"].numpy()
    means = [u[y == rows.names.index(k)].mean() for k in ("räre", "usual")]
    real = [frame["u"][frame["kind"] == k].mean() for k in ("räre", "usual")]
    assert len(u) == 140
    for found, wanted in zip(means, real):
        assert abs(found - wanted) < 5 * np.hypot(1 / 60**0.5, 1 / 40**0.5)
    assert means[0] > means[1] + 0.5


@pytest.mark.parametrize("name", ["marginals", "trees", "bayes_net", "copula"])
def test_few_rows_of_a_class_are_drawn_where_they_lie(name):
    """Thirty rows among six hundred, far from the others, whose margins must not draw them back."""
    rng = np.random.default_rng(0)
    is_rare = np.arange(630) < 30
    frame = pd.DataFrame({"u": rng.normal(size=630) + 3 * is_rare, "kind": np.where(is_rare, "rare", "usual")})
    records = recipe.read(frame)
    rows = LabelledTable.of(records, recipe.schema_of(records, None, {}, ()), "kind")
    lesson = rows.lesson(np.arange(630), np.zeros(0, np.int64))
    n = np.array([200 * (label == "rare") for label in rows.names])
    u = recipe.maker(name, lesson, "kind", 0).draw(n, np.random.default_rng(0))["u"].numpy()
    real = frame["u"][is_rare]
    assert abs(u.mean() - real.mean()) < 5 * real.std() / len(u) ** 0.5 + 0.1
    assert real.min() - 0.5 < u.min()
    assert u.max() < real.max() + 0.5


def test_a_missing_class_a_class_of_one_row_and_numbers_as_labels():
    frame = rare(150).assign(kind=lambda f: f["kind"].map({"usual": 0.0, "räre": 1.0, "rarest": 2.0}))
    frame.loc[:20, "kind"] = np.nan
    frame.loc[frame["kind"] == 2, "kind"] = np.nan
    frame.loc[100, "kind"] = 2.0
    found = augment(frame, "kind", kinds={"kind": "category"}, anyway=True, amount="balance", **CHEAP)
    assert any("left out" in note for note in found.report.notes)
    assert any("rarest class has 1" in note for note in found.report.notes)
    assert found.rows["kind"].value_counts().nunique() == 1


@pytest.mark.parametrize(("n_rare", "on_folds"), [(1, "no fold has the rows to tell its gain"), (2, "on the folds")])
def test_a_class_that_no_held_out_row_has(n_rare, on_folds):
    """Of one row no fold can tell a gain, either; then there is no number where there had been −1 and NaN."""
    frame = pd.DataFrame({"u": np.arange(200.0), "kind": ["rare"] * n_rare + ["usual"] * (200 - n_rare)})
    report = augment(frame, "kind", model="copies", amount="balance", judge_model="naive_bayes", anyway=True).report
    assert on_folds in str(report)
    assert "nan" not in str(report)
    json.dumps(report.to_json(), allow_nan=False)
    assert [gain.metric for gain in report.gains] == ["balanced_accuracy"]
    assert any(
        note.startswith("class 'rare' has no held-out row" if n_rare > 1 else "class 'rare' has a single row")
        for note in report.notes
    )


@pytest.mark.parametrize(
    ("change", "words", "error"),
    [
        ({"target": "kin"}, "did you mean kind", UnknownNameError),
        ({"model": "tree"}, "did you mean trees", UnknownNameError),
        ({"model": "moved"}, "moved makes rows of pictures, and these are tables", UnsupportedError),
        ({"model": "ngram"}, "nothing that was named makes such rows: ngram cannot model column 'u'", FitError),
        ({"amount": "doble"}, "did you mean double", UnknownNameError),
        ({"amount": 0.0}, "above 0", ConfigError),
        ({"judge_model": "boost"}, "did you mean boosting", UnknownNameError),
        ({"metric": "pr_auc"}, "the metrics of 3 classes", UnknownNameError),
        ({"minutes": 0.0}, "minutes", ConfigError),
        ({"minutes": 1.0, "steps": 10}, "not both", ConfigError),
        ({"held_out": 1.0}, "held_out", ConfigError),
        ({"level": 0.0}, "level", ConfigError),
        ({"level": "0.05"}, "level = '0.05'", ConfigError),
        ({"amount": None}, "amount = None", ConfigError),
        ({"amount": True}, "amount = True", ConfigError),
        ({"amount": float("nan")}, "amount = nan", ConfigError),
        ({"model": []}, "model names nothing", ConfigError),
    ],
)
def test_bad_arguments(change, words, error):
    with pytest.raises(error, match=words):
        augment(rare(60), **{"target": "kind", **change})


def test_bad_tables():
    with pytest.raises(FitError, match="needs two classes"):
        augment(rare(60).assign(kind="a"), "kind")
    series = rare(60).assign(series=[[0.5 * i, 1.0, 2.0] for i in range(60)])
    with pytest.raises(UnsupportedError, match=r"'series' is of kind sequence.*omitted"):
        augment(series, "kind")
