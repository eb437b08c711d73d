"""A run is whole whatever happens while it is written: killed processes, failing system calls, full disks, rivals."""

import errno
import itertools
import multiprocessing
import os
import random
import signal
import subprocess
import time

import pytest

from genwright.core import files
from genwright.core.errors import RunError
from genwright.runs import add_file, load, rewrite, save
from tests.runs.fakes import WRITING_CALLS, Calls, beside, die, in_child, make, mark_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

CHANGES = {
    "save": (lambda path: save(make(2), path, overwrite=True), 2),
    "rewrite": (lambda path: rewrite(path, scores=[]), 1),
    "add": (lambda path: add_file(path, "report.html", "second"), 1),
}
EACH_CHANGE = ["save", *(pytest.param(name, marks=pytest.mark.slow) for name in ("rewrite", "add"))]


@pytest.fixture
def run(path):
    save(make(1), path)
    add_file(path, "report.html", "first")
    return path


@pytest.mark.parametrize("change", EACH_CHANGE)
def test_killed_at_every_system_call(run, swapping, monkeypatch, change):
    """The folder is the old run or the new one after every single call, and loads before anything is repaired."""
    work, mark_after = CHANGES[change]

    def until_killed(n):
        Calls(monkeypatch, n, die, WRITING_CALLS)
        work(run)

    for n in itertools.count(1):
        status = in_child(lambda n=n: until_killed(n))
        assert run.is_dir() or swapping == "two renames"
        assert mark_of(load(run)) in (1, mark_after)
        save(make(1), run, overwrite=True)
        add_file(run, "report.html", "first")
        assert beside(run) == [], f"left after dying at call {n}"
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert n > 15


@pytest.mark.usefixtures("swapping")
@pytest.mark.parametrize("change", EACH_CHANGE)
def test_every_system_call_fails_once(run, monkeypatch, change):
    """A failing call is a RunError and the old run, or is survived."""
    work, mark_after = CHANGES[change]

    def fail():
        raise OSError(errno.EIO, "Input/output error")

    before = _contents(run)
    for n in itertools.count(1):
        with monkeypatch.context() as patch:
            calls = Calls(patch, n, fail)
            message = _message(work, run)
        if message:
            assert "Input/output error" in message
            assert _contents(run) == before, f"call {n}"
        else:
            assert mark_of(load(run)) == mark_after
        save(make(1), run, overwrite=True)
        add_file(run, "report.html", "first")
        before = _contents(run)
        assert beside(run) == [], f"left after call {n} failed"
        if calls.count < n:
            break
    assert n > 15


def _message(work, run):
    try:
        work(run)
    except RunError as error:
        return str(error)
    return ""


def _contents(run):
    return {p.name: p.read_bytes() for p in run.iterdir()}


