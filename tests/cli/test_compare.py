"""`genwright compare`: the table, the document, the page and the runs that are kept."""

import json
import shlex

import pytest

from genwright.cli.terminal import leaderboard
from genwright.cli.terminal.screen import Screen
from genwright.core.errors import FitError
from genwright.models.copula import Copula
from genwright.recipes import compare as recipe
from genwright.runs.run import Run
from tests.cli.conftest import call
from tests.runs.boards import pictures, texts, whole


@pytest.fixture(autouse=True)
def _few_judges(monkeypatch):
    monkeypatch.setattr(recipe, "N_DRAWN", 100)
    judge, fast = Run.judge, ["detectability", "near_copies"]
    monkeypatch.setattr(Run, "judge", lambda self, *a, **k: judge(self, *a, **{**k, "judges": fast, "max_rows": 200}))


def test_table_and_choice(people, here):
    ended = call("compare", people, "--models", "marginals, trees")
    assert ended.code == 0, ended.err
    lines = ended.out.splitlines()
    assert max(len(line) for line in lines if not line.startswith("next: ")) <= 80  # paths are never broken
    assert {line.split()[0] for line in lines if line.startswith(("marginals ", "trees "))} == {"marginals", "trees"}
    assert any(line.startswith("real rows ") for line in lines)
    assert any(line.startswith("independent ") for line in lines)
    assert "use --model " in " ".join(ended.out.split())
    assert "next: genwright fit" in ended.out
    assert "marginals: fitted in" in ended.err
    assert not list(here.iterdir())


def test_everything_is_kept_where_it_is_asked_for(people, here):
    words = ("compare", people, "--models", "marginals,vae", "--steps", 2, "--out", "all", "--held-out", 0.4)
    ended = call(*words, "--target", "city", "--kind", "age=category", "--seed", 3, "--json")
    assert ended.code == 0, ended.err
    assert sorted(p.name for p in (here / "all").iterdir()) == ["leaderboard.html", "marginals", "vae"]
    document = ended.document
    assert {family["model"] for family in document["families"]} == {"marginals", "vae"}
    assert (document["seed"], document["steps"], document["held_out"]) == (3, 2, 0.4)
    assert document["page"] == "all/leaderboard.html"
    assert document["best"] in document["sentence"]
    assert call("show", "all/vae").code == 0
    assert call("sample", "all/vae", "-n", 3).code == 0
    again = call("compare", people, "--models", "marginals", "--out", "all")
    assert again.code == 4
    assert "--overwrite" in again.err
    assert call("compare", people, "--models", "marginals", "--out", "all", "--overwrite").code == 0


def test_a_schema_from_a_file(people, here, monkeypatch):
    columns = call("show", people, "--json").document["schema"]
    (here / "columns.json").write_text(
        json.dumps([c | ({"split": "group"} if c["name"] == "city" else {}) for c in columns])
    )
    document = call("compare", people, "--models", "marginals", "--schema", "columns.json", "--json").document
    usual = call("compare", people, "--models", "marginals", "--json").document
    assert document["n_held_out"] != usual["n_held_out"]  # whole cities are held out


def test_the_next_command_reads_the_data_alike(people, here):
    said = ["--kind", "joined=omitted", "--kind", "age=category"]
    last = call("compare", people, "--models", "marginals", *said).out.splitlines()[-1]
    assert shlex.split(last) == ["next:", "genwright", "fit", str(people), *said, "--model", "marginals"]


def test_a_page_that_is_there_is_not_written_over(people, here, monkeypatch):
    words = ("compare", people, "--models", "marginals", "--out", "all")
    (here / "all").mkdir()
    (here / "all" / "leaderboard.html").write_text("of another day")
    with monkeypatch.context() as patch:
        patch.setattr(recipe, "compare", lambda *a, **k: pytest.fail("it began to work"))
        ended = call(*words)
    assert ended.code == 4
    assert "leaderboard.html exists; add --overwrite to replace it, or name another folder" in ended.err
    assert (here / "all" / "leaderboard.html").read_text() == "of another day"
    assert call(*words, "--overwrite").code == 0
    assert "marginals" in (here / "all" / "leaderboard.html").read_text()


def test_a_family_that_fails_is_a_line(people, here, monkeypatch):
    def fail(*args, **kwargs):
        raise FitError("planted")

    monkeypatch.setattr(Copula, "solve", fail)
    ended = call("compare", people, "--models", "copula,marginals")
    assert ended.code == 0
    assert "copula: not fitted: planted" in ended.out
    assert "copula: not fitted: planted" in ended.err
    assert call("compare", people, "--models", "copula").code == 3


def test_the_table_of_everything_fits_80_columns(capsys):
    leaderboard.show_leaderboard(Screen(), whole())
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    order = [line.split()[0] for line in out.splitlines() if " ± " in line]
    assert order == ["trees", "vae", "marginals", "parrot"]
    assert "parrot *" in out
    assert "parrot: not ranked: leans to training rows" in out
    assert "gpt: not fitted: gpt cannot model column 'age' (real)" in out


@pytest.mark.parametrize(
    ("found", "head", "first", "heads"),
    [
        (pictures(), "by Fréchet distance", ["gan", "0.020", "0.900", "0.430"], "Fréchet told apart variety"),
        (texts(), "by bits a character", ["ngram", "2.00", "0.600", "0.010"], "bits a char told apart copied"),
    ],
)
def test_the_tables_of_families_of_pictures_and_texts(capsys, found, head, first, heads):
    leaderboard.show_leaderboard(Screen(), found)
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert head in out
    assert heads in " ".join(out.split())
    line = next(line for line in out.splitlines() if " ± " in line)
    assert [line.split()[i] for i in (0, 1, 4, 7)] == first


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--held-out", "0"], "--held-out"),
        (["--models", ","], "for example trees,vae"),
        (["--models", "tree"], "did you mean trees"),
        (["--minutes", "1", "--steps", "1"], "not both"),
        (["--minutes", "-1"], "minutes"),
        (["--target", "cty"], "city"),
    ],
)
def test_wrong_words(people, here, words, told):
    ended = call("compare", people, *words)
    assert ended.code == 2
    assert told in ended.err
