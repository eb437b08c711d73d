"""Older run folders, brought up to date one format at a time when they are read; the folder itself is not touched.

| format | run.json |
|---|---|
| 0 | `model` is the name, with `config` and `space` beside it; no `notes` |
| 1 | `model` is an object of name, config and space; `notes` |
| 2 | columns of kind `text` are modelled; those that were left out are of kind `omitted` |
| 3 | the discriminator of `gan` reads `n_waves` cosines of each number; `flow_matching` takes larger patches |
"""

from collections.abc import Callable
from typing import Any

from genwright.core.errors import RunError

FORMAT = 3  # what this version writes, and the newest it reads

Document = dict[str, Any]


def _from_0(document: Document) -> Document:
    rest = {k: v for k, v in document.items() if k not in ("model", "config", "space")}
    model = {"name": document["model"], "config": document["config"], "space": document["space"]}
    return {**rest, "model": model, "notes": []}


def _from_1(document: Document) -> Document:
    codec = document["codec"]
    schema = [{**c, "kind": "omitted"} if c["kind"] == "text" else c for c in codec["schema"]]
    return {**document, "codec": {**codec, "schema": schema}}


def _from_2(document: Document) -> Document:
    model = document.get("model") or {}
    config = model.get("config") or {}
    if model.get("name") == "gan":
        config = {"n_waves": 0, **config}
    if model.get("name") == "flow_matching" and not config.get("patch"):
        sides = [max(f["event_shape"]) for f in model["space"].values() if f["support"] == "pixels"]
        config = {**config, "patch": 2 if max(sides, default=0) > 32 else 0}
    return {**document, "model": {**model, "config": config}}


MIGRATIONS: dict[int, Callable[[Document], Document]] = {0: _from_0, 1: _from_1, 2: _from_2}


def check_format(version: Any, where: str) -> int:
    """A format that this genwright reads.

    Raises:
        RunError: it is newer, or no format at all.
    """
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise RunError(f"{where} has no format version (found {version!r}); this is not a run, or a damaged one")
    if version > FORMAT:
        raise RunError(
            f"{where} was made by a newer genwright (format {version}, this one reads up to {FORMAT}); "
            "upgrade with pip install --upgrade genwright"
        )
    return version


def migrate(document: Document) -> Document:
    """The document in the current format."""
    for version in range(document["format"], FORMAT):
        document = {**MIGRATIONS[version](document), "format": version + 1}
    return document
