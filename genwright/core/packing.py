"""Many small arrays as a few flat tensors: what a model with thousands of little pieces saves."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


class Packer:
    """Collects named arrays; those of one name are laid end to end, with their shapes beside them."""

    def __init__(self) -> None:
        self._arrays: dict[str, list[np.ndarray]] = {}

    def add(self, **arrays: np.ndarray) -> None:
        """Appends one array to each of the names; arrays of one name have one dtype and number of dimensions."""
        for name, array in arrays.items():
            self._arrays.setdefault(name, []).append(array)

    def tensors(self) -> "dict[str, torch.Tensor]":
        """`name` → everything under it, flat; `name.shapes` → (pieces, dimensions)."""
        import torch

        found = {}
        for name, arrays in self._arrays.items():
            found[name] = torch.from_numpy(np.concatenate([a.ravel() for a in arrays]))
            found[f"{name}.shapes"] = torch.tensor([a.shape for a in arrays], dtype=torch.int64)
        return found


class Unpacker:
    """Hands the arrays of a `Packer` out again, in the order in which they came."""

    def __init__(self, tensors: "Mapping[str, torch.Tensor]"):
        self._tensors = tensors
        self._shapes: dict[str, list[list[int]]] = {}
        self._at: dict[str, tuple[int, int]] = {}

    def next(self, name: str) -> np.ndarray:
        """The next array under a name."""
        if name not in self._shapes:
            self._shapes[name] = self._tensors[f"{name}.shapes"].tolist()
        piece, start = self._at.get(name, (0, 0))
        shape = tuple(self._shapes[name][piece])
        stop = start + int(np.prod(shape, dtype=np.int64))
        self._at[name] = (piece + 1, stop)
        return self._tensors[name][start:stop].numpy().reshape(shape)
