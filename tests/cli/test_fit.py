"""`genwright fit`: from a file to a judged run, with everything said that is needed to go on."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

import genwright as gw
from genwright.core.errors import DataError, FitError
from tests.cli.conftest import N_ROWS, Ended, call, write_people


def test_fit_says_how_columns_are_read_what_was_chosen_and_how_good_it_is(fitted: tuple[Path, Ended]) -> None:
    place, ended = fitted
    for part in ("column", "kind", "missing", "distinct", "why", "datetime", "Model: marginals", "how good", "±"):
        assert part in ended.out, part
    assert f"saved {place}" in ended.out
    assert f"genwright sample {place}" in ended.out
    assert "\x1b" not in ended.out + ended.err


def test_the_run_is_whole(fitted: tuple[Path, Ended]) -> None:
    place, _ = fitted
    assert {"run.json", "weights.safetensors", "README.md", "report.html", "manifest.json"} <= {
        p.name for p in place.iterdir()
    }
    run = gw.load(place)
    assert run.artefact.model_name == "marginals"
    assert run.scores
    assert run.artefact.facts["n_rows"] == N_ROWS
    assert run.artefact.facts["n_held_out"] == round(0.4 * N_ROWS)


def test_without_out_runs_get_names_of_their_own(people: Path, here: Path) -> None:
    places = [call("fit", people, "--model", "marginals", "--no-judge", "--quiet").out for _ in range(3)]
    assert places == [f"{Path('runs') / name}\n" for name in ("people", "people-2", "people-3")]
    assert call("fit", people, "--model", "marginals", "--no-judge", "--quiet", "--overwrite").out == "runs/people\n"


def test_json_is_one_document(people: Path, here: Path) -> None:
    ended = call("fit", people, "--model", "marginals", "--no-judge", "--set", "pseudo_count=2", "--seed", 7, "--json")
    assert ended.code == 0
    found = ended.document
    assert (found["run"], found["model"], found["seed"], found["n_rows"]) == ("runs/people", "marginals", 7, N_ROWS)
    assert [c["name"] for c in found["schema"]] == ["id", "age", "income", "city", "joined"]
    assert gw.load(found["run"]).model.config.pseudo_count == 2.0


def test_no_held_out_rows_no_scores_and_it_is_said(people: Path, here: Path) -> None:
    ended = call("fit", people, "--model", "marginals", "--held-out", 0)
    assert ended.code == 0
    assert "not judged" in ended.err
    assert not gw.load("runs/people").scores


def test_a_taken_place_is_refused_before_the_work(people: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.pipeline.fit", lambda *_, **__: pytest.fail("the fit was begun"))
    ended = call("fit", people, "--out", run)
    assert ended.code == 4
    assert "--overwrite" in ended.err
    assert call("fit", people, "--out", people, "--overwrite").code == 4


def test_an_empty_folder_is_a_free_place_but_for_the_one_you_are_in(
    people: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("mine").mkdir()
    ended = call("fit", people, "--model", "marginals", "--no-judge", "--out", "mine")
    assert (ended.code, "taken" in ended.err, "saved mine " in ended.out) == (0, False, True)
    assert sorted(p.name for p in Path.cwd().iterdir()) == ["mine"]
    (here / "empty").mkdir()
    monkeypatch.chdir(here / "empty")
    ended = call("fit", people, "--model", "marginals", "--no-judge", "--out", ".")
    assert (ended.code, "is the folder you are in" in ended.err) == (4, True)
    ended = call("fit", people, "--model", "marginals", "--no-judge", "--out", f"{people}/run")
    assert (ended.code, "people.csv is a file; choose another path" in ended.err) == (4, True)


def test_kinds_by_option_and_by_file(people: Path, here: Path) -> None:
    words = ["fit", people, "--model", "marginals", "--no-judge", "--json"]
    found = call(*words, "--kind", "age=category").document
    assert {c["name"]: c["kind"] for c in found["schema"]}["age"] == "category"

    shown = call("show", people, "--json").document
    (here / "alone.json").write_text(json.dumps(shown["schema"]))
    (here / "whole.json").write_text(json.dumps(shown))
    for name in ("alone.json", "whole.json"):
        found = call(*words, "--schema", name, "--kind", "joined=category").document
        kinds = {c["name"]: c["kind"] for c in found["schema"]}
        assert kinds == {**{c["name"]: c["kind"] for c in shown["schema"]}, "joined": "category"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--held-out", "1"], "--held-out"),
        (["--held-out", "-0.1"], "--held-out"),
        (["--held-out", "nan"], "--held-out"),
        (["--kind", "agge=number"], "did you mean age?"),
        (["--kind", "age=nmber"], "did you mean number?"),
        (["--kind", "age"], "column=kind"),
        (["--set", "pseudo_cout=1"], "did you mean pseudo_count?"),
        (["--set", "pseudo_count=many"], "pseudo_count"),
        (["--set", "pseudo_count"], "name=value"),
        (["--target", "ctiy"], "did you mean city?"),
        (["--schema", "absent.json"], "absent.json"),
        (["--schema", "list.json"], "not a schema"),
        (["--schema", "empty.json"], "empty.json has no columns"),
        (["--schema", "broken.json"], "broken.json"),
    ],
)
def test_wrong_words_are_told_and_nothing_is_written(words: list[str], says: str, people: Path, here: Path) -> None:
    (here / "list.json").write_text("[1, 2]")
    (here / "broken.json").write_text("[{")
    (here / "empty.json").write_text("[]")
    ended = call("fit", people, "--model", "marginals", *words)
    assert ended.code == 2, ended.err
    assert says in ended.err
    assert not (here / "runs").exists()


def test_data_that_are_not_there_offer_what_is(people: Path) -> None:
    ended = call("fit", people.with_name("poeple.csv"))
    assert ended.code == 2
    assert "did you mean people.csv?" in ended.err


def test_ctrl_c_while_fitting_and_while_judging(people: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("genwright.runs.run.Run.judge", stop)
        ended = call("fit", people, "--model", "marginals")
        assert ended.code == 130
        assert "the fit is kept in runs/people, without scores" in ended.err
        assert gw.load("runs/people").artefact.model_name == "marginals"
    monkeypatch.setattr("genwright.models.marginals.Marginals.solve", stop)
    ended = call("fit", people, "--model", "marginals")
    assert ended.code == 130
    assert "nothing was saved" in ended.err
    assert not Path("runs/people-2").exists()


def test_ctrl_c_twice_says_where_the_training_is_kept(
    people: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one ends the steps, the second one what comes behind them."""

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    words = ("fit", people, "--model", "vae", "--steps", 2, "--no-judge")
    with monkeypatch.context() as patch:
        patch.setattr("genwright.training.loop.gain_over_marginals", stop)
        ended = call(*words)
    assert ended.code == 130
    assert (
        "stopped; the training so far is kept in runs/people.checkpoint: go on with --resume runs/people" in ended.err
    )
    assert call("fit", people, "--resume", "runs/people", "--no-judge").code == 0
    with monkeypatch.context() as patch:  # before it began
        patch.setattr("genwright.training.loop._Training.run", stop)
        assert "nothing was saved" in call(*words).err
    words = ("classify", people, "--target", "city", "--model", "mlp", "--steps", 2, "--out", "runs/city")
    monkeypatch.setattr("genwright.training.loop.gain_over_marginals", stop)
    assert "kept in runs/city.checkpoint: go on with --resume runs/city" in call(*words).err


