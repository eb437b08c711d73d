"""States of steps, and tags of words, from runs of an hmm."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import genwright as gw
from genwright.core.errors import DataError, UnsupportedError
from genwright.pipeline import fit, load
from genwright.recipes.segment import segment
from genwright.recipes.tag import as_table, sentences_of, tag
from genwright.runs.run import Run
from genwright.runs.states import state_names
from tests.cli.conftest import call


def signal(n: int = 400, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Two machines whose load has two regimes, and the regimes."""
    rng = np.random.default_rng(seed)
    z = np.repeat(rng.integers(0, 2, n // 20), 20)
    frame = pd.DataFrame({"load": np.round(5 * z + rng.normal(size=n), 3), "machine": np.tile(["a", "b"], n // 2)})
    frame["load"] = np.round(np.where(frame.machine == "b", 5.0 - 5 * z, 5 * z) + rng.normal(size=n), 3)
    return frame, np.where(frame.machine == "b", 1 - z, z)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run, np.ndarray]:
    place = tmp_path_factory.mktemp("signal")
    frame, z = signal()
    frame.to_csv(place / "signal.csv", index=False)
    settings = {"n_states": 2, "group": "machine"}
    run = fit(place / "signal.csv", "hmm", settings=settings, held_out=0, out=place / "run")
    return place, run, z


def test_states_of_steps_come_back_beside_the_columns(machines: tuple[Path, Run, np.ndarray]) -> None:
    place, run, z = machines
    table = segment(run, place / "signal.csv").to_pandas()
    assert list(table) == ["load", "machine", "state", "probability"]
    assert table.load.astype(float).tolist() == pd.read_csv(place / "signal.csv").load.tolist()
    right = (table.state == z).mean()
    assert max(right, 1 - right) > 0.98
    assert table.probability.between(0, 1).all()
    again = segment(load(place / "run"), place / "signal.csv").to_pandas()
    pd.testing.assert_frame_equal(table, again)


def test_longer_series_are_not_cut(machines: tuple[Path, Run, np.ndarray]) -> None:
    _, run, _ = machines
    longer, z = signal(4_000, seed=5)
    table = segment(run, longer).to_pandas()
    assert len(table) == 4_000
    right = (table.state == z).mean()
    assert max(right, 1 - right) > 0.98


def test_the_command_writes_states(machines: tuple[Path, Run, np.ndarray]) -> None:
    place, _, _ = machines
    ended = call("segment", place / "run", place / "signal.csv", "-o", place / "states.csv")
    assert ended.code == 0, ended.err
    assert "400 steps in" in ended.out + ended.err
    assert list(pd.read_csv(place / "states.csv")) == ["load", "machine", "state", "probability"]
    document = call("segment", place / "run", place / "signal.csv", "--json").document
    assert document["n_steps"] == 400
    assert sum(document["share"].values()) == pytest.approx(1)
    assert call("segment", place / "run", place / "nothing.csv").code == 2


def test_draws_of_a_series_are_tables_of_steps(machines: tuple[Path, Run, np.ndarray]) -> None:
    place, run, _ = machines
    drawn = run.sample(2)
    assert list(drawn) == ["sequence", "load"]
    assert drawn.sequence.unique().tolist() == [1, 2]
    assert call("sample", place / "run", "-n", 2, "-o", place / "drawn.csv").code == 0
    written = pd.read_csv(place / "drawn.csv")
    np.testing.assert_allclose(written.load, drawn.load)
    assert len(run.log_prob(place / "signal.csv")) == 2


def test_a_saved_series_is_read_and_judged_again(tmp_path: Path) -> None:
    signal(1_000)[0][["load"]].to_csv(tmp_path / "x.csv", index=False)
    settings = {"n_states": 2, "window": 50, "n_restarts": 1}
    run = fit(tmp_path / "x.csv", "hmm", settings=settings, out=tmp_path / "run")
    (score,) = [s for s in run.scores if s.name == "likelihood.nats"]
    assert score.value < score.ceiling
    again = load(tmp_path / "run").judge(judges="likelihood")
    assert [s.value for s in again] == [s.value for s in run.scores if s.name.startswith("likelihood")]
    assert len(run.log_prob(tmp_path / "x.csv")) == 20


def sentences(n: int = 200, seed: int = 0) -> pa.Table:
    """Determiner, adjective or none, noun, verb; `light` is a noun or a verb."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(n):
        row = [("the", "DET")] + [(["big", "old"][rng.integers(2)], "ADJ")] * int(rng.integers(2))
        row += [
            (["dog", "lamp", "light"][rng.integers(3)], "NOUN"),
            (["sees", "light", "runs"][rng.integers(3)], "VERB"),
        ]
        rows.append(row)
    return pa.table({"words": [[w for w, _ in row] for row in rows], "tags": [[t for _, t in row] for row in rows]})


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    place = tmp_path_factory.mktemp("tagged") / "run"
    return place, fit(sentences(), "hmm", out=place)


def test_tables_of_sequences_are_for_hmm() -> None:
    run = fit(sentences(60), judge=False)
    assert run.artefact.model_name == "hmm"
    assert run.artefact.facts["why"].startswith("sequences")


def test_sequences_without_a_step_have_no_states_and_texts_are_none(tagger: tuple[Path, Run]) -> None:
    _, run = tagger
    for words in ([[]], [None], [[], None]):
        assert segment(run, pd.DataFrame({"words": words})).num_rows == 0
    with pytest.raises(DataError, match="holds text where sequences were learnt"):
        segment(run, pd.DataFrame({"words": ["the dog"]}))


def test_words_get_tags_from_their_neighbours(tagger: tuple[Path, Run]) -> None:
    _, run = tagger
    found = tag(run, ["the light light", "the big unicorn sees"])
    assert found[0].tags == ("DET", "NOUN", "VERB")
    assert found[1].tags == ("DET", "ADJ", "NOUN", "VERB")
    assert found[1].is_known == (True, True, False, True)
    assert all(p > 0.9 for p in found[0].probabilities)
    assert sorted(state_names(run)) == ["ADJ", "DET", "NOUN", "VERB"]
    assert tag(run, [[]])[0].words == ()
    assert as_table(found).column("word").to_pylist()[:3] == ["the", "light", "light"]
    long = tag(run, "the dog sees " * 50)[0]
    assert len(long.tags) == 150
    assert {score.name for score in run.scores} >= {"tagging.accuracy"}


def test_missing_words_are_tagged_and_sentences_may_be_empty(tagger: tuple[Path, Run], tmp_path: Path) -> None:
    place, run = tagger
    (tmp_path / "s.jsonl").write_text('{"words": ["the", null, "sees"]}\n{"words": []}\n{"words": null}\n')
    assert sentences_of(run, tmp_path / "s.jsonl") == [["the", None, "sees"], [], []]
    (found, *_) = tag(run, sentences_of(run, tmp_path / "s.jsonl"))
    assert found.words == ("the", None, "sees")
    assert found.tags == ("DET", "NOUN", "VERB")
    assert as_table([found]).column("word").to_pylist() == ["the", None, "sees"]
    assert call("tag", place, tmp_path / "s.jsonl", "--json").document["n_unseen"] == 0
    (tmp_path / "empty.jsonl").write_text('{"words": []}\n{"words": []}\n')
    assert sentences_of(run, tmp_path / "empty.jsonl") == [[], []]


def test_the_command_tags_texts_and_files(tagger: tuple[Path, Run], tmp_path: Path) -> None:
    place, run = tagger
    ended = call("tag", place, "the lamp runs")
    assert ended.code == 0, ended.err
    shown = [line.split()[:2] for line in ended.out.splitlines() if line.strip()]
    assert shown[-3:] == [["the", "DET"], ["lamp", "NOUN"], ["runs", "VERB"]]
    document = call("tag", place, "the zebra runs", "--json").document
    assert document["tags"] == ["DET", "NOUN", "VERB"]
    assert document["n_unseen"] == 1
    (tmp_path / "s.txt").write_text("the dog sees\nthe old lamp light\n")
    (tmp_path / "s.jsonl").write_text(json.dumps({"words": ["the", "dog"]}) + "\n")
    ended = call("tag", place, tmp_path / "s.txt", "-o", tmp_path / "tags.csv")
    assert ended.code == 0, ended.err
    assert pd.read_csv(tmp_path / "tags.csv").tag.tolist() == ["DET", "NOUN", "VERB", "DET", "ADJ", "NOUN", "VERB"]
    assert sentences_of(run, tmp_path / "s.jsonl") == [["the", "dog"]]
    assert call("tag", place, tmp_path / "s.txt", "-o", tmp_path / "tags.conllu").code == 0
    (batch,) = gw.read(tmp_path / "tags.conllu").open()
    assert batch.column(0).to_pylist() == [["the", "dog", "sees"], ["the", "old", "lamp", "light"]]
    assert batch.column(1).to_pylist() == [["DET", "NOUN", "VERB"], ["DET", "ADJ", "NOUN", "VERB"]]
    assert call("tag", place, "nothing.txt").code == 2
    with pytest.raises(DataError, match="has no column 'words'"):
        sentences_of(run, pa.table({"a": ["x"], "b": ["y"]}))


def test_sequences_are_segmented_step_by_step(tagger: tuple[Path, Run]) -> None:
    _, run = tagger
    table = segment(run, pa.table({"words": [["the", "dog", "sees"], [], ["the"]]})).to_pydict()
    assert table["row"] == [1, 1, 1, 3]
    assert table["step"] == [1, 2, 3, 1]
    assert table["words"] == ["the", "dog", "sees", "the"]
    assert table["state"] == ["DET", "NOUN", "VERB", "DET"]
    with pytest.raises(DataError, match="has no column 'words'"):
        segment(run, pa.table({"tags": [["DET"]]}))


def test_other_families_have_no_states(machines: tuple[Path, Run, np.ndarray]) -> None:
    run = fit(pd.DataFrame({"a": [1, 2, 3, 4]}), "marginals", judge=False)
    with pytest.raises(UnsupportedError, match="marginals has no states; fit the data with --model hmm"):
        segment(run, pd.DataFrame({"a": [1]}))
    with pytest.raises(UnsupportedError, match="no tags of words"):
        tag(machines[1], "the dog")
