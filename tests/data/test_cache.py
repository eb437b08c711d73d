"""Encoded rows: the same in memory and on disk, and nothing left behind."""

import errno
import gc
import os
import tempfile

import numpy as np
import pyarrow as pa
import pytest
import torch

from genwright.core.errors import DataError
from genwright.core.records import Records
from genwright.core.schema import Column, Schema
from genwright.core.space import Category, Field, Real, Space, Tokens
from genwright.data.cache import encode
from genwright.data.split import by_row

SCHEMA = Schema((Column("x", "number"), Column("c", "number")))


class FakeCodec:
    """x as it is, c as a code, and both as two tokens."""

    space = Space({"x": Field(Real()), "c": Field(Category(7)), "t": Field(Tokens(2, 7))})

    def encode(self, batch):
        x, c = (torch.from_numpy(np.array(batch.column(n))) for n in ("x", "c"))
        return {"x": x, "c": c, "t": torch.stack([c, c], 1)}


def _records(n: int, chunk: int) -> Records:
    table = pa.table({"x": np.arange(n) / 3, "c": np.arange(n) % 7})
    return Records("test", table.schema, lambda: iter(table.to_batches(max_chunksize=chunk)), n_rows=n)


@pytest.mark.parametrize("chunk", [1000, 70])
def test_files_and_memory_hold_the_same(tmp_path, chunk):
    held_out = by_row(1000, 0.2, 0)
    small = encode(_records(1000, chunk), SCHEMA, FakeCodec(), held_out)
    large = encode(_records(1000, chunk), SCHEMA, FakeCodec(), held_out, tmp_path, limit=5_000)
    assert [len(d) for d in small] == [len(d) for d in large] == [800, 200]
    assert isinstance(large[0].arrays["x"], np.memmap)
    for a, b in zip(small, large):
        for name in a.arrays:
            assert torch.equal(a.take(slice(None))[name], b.take(slice(None))[name])
            assert b.take(np.array([3, 1]))[name].dtype == (torch.float64 if name == "x" else torch.int64)
    whole = np.concatenate([d.arrays["x"] for d in small])
    assert (np.sort(whole) == np.arange(1000) / 3).all()


def test_files_go_with_the_data_set(tmp_path):
    held_out = by_row(1000, 0.2, 0)
    train, out = encode(_records(1000, 100), SCHEMA, FakeCodec(), held_out, tmp_path, limit=1)
    part = train.subset(np.arange(5))
    assert len(os.listdir(tmp_path)) == 2
    del train
    gc.collect()
    assert len(os.listdir(tmp_path)) == 1
    del out
    gc.collect()
    assert os.listdir(tmp_path) == []
    assert len(part) == 5


def test_nothing_held_out(tmp_path):
    def nothing(batch, first):
        return np.zeros(batch.num_rows, bool)

    for limit in (1, 10**9):
        train, out = encode(_records(10, 10), SCHEMA, FakeCodec(), nothing, tmp_path, limit=limit)
        assert (len(train), len(out)) == (10, 0)
        assert out.take(slice(None))["t"].shape == (0, 2)


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    def full(self, batch):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("genwright.data.cache._Store.add", full)
    with pytest.raises(DataError, match="the disk is full"):
        encode(_records(10, 5), SCHEMA, FakeCodec(), by_row(10, 0.2, 0), tmp_path, limit=1)
    assert os.listdir(tmp_path) == []


def test_a_failure_while_encoding_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    records = _records(1000, 100)
    table = pa.table({"x": [1.0, float("inf")], "c": [1, 2]})
    broken = Records("test", table.schema, lambda: (b for r in (records.open(), table.to_batches()) for b in r))
    with pytest.raises(DataError, match="row 1002, column 'x' holds inf"):
        encode(broken, SCHEMA, FakeCodec(), lambda b, first: np.zeros(b.num_rows, bool), limit=1)
    assert os.listdir(tmp_path) == []
