"""What the comparison of augmentations rests on: rows, SMOTE-NC's encoded, a store that goes on, a page in parts."""

import json

import numpy as np
import pytest

from benchmarks import augment, sections
from genwright.data.infer import infer
from genwright.data.read import read
from genwright.runs.lessons import LabelledTable
from tests.recipes.test_augment import rare


@pytest.mark.parametrize(
    ("setting", "n", "n_rare"), [("5 %", 20, None), ("100 %", 400, None), ("rare 1 %", 400, 4), ("rare 5 %", 400, 20)]
)
def test_rows_of_a_setting(setting, n, n_rare):
    y = (np.random.default_rng(0).random(1000) < 0.25).astype(int)
    at, at_test = augment.training_rows(y, setting, 400, np.random.default_rng(1))
    assert abs(len(at) - n) <= 1
    assert len(at_test) == 200
    assert not set(at) & set(at_test)
    assert len(set(at)) == len(at)
    if n_rare is not None:
        assert abs(y[at].sum() - max(5, n_rare)) <= 1


def test_rows_between_neighbours_are_encoded_as_the_others():
    frame = rare(200).drop(columns="id").assign(kind=lambda f: np.where(f["kind"] == "usual", "usual", "other"))
    frame.loc[:9, "u"] = np.nan
    records = read(frame)
    rows = LabelledTable.of(records, infer(records, {"kind": "category"})[0], "kind", is_set=True)
    lesson = rows.lesson(np.arange(200), np.zeros(0, np.int64))
    new = augment.between(frame, "kind", 0)
    batch = augment.encoded(rows, lesson, new, frame)
    lesson.train.space.check(batch)
    assert set(new["kind"]) == {"other"}
    n = np.bincount(lesson.y) + np.bincount(batch["kind"].numpy(), minlength=2)
    assert n[0] == n[1]
    other = lesson.y == rows.names.index("other")
    real = lesson.train.arrays["v"][other]
    assert real.min() <= batch["v"].min()
    assert batch["v"].max() <= real.max()


def line(way: str, score: float, seed: int = 0) -> dict:
    scores = {way: dict.fromkeys(augment.METRICS, score)}
    return {"key": ["pima", "5 %", seed, 100], "scores": scores, "n": 10, "cpu_seconds": 1.0}


def test_later_lines_of_the_store_add_to_earlier_ones(tmp_path):
    store = tmp_path / "store.jsonl"
    store.write_text("\n".join(json.dumps(x) for x in (line("nothing", 0.5), line("TVAE", 0.6))))
    found = augment.kept(store)[("pima", "5 %", 0, 100)]
    assert set(found["scores"]) == {"nothing", "TVAE"}
    assert found["cpu_seconds"] == 2


def test_the_table_says_when_the_choice_is_worse():
    cells = []
    for seed in range(8):
        scores = {
            way: dict.fromkeys(augment.METRICS, x + seed / 500 * (way != "genwright"))
            for way, x in (("nothing", 0.6), ("copies", 0.7), ("SMOTE-NC", 0.5), ("genwright", 0.55))
        }
        cells.append({"key": ("pima", "5 %", seed, 9), "scores": scores, "n": 9, "cpu_seconds": 1})
        cells[-1]["searches"] = {m: {"added": seed > 1} for m in augment.METRICS}
    told = augment.told(cells)
    assert "| pima, 5 % | 9 | 8 | 0.607 | 0.707 | 0.507 | 0.550 | 0.0039 |" in told  # 2⁻⁸
    assert "| mean rank |  |  | 2.00 | 1.00 | 4.00 | 3.00 |" in told
    assert (
        "PR AUC of the rarer class: genwright declined in 2 of 8 cells. Where it added rows, it rose in 0 of 6" in told
    )
    assert "TVAE" not in told


def test_sections_of_a_page_stay_when_another_is_written(tmp_path):
    page = tmp_path / "page.md"
    sections.put_section(page, "# Head", "Tables", "old")
    sections.put_section(page, "# Head", "Pictures", "pictures")
    sections.put_section(page, "# Head", "Tables", sections.table(["a", "b"], [["x", "1"]]))
    assert page.read_text() == (
        "# Head\n\n## Pictures\n\npictures\n\n## Tables\n\n| a | b |\n| --- | ---: |\n| x | 1 |\n"
    )


def test_few_pictures_of_each_class():
    from benchmarks import augment_pictures as pictures
    from genwright.core.dataset import Dataset

    y = np.repeat(np.arange(10), 30)
    images = np.broadcast_to(np.arange(300, dtype=np.uint16)[:, None, None, None] % 256, (300, 1, 28, 28)).astype("u1")
    rows = pictures.few(Dataset(pictures.SPACE, {"label": y, "image": images}), 7, 0)
    assert np.bincount(rows.arrays["label"]).tolist() == [7] * 10
    drawn = pictures.drawn(rows, "marginals", 1, 2, 0)
    pictures.SPACE.check(drawn)
    assert np.bincount(drawn["label"].numpy()).tolist() == [2] * 10
