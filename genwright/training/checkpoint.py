"""Everything a training is at one moment, in one file that is written whole or not at all.

The file is in the safetensors format: tensors, and the rest as JSON in its header. Nothing in it is executed when it is
read. A training that goes on from it ends with the same bits as one that was never stopped.
"""

import errno
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.core.errors import ConfigError, RunError
from genwright.core.files import is_there, replace_file, tidy_file

if TYPE_CHECKING:
    import torch

log = logging.getLogger("genwright")
FORMAT = 2
KEY = "genwright"
TOLD = ("why", "options", "notes", "free")  # of the identity, what is remembered and need not be the same
BEGINS = f'{{"__metadata__":{{"{KEY}":'.encode()  # behind the eight bytes that tell how long the header is
_STEPS = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space",
    errno.ENAMETOOLONG: "choose a shorter name",
}


@dataclass
class Checkpoint:
    """A moment inside training.

    Args:
        tensors: Weights, averages, best weights, optimiser states.
        facts: Plain JSON values: step, number of steps, best loss, log …
        identity: What must be the same for going on: data, model, settings, seed, versions; and what is `TOLD`.
    """

    tensors: "dict[str, torch.Tensor]"
    facts: dict[str, Any]
    identity: dict[str, Any] = field(default_factory=dict)


def beside(run: str | Path) -> Path:
    """Where the checkpoint of a run lies while it is being fitted: beside its folder."""
    place = Path(run).expanduser()
    place = place if place.name else place.resolve()  # the folder that one is in
    return place.with_name(f"{place.name}.checkpoint")


def kept_in(asked: str | Path | None, out: str | Path | None, *, resume: bool, overwrite: bool) -> Path | None:
    """Where a training is kept until its run is saved; nowhere where neither that nor the run's folder is said.

    Args:
        asked: The file, where the user names one.
        out: The run's folder.
        resume: Go on from there.
        overwrite: Begin anew, whatever training is kept there.

    Raises:
        ConfigError: there is no place to go on from.
        RunError: no file can be there, something else is, or a training that nobody asked to go on with.
    """
    if asked is None and out is None:
        if resume:
            what = "resume needs the folder that the run goes to, or its checkpoint"
            raise ConfigError(f"{what}: pass out= or checkpoint=")
        return None
    where = f"in {asked}" if asked is not None else f"beside {out}"
    try:
        place = Path(asked).expanduser() if asked is not None else beside(out)  # type: ignore[arg-type]
        is_taken, is_one = is_there(place), _begins_as_one(place)
    except OSError as error:
        raise _told(f"cannot keep the training {where}", error) from None
    except (RuntimeError, TypeError, ValueError) as error:
        raise RunError(f"cannot keep the training {where}: {error}; name a file") from None
    if not is_taken or resume:
        return place
    if not is_one:
        raise RunError(f"{place} is there and holds no training of genwright: name another file, or remove it")
    if not overwrite:
        how = "go on with resume=True (--resume), or begin anew with overwrite=True (--overwrite)"
        raise RunError(f"{place} holds a training whose run was not saved: {how}")
    return place


def _begins_as_one(path: Path) -> bool:
    """Whether a file begins as a checkpoint does; its rest may be damaged."""
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(8 + len(BEGINS))[8:] == BEGINS


def _told(what: str, error: OSError) -> RunError:
    step = _STEPS.get(error.errno or 0, "name a file in a folder that you may write to")
    return RunError(f"{what}: {error.strerror or error}; {step}")


def of_second(checkpoint: Path) -> Path:
    """Where the second of two stages is kept, beside the first."""
    return checkpoint.with_name(f"{checkpoint.name}.second")


def remove(checkpoint: Path) -> None:
    """Removes a checkpoint, with that of a second stage and what killed writers left, if they are there."""
    for path in (checkpoint, of_second(checkpoint)):
        try:
            tidy_file(path)
            path.unlink(missing_ok=True)
        except OSError as error:  # the run is saved, and nothing is lost
            log.warning("%s is not needed any more and cannot be removed: %s", path, error.strerror or error)


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Replaces the checkpoint that is there.

    Raises:
        RunError: it cannot be written; the old one stays.
    """
    from safetensors.torch import save

    tensors = {k: x.detach().cpu().contiguous().clone() for k, x in checkpoint.tensors.items()}
    told = json.loads(json.dumps({"facts": checkpoint.facts, "identity": checkpoint.identity}))  # as it will be read
    header = {"format": FORMAT, **told, "sha256": _digest(tensors, told)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tidy_file(path)
        replace_file(path, save(tensors, {KEY: json.dumps(header)}))
    except OSError as error:
        raise _told(f"cannot write the checkpoint {path}", error) from None


def read(path: Path) -> Checkpoint:
    """A checkpoint.

    Raises:
        RunError: there is none, it is damaged, or made by a newer version.
    """
    from safetensors import SafetensorError, safe_open

    try:
        is_file = path.is_file() and not path.is_symlink()
    except OSError as error:
        raise _told(f"cannot read the checkpoint {path}", error) from None
    if not is_file:
        raise RunError(f"no checkpoint at {path}: there is nothing to resume; fit without it")
    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        version, facts, identity = header["format"], dict(header["facts"]), dict(header["identity"])
        if version == FORMAT and _digest(tensors, {"facts": facts, "identity": identity}) != header["sha256"]:
            raise ValueError("its content is not what was written")
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"the checkpoint {path} is damaged ({error}); remove it and fit anew") from None
    if version != FORMAT:
        raise RunError(f"the checkpoint {path} has format {version}, this version reads {FORMAT}; fit anew")
    return Checkpoint(tensors, facts, identity)


def _digest(tensors: "Mapping[str, torch.Tensor]", told: Mapping[str, Any]) -> str:
    """SHA-256 of the tensors' names, kinds, shapes and contents, and of what is told beside them."""
    found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name in sorted(tensors):
        x = tensors[name].numpy()
        found.update(f"{name} {x.dtype} {x.shape} ".encode() + x.tobytes())
    return found.hexdigest()


def require_same(path: Path, was: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuses to go on with something else than before.

    Raises:
        RunError: names what differs.
    """
    differing = [
        f"{name} was {_short(before)}, is {_short(after)}"
        for name in dict.fromkeys([*was, *now])
        if name not in TOLD
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
