import errno
import os
import re
from pathlib import Path

import pytest
import torch

from genwright.core.errors import ConfigError, RunError
from genwright.training.checkpoint import Checkpoint, beside, kept_in, read, remove, require_same, write
from genwright.training.loop import train
from tests.training.worlds import plan, small_vae, table

SOME = Checkpoint({"a": torch.arange(6.0).view(2, 3)}, {"step": 3, "log": [{"loss": 0.1}]}, {"data": "x"})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "c", SOME)
    found = read(tmp_path / "deep" / "c")
    assert torch.equal(found.tensors["a"], SOME.tensors["a"])
    assert (found.facts, found.identity) == (SOME.facts, SOME.identity)
    write(tmp_path / "c", Checkpoint({}, {"of": {10: (1, 2), 9: None}}))  # as JSON has it: keys are texts
    assert read(tmp_path / "c").facts == {"of": {"10": [1, 2], "9": None}}


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing to resume"):
        read(tmp_path / "none")


@pytest.mark.parametrize("damage", [lambda b: b[:40], lambda b: b"\xff" * 8 + b[8:], lambda b: b"", lambda b: b"{}"])
def test_a_damaged_file_is_told(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path / "c", SOME)
    (tmp_path / "c").write_bytes(damage((tmp_path / "c").read_bytes()))
    with pytest.raises(RunError, match="damaged"):
        read(tmp_path / "c")


def test_a_file_of_which_any_bit_was_altered_is_told(tmp_path: Path) -> None:
    """Also one of the step, of the log, of a setting or of a shape, which still reads as JSON."""
    facts = {"step": 3, "log": [{"loss": 0.1, "drawn": "é"}], "best": float("inf"), "rate": float("nan")}
    write(tmp_path / "c", Checkpoint(SOME.tensors, facts, {"data": "x", "seed": 1}))
    content = (tmp_path / "c").read_bytes()
    read(tmp_path / "c")
    n_header = 8 + int.from_bytes(content[:8], "little")
    assert len(content) == n_header + 24
    for at in range(0, len(content)):
        altered = bytearray(content)
        altered[at] ^= 1
        (tmp_path / "c").write_bytes(altered)
        with pytest.raises(RunError, match=r"is damaged|has format 3, this version reads 2"):
            read(tmp_path / "c")


def test_a_checkpoint_of_something_else_is_told(tmp_path: Path) -> None:
    train(small_vae(), table(), plan(5, tmp_path / "c"), lambda done, line: None)
    found = read(tmp_path / "c")
    write(tmp_path / "c", Checkpoint({}, found.facts, found.identity))
    with pytest.raises(RunError, match="not a checkpoint of this model"):
        train(small_vae(), table(), plan(5, tmp_path / "c", resume=True), lambda done, line: None)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "real", SOME)
    (tmp_path / "c").symlink_to(tmp_path / "real")
    with pytest.raises(RunError):
        read(tmp_path / "c")


def test_the_old_checkpoint_stays_when_the_new_one_cannot_be_written(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path / "c", SOME)
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(RunError, match="free some space"):
        write(tmp_path / "c", Checkpoint({}, {}, {}))
    monkeypatch.undo()
    assert read(tmp_path / "c").facts == SOME.facts
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def test_what_differs_is_named() -> None:
    with pytest.raises(RunError, match="seed was 1, is 2; model was vae, is gan"):
        require_same(Path("c"), {"seed": 1, "model": "vae", "data": "d"}, {"seed": 2, "model": "gan", "data": "d"})
    before = {"settings": {"n_layers": 2, "width": 32, "context": 0, "dropout": 0.0, "n_heads": 4}}
    after = {"settings": {**before["settings"], "n_heads": 8}}
    with pytest.raises(RunError, match=re.escape('settings was {"n_heads": 4}, is {"n_heads": 8};')):
        require_same(Path("c"), before, after)
    region, age = {"name": "region", "kind": "category"}, {"name": "age", "kind": "number"}
    with pytest.raises(RunError, match=re.escape('schema was [{"name": "age", "kind": "number"}], is [{"name": "age"')):
        require_same(Path("c"), {"schema": [region, age]}, {"schema": [region, {**age, "kind": "category"}]})
    with pytest.raises(RunError, match=re.escape('given was ["a", "b"], is ["b", "a"]')):
        require_same(Path("c"), {"given": ["a", "b"]}, {"given": ["b", "a"]})


@pytest.mark.parametrize(
    ("other", "says"),
    [({"steps": 90}, "budget was"), ({"seed": 4}, "seed was 0, is 4"), ({"batch_size": 32}, "training was")],
)
def test_a_training_goes_on_only_as_it_began(tmp_path: Path, other: dict, says: str) -> None:
    train(small_vae(), table(), plan(20, tmp_path / "c"), lambda done, line: None)
    with pytest.raises(RunError, match=says):
        train(
            small_vae(),
            table(),
            plan(**{"steps": 20, "path": tmp_path / "c", "resume": True, **other}),
            lambda d, x: None,
        )