def test_a_fit_that_cannot_be_judged_or_reported_is_kept(
    people: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DataError("too few rows")

    monkeypatch.setattr("genwright.runs.run.Run.judge", fail)
    monkeypatch.setattr("genwright.report.build.build_report", fail)
    ended = call("fit", people, "--model", "marginals", "--json")
    assert ended.code == 0
    assert ended.document["report"] is None
    assert ended.document["notes"] == ["not judged: too few rows", "no report: too few rows"]
    assert "warning: not judged" in ended.err
    assert gw.load("runs/people").artefact.model_name == "marginals"


def test_a_failed_fit_has_a_code_of_its_own(people: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise FitError("no column can be modelled")

    monkeypatch.setattr("genwright.models.marginals.Marginals.solve", fail)
    assert call("fit", people, "--model", "marginals").code == 3


def test_names_of_the_data_cannot_steer_the_terminal(here: Path) -> None:
    path = write_people(here / "evil.csv", n=50)
    path.write_text(path.read_text().replace("city", "\x1b]0;evil\x07[bold]city[/bold]", 1))
    ended = call("fit", path, "--model", "marginals", "--no-judge")
    assert ended.code == 0, ended.err
    assert "[bold]city[/bold]" in ended.out
    assert "\x1b" not in ended.out + ended.err


def test_a_very_wide_table_shows_its_first_columns(here: Path) -> None:
    names = [f"c{i}" for i in range(80)]
    rows = [",".join(str(i * j % 7) for j in range(80)) for i in range(30)]
    Path("wide.csv").write_text("\n".join([",".join(names), *rows]) + "\n")
    ended = call("fit", "wide.csv", "--model", "marginals", "--no-judge")
    assert ended.code == 0, ended.err
    assert "and 20 more columns" in ended.out
    assert " c79 " not in ended.out


def test_threads_are_those_of_the_training_too(people: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr("genwright.training.loop._threads", lambda n: seen.append(n) or nullcontext())
    usual = ("fit", people, "--model", "vae", "--steps", 2, "--no-judge", "--quiet")
    for threads in ((), ("--threads", 2), ("--threads", 2, "--set", "threads=3")):
        assert call(*usual, *threads).code == 0
    assert seen == [1, 2, 3]
    assert call("fit", people, "--model", "marginals", "--threads", 2, "--no-judge").code == 0


@pytest.mark.parametrize(("picked", "threads"), [("vae", [2]), ("marginals", [])])
def test_threads_reach_the_family_that_auto_picks(
    people: Path, here: Path, monkeypatch: pytest.MonkeyPatch, picked: str, threads: list[int]
) -> None:
    seen: list[int] = []
    monkeypatch.setattr("genwright.training.loop._threads", lambda n: seen.append(n) or nullcontext())
    monkeypatch.setattr("genwright.pipeline.choose", lambda codec, n: (picked, "for a test"))
    budget = ("--steps", 2) if threads else ()
    assert call("fit", people, "--threads", 2, "--no-judge", "--quiet", *budget).code == 0
    assert seen == threads


def test_what_is_said_when_a_fit_goes_on_must_be_as_it_was(people: Path, here: Path) -> None:
    def stop(done: float, line: str) -> None:
        if line.startswith("step 10 "):
            raise KeyboardInterrupt

    settings = {"n_evaluations": 2, "checkpoint_seconds": 0}
    gw.fit(people, "vae", settings=settings, steps=20, seed=1, judge=False, checkpoint="run.checkpoint", progress=stop)
    ended = call("fit", people, "--resume", "run", "--seed", 0)
    assert ended.code == 4
    assert "seed was 1, is 0" in ended.err
    assert call("fit", people, "--resume", "run", "--no-judge").code == 0
    assert gw.load("run").artefact.seed == 1


def test_a_fit_that_goes_on_reads_as_it_did_before(here: Path) -> None:
    """How a text is cut, its encoding, where the events of TensorBoard go: what is not said again is as it was."""

    def stop(done: float, line: str) -> None:
        if line.startswith("step 1 "):
            raise SystemExit  # stands for a kill

    words = ["moon", "owl", "fox"]
    Path("verses.txt").write_text("".join(f"the {w} sees é\nthe sea\n\n" for w in words * 9), "latin-1")
    settings = {"n_layers": 1, "width": 16, "n_heads": 2, "n_evaluations": 2, "checkpoint_seconds": 0}
    records = gw.read("verses.txt", rows="lines", encoding="latin-1")
    for i in range(2):
        with pytest.raises(SystemExit):
            gw.fit(records, "gpt", settings=settings, steps=2, judge=False, out=f"run{i}", progress=stop)
    assert call("fit", "verses.txt", "--resume", "run0", "--no-judge").code == 0
    run = gw.fit("verses.txt", resume=True, judge=False, out="run1")
    assert run.artefact.facts["n_rows"] == gw.load("run0").artefact.facts["n_rows"] == 27 * 2
    assert run.sample(3).equals(gw.load("run0").sample(3))
    with pytest.raises(SystemExit):
        gw.fit(records, "gpt", settings=settings, steps=2, judge=False, out="run2", progress=stop)
    ended = call("fit", "verses.txt", "--resume", "run2", "--rows", "paragraphs")
    assert (ended.code, "data was" in ended.err) == (4, True)


def test_columns_can_be_named_with_commas_between(people: Path, here: Path) -> None:
    ended = call("fit", people, "--model", "trees", "--given", "city,income", "--no-judge", "--out", "run")
    assert ended.code == 0
    assert [name for name, f in gw.load("run").model.space.items() if f.is_given] == ["income", "city"]
    assert "no town in the columns" in call("fit", people, "--given", "city,town").err


def test_a_fit_that_came_to_its_end_is_not_gone_on_with(run: Path, people: Path) -> None:
    ended = call("fit", people, "--resume", run)
    assert (ended.code, "has come to its end: there is nothing to resume" in ended.err) == (4, True)
    ended = call("fit", people, "--resume", "x" * 300)
    assert (ended.code, "File name too long" in ended.err) == (4, True)
    ended = call("fit", people, "--resume", run, "--out", "elsewhere")  # which of the two would be written to?
    assert (ended.code, "leave out --out" in ended.err) == (2, True)


def test_a_text_that_is_left_out_is_told_once(here: Path) -> None:
    words = ["good", "bad", "room", "view"]
    rows = [f"{i % 7},{' '.join(words[i * k % 4] for k in range(1, 12))} {i}" for i in range(40)]
    Path("reviews.csv").write_text("stars,review\n" + "\n".join(rows) + "\n")
    ended = call("fit", "reviews.csv", "--model", "trees", "--no-judge")
    assert ended.code == 0
    assert ended.err.count("trees does not model text: 'review' left out, which comes back empty") == 1


def test_a_text_is_cut_as_asked_and_read_so_again(here: Path) -> None:
    Path("verses.txt").write_text("".join(f"the {w} sees\nthe sea\n\n" for w in ["moon", "owl", "fox"] * 9), "utf-8")
    ended = call("fit", "verses.txt", "--rows", "paragraphs", "--model", "ngram", "--no-judge", "--out", "verses")
    assert (ended.code, "27 rows, 1 column\n" in ended.out, "one row a paragraph" in ended.out) == (0, True, True)
    assert "genwright sample verses -n 100 -o synthetic.txt" in ended.out
    assert f"text: order {gw.load('verses').model.describe()['text']['order']}, n-grams " in ended.out
    assert call("judge", "verses", "--judge", "bits_per_char").code == 0
    assert gw.load("verses").artefact.facts["options"] == {"rows": "paragraphs"}
    Path("more.txt").write_text("the cat sees\nthe sun\n\nthe cow sees\nthe sky\n", "utf-8")
    assert len(gw.load("verses").log_prob("more.txt")) == 2
    wrong = call("fit", "verses.txt", "--rows", "verses")
    assert (wrong.code, "expected one of auto, passages, lines" in wrong.err) == (2, True)
    assert "the csv reader has" in call("fit", _table(), "--rows", "lines").err


def _table() -> Path:
    Path("t.csv").write_text("a,b\n1,2\n3,4\n", "utf-8")
    return Path("t.csv")


def test_minutes_for_what_learns_in_one_go_are_told_to_be_no_matter(people: Path, here: Path) -> None:
    ended = call("fit", people, "--model", "marginals", "--minutes", 1, "--no-judge")
    assert "note: marginals learns in one go and needs no minutes" in ended.err
    ended = call("classify", people, "--target", "city", "--model", "logistic", "--minutes", 1)
    assert "note: logistic learns in one go and needs no minutes" in ended.err
    assert "needs no minutes" not in call("fit", people, "--model", "marginals", "--no-judge").err


def test_an_encoding_can_be_said(here: Path) -> None:
    Path("odd.txt").write_bytes("käse und brötchen schmecken überall gut\n".encode() * 9 + b"b\xe4r\n")
    refused = call("fit", "odd.txt", "--model", "ngram", "--no-judge")
    assert (refused.code, "--encoding" in refused.err) == (2, True)
    assert call("fit", "odd.txt", "--encoding", "cp1252", "--rows", "lines", "--model", "ngram", "--no-judge").code == 0


def test_the_size_and_the_steps_of_a_network_are_told(here: Path) -> None:
    Path("story.txt").write_text("the moon sees the sea and the sea sees the moon\n" * 40, "utf-8")
    ended = call(
        "fit", "story.txt", "--model", "gpt", "--steps", "2", "--no-judge", "--set", "width=8", "--set", "n_heads=1"
    )
    assert "note: size chosen for 3 minutes of training on one thread; --set NAME=VALUE overrules" in ended.err
    assert "note: gpt: blocks" in ended.err
    assert "width 8" in ended.err
    assert "note: training: 2 steps of" in ended.err
    assert f"{gw.load('runs/story').model.describe()['parameters']:,}" in ended.err
    assert "genwright sample runs/story --stream" in ended.out


def test_a_text_too_short_says_what_to_do(here: Path) -> None:
    Path("word.txt").write_text("hello\n", "utf-8")
    ended = call("fit", "word.txt")
    assert (ended.code, "1 row is too few" in ended.err, "--rows" in ended.err) == (3, True, True)


def test_columns_are_encoded_as_asked(here: Path) -> None:
    Path("lines.txt").write_text("the cat sat on the mat\na dog ran over there\n" * 30)
    words = ["--rows", "lines", "--model", "ngram", "--no-judge"]
    bpe = ["--column", "text.tokenizer=bpe", "--column", "text.vocab_size=270"]
    assert call("fit", "lines.txt", *words, *bpe, "--out", "run").code == 0
    codec = gw.load("run").artefact.codec.codecs["text"]
    assert (codec.tokenizer, codec.field.support.n) == ("bpe", 270)
    ended = call("fit", "lines.txt", *words, "--column", "text.tokeniser=bpe")
    assert (ended.code, "did you mean tokenizer?" in ended.err) == (2, True)
    ended = call("fit", "lines.txt", *words, "--column", "title.tokenizer=bpe")
    assert "no title in the columns" in ended.err


def test_a_fit_goes_on_only_with_columns_as_they_were(here: Path) -> None:
    def stop(done: float, line: str) -> None:
        if line.startswith("step 3 "):
            raise KeyboardInterrupt

    Path("lines.txt").write_text("the cat sat on the mat\na dog ran over there\n" * 30)
    records = gw.read("lines.txt", rows="lines")
    settings = {"n_layers": 1, "width": 8, "n_evaluations": 2, "checkpoint_seconds": 0}
    schema = gw.infer(records)[0].with_options({"text": {"max_length": 40}})
    gw.fit(
        records,
        "gpt",
        schema=schema,
        settings=settings,
        steps=6,
        judge=False,
        checkpoint="run.checkpoint",
        progress=stop,
    )
    words = ["fit", "lines.txt", "--rows", "lines", "--no-judge", "--resume", "run"]
    ended = call(*words, "--column", "text.max_length=50")
    assert ended.code == 4
    assert "schema was" in ended.err
    assert call(*words, "--column", "text.max_length=40").code == 0
    assert gw.load("run").artefact.facts["n_steps"] == 6
