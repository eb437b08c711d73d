import errno
import os
import re
from pathlib import Path

import pytest
import torch

from genwright.core.errors import RunError
from genwright.training.checkpoint import Checkpoint, beside, read, require_same, write
from genwright.training.loop import train
from tests.training.worlds import plan, small_vae, table

SOME = Checkpoint({"a": torch.arange(6.0).view(2, 3)}, {"step": 3, "log": [{"loss": 0.1}]}, {"data": "x"})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "deep" / "c", SOME)
    found = read(tmp_path / "deep" / "c")
    assert torch.equal(found.tensors["a"], SOME.tensors["a"])
    assert (found.facts, found.identity) == (SOME.facts, SOME.identity)


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing to resume"):
        read(tmp_path / "none")


@pytest.mark.parametrize("damage", [lambda b: b[:40], lambda b: b"\xff" * 8 + b[8:], lambda b: b"", lambda b: b"{}"])
def test_a_damaged_file_is_told(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path / "c", SOME)
    (tmp_path / "c").write_bytes(damage((tmp_path / "c").read_bytes()))
    with pytest.raises(RunError, match="damaged"):
        read(tmp_path / "c")


def test_tensors_that_were_altered_are_told(tmp_path: Path) -> None:
    write(tmp_path / "c", SOME)
    content = bytearray((tmp_path / "c").read_bytes())
    content[-6] ^= 1
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(RunError, match="not those that were written"):
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


def test_the_checkpoint_lies_beside_the_run() -> None:
    assert beside("runs/customers") == Path("runs/customers.checkpoint")


def test_the_next_step_is_that_of_the_disk(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RunError, match="Is a directory; name a file in a folder that you may write to"):
        write(tmp_path, SOME)

    def full(path: Path, content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("genwright.training.checkpoint.replace_file", full)
    with pytest.raises(RunError, match="No space left on device; free some space"):
        write(tmp_path / "c", SOME)