def test_what_may_change_is_remembered_and_not_compared(tmp_path: Path) -> None:
    """How often a training is kept, and where TensorBoard's events go."""
    train(small_vae(), table(), plan(5, tmp_path / "c", checkpoint_seconds=7.0), lambda done, line: None)
    assert read(tmp_path / "c").identity["free"] == {"checkpoint_seconds": 7.0, "tensorboard": ""}
    train(small_vae(), table(), plan(5, tmp_path / "c", True, checkpoint_seconds=8.0), lambda done, line: None)
    assert "checkpoint_seconds" not in read(tmp_path / "c").identity["training"]


def test_the_checkpoint_lies_beside_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert beside("runs/customers") == Path("runs/customers.checkpoint")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert beside(".") == (tmp_path / "here.checkpoint").resolve()


def test_where_no_training_can_be_kept_is_told_before_the_work(tmp_path: Path) -> None:
    kept = {"resume": False, "overwrite": True}
    assert kept_in(None, None, **kept) is None
    assert kept_in(tmp_path / "c", tmp_path / "run", **kept) == tmp_path / "c"
    assert kept_in(None, tmp_path / "run", **kept) == tmp_path / "run.checkpoint"
    assert kept_in("~/c", None, **kept) == Path.home() / "c"
    with pytest.raises(ConfigError, match="pass out= or checkpoint="):
        kept_in(None, None, resume=True, overwrite=False)
    for asked, out, says in (
        (tmp_path / ("x" * 300), None, f"in {tmp_path}/xxx.*: File name too long; choose a shorter name"),
        (None, tmp_path / ("x" * 250), f"beside {tmp_path}/xxx.*: File name too long; choose a shorter name"),
        ("a\0b", None, "null byte; name a file"),
        (5, None, "name a file"),
    ):
        for resume in (False, True):
            with pytest.raises(RunError, match=says):
                kept_in(asked, out, resume=resume, overwrite=False)
    with pytest.raises(RunError, match="File name too long; choose a shorter name"):
        read(tmp_path / ("x" * 300))
    with pytest.raises(RunError, match="File name too long; choose a shorter name"):
        write(tmp_path / ("x" * 240), SOME)  # too long only with what a temporary name has besides


def test_what_is_no_training_is_never_replaced(tmp_path: Path) -> None:
    write(tmp_path / "c", SOME)
    assert kept_in(tmp_path / "c", None, resume=False, overwrite=True) == tmp_path / "c"
    with pytest.raises(RunError, match="a training whose run was not saved"):
        kept_in(tmp_path / "c", None, resume=False, overwrite=False)
    (tmp_path / "c").write_bytes((tmp_path / "c").read_bytes()[:50])
    assert kept_in(tmp_path / "c", None, resume=False, overwrite=True) == tmp_path / "c"  # damaged, but one
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "c")
    for name in ("rows.csv", "empty", "folder", "pipe", "link"):
        for overwrite in (False, True):
            with pytest.raises(RunError, match=f"{name} is there and holds no training of genwright: name another"):
                kept_in(tmp_path / name, None, resume=False, overwrite=overwrite)


def test_a_checkpoint_that_cannot_be_removed_costs_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "c").mkdir()
    remove(tmp_path / "c")
    assert "cannot be removed" in caplog.text


def test_what_killed_writers_left_goes(tmp_path: Path) -> None:
    """A writer that lives keeps its own; process 2³¹ − 2 does not live."""
    dead, alive, other = (
        f".{name}-0123abcd" for name in ("c.tmp-2147483646", f"c.tmp-{os.getppid()}", "d.tmp-2147483646")
    )
    for act in (lambda: write(tmp_path / "c", SOME), lambda: remove(tmp_path / "c")):
        for name in (dead, alive, other):
            (tmp_path / name).write_bytes(b"half of one")
        act()
        assert {p.name for p in tmp_path.iterdir()} - {"c"} == {alive, other}
    for name in (dead, f".c.second.{dead[3:]}"):
        (tmp_path / name).write_bytes(b"half of one")
    remove(tmp_path / "c")
    assert {p.name for p in tmp_path.iterdir()} == {alive, other}


def test_the_next_step_is_that_of_the_disk(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RunError, match="Is a directory; name a file in a folder that you may write to"):
        write(tmp_path, SOME)

    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("genwright.training.checkpoint.replace_file", full)
    with pytest.raises(RunError, match="No space left on device; free some space"):
        write(tmp_path / "c", SOME)
