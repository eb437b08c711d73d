"""The document of a run, which `run.json` holds: everything but the model's tensors and the log, as plain values.

{"format": 3, "model": {"name", "config", "space"}, "seed", "codec": {"schema", "codecs"},
 "facts": {...}, "scores": [...], "notes": [...]}

A classifier's model has a "target" besides: the column that it foretells.
"""

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from genwright.core.classifier import Classifier
from genwright.core.codec import TableCodec
from genwright.core.config import configure, to_json
from genwright.core.judge import Score
from genwright.core.model import Model
from genwright.core.registry import CLASSIFIERS, MODELS
from genwright.core.space import Space

if TYPE_CHECKING:
    import torch

    from genwright.runs.artefact import Artefact


def complete(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts with versions, time and an empty list of notes where they are absent."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"created": now, "versions": dict(versions()), "notes": [], **facts}


@cache
def versions() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    found = {"python": platform.python_version()}
    for package in ("genwright", "torch", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found


def to_document(artefact: "Artefact") -> dict[str, Any]:
    """Everything but tensors and log, as plain JSON values."""
    model, facts = artefact.model, artefact.facts
    target = {"target": model.target} if isinstance(model, Classifier) else {}
    described = {"name": artefact.model_name, "config": to_json(model.config), "space": model.space.to_json()}
    return {
        "model": described | target,
        "seed": artefact.seed,
        "codec": artefact.codec.state(),
        "facts": {k: v for k, v in facts.items() if k != "notes"},
        "notes": facts.get("notes", []),
        "scores": [score.to_json() for score in artefact.scores],
    }


def from_document(document: Mapping[str, Any], tensors: "Mapping[str, torch.Tensor]") -> dict[str, Any]:
    """The inverse of `to_document`: the fields of an artefact.

    Raises:
        UnknownNameError: the model, a codec or a setting is not known here.
        RunError: the model is too large for this machine's memory.
        Exception: the document is not what `to_document` writes; anything from KeyError to a codec's own error.
    """
    name, seed = document["model"]["name"], document["seed"]
    if not isinstance(name, str) or not isinstance(seed, int):
        raise TypeError("the model's name is a text and the seed is an integer")
    from genwright.nn.memory import loading  # brings torch

    with loading():
        model = _untrained(name, document["model"])
        model.load_state(tensors)
    return {
        "codec": TableCodec.from_state(document["codec"]),
        "model": model,
        "model_name": name,
        "seed": seed,
        "facts": {**document["facts"], "notes": list(document["notes"])},
        "scores": [Score(**score) for score in document["scores"]],
    }


def _untrained(name: str, described: Mapping[str, Any]) -> Model | Classifier:
    """What a document names, before its tensors are loaded."""
    cls = (CLASSIFIERS if "target" in described else MODELS).get(name)
    config, space = configure(cls.Config, described["config"]), Space.from_json(described["space"])
    if "target" not in described:
        return cls(space, config)
    return cls(config).bind(space, described["target"])
