"""scikit-learn objects as bytes that are read without executing what they say, by skops.

https://skops.readthedocs.io/en/stable/persistence.html

skops trusts every estimator of scikit-learn and every function of NumPy, among them ones that call what they are told
to. Here a reader names the few kinds of nodes it expects, (how it is loaded, what it is), and the file's own list of
nodes is held against it before anything in it is looked at further.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from genwright.core.errors import RunError, quoted

if TYPE_CHECKING:
    import torch

Node = tuple[str, str]  # (skops' loader, module and name)
PLAIN: frozenset[Node] = frozenset(
    {
        ("DictNode", "builtins.dict"),
        ("ListNode", "builtins.list"),
        ("TupleNode", "builtins.tuple"),
        ("SliceNode", "builtins.slice"),
        ("JsonNode", "builtins.str"),
        ("TypeNode", "builtins.str"),
        ("TypeNode", "builtins.int"),
        ("TypeNode", "builtins.float"),
        ("TypeNode", "numpy.float64"),
        ("NdArrayNode", "numpy.ndarray"),
        *(("NdArrayNode", f"numpy.{name}") for name in ("float64", "float32", "int64", "int32", "uint64", "bool")),
        ("SparseMatrixNode", "scipy.sparse._csr.csr_matrix"),
    }
)


def to_tensor(fitted: Any) -> "torch.Tensor":
    """A fitted scikit-learn object as uint8 (n,)."""
    import skops.io
    import torch

    return torch.from_numpy(np.frombuffer(skops.io.dumps(fitted), np.uint8).copy())


def from_tensor(content: "torch.Tensor", trusted: frozenset[Node]) -> Any:
    """The inverse of `to_tensor`.

    Args:
        content: Bytes.
        trusted: What it may hold beside `PLAIN`.

    Raises:
        RunError: it is damaged, or holds anything else.
    """
    import skops.io

    data = content.numpy().tobytes()
    strange = sorted(set(_nodes(_schema(data))) - PLAIN - trusted)
    if strange:
        found = ", ".join(f"{quoted(name)} by {quoted(loader)}" for loader, name in strange[:3])
        raise RunError(f"a saved classifier holds {found}, which its family never writes; do not use this run")
    try:
        return skops.io.loads(data, trusted=sorted(name for _, name in trusted))
    except Exception as error:  # whatever damaged bytes lead to
        raise RunError(f"a saved classifier cannot be read ({error}); copy the run again, or fit it again") from error


def _schema(data: bytes) -> Any:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError) as error:
        raise RunError(f"a saved classifier cannot be read ({error}); copy the run again, or fit it again") from error


def _nodes(schema: Any) -> Iterator[Node]:
    """Everything that is to be loaded."""
    waiting = [schema]
    while waiting:
        x = waiting.pop()
        if isinstance(x, dict):
            if {"__class__", "__module__", "__loader__"} & x.keys():
                yield str(x.get("__loader__")), f"{x.get('__module__')}.{x.get('__class__')}"
            waiting += x.values()
        elif isinstance(x, list):
            waiting += x
