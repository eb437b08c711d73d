import csv
import random
from pathlib import Path

import pytest

from tests.cli.conftest import call

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


def test_the_document_of_one_that_declines(shop, tmp_path):
    out = tmp_path / "same.csv"
    words = ("augment", shop, "--target", "churn", "--level", "1e-9", "-o", out, "--json", *FAST)
    document = call(*words).document
    assert document["chosen"] is None
    assert document["n_drawn"] == 0
    assert document["n_rows"] == 120
    assert document["told"].startswith("declined")
    assert len(list(csv.DictReader(out.open()))) == 120


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--target", "chun"), "did you mean churn"),
        (("--target", "churn", "--balance", "--amount", "2"), "leave one out"),
        (("--target", "churn", "--model", "moved"), "makes rows of pictures"),
    ],
)
def test_bad_words(shop, words, message):
    ended = call("augment", shop, *words)
    assert ended.code != 0
    assert message in ended.err
