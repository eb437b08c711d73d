"""Identifiers: unique, new, of the same format, whichever way they are made."""

import json
import re
import uuid
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genwright.codecs.id import Id
from genwright.core.errors import DataError

QUICK = settings(max_examples=40, deadline=None)

RNG = np.random.default_rng(0)
TELCO = [f"{i:04d}-{''.join(RNG.choice(list('ABCDEFGHIJKLMNOPQRSTUVWXYZ'), 5))}" for i in RNG.integers(0, 10**4, 3000)]


def _fitted(values: Any) -> Id:
    values = values if isinstance(values, pa.Array) else pa.array(values)
    codec = Id()
    codec.update(values)
    codec.finish()
    again = Id()
    again.load_state(json.loads(json.dumps(codec.state())))
    return again


def _made(values: Any, n: int, start: int = 0, seed: int = 0) -> list[Any]:
    made: list[Any] = _fitted(values).regenerate(n, start, seed).to_pylist()
    assert len(set(made)) == n
    return made


def test_integers_go_on() -> None:
    assert _made(pa.array([7, 3, 9], pa.int32()), 3) == [10, 11, 12]
    assert _made([7, 3, 9], 2, start=5) == [15, 16]
    assert _made([7.0, 9.0], 2) == [10.0, 11.0]


@pytest.mark.parametrize("known", [[3.0, 9.0], ["A-1", "A-7"], TELCO[:50]])
def test_ids_with_holes_keep_their_share(known: list[Any]) -> None:
    n, made = 4000, _fitted(known * 3 + [None] * len(known)).regenerate(4000, 0, 3)
    assert abs(made.null_count / n - 0.25) < 5 * (0.25 * 0.75 / n) ** 0.5
    there = made.drop_null().to_pylist()
    assert len(set(there)) == len(there)
    assert not set(there) & set(known)


def test_uuids_with_holes_keep_their_type() -> None:
    storage = pa.array([RNG.bytes(16) for _ in range(30)] + [None] * 30, pa.binary(16))
    made = _fitted(pa.ExtensionArray.from_storage(pa.uuid(), storage)).regenerate(100, 0, 0)
    assert made.type == pa.uuid()
    assert 0 < made.null_count < 100


def test_integers_at_the_end_of_their_type_go_on_below() -> None:
    assert _made(pa.array([100, 125], pa.int8()), 4) == [126, 127, 99, 98]
    assert _made([2**63 - 2, 5], 3) == [2**63 - 1, 4, 3]
    assert _made(pa.array([2**64 - 1, 9], pa.uint64()), 2, start=1) == [7, 6]
    with pytest.raises(DataError, match="int8 has no room"):
        _made(pa.array([-100, 127], pa.int8()), 29)


def test_counters_go_on() -> None:
    assert _made([f"INV-2024-{i:05d}/A" for i in (3, 1, 2)], 2) == ["INV-2024-00004/A", "INV-2024-00005/A"]
    assert _made([f"u{i}" for i in range(1, 11)], 2, start=89) == ["u100", "u101"]
    assert _made(["001", "999"], 1) == ["1000"]


def test_templates_keep_their_format() -> None:
    made = _made(TELCO, 5000)
    assert all(re.fullmatch(r"\d{4}-[A-Z]{5}", m) for m in made)
    assert not set(made) & set(TELCO)


def test_uuids_stay_uuids() -> None:
    known = [str(uuid.UUID(bytes=RNG.bytes(16), version=4)) for _ in range(500)]
    for m in _made(known, 2000):
        assert uuid.UUID(m).version == 4
        assert str(uuid.UUID(m)) == m
    assert "seen" in _fitted(known).state()
    assert len(json.dumps(_fitted(known).state())) < 3000  # no bitmap for so much room


def test_uuid_type_comes_back() -> None:
    storage = pa.array([RNG.bytes(16) for _ in range(200)], pa.binary(16))
    values = pa.ExtensionArray.from_storage(pa.uuid(), storage)
    made = _fitted(values).regenerate(10, 0, 0)
    assert made.type == pa.uuid()


def test_lengths_are_kept_in_their_shares() -> None:
    known = ["".join(RNG.choice(list("abcdef"), 8 if i % 4 else 12)) for i in range(4000)]
    n = 4000
    share = np.mean([len(m) == 8 for m in _made(known, n)])
    assert abs(share - 0.75) < 5 * (0.75 * 0.25 / n) ** 0.5


def test_every_free_text_of_a_small_template_is_used_before_a_suffix() -> None:
    space = [a + b for a in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" for b in "xyzuvw"]
    known = [space[i] for i in RNG.permutation(len(space))[:100]]
    codec = _fitted(known)
    room = codec.templates[0].room
    n_free = len(codec._free_texts(0, 0))
    assert room - 100 - n_free <= 60  # a few are taken for seen by a hash that they share
    made = _made(known, n_free + 50)
    assert all(len(m) == 2 for m in made[:n_free])
    assert all(re.fullmatch(r".{2}-2", m) for m in made[n_free:])
    assert not set(made) & set(known)


def test_non_ascii_texts_have_templates_too() -> None:
    known = [a + b + c for a in "äöü" for b in "日本語" for c in "xyz"]
    made = _made(known, 60)
    assert not set(made) & set(known)


@QUICK
@given(st.sets(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6), min_size=1))
def test_any_text_gives_new_unique_texts(known: set[str]) -> None:
    made = _made(sorted(known), 100)
    assert not set(made) & known


def test_seeds_differ() -> None:
    assert _made(TELCO, 50, seed=1) != _made(TELCO, 50, seed=2)


def test_far_rows_need_no_near_rows() -> None:
    made = _made(TELCO, 3, start=10**6)
    assert all(re.fullmatch(r"\d{4}-[A-Z]{5}", m) for m in made)


def test_refusals_name_the_next_step() -> None:
    with pytest.raises(DataError, match="set its kind to number"):
        Id().update(pa.array([1.5]))
    with pytest.raises(DataError, match="set its kind to text"):
        Id().update(pa.array(["x" * 300]))
    with pytest.raises(DataError, match="set its kind to another"):
        Id().update(pa.array([True]))


def test_bytes_that_are_used_up_are_refused() -> None:
    codec = _fitted(pa.array([bytes([i]) for i in range(200)], pa.binary(1)))
    made = codec.regenerate(20, 0, 0).to_pylist()
    assert len(set(made)) == 20
    assert set(made) <= {bytes([i]) for i in range(200, 256)}
    with pytest.raises(DataError, match="no room for so many more ids"):
        codec.regenerate(57, 0, 0)
