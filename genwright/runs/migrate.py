"""Older run folders, brought up to date one format at a time when they are read; the folder itself is not touched.

| format | run.json |
|---|---|
| 0 | `model` is the name, with `config` and `space` beside it; no `notes` |
| 1 | `model` is an object of name, config and space; `notes` |
| 2 | columns of kind `text` are modelled; those that were left out are of kind `omitted` |
| 3 | `gan` has `n_waves`; `flow_matching` has `time_skew`, and takes larger patches of large pictures |
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
    """Of pictures of several sizes in a row, some above 32 pixels a side and some up to 16, the patches are lost."""
    model = document.get("model")
    if not model:
        return document
    config = _config_of_2(model["name"], model["config"], model["space"])
    return {**document, "model": {**model, "config": config}}


def _config_of_2(name: str, config: Document, space: Document) -> Document:
    """A family's settings, and those of the family that a classifier by Bayes' rule rests on."""
    if name == "gan":
        return {"n_waves": 0, **config}
    if name == "bayes_rule" and "settings" in config:
        return {**config, "settings": _config_of_2(config.get("model", ""), config["settings"], space)}
    if name != "flow_matching":
        return config
    sides = [max(f["event_shape"][-2:]) for f in space.values() if f["support"] == "pixels"]
    patch = config.get("patch") or (2 if max(sides, default=0) > 32 else 0)
    return {"time_power": 0.8, "time_skew": 1.0, **config, "patch": patch}


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
