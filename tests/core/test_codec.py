"""A table's codec is its columns' codecs: names, order, chunks and state come through."""

import json

import pyarrow as pa
import pytest
import torch

from genwright.core.codec import Codec, TableCodec
from genwright.core.errors import DataError, UnknownNameError, UnsupportedError
from genwright.core.registry import CODECS, Registry
from genwright.core.schema import Column, Schema
from tests.runs.fakes import FakeCodec

CHUNKS = [pa.record_batch({"id": [1, 2], "sex": ["f", "m"]}), pa.record_batch({"id": [3], "sex": ["x"]})]
SCHEMA = Schema((Column("id", "id"), Column("sex", "category", {"floor": "0.5", "parse": {"missing": ["?"]}})))


class Unmodelled(FakeCodec):
    is_modelled = False

    def regenerate(self, n, start, seed):
        return pa.array(range(start, start + n))


@pytest.fixture(autouse=True)
def _codecs(monkeypatch):
    monkeypatch.setattr(Registry, "get", lambda self, name: Unmodelled if name == "id" else FakeCodec)
    monkeypatch.setattr(Registry, "name_of", lambda self, cls: cls.__name__)


def test_rows_come_back():
    codec = TableCodec(SCHEMA).fit(CHUNKS)
    table = pa.Table.from_batches(CHUNKS)
    assert codec.modelled == list(codec.space) == ["sex"]
    assert codec.codecs["sex"].config.floor == 0.5
    batch = codec.encode(table)
    assert codec.space.check(batch) == 3
    assert codec.decode(batch, start=1) == table


def test_some_columns_only():
    assert set(TableCodec(SCHEMA).fit(CHUNKS).encode(CHUNKS[0], ["sex", "id"])) == {"sex"}


def test_state_survives_json():
    codec = TableCodec(SCHEMA).fit(CHUNKS)
    state = json.loads(json.dumps(codec.state()))
    found = TableCodec.from_state(state)
    assert found.state() == codec.state()
    assert found.codecs["sex"].config == codec.codecs["sex"].config
    assert torch.equal(found.encode(CHUNKS[0])["sex"], codec.encode(CHUNKS[0])["sex"])


def test_errors_name_the_column(monkeypatch):
    def fail(self):
        raise DataError("holds nothing")

    monkeypatch.setattr(FakeCodec, "finish", fail)
    with pytest.raises(DataError, match="column 'id': holds nothing"):
        TableCodec(SCHEMA).fit(CHUNKS)


def test_an_unknown_option_is_named():
    with pytest.raises(UnknownNameError, match="did you mean floor"):
        TableCodec(Schema((Column("a", "category", {"flor": 1}),)))


def test_views_that_a_codec_has_not():
    codec = FakeCodec()
    for work in (
        lambda: codec.encode_tokens(None),
        lambda: codec.decode_tokens(None),
        lambda: codec.regenerate(1, 0, 0),
    ):
        with pytest.raises(UnsupportedError, match="FakeCodec"):
            work()
    assert issubclass(FakeCodec, Codec)
    assert CODECS.folder == "codecs"
