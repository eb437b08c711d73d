"""Pictures, texts and networks are augmented by the same recipe as tables."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import genwright.recipes.augment as recipe
import genwright.training.taught as taught
from genwright.core.errors import UnsupportedError
from genwright.data.write_pictures import write_pictures
from genwright.recipes.augment import augment
from genwright.runs.lessons import LabelledTable, Lesson
from genwright.training.budget import Budget
from genwright.training.taught import Teacher
from tests.pictures import shapes

FORCED = {"anyway": True, "held_out": 0.0}
ABOUT = {"good": ["bright", "kind", "warm"], "bad": ["dull", "cruel", "cold"]}


def reviews(n: int = 120, share: float = 0.3, seed: int = 0) -> pd.DataFrame:
    """Sentences with a word of their class in them."""
    rng = np.random.default_rng(seed)
    kind = np.where(rng.random(n) < share, "bad", "good")
    words = [rng.choice(ABOUT[k]) for k in kind]
    things = rng.choice(["film", "play", "book", "song"], n)
    text = [f"the {thing} was {word} and i saw it {i % 7} times" for i, (thing, word) in enumerate(zip(things, words))]
    return pd.DataFrame({"text": text, "kind": kind})


def lesson_of(frame: pd.DataFrame, target: str) -> tuple[LabelledTable, Lesson]:
    records = recipe.read(frame)
    rows = LabelledTable.of(records, recipe.schema_of(records, None, {}, (target,)), target)
    return rows, rows.lesson(np.arange(len(rows)), np.zeros(0, np.int64))


# -- texts -----------------------------------------------------------------------------------------------------------


def test_texts_are_drawn_in_the_words_of_their_class():
    found = augment(reviews(), "kind", model="ngram", amount="balance", level=1e-9, **FORCED)
    assert found.report.judge_model in ("svm", "naive_bayes", "logistic")
    assert found.rows["kind"].value_counts().nunique() == 1
    drawn = found.drawn
    assert set(drawn["kind"]) == {"bad"}
    of_class, of_other = (drawn["text"].str.contains("|".join(ABOUT[k])).mean() for k in ("bad", "good"))
    assert of_class > 0.6
    assert of_other < 0.2
    pd.testing.assert_frame_equal(found.rows.head(120), reviews(), check_dtype=False)


def test_a_rare_class_of_texts_gains_or_is_declined():
    report = augment(reviews(60), "kind", judge_model="naive_bayes").report
    assert {t.way.maker for t in report.trials} == {"ngram", "copies"}
    assert (report.chosen is None) == (report.p >= report.level)
    assert not any(t.reason for t in report.trials)


# -- pictures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["vae", "flow_matching", "gan"])
def test_networks_draw_pictures_of_a_given_class(model):
    frame = shapes(60)
    found = augment(frame, "label", model=model, amount="double", steps=3, **FORCED)
    assert len(found.rows) == 120
    assert found.drawn["label"].value_counts().to_dict() == {"disc": 30, "bar": 30}
    assert {x.shape for x in found.drawn["image"]} == {(8, 8)}
    assert all(x.dtype == np.uint8 for x in found.drawn["image"])
    for before, after in zip(frame["image"], found.rows["image"]):
        np.testing.assert_array_equal(before, after)


def test_a_network_learns_what_belongs_to_a_class():
    """Bars reach the edge of a picture, discs leave its corners dark."""
    _, lesson = lesson_of(shapes(300), "label")
    teacher = Teacher(Budget(steps=150))
    drawn = recipe.maker("vae", lesson, "label", 0, teacher).draw(np.array([40, 40]), np.random.default_rng(0))
    lesson.train.space.check(drawn)
    real = [lesson.train.arrays["image"][lesson.y == k, 0, 0].max(-1).mean() for k in (0, 1)]  # of the upper edge
    fake = [drawn["image"][drawn["label"] == k, 0, 0].double().amax(-1).mean() for k in (0, 1)]
    assert abs(real[0] - real[1]) > 100
    for k in (0, 1):
        assert abs(fake[k] - real[k]) < abs(fake[k] - real[1 - k])


def test_moved_pictures_are_moved_ones_of_their_class():
    frame = shapes(20)
    _, lesson = lesson_of(frame, "label")
    drawn = recipe.maker("moved", lesson, "label", 0).draw(np.array([30, 0]), np.random.default_rng(0))
    assert (drawn["label"] == 0).all()
    real = np.pad(lesson.train.arrays["image"][lesson.y == 0, 0], ((0, 0), (1, 1), (1, 1)), "edge")  # (B, 10, 10)
    moved = np.concatenate([real[:, i : i + 8, j : j + 8] for i in range(3) for j in range(3)])
    same = (drawn["image"].numpy()[:, :1] == moved[None].reshape(1, -1, 8, 8)).all((2, 3))  # (30, 9 B)
    assert same.any(1).all()
    assert (
        5 < (~same[:, 4 * len(real) : 5 * len(real)].any(1)).sum() < 30
    )  # about half of them, of which few by nothing


def strokes(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """Strokes that lean to the left or to the right, each at a place of its own."""
    rng = np.random.default_rng(seed)
    images, labels = np.zeros((n, 16, 16), np.uint8), np.arange(n) % 2
    for image, label, (y, x) in zip(images, labels, rng.integers(4, 9, (n, 2))):
        image[y + np.arange(4), x + (np.arange(4) if label else 3 - np.arange(4))] = 255
    return pd.DataFrame({"image": list(images), "label": np.array(["/", "\\"])[labels]})


def test_pictures_that_lie_elsewhere_are_found_better_with_moved_ones():
    report = augment(strokes(), "label", model="moved", amount=4.0, judge_model="knn").report
    assert report.chosen is not None, str(report)
    assert report.gains[0].low > 0, str(report)


def test_a_folder_of_files_comes_back_with_files(tmp_path):
    for i, row in shapes(30).iterrows():
        path = tmp_path / "in" / row["label"] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(row["image"]).save(path)
    found = augment(tmp_path / "in", "label", model="moved", amount="double", judge_model="knn", **FORCED)
    assert found.table.num_rows == 60
    n = write_pictures([found.table], tmp_path / "out", found.schema)
    assert n == 60
    assert len(list((tmp_path / "out" / "disc").glob("*.png"))) == 30


def test_large_arrays_come_back_in_the_size_they_were_learnt_in():
    frame = shapes(24)
    frame["image"] = [np.kron(x, np.ones((16, 16), np.uint8)) for x in frame["image"]]  # 128×128
    found = augment(frame, "label", model="copies", amount="double", judge_model="knn", **FORCED)
    assert {x.shape for x in found.rows["image"]} == {(64, 64)}
    assert len(found.rows) == 48


def test_what_makes_rows_of_tables_makes_none_of_pictures():
    with pytest.raises(UnsupportedError, match="smote makes rows of tables, and these are pictures"):
        augment(shapes(20), "label", model="smote")


# -- networks --------------------------------------------------------------------------------------------------------


def test_networks_of_tables_draw_rows_of_a_class():
    rng = np.random.default_rng(0)
    y = rng.random(300) < 0.2
    _, lesson = lesson_of(
        pd.DataFrame({"u": rng.normal(size=300) + 4 * y, "kind": np.where(y, "rare", "usual")}), "kind"
    )
    teacher = Teacher(Budget(steps=300))
    rows = recipe.maker("vae", lesson, "kind", 0, teacher).draw(np.array([50, 50]), np.random.default_rng(0))
    means = [rows["u"][rows["kind"] == k].mean() for k in (0, 1)]
    real = [lesson.train.arrays["u"][lesson.y == k].mean() for k in (0, 1)]
    for k in (0, 1):
        assert abs(means[k] - real[k]) < 1


def test_minutes_become_steps_that_every_training_takes(monkeypatch):
    budgets = []
    real = taught.learn_classifier

    def spied(classifier, data, plan, progress):
        budgets.append(plan.budget)
        return real(classifier, data, plan, progress)

    monkeypatch.setattr(taught, "learn_classifier", spied)
    monkeypatch.setattr("genwright.training.loop.OVERRUN", float("inf"))  # however busy the machine becomes
    _, lesson = lesson_of(shapes(40), "label")
    teacher = Teacher(Budget(minutes=0.005))
    for seed in range(2):
        teacher.classifier("mlp", lesson.train, "label", seed)
    assert budgets == [Budget(minutes=0.005), Budget(steps=teacher.steps["mlp"])]
    teacher.classifier("knn", lesson.train, "label", 0)
    assert budgets[-1] == Budget()


def test_what_the_clock_cut_off_is_taught_again_as_all_others(monkeypatch):
    """4 of 200 steps were done; learning rates of all trainings fall over 4."""
    monkeypatch.setattr("genwright.training.budget.seconds_a_step", lambda step: step(0) or 1e-3)
    monkeypatch.setattr("genwright.training.loop.OVERRUN", 0.0)
    _, lesson = lesson_of(shapes(40), "label")
    teacher, other = Teacher(Budget(minutes=0.2 / 60)), Teacher(Budget(steps=4))
    one, two = (teacher.classifier("mlp", lesson.train, "label", 0) for _ in range(2))
    assert teacher.steps == {"mlp": 4}
    same = other.classifier("mlp", lesson.train, "label", 0)
    for found in (two, same):
        assert np.array_equal(one.predict_rows(lesson.test), found.predict_rows(lesson.test))


def test_a_network_can_judge():
    report = augment(
        shapes(40), "label", model="copies", amount="double", judge_model="mlp", steps=5, held_out=0
    ).report
    assert report.judge_model == "mlp"
    assert len(report.trials[0].gains) == recipe.N_FOLDS_OF_NETWORKS


# -- the search ------------------------------------------------------------------------------------------------------


def test_a_maker_learns_once_a_fold_and_the_worse_half_is_out(monkeypatch):
    asked: list[str] = []
    real = recipe.maker

    def spied(name, lesson, *rest):
        asked.append(name)
        return real(name, lesson, *rest)

    monkeypatch.setattr(recipe, "maker", spied)
    rng = np.random.default_rng(0)
    y = rng.random(200) < 0.2
    frame = pd.DataFrame({"u": rng.normal(size=200) + y, "kind": np.where(y, "a", "b")})
    makers = ["marginals", "bayes_net", "copula", "copies"]
    report = augment(frame, "kind", model=makers, judge_model="naive_bayes", held_out=0, level=1e-12).report
    tried = [t for t in report.trials if t.way.keep == 1]
    assert sorted(len(t.gains) for t in tried) == [1] * 6 + [2] * 3 + [5] * 3
    in_play = asked[: sum(len({t.way.maker for t in tried if len(t.gains) > k}) for k in range(5))]
    assert all(in_play.count(name) <= 5 for name in makers)
    assert len(asked) - len(in_play) in (0, 5, 10)  # nothing was learnt again for the detector; a deal or two confirm
    assert report.trials[0].gain == max(t.gain for t in report.trials if len(t.gains) == 5)