@pytest.mark.usefixtures("swapping")
@pytest.mark.parametrize("seed", range(15))
def test_killed_at_a_random_moment(run, seed):
    """kill -9 while another process saves in a loop."""
    ready, go_on = os.pipe()

    def save_forever():
        for mark in itertools.cycle((2, 3)):
            save(make(mark), run, overwrite=True)
            os.write(go_on, b".")

    pid = os.fork()
    if pid == 0:
        try:
            save_forever()
        finally:
            os._exit(1)
    os.read(ready, 1)
    time.sleep(random.Random(seed).uniform(0, 0.03))
    os.kill(pid, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    os.close(ready)
    os.close(go_on)
    assert mark_of(load(run)) in (2, 3)
    save(make(1), run, overwrite=True)
    assert beside(run) == []


@pytest.mark.usefixtures("swapping")
def test_read_while_another_process_saves(run):
    def save_often():
        for mark in range(30):
            save(make(mark), run, overwrite=True)

    pid = os.fork()
    if pid == 0:
        try:
            save_often()
        finally:
            os._exit(0)
    n_loads = 0
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        mark_of(load(run))
        n_loads += 1
    assert n_loads > 5
    assert mark_of(load(run)) == 29


def _saved(path, mark, barrier, overwrite, answers):
    os.fsync = lambda handle: time.sleep(0.2)  # in this process only: long enough to meet
    artefact = make(mark)
    barrier.wait()
    try:
        save(artefact, path, overwrite=overwrite)
        answers.put("saved")
    except RunError as error:
        answers.put(str(error))


@pytest.mark.parametrize("overwrite", [False, True])
def test_of_two_processes_one_wins(path, overwrite):
    if overwrite:
        save(make(1), path)
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(2), context.Queue()
    workers = [context.Process(target=_saved, args=(path, mark, barrier, overwrite, answers)) for mark in (5, 6)]
    for worker in workers:
        worker.start()
    found = sorted((answers.get(timeout=30) for _ in workers), key=lambda answer: answer == "saved")
    for worker in workers:
        worker.join()
    assert found[1] == "saved"
    assert f"another process is writing to {path}" in found[0]
    assert mark_of(load(path)) in (5, 6)
    assert beside(path) == []


def test_a_lock_of_a_dead_process_does_not_count(path):
    def die_with_lock():
        path.parent.mkdir()
        with files.locked(path):
            die()

    assert in_child(die_with_lock) == -signal.SIGKILL
    assert beside(path) == [".people.lock"]
    save(make(1), path)
    assert beside(path) == []


def test_leftovers_of_the_living_and_of_others_stay(run):
    pid = os.getppid()
    kept = [f".people.tmp-{pid}-0123abcd", ".people2.tmp-1-0123abcd", ".people.tmp-x-0123abcd", ".people.tmp-1-0123"]
    gone = [
        f".people.tmp-{2**22 + 1}-0123abcd",
        f".people.old-{10**30}-0123abcd",
        f".people.tmp-{os.getpid()}-00000000",
    ]
    for name in (*kept, *gone):
        (run.parent / name).mkdir()
    save(make(2), run, overwrite=True)
    assert beside(run) == sorted(kept)


def test_the_run_before_is_found_between_two_renames(run):
    """What a process leaves that is killed at the worst moment, where folders cannot be exchanged in one step."""
    aside = files.temporary_beside(run, "old")
    os.replace(run, aside)
    assert mark_of(load(run)) == 1
    with pytest.raises(RunError, match="holds a run already"):
        save(make(2), run)
    assert mark_of(load(run)) == 1
    assert beside(run) == []


def test_flushed_in_order(run, monkeypatch):
    """Every new file and the new folder are on the disk before they take their place, and the place itself after."""
    flushed, places = [], []
    exchange = files._exchange

    def noted(new, path):
        places.append(len(flushed))
        found = {os.stat(new / name).st_ino for name in os.listdir(new)} | {os.stat(new).st_ino}
        assert found == set(flushed)
        return exchange(new, path)

    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(os.fstat(handle).st_ino))
    monkeypatch.setattr(files, "_exchange", noted)
    save(make(2), run, overwrite=True)
    assert places == [len(flushed) - 1]
    assert flushed[-1] == os.stat(run.parent).st_ino


def test_short_writes_are_continued(path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:1000]))
    save(make(1), path)
    assert mark_of(load(path)) == 1


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount a small file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("n_weights", [5_000, 12_000])
@pytest.mark.usefixtures("swapping")
def test_a_full_disk(small_disk, n_weights):
    """Full before anything fits, or full halfway; the old run stays, and a smaller one can be saved afterwards."""
    run = small_disk / "people"
    save(make(1, 4_000), run)
    for work in (
        lambda: save(make(2, n_weights * 2), run, overwrite=True),
        lambda: add_file(run, "report.html", b"x" * 600_000),
        lambda: save(make(2, 20_000), small_disk / "other"),
    ):
        with pytest.raises(RunError, match=r"No space left on device.*free some space"):
            work()
        assert load(run).facts["mark"] == 1
        assert beside(run) == []
    save(make(2), run, overwrite=True)
    assert mark_of(load(run)) == 2
