"""A tiny model and codec of every kind, so that these tests stand on the contracts alone; and ways to break things."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from genwright.core.codec import Codec, TableCodec
from genwright.core.errors import UnknownNameError
from genwright.core.judge import Score
from genwright.core.model import Model
from genwright.core.registry import Registry
from genwright.core.schema import Column, Schema
from genwright.core.space import Category, Field
from genwright.runs import Artefact
from genwright.runs.manifest import MANIFEST, Manifest, entries_of, read_manifest

WRITING_CALLS = ("open", "write", "fsync", "replace", "mkdir", "link", "unlink", "rmdir")
SYSTEM_CALLS = (*WRITING_CALLS, "close", "listdir", "scandir", "fstat", "lstat")


@dataclass(frozen=True)
class FakeCodecConfig:
    floor: float = -1.5  # a setting of the codec


class FakeCodec(Codec):
    Config = FakeCodecConfig

    def update(self, values):
        self.seen = sorted({*getattr(self, "seen", []), *values.to_pylist()})

    def finish(self):
        self.low = float("-inf")

    @property
    def field(self):
        return Field(Category(max(len(self.seen), 1)))

    def encode(self, values):
        return torch.tensor([self.seen.index(v) for v in values.to_pylist()])

    def decode(self, codes):
        return pa.array([self.seen[i] for i in codes.tolist()])

    def state(self):
        return {"seen": self.seen, "low": self.low}

    def load_state(self, state):
        self.seen, self.low = list(state["seen"]), state["low"]


@dataclass(frozen=True)
class FakeConfig:
    width: int = 3  # columns of the weights
    sizes: tuple[int, ...] = (2, 1)  # for a tuple's sake


class FakeModel(Model):
    Config = FakeConfig
    tensors: dict[str, torch.Tensor]

    def sample(self, n, given, generator, temperature=1.0):
        return {name: torch.randint(f.support.n, (n,), generator=generator) for name, f in self.space.items()}

    def state(self):
        return self.tensors

    def load_state(self, state):
        self.tensors = dict(state)

    def describe(self):
        return {"parameters": sum(x.numel() for x in self.tensors.values())}


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers `fake` as the only model, and the fake codec for every kind."""

    def get(registry: Registry, name: str) -> type:
        if registry.folder == "codecs":
            return FakeCodec
        if name != "fake":
            raise UnknownNameError(name, ["fake"], registry.package)
        return FakeModel

    monkeypatch.setattr(Registry, "get", get)


def make(mark: int = 0, n_weights: int = 50) -> Artefact:
    """An artefact that says `mark` in its weights, facts, log and scores."""
    schema = Schema((Column("sex", "category", {"floor": 0.1}), Column("größe|<b>", "number", why="digits only")))
    codec = TableCodec(schema)
    codec.fit([pa.record_batch({"sex": ["f", "m", "f"], "größe|<b>": [1.5, 2.25, 0.1]})])
    model = FakeModel(codec.space, FakeConfig(width=4))
    weights = torch.from_numpy(np.random.default_rng(mark).normal(size=(n_weights, 4)))
    odd = torch.tensor([0.0, -0.0, float("nan"), float("inf"), 5e-324])
    model.tensors = {
        "weights": weights.T,  # not contiguous
        "view": weights[1:],  # shares its memory
        "odd": odd,
        "half": odd.to(torch.bfloat16),
        "mark": torch.tensor(mark),
        "none": torch.zeros(0, 3),
        "flags": torch.tensor([True, False]),
    }
    score = Score("fakeness", 0.1 + mark, 0.0, float("nan"), 9, 0.5, float("inf"), "AUC", "half", "by eye", "nowhere")
    facts = {"data": "people.csv", "n_rows": 3, "fingerprint": "ab" * 32, "why": "asked for", "mark": mark}
    return Artefact(codec, model, "fake", 7, facts, [score], [{"step": i, "loss": mark + i / 7} for i in range(3)])


def text_of(artefact: Artefact) -> str:
    """Everything in an artefact but its tensors, in a comparable form (NaN equals NaN)."""
    scores = [s.to_json() for s in artefact.scores]
    parts = [artefact.codec.state(), repr(artefact.model.config), artefact.model.space.to_json(), artefact.model_name]
    return json.dumps([*parts, artefact.seed, artefact.facts, scores, artefact.log], sort_keys=True)


def bits_of(artefact: Artefact) -> dict[str, tuple[torch.dtype, tuple[int, ...], bytes]]:
    """Type, shape and bytes of every tensor."""
    state = {k: x.contiguous() for k, x in artefact.model.state().items()}
    return {
        k: (x.dtype, tuple(x.shape), bytes(x.reshape(-1).view(torch.uint8).numpy()) if x.numel() else b"")
        for k, x in sorted(state.items())
    }


def mark_of(artefact: Artefact) -> int:
    """The mark of a whole artefact; fails where its parts come from different ones."""
    marks = {int(artefact.model.state()["mark"]), artefact.facts["mark"], int(artefact.log[0]["loss"])}
    assert len(marks) == 1, marks
    assert bits_of(artefact) == bits_of(make(marks.copy().pop()))
    return marks.pop()


def beside(path: Path) -> list[str]:
    """What else is in the folder of a run."""
    return sorted(p.name for p in path.parent.iterdir() if p != path)


def forge(path: Path, name: str, content: bytes) -> None:
    """Replaces a file of a run as someone would who knows the manifest."""
    manifest = read_manifest(path)
    (path / name).write_bytes(content)
    files = {**manifest.files, **entries_of({name: content})}
    (path / MANIFEST).write_bytes(Manifest(manifest.format, files).dumps())


class Calls:
    """Counts system calls, and does something at the n-th."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, action: Callable[[], None], names=SYSTEM_CALLS):
        self.count, self.at, self.action = 0, at, action
        for name in names:
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, call: Callable) -> Callable:
        def counted(*args, **kwargs):
            self.count += 1
            if self.count == self.at:
                if call.__name__ == "close":  # closes even when it fails
                    call(*args, **kwargs)
                self.action()
            return call(*args, **kwargs)

        return counted


def in_child(work: Callable[[], None]) -> int:
    """The status of a forked process that did some work: 0, 1 for an exception, or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
