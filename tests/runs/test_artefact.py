"""Saved equals loaded; what must not be overwritten is not; files are added and scores rewritten."""

import json
import os
import tempfile
from pathlib import Path

import pytest
import torch

from genwright.core.errors import RunError
from genwright.core.rng import torch_generator
from genwright.runs import add_file, check_target, load, rewrite, save
from genwright.runs.manifest import MANIFEST, read_manifest
from tests.runs.fakes import beside, bits_of, in_child, make, mark_of, text_of


def test_loaded_equals_saved_bit_for_bit(path):
    saved = make(3)
    assert save(saved, path) == path
    found = load(path)
    assert bits_of(found) == bits_of(saved)
    saved.facts = {**found.facts, **saved.facts}  # time, versions and notes were filled in
    assert text_of(found) == text_of(saved)
    assert set(found.facts["versions"]) == {"genwright", "python", "torch", "numpy"}
    draws = [a.model.sample(9, {}, torch_generator(1)) for a in (saved, found)]
    assert all(torch.equal(draws[0][name], draws[1][name]) for name in saved.model.space)


def test_saving_again_gives_the_same_bytes(path):
    artefact = make()
    artefact.facts["created"] = "2024-02-29T00:00:00+00:00"
    save(artefact, path)
    first = {p.name: p.read_bytes() for p in path.iterdir()}
    save(load(path), path, overwrite=True)
    assert {p.name: p.read_bytes() for p in path.iterdir()} == first


def test_a_run_holds_the_promised_files(path):
    save(make(), path)
    assert sorted(p.name for p in path.iterdir()) == [
        "README.md",
        "log.jsonl",
        MANIFEST,
        "run.json",
        "weights.safetensors",
    ]
    assert set(read_manifest(path).files) | {MANIFEST} == {p.name for p in path.iterdir()}
    assert beside(path) == []
    document = json.loads((path / "run.json").read_text("ascii"), parse_constant=pytest.fail)  # no bare NaN
    assert {"format", "model", "seed", "codec", "facts", "notes", "scores"} == set(document)


def test_an_artefact_without_tensors_scores_and_log(path):
    artefact = make()
    artefact.model.tensors, artefact.scores, artefact.log = {}, [], []
    save(artefact, path)
    assert load(path).model.state() == {}


def test_overwriting_must_be_asked_for(path):
    save(make(1), path)
    with pytest.raises(RunError, match="overwrite=True"):
        save(make(2), path)
    assert mark_of(load(path)) == 1
    save(make(2), path, overwrite=True)
    assert mark_of(load(path)) == 2


@pytest.mark.parametrize("name", ["notes.txt", MANIFEST])
def test_what_is_no_run_is_never_overwritten(path, name):
    path.mkdir(parents=True)
    (path / name).write_text("{}")
    with pytest.raises(RunError, match="is not a run"):
        save(make(), path, overwrite=True)
    assert (path / name).read_text() == "{}"


def test_a_file_in_the_way(path):
    path.parent.mkdir()
    path.write_text("mine")
    for wrong in (path, path / "below"):
        with pytest.raises(RunError):
            save(make(), wrong, overwrite=True)
    with pytest.raises(RunError, match="a run is a folder"):
        load(path)
    assert path.read_text() == "mine"


def test_an_empty_folder_is_free(path, swapping):
    path.mkdir(parents=True)
    save(make(4), path)
    assert mark_of(load(path)) == 4


def test_the_target_can_be_checked_before_the_work(path):
    assert check_target(path) == path
    save(make(), path)
    assert check_target(path, overwrite=True) == path
    with pytest.raises(RunError, match="holds a run already"):
        check_target(path)


def test_a_damaged_run_can_be_overwritten(path):
    save(make(1), path)
    (path / "run.json").unlink()
    save(make(2), path, overwrite=True)
    assert mark_of(load(path)) == 2


def test_a_link_to_a_run_is_followed_and_kept(path):
    save(make(1), path)
    latest = path.parent / "latest"
    latest.symlink_to(path)
    save(make(2), latest, overwrite=True)
    assert latest.is_symlink()
    assert mark_of(load(path)) == mark_of(load(latest)) == 2


def test_whoever_stands_in_a_run_stands_in_its_successor(path, monkeypatch, swapping):
    save(make(1), path)
    (path / "own").mkdir()
    for place, run in ((path, "."), (path / "own", "..")):
        monkeypatch.chdir(place)
        save(make(2), run, overwrite=True)
        add_file(run, "report.html", "page")
        rewrite(run, facts={"why": "because"})
        assert Path.cwd() == place
        assert mark_of(load(run)) == 2


def test_where_no_run_can_be_is_told_before_a_long_fit(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(RunError, match="file is a file; choose another path"):
        check_target(tmp_path / "file" / "deep" / "run")
    with pytest.raises(RunError, match="File name too long; choose a shorter name"):
        check_target(tmp_path / ("x" * 240))  # which has no room for a temporary name beside it
    (tmp_path / "here").mkdir()
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path / "here")
        with pytest.raises(RunError, match="here is the folder you are in, whose place a run would take; name"):
            check_target(".")
    assert check_target(tmp_path / "here") == tmp_path / "here"  # empty
    monkeypatch.setattr("os.access", lambda path, mode: False)  # whoever runs this may write anywhere
    with pytest.raises(RunError, match=f"no permission to write in {tmp_path}; check the folder's permissions"):
        check_target(tmp_path / "deep" / "run")


