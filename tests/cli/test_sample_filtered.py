import csv
from pathlib import Path

import pytest

from tests.cli.conftest import call, rows_of


@pytest.fixture(scope="module")
def judge(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier of the city."""
    place = tmp_path_factory.mktemp("judge") / "city"
    ended = call("classify", people, "--target", "city", "--model", "naive_bayes", "--out", place)
    assert ended.code == 0, ended.err
    return place


def test_a_detector_of_its_own(run, tmp_path):
    """It reads the data of the fit again."""
    out = tmp_path / "kept.csv"
    ended = call("sample", run, "-n", "40", "--keep-best", "0.5", "--judged-by", "logistic", "-o", out)
    assert ended.code == 0, ended.err
    assert len(list(csv.DictReader(out.open()))) == 40
    assert "kept 40 of" in ended.err
    assert "coverage of real rows" in ended.err


def test_a_classifier(run, judge):
    words = ("sample", run, "-n", "30", "--keep-best", "0.3", "--judged-by", judge)
    document = call(*words, "--json").document
    assert len(document["rows"]) == 30
    assert document["filter"]["n_kept"] == 30
    assert document["filter"]["judged_by"] == "the classifier of 'city'"
    again = rows_of(call(*words).out)
    assert [row["city"] for row in again] == [row["city"] for row in document["rows"]]
    wanted = call(*words, "--wanted", "Rome", "--given", "age > 40")
    assert wanted.code == 0, wanted.err
    assert all(int(row["age"]) > 40 for row in rows_of(wanted.out))


def test_the_acceptance_is_that_of_the_filtered_draws(run, judge):
    words = ("sample", run, "-n", "30", "--keep-best", "0.3", "--judged-by", judge, "--given", "age > 40")
    document = call(*words, "--json").document
    assert 0 < document["acceptance"] < 1
    assert f"(acceptance rate {document['acceptance']:.2g})" in call(*words).err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--keep-best", "0"), "expected above 0"),
        (("--keep-best", "0.5", "--judged-by", "logistc"), "did you mean logistic"),
        (("--keep-best", "0.5", "--judged-by", "runs/nowhere"), "no run at"),
        (("--wanted", "Rome"), "--keep-best"),
        (("--judged-by", "logistic"), "--judged-by is of --keep-best"),
        (("--keep-best", "0.5", "--n-beams", "2"), "leave out --stream"),
    ],
)
def test_bad_words(run, words, message):
    ended = call("sample", run, "-n", "5", *words)
    assert ended.code != 0
    assert message in ended.err


def test_a_run_that_draws_is_no_judge(run):
    ended = call("sample", run, "-n", "5", "--keep-best", "0.5", "--judged-by", run)
    assert ended.code != 0
    assert "name one that predicts" in ended.err
