"""Whole or not at all; only plain files are read; one writer at a time."""

import os
import sys
import types

import pytest

from genwright.core.files import (
    carry_over,
    find_folder,
    is_there,
    locked,
    put_folder,
    read_plain,
    replace_file,
    temporary_beside,
    tidy,
    write_new,
)


def test_a_new_file(tmp_path):
    write_new(tmp_path / "a", b"content")
    assert (tmp_path / "a").read_bytes() == b"content"
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "a", b"other")


def test_a_file_is_replaced_or_kept(tmp_path, monkeypatch):
    path = tmp_path / "a"
    for content in (b"1", b"", b"3" * 10**6):
        replace_file(path, content)
        assert path.read_bytes() == content

    def full(handle, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"4")
    assert path.read_bytes() == b"3" * 10**6
    assert os.listdir(tmp_path) == ["a"]


def test_a_new_file_gets_the_usual_permissions(tmp_path):
    old = os.umask(0o027)
    try:
        replace_file(tmp_path / "a", b"")
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("what", ["link", "pipe", "folder", "absent"])
def test_only_plain_files_are_read(tmp_path, what):
    path = tmp_path / "a"
    if what == "link":
        (tmp_path / "b").write_text("x")
        path.symlink_to(tmp_path / "b")
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    with pytest.raises(OSError, match=r"is a symbolic link|is not a regular file|No such file"):
        read_plain(path)


def test_reading_has_a_limit(tmp_path):
    (tmp_path / "a").write_bytes(b"12345")
    assert read_plain(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="has 5 bytes, at most 4 are read"):
        read_plain(tmp_path / "a", 4)


@pytest.mark.parametrize("is_exchanged", [True, False])
def test_a_folder_takes_its_place(tmp_path, monkeypatch, is_exchanged):
    if not is_exchanged:
        monkeypatch.setattr("genwright.core.files._exchange", lambda a, b: False)
    path = tmp_path / "folder"
    for content in ("old", "new"):
        temporary = temporary_beside(path)
        temporary.mkdir()
        (temporary / "file").write_text(content)
        put_folder(temporary, path)
        assert (path / "file").read_text() == content
        assert os.listdir(tmp_path) == ["folder"]


def test_a_failed_second_rename_is_undone(tmp_path, monkeypatch):
    monkeypatch.setattr("genwright.core.files._exchange", lambda a, b: False)
    path, new = tmp_path / "folder", tmp_path / "new"
    for folder in (path, new):
        folder.mkdir()
        (folder / "file").write_text(folder.name)
    replace = os.replace

    def fail(source, target):
        if source == new:
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="Input/output"):
        put_folder(new, path)
    assert (path / "file").read_text() == "folder"


def test_a_folder_moved_aside_is_found_and_brought_back(tmp_path):
    path = tmp_path / "folder"
    assert find_folder(path) == path
    aside = tmp_path / f".folder.old-{os.getpid()}-0123abcd"
    aside.mkdir()
    (aside / "file").write_text("x")
    assert find_folder(path) == aside
    tidy(path)
    assert os.listdir(tmp_path) == ["folder"]
    assert (path / "file").read_text() == "x"


def test_carried_over_files_share_their_bytes(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "sub").mkdir(parents=True)
    new.mkdir()
    for name in ("a", "b", "sub/a"):
        (old / name).write_text(name)
    carry_over(old, new, but={"a"})
    assert sorted(str(p.relative_to(new)) for p in new.rglob("*")) == ["b", "sub", "sub/a"]
    assert os.path.samefile(old / "sub" / "a", new / "sub" / "a")


def test_one_holder_at_a_time(tmp_path):
    path = tmp_path / "x"
    with locked(path), pytest.raises(BlockingIOError), locked(path):
        pass
    with locked(path), locked(tmp_path / "y"):
        pass
    assert os.listdir(tmp_path) == []


def test_the_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), locked(tmp_path / "x"):
        raise ZeroDivisionError
    with locked(tmp_path / "x"):
        pass


def test_a_removed_lock_file_does_not_let_two_in(tmp_path, monkeypatch):
    """The winner of a lock file that its last holder removed in between starts again."""
    import fcntl

    flock, removed = fcntl.flock, []

    def remove_first(handle, how):
        flock(handle, how)
        if not removed:
            removed.append(os.unlink(tmp_path / ".x.lock"))

    monkeypatch.setattr(fcntl, "flock", remove_first)
    with locked(tmp_path / "x"):
        assert is_there(tmp_path / ".x.lock")
        with pytest.raises(BlockingIOError), locked(tmp_path / "x"):
            pass


def test_without_fcntl_the_lock_is_that_of_windows(tmp_path, monkeypatch):
    held = []

    def locking(handle, mode, n):
        if held:
            raise OSError(13, "Permission denied")
        held.append(handle)

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(locking=locking, LK_NBLCK=2))
    with locked(tmp_path / "x"), pytest.raises(BlockingIOError), locked(tmp_path / "x"):
        pass


def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch):
    import errno
    import fcntl

    asked = []

    def refuse(handle, how):
        asked.append(how)
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path / "x"):
        assert asked
