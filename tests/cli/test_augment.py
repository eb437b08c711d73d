import csv
import json
import random
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from genwright.data.contact_sheet import png
from tests.cli.conftest import call
from tests.pictures import shapes

FAST = ("--model", "copies", "--judge-model", "naive_bayes", "--held-out", "0.3")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, rng = tmp_path_factory.mktemp("augment") / "shop.csv", random.Random(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "joined", "churn"])
        for i in range(120):
            leaves = i % 6 == 0
            writer.writerow(
                [rng.randint(18, 60) + 15 * leaves, f"2024-0{rng.randint(1, 9)}-11", "yes" if leaves else "no"]
            )
    return path


def test_a_file_with_more_rows(shop, tmp_path):
    out = tmp_path / "more.csv"
    ended = call("augment", shop, "--target", "churn", "--balance", "--anyway", "-o", out, *FAST)
    assert ended.code == 0, ended.err
    before, after = (list(csv.DictReader(path.open())) for path in (shop, out))
    assert after[: len(before)] == before
    assert sum(row["churn"] == "yes" for row in after) == sum(row["churn"] == "no" for row in after)
    assert "the last 80 of them drawn" in ended.err
    assert "copies" in ended.out
    page = (tmp_path / "more.report.html").read_text(encoding="utf-8")
    assert "80 rows were added by copies" in page
    assert "shop.csv: churn" in page
    assert f"page: {tmp_path / 'more.report.html'}" in ended.err
    quiet = call("--quiet", "augment", shop, "--target", "churn", "--balance", "--overwrite", "-o", out, *FAST)
    assert "pr_auc on" in quiet.out  # what it gained, or that it did not, is the result
    again = call("augment", shop, "--target", "churn", "-o", tmp_path / "more.parquet", *FAST)
    assert again.code != 0
    assert "more.report.html exists; add --overwrite" in again.err


def test_groups_of_a_schema_in_a_file_are_held_out_whole(shop, tmp_path):
    columns = call("show", shop, "--json").document["schema"]
    (tmp_path / "columns.json").write_text(
        json.dumps([c | ({"split": "group"} if c["name"] == "joined" else {}) for c in columns])
    )
    words = ("augment", shop, "--target", "churn", "--balance", "--json", *FAST, "--schema", tmp_path / "columns.json")
    assert "whole groups of 'joined' are held out and dealt to folds" in call(*words).document["notes"]


def test_a_gain_that_no_fold_can_tell_is_a_dash(tmp_path):
    (tmp_path / "one.csv").write_text("x,kind\n0,rare\n" + "".join(f"{i},usual\n" for i in range(1, 60)))
    words = ("augment", tmp_path / "one.csv", "--target", "kind", "--amount", "balance", "--anyway", *FAST)
    ended = call(*words, "-o", tmp_path / "more.csv")
    assert ended.code == 0, ended.err
    assert "inf" not in ended.out
    assert "nan" not in ended.out
    assert call(*words, "--json").document["confirmed"] is None


def test_the_document_of_one_that_declines(shop, tmp_path):
    out = tmp_path / "same.csv"
    words = ("augment", shop, "--target", "churn", "--level", "1e-9", "-o", out, "--json", *FAST)
    document = call(*words).document
    assert document["chosen"] is None
    assert document["n_drawn"] == 0
    assert document["n_rows"] == 120
    assert document["told"].startswith("declined")
    assert document["page"] == str(tmp_path / "same.report.html")
    assert document["facts"] == {
        **{"data": "shop.csv", "kind": "tables", "n_rows": 120, "n_train": 84, "n_looked_at": 84, "n_held_out": 36},
        **{"n_folds": 5, "minutes": 10.0, "steps": None, "seed": 0},
    }
    assert "Declined" in (tmp_path / "same.report.html").read_text(encoding="utf-8")
    assert len(list(csv.DictReader(out.open()))) == 120


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--target", "chun"), "did you mean churn"),
        (("--target", "churn", "--balance", "--amount", "2"), "leave one out"),
        (("--target", "churn", "--model", "moved"), "makes rows of pictures"),
        (("--target", "churn", "--report", "absent/page.html"), "absent is not a folder"),
        (("--target", "churn", "-o", "same.csv", "--report", "same.csv"), "the rows and the page"),
    ],
)
def test_bad_words(shop, words, message):
    ended = call("augment", shop, *words)
    assert ended.code != 0
    assert message in ended.err


def test_a_page_where_it_is_wanted_and_none_without_a_place(shop, here):
    words = ("augment", shop, "--target", "churn", "--balance", "--anyway", *FAST)
    ended = call(*words, "--json")
    assert ended.document["page"] is None
    assert not any(here.iterdir())
    ended = call(*words, "--report", "page.html")
    assert ended.code == 0, ended.err
    assert [p.name for p in here.iterdir()] == ["page.html"]
    assert ended.out.startswith("age,joined,churn")


@pytest.mark.parametrize("target", ["label", "kind"])
def test_pictures_go_to_a_folder_of_their_class(tmp_path, target):
    frame, out = shapes(20), tmp_path / "more"
    images = [png(image[..., None]) for image in frame["image"]]
    parquet.write_table(pa.table({"image": images, target: frame["label"]}), tmp_path / "shapes.parquet")
    ways = ("--model", "moved", "--amount", "double", "--judge-model", "knn", "--held-out", "0", "--anyway")
    ended = call("augment", tmp_path / "shapes.parquet", "--target", target, "-o", out, *ways)
    assert ended.code == 0, ended.err
    assert "40 rows in" in ended.err
    assert {p.name: len(list(p.iterdir())) for p in out.iterdir() if p.is_dir()} == {"disc": 20, "bar": 20}
    assert (out / "contact-sheet.png").exists()
    assert "data:image/png;base64," in (tmp_path / "more.report.html").read_text(encoding="utf-8")
    again = call("augment", tmp_path / "shapes.parquet", "--target", target, "-o", out, *ways)
    assert again.code != 0
    assert "--overwrite" in again.err


def test_texts_come_as_json_lines(tmp_path):
    rng, out = random.Random(0), tmp_path / "more.jsonl"
    words = {"good": ["kind", "warm", "bright"], "bad": ["dull", "cold", "cruel"]}
    with (tmp_path / "texts.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "kind"])
        for i in range(40):
            kind = "bad" if i % 4 == 0 else "good"
            writer.writerow([f"it was a {rng.choice(words[kind])} evening and we said so {i} times", kind])
    ways = ("--model", "ngram", "--balance", "--judge-model", "naive_bayes", "--held-out", "0", "--anyway")
    ended = call("augment", tmp_path / "texts.csv", "--target", "kind", "-o", out, *ways)
    assert ended.code == 0, ended.err
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == 60
    assert sum(row["kind"] == "bad" for row in rows) == 30
    assert all(isinstance(row["text"], str) for row in rows)
