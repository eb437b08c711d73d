from pathlib import Path

import pytest

from tests.cli.conftest import call


@pytest.fixture(scope="module")
def net(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("net") / "people"
    ended = call("fit", people, "--model", "bayes_net", "--no-judge", "--out", place)
    assert ended.code == 0, ended.err
    return place


def test_a_table_for_every_column(net):
    ended = call("query", net, "--given", "age > 60", "--of", "city,income")
    assert ended.code == 0, ended.err
    assert "city given age > 60 (exact)" in ended.out
    assert "Rome" in ended.out
    assert "missing" in ended.out
    assert ended.out.index("Rome") < ended.out.index("Oslo")  # likelier values first


def test_the_document(net):
    found = call("query", net, "--given", "city = Rome", "--of", "age", "--of", "income", "--json").document
    assert found["given"] == ["city = 'Rome'"]
    assert [answer["column"] for answer in found["answers"]] == ["age", "income"]
    for answer in found["answers"]:
        assert answer["is_exact"]
        assert sum(row["probability"] for row in answer["distribution"]) == pytest.approx(1)


def test_the_most_probable_row(net):
    found = call("query", net, "--most-probable", "--given", "city = Oslo", "--json").document
    assert found["most_probable"]["city"] == "Oslo"
    assert set(found["most_probable"]) == {"age", "income", "city", "joined"}
    assert "Oslo" in call("query", net, "--most-probable", "--given", "city = Oslo").out


def test_another_family_answers_by_draws(run):
    ended = call("query", run, "--of", "city")
    assert ended.code == 0, ended.err
    assert "shares of 10,000 draws" in ended.out
    assert "standard error" in ended.out


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        ((), "--of", 2),
        (("--of", "citty"), "did you mean city", 2),
        (("--of", "city", "--given", "age >"), "ends too early", 2),
        (("--of", "city", "--given", "city = Rome"), "asked for and given", 2),
        (("--of", "age", "--given", "city = Atlantis"), "its values are Rome", 2),
        (("--of", "id"), "not modelled", 3),
    ],
)
def test_bad_questions(net, words, message, code):
    ended = call("query", net, *words)
    assert (ended.code, message in ended.err) == (code, True), ended.err


def test_only_networks_have_a_most_probable_row(run):
    ended = call("query", run, "--most-probable")
    assert ended.code == 3
    assert "bayes_net can" in ended.err


def test_a_category_that_reads_like_a_range_is_sorted_by_its_shares(tmp_path: Path) -> None:
    rows = ["size,kind", *["1 to 5,a"] * 40, *["6 to 9,b"] * 20]
    (tmp_path / "sizes.csv").write_text("\n".join(rows) + "\n")
    words = ("fit", tmp_path / "sizes.csv", "--model", "bayes_net", "--no-judge", "--held-out", 0)
    assert call(*words, "--out", tmp_path / "run").code == 0
    shown = call("query", tmp_path / "run", "--of", "size", "--given", "kind = b").out
    assert shown.index("6 to 9") < shown.index("1 to 5")