@pytest.mark.parametrize("wrong", ["/", "", "a\0b", "x" * 300, "~nobody-of-that-name/x"])
def test_paths_that_cannot_be(wrong, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here" / "kept.txt").write_text("mine")
    with pytest.raises(RunError):
        save(make(), wrong, overwrite=True)
    with pytest.raises(RunError):
        load(wrong)
    assert (tmp_path / "here" / "kept.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["mit Leerzeichen ü 数据", "[a]*?", ".hidden", "a.tmp-1-00000000", "-rf"])
def test_odd_names(tmp_path, name):
    for mark in (1, 2):
        save(make(mark), tmp_path / name, overwrite=True)
    assert mark_of(load(tmp_path / name)) == 2
    assert beside(tmp_path / name) == []


def test_a_missing_run_names_those_that_are_there(path):
    save(make(), path)
    with pytest.raises(RunError, match="people"):
        load(path.parent / "peple")
    with pytest.raises(RunError, match="no runs are in that folder"):
        load(path / "people")
    (path.parent / "empty").mkdir()
    with pytest.raises(RunError, match=f"no {MANIFEST}"):
        load(path.parent / "empty")


def test_files_of_the_user_survive_everything_and_are_never_read(path, swapping):
    save(make(1), path)
    (path / "draws.csv").write_text("mine")
    (path / "sub").mkdir()
    (path / "sub" / "a.txt").write_text("mine too")
    os.mkfifo(path / "pipe")
    (path / "link").symlink_to("/nowhere")
    add_file(path, "report.html", "<p>1")
    save(make(2), path, overwrite=True)
    rewrite(path, facts={"more": 1})
    assert mark_of(load(path)) == 2
    assert (path / "draws.csv").read_text() == "mine"
    assert (path / "sub" / "a.txt").read_text() == "mine too"
    assert (path / "pipe").is_fifo()
    assert os.readlink(path / "link") == "/nowhere"
    assert not (path / "report.html").exists()  # the old run's report says nothing of the new one
    assert beside(path) == []


def test_a_file_is_added_and_replaced(path, swapping):
    save(make(1), path)
    for content in ("<p>grün", b"<p>2"):
        assert add_file(path, "report.html", content) == path / "report.html"
        assert mark_of(load(path)) == 1
    assert (path / "report.html").read_bytes() == b"<p>2"
    assert "report.html" in read_manifest(path).files
    assert beside(path) == []


@pytest.mark.parametrize("name", ["run.json", MANIFEST, "README.md", "../x", "/etc/x", "a/b", "", ".x", "x\n", "ü"])
def test_names_that_cannot_be_added(path, name):
    save(make(), path)
    with pytest.raises(RunError, match="cannot take"):
        add_file(path, name, "x")
    assert beside(path) == []


def test_adding_does_not_bless_a_damaged_file(path):
    save(make(), path)
    (path / "weights.safetensors").write_bytes(b"damaged")
    add_file(path, "report.html", "x")
    with pytest.raises(RunError, match=r"weights\.safetensors"):
        load(path)


def test_adding_needs_a_run(path):
    with pytest.raises(RunError, match="no run at"):
        add_file(path, "report.html", "x")
    assert beside(path) == []


def test_scores_and_facts_are_rewritten(path, swapping):
    save(make(1), path)
    add_file(path, "report.html", "kept")
    weights = (path / "weights.safetensors").stat()
    score = make(5).scores[0]
    returned = rewrite(path, scores=[score, score], facts={"notes": ["judged again"]})
    found = load(path)
    assert text_of(found) == text_of(returned)
    assert [s.value for s in found.scores] == [score.value] * 2
    assert mark_of(found) == 1
    card = (path / "README.md").read_text()
    assert "judged again" in card
    assert card.count("| fakeness |") == 2
    assert (path / "report.html").read_text() == "kept"
    assert (path / "weights.safetensors").stat().st_ino == weights.st_ino  # linked, not copied


def test_without_hard_links_files_are_copied(path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *a, **k: (_ for _ in ()).throw(PermissionError(1, "not permitted")))
    save(make(1), path)
    rewrite(path, facts={"more": 1})
    assert mark_of(load(path)) == 1


def test_values_that_are_not_plain_json_say_so(path):
    artefact = make()
    artefact.facts["thing"] = object()
    with pytest.raises(RunError, match="object is not a JSON value"):
        save(artefact, path)
    assert not path.parent.exists()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become someone else")
def test_without_permission(monkeypatch):
    def as_nobody():
        os.setgid(65534)
        os.setuid(65534)
        with pytest.raises(RunError, match="permissions"):
            save(make(2), path, overwrite=True)
        with pytest.raises(RunError, match="permissions"):
            save(make(2), path.parent / "other")
        assert mark_of(load(path)) == 1
        with pytest.raises(RunError, match="permissions"):
            load(closed)

    with tempfile.TemporaryDirectory() as name:  # not below tmp_path, whose parents only root may enter
        path, closed = Path(name) / "people", Path(name) / "closed" / "people"
        save(make(1), path)
        save(make(1), closed)
        os.chmod(name, 0o755)
        os.chmod(closed.parent, 0o700)
        assert in_child(as_nobody) == 0
        assert mark_of(load(path)) == 1
