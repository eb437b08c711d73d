"""Packing: whatever arrays go in come out again, name by name and in order."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from genwright.core.packing import Packer, Unpacker

matrices = st.lists(arrays(np.int32, array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=4)), max_size=5)
vectors = st.lists(arrays(np.float64, array_shapes(min_dims=1, max_dims=1, min_side=0, max_side=5)), max_size=5)


@settings(deadline=None)  # the first example imports torch
@given(matrices, vectors)
def test_unpacking_undoes_packing(a: list[np.ndarray], b: list[np.ndarray]) -> None:
    packer = Packer()
    for array in a:
        packer.add(a=array)
    for array in b:
        packer.add(b=array)
    unpacker = Unpacker(packer.tensors())
    for name, pieces in (("b", b), ("a", a)):
        for array in pieces:
            again = unpacker.next(name)
            assert again.dtype == array.dtype
            assert again.shape == array.shape
            assert again.tobytes() == array.tobytes()


def test_truth_values_and_names_added_together() -> None:
    packer = Packer()
    packer.add(is_large=np.array([True, False]), start=np.arange(3))
    unpacker = Unpacker(packer.tensors())
    assert unpacker.next("start").tolist() == [0, 1, 2]
    assert unpacker.next("is_large").tolist() == [True, False]
