"""Everything a training is at one moment, in one file that is written whole or not at all.

The file is in the safetensors format: tensors, and the rest as JSON in its header. Nothing in it is executed when it is
read. A training that goes on from it ends with the same bits as one that was never stopped.
"""

import errno
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.core.errors import RunError
from genwright.core.files import replace_file

if TYPE_CHECKING:
    import torch

FORMAT = 1
KEY = "genwright"


@dataclass
class Checkpoint:
    """A moment inside training.

    Args:
        tensors: Weights, averages, best weights, optimiser states.
        facts: Plain JSON values: step, number of steps, best loss, log …
        identity: What must be the same for going on: data, model, settings, seed, versions.
    """

    tensors: "dict[str, torch.Tensor]"
    facts: dict[str, Any]
    identity: dict[str, Any] = field(default_factory=dict)


def beside(run: str | Path) -> Path:
    """Where the checkpoint of a run lies while it is being fitted: beside its folder."""
    place = Path(run).expanduser()
    return place.with_name(f"{place.name}.checkpoint")


def of_second(checkpoint: Path) -> Path:
    """Where the second of two stages is kept, beside the first."""
    return checkpoint.with_name(f"{checkpoint.name}.second")


def remove(checkpoint: Path) -> None:
    """Removes a checkpoint, with that of a second stage, if they are there."""
    for path in (checkpoint, of_second(checkpoint)):
        path.unlink(missing_ok=True)


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Replaces the checkpoint that is there.

    Raises:
        RunError: it cannot be written; the old one stays.
    """
    from safetensors.torch import save

    tensors = {k: x.detach().cpu().contiguous().clone() for k, x in checkpoint.tensors.items()}
    header = {"format": FORMAT, "facts": checkpoint.facts, "identity": checkpoint.identity, "sha256": _digest(tensors)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, save(tensors, {KEY: json.dumps(header)}))
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        step = "free some space" if is_full else "name a file in a folder that you may write to"
        raise RunError(f"cannot write the checkpoint {path}: {error.strerror or error}; {step}") from None


def read(path: Path) -> Checkpoint:
    """A checkpoint.

    Raises:
        RunError: there is none, it is damaged, or made by a newer version.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file() or path.is_symlink():
        raise RunError(f"no checkpoint at {path}: there is nothing to resume; fit without it")
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        version, facts, identity = header["format"], dict(header["facts"]), dict(header["identity"])
        if version == FORMAT and _digest(tensors) != header["sha256"]:
            raise ValueError("its tensors are not those that were written")
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"the checkpoint {path} is damaged ({error}); remove it and fit anew") from None
    if version != FORMAT:
        raise RunError(f"the checkpoint {path} has format {version}, this version reads {FORMAT}; fit anew")
    return Checkpoint(tensors, facts, identity)


def _digest(tensors: "Mapping[str, torch.Tensor]") -> str:
    """SHA-256 of names and contents."""
    found = hashlib.sha256()
    for name in sorted(tensors):
        found.update(name.encode() + tensors[name].numpy().tobytes())
    return found.hexdigest()


def require_same(path: Path, was: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuses to go on with something else than before.

    Raises:
        RunError: names what differs.
    """
    differing = [
        f"{name} was {_short(before)}, is {_short(after)}"
        for name in dict.fromkeys([*was, *now])
        for before, after in [_apart(was.get(name), now.get(name))]
        if before != after
    ]
    if differing:
        raise RunError(f"cannot resume from {path}: {'; '.join(differing)}; make them equal, or fit anew")


def _apart(before: Any, after: Any) -> tuple[Any, Any]:
    """Two values, of two sets of settings or two lists only those that differ."""
    if isinstance(before, list) and isinstance(after, list):
        gone, new = [x for x in before if x not in after], [x for x in after if x not in before]
        return (gone, new) if gone or new else (before, after)  # the same ones in another order
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return before, after
    names = [n for n in dict.fromkeys([*before, *after]) if before.get(n) != after.get(n)]
    return {n: before[n] for n in names if n in before}, {n: after[n] for n in names if n in after}


def _short(value: Any) -> str:
    text = json.dumps(value) if not isinstance(value, str) else value
    return text if len(text) <= 60 else text[:57] + "…"
