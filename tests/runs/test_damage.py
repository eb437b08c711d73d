"""Nothing that was damaged, exchanged or forged is used, and nothing in a run is executed."""

import io
import json
import os
import pickle
import shutil
import signal

import pytest
from safetensors.torch import save as tensors_to_bytes

from genwright.core.errors import GenwrightError, RunError, UnknownNameError
from genwright.runs import add_file, load, rewrite, save, strict_json
from genwright.runs.manifest import MANIFEST
from genwright.runs.migrate import FORMAT, MIGRATIONS, migrate
from tests.runs.fakes import bits_of, forge, make, mark_of, text_of

FILES = ("README.md", "log.jsonl", MANIFEST, "report.html", "run.json", "weights.safetensors")


@pytest.fixture
def run(path):
    save(make(1), path)
    add_file(path, "report.html", "<p>report")
    return path


@pytest.fixture
def alarm():
    """Ends a test that waits for a pipe."""
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("waits"))
    signal.alarm(20)
    yield
    signal.alarm(0)


def refuse(run, name):
    with pytest.raises(RunError) as caught:
        load(run)
    assert name in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", FILES)
def test_truncated(run, name):
    content = (run / name).read_bytes()
    for size in sorted({0, 1, len(content) // 2, len(content) - 1}):
        (run / name).write_bytes(content[:size])
        refuse(run, name)


@pytest.mark.parametrize("name", FILES)
def test_longer(run, name):
    with (run / name).open("ab") as file:
        file.write(b"x")
    refuse(run, name)


@pytest.mark.parametrize("name", sorted({*FILES} - {MANIFEST}))
def test_flipped_bits(run, name):
    content = (run / name).read_bytes()
    for place in range(0, len(content), max(1, len(content) // 40)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        (run / name).write_bytes(flipped)
        refuse(run, name)


def test_flipped_bits_of_the_manifest(run):
    content = (run / MANIFEST).read_bytes()
    for bit in range(0, 8 * len(content), 7):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        (run / MANIFEST).write_bytes(flipped)
        with pytest.raises(RunError):
            load(run)


@pytest.mark.parametrize("name", FILES)
def test_missing(run, name):
    (run / name).unlink()
    refuse(run, name)


@pytest.mark.parametrize("name", FILES)
def test_swapped_with_another_file_of_the_run(run, name):
    other = FILES[FILES.index(name) - 1]
    a, b = (run / name).read_bytes(), (run / other).read_bytes()
    (run / name).write_bytes(b)
    (run / other).write_bytes(a)
    with pytest.raises(RunError):
        load(run)


@pytest.mark.parametrize("name", sorted({*FILES} - {MANIFEST, "report.html"}))
def test_swapped_with_the_same_file_of_another_run(run, name):
    save(make(2), run.parent / "other")
    shutil.copy(run.parent / "other" / name, run / name)
    refuse(run, name)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("what", ["link", "dangling link", "pipe", "folder", "device", "socket"])
@pytest.mark.usefixtures("alarm")
def test_no_plain_file(run, name, what):
    moved = run.parent / "moved"
    os.replace(run / name, moved)
    if what == "link":
        (run / name).symlink_to(moved)
    elif what == "dangling link":
        (run / name).symlink_to("nowhere")
    elif what == "pipe":
        os.mkfifo(run / name)
    elif what == "folder":
        (run / name).mkdir()
    elif what == "device":
        (run / name).symlink_to("/dev/zero")
    else:
        os.mknod(run / name, 0o140600)
    refuse(run, name)
    save(make(2), run, overwrite=True)  # and the way out
    assert mark_of(load(run)) == 2


@pytest.mark.parametrize(
    "name", ["../other/run.json", "/etc/hostname", "a/b", "..", ".", "", ".x", "x\n", "x\0", "C:x"]
)
def test_a_manifest_that_points_elsewhere(run, name):
    manifest = json.loads((run / MANIFEST).read_text())
    manifest["files"][name] = manifest["files"]["run.json"]
    (run / MANIFEST).write_text(json.dumps(manifest))
    refuse(run, MANIFEST)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"format": 1}',
        b'{"format": 1, "files": []}',
        b'{"format": 1, "files": {}}',
        b'{"format": 1, "files": {"run.json": 3}}',
        b'{"format": 1, "files": {"run.json": {"size": true, "sha256": ""}}}',
        b'{"format": NaN, "files": {}}',
        b'{"format": true, "files": {}}',
        b'{"format": -1, "files": {}}',
        b'{"format": ' + b"9" * 10_000 + b"}",
        b" " * 2**21,
    ],
)
def test_manifests_that_are_none(run, content):
    (run / MANIFEST).write_bytes(content)
    refuse(run, MANIFEST)


def test_a_newer_run(run):
    (run / MANIFEST).write_text(f'{{"format": {FORMAT + 1}, "unheard": "of"}}')
    words = rf"newer genwright \(format {FORMAT + 1}, this one reads up to {FORMAT}\); upgrade"
    with pytest.raises(RunError, match=words):
        load(run)
    with pytest.raises(RunError, match="newer"):
        rewrite(run, scores=[])


def test_formats_that_disagree(run):
    document = json.loads((run / "run.json").read_text())
    forge(run, "run.json", json.dumps({**document, "format": 0}).encode())
    refuse(run, "format")


def test_a_run_of_format_0_is_migrated(run):
    now = load(run)
    document = json.loads((run / "run.json").read_text())
    model = document.pop("model")
    document.pop("notes")
    old = {**document, "format": 0, "model": model["name"], "config": model["config"], "space": model["space"]}
    forge(run, "run.json", json.dumps(old).encode())
    manifest = json.loads((run / MANIFEST).read_text())
    (run / MANIFEST).write_text(json.dumps({**manifest, "format": 0}))
    before = {p.name: p.read_bytes() for p in run.iterdir()}
    found = load(run)
    assert text_of(found) == text_of(now)
    assert bits_of(found) == bits_of(now)
    assert {p.name: p.read_bytes() for p in run.iterdir()} == before
    add_file(run, "report.html", "still format 0")
    assert text_of(load(run)) == text_of(now)
    rewrite(run, scores=[])
    assert json.loads((run / "run.json").read_text())["format"] == FORMAT
    assert mark_of(load(run)) == 1


@pytest.mark.parametrize(("shape", "patch"), [([3, 64, 64], 2), ([1, 28, 28], 0), ([40, 8, 8], 0)])
def test_a_flow_of_format_2_draws_with_its_own_times_and_patches(shape, patch):
    config = {"patch": 0, "time_power": 0.8}
    model = {"name": "flow_matching", "config": config, "space": {"x": {"support": "pixels", "event_shape": shape}}}
    now = {"patch": patch, "time_power": 0.8, "time_skew": 1.0}
    assert migrate({"format": 2, "model": model})["model"]["config"] == now
    rule = {**model, "name": "bayes_rule", "config": {"model": "flow_matching", "settings": config}}
    assert migrate({"format": 2, "model": rule})["model"]["config"]["settings"] == now


def test_a_gan_of_format_2_reads_no_waves():
    old = {"format": 2, "model": {"name": "gan", "config": {"pack": 2}, "space": {}}}
    assert migrate(old)["model"]["config"] == {"pack": 2, "n_waves": 0}
    other = {"format": 2, "model": {"name": "vae", "config": {"beta": 1.0}, "space": {}}}
    assert migrate(other) == {**other, "format": FORMAT}


def test_every_older_format_has_a_migration():
    assert set(MIGRATIONS) == set(range(FORMAT))


def test_an_unknown_model_is_named(run):
    document = json.loads((run / "run.json").read_text())
    document["model"]["name"] = "fke"
    forge(run, "run.json", json.dumps(document).encode())
    with pytest.raises(UnknownNameError, match="did you mean fake"):
        load(run)


def _paths(value, path=()):
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield from _paths(part, (*path, key))


@pytest.mark.parametrize("junk", [None, [], "junk", -1, {"$float": "nan"}, {"a": {"b": []}}])
def test_a_forged_document_is_refused_or_loads(run, junk):
    """Wherever a value of another type stands, what comes out is an artefact or an error of ours."""
    original = (run / "run.json").read_bytes()
    n_refused = 0
    for path in list(_paths(json.loads(original))):
        document = json.loads(original)
        place = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = junk
        forge(run, "run.json", json.dumps(document).encode())
        try:
            load(run)
        except GenwrightError:
            n_refused += 1
    assert n_refused > 10


@pytest.mark.parametrize("key", ["format", "model", "seed", "codec", "facts", "notes", "scores"])
def test_every_part_is_needed(run, key):
    document = json.loads((run / "run.json").read_text())
    del document[key]
    forge(run, "run.json", json.dumps(document).encode())
    refuse(run, key)


@pytest.mark.parametrize("content", [b"", b"3", b"[]", b"{", b'{"a":' * 50_000, b'{"a": Infinity}', b"\xff"])
def test_documents_that_are_none(run, content):
    forge(run, "run.json", content)
    refuse(run, "run.json")


def test_a_bad_line_of_the_log_is_named(run):
    forge(run, "log.jsonl", b'{"step": 1}\n{"step": \n')
    refuse(run, "line 2")


class Evil:
    def __reduce__(self):
        return os.mkdir, ("executed",)


@pytest.mark.parametrize("name", ["weights.safetensors", "run.json", "log.jsonl"])
def test_nothing_is_executed(run, name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    forge(run, name, pickle.dumps(Evil()))
    (run / "__init__.py").write_text("import os; os.mkdir('executed')")
    (run / "model.py").write_text("import os; os.mkdir('executed')")
    refuse(run, name)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"\x08" + b"\0" * 7 + b"{}      ", b"\xff" * 64, b"\x10" + b"\0" * 7 + b'{"a":{"dtype":1}', b"PK\3\4"],
)
def test_weights_that_are_none(run, content):
    forge(run, "weights.safetensors", content)
    if content.endswith(b"{}      "):
        assert load(run).model.state() == {}  # no tensors at all is a valid file
    else:
        refuse(run, "weights.safetensors")


def test_weights_that_do_not_fit_the_header(run):
    whole = tensors_to_bytes(make(1).model.state() | {"view": make(1).model.state()["odd"].clone()} | _own())
    forge(run, "weights.safetensors", whole[:-1])
    refuse(run, "weights.safetensors")


def _own():
    return {"weights": make(1).model.state()["odd"].clone()}


def test_an_unreadable_length(run, monkeypatch):
    """A file that grows while it is read is not taken for the saved one."""
    fdopen = os.fdopen

    def grown(handle, *args, **kwargs):
        file = fdopen(handle, *args, **kwargs)
        return io.BytesIO(file.read() + b" ")

    monkeypatch.setattr(os, "fdopen", grown)
    with pytest.raises(RunError):
        load(run)


def test_json_larger_than_the_limit(run, monkeypatch):
    size = (run / "run.json").stat().st_size
    monkeypatch.setattr(strict_json, "LIMIT", size - 1)
    refuse(run, "run.json")
    with pytest.raises(RunError, match="at most"):
        save(make(1), run.parent / "other")
