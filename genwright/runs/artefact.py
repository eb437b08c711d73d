"""A run is a fitted model or classifier as a folder, saved whole or not at all, and checked before anything is used.

    run.json             names, settings, codec, seed, facts, scores (see `document`)
    weights.safetensors  the model's tensors
    log.jsonl            one line a step of the training log
    features.safetensors what judges learnt of pictures, so that scores of later are measured alike
    README.md            the model card
    report.html          added later, by `add_file`
    manifest.json        size and SHA-256 of all of these

Nothing in it is executed when it is loaded: it is JSON, text and safetensors
(https://github.com/huggingface/safetensors).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genwright.core.classifier import Classifier
from genwright.core.codec import TableCodec
from genwright.core.errors import RunError, UnknownNameError
from genwright.core.judge import Score
from genwright.core.model import Model
from genwright.runs import strict_json
from genwright.runs.card import card
from genwright.runs.document import complete, from_document, to_document
from genwright.runs.folder import (
    CARD,
    FEATURES,
    LOG,
    NEEDED,
    OWN,
    RUN,
    WEIGHTS,
    check_target,
    existing,
    listed,
    put,
    resolve,
    retried,
    writing,
)
from genwright.runs.manifest import ADVICE, MANIFEST, Manifest, entries_of, is_plain_name, read_checked, read_manifest
from genwright.runs.migrate import FORMAT, check_format, migrate

if TYPE_CHECKING:
    import torch


@dataclass
class Artefact:
    """A fitted model with all that is needed to draw from it, judge it and say where it comes from.

    Args:
        codec: Records ↔ tensors.
        model: The fitted model.
        model_name: What it is registered as.
        seed: Every draw is a function of it.
        facts: Plain JSON values. The card knows `data` (a name), `fingerprint`, `n_rows`, `n_train`,
            `n_held_out`, `why` (this model), `seconds`, `created`, `versions` and `notes` (a list of sentences), shows
            others as they are, and leaves out `path` and `flavour`.
        scores: What the judges said.
        log: The lines of the training log.
        features: What judges learnt of pictures, see `nn/picture_features`; None: nothing yet.
    """

    codec: TableCodec
    model: Model
    model_name: str
    seed: int
    facts: dict[str, Any] = field(default_factory=dict)
    scores: list[Score] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    features: "dict[str, torch.Tensor] | None" = None


@dataclass
class ClassifierArtefact(Artefact):
    """The same of a fitted classifier, which predicts where a model draws."""

    model: Classifier  # type: ignore[assignment]


def save(artefact: Artefact, path: str | Path, *, overwrite: bool = False) -> Path:
    """Writes a run; a crash at any moment leaves the run that was there, or the new one.

    Args:
        artefact: What to save.
        path: The run's folder; folders above it are made.
        overwrite: Replace a run that is there. Files in it that are not part of the run stay.

    Returns:
        The folder.

    Raises:
        RunError: something else is there, another process is writing to it, the disk is full …
    """
    target = check_target(path, overwrite=overwrite)
    artefact = replace(artefact, facts=complete(artefact.facts))
    files = {
        RUN: _run_json(artefact),
        WEIGHTS: _weights(artefact.model.state()),
        LOG: b"".join(strict_json.dumps(line) + b"\n" for line in artefact.log),
        CARD: _card(artefact),
        **_features(artefact.features),
    }
    with writing(target):
        check_target(target, overwrite=overwrite)  # again, now that nobody else can write
        put(target, Manifest(FORMAT, entries_of(files)), files, gone=listed(target))
    return target


def load(path: str | Path) -> Artefact:
    """Reads a run; whatever it holds, nothing in it is executed.

    Raises:
        RunError: there is none, it is damaged, or made by a newer version; names the file and the next step.
        UnknownNameError: its model or a codec is not installed here.
    """
    if not isinstance(path, (str, PathLike)):
        raise RunError(f"cannot load a run from {path!r}; expected the path of its folder")
    return retried(resolve(path), _load)


def add_file(path: str | Path, name: str, content: bytes | str) -> Path:
    """Puts a file such as `report.html` into a run, or replaces it there.

    Raises:
        RunError: the name is one of the run's own files or not plain, there is no run, or it cannot be written.
    """
    target = resolve(path)
    if not is_plain_name(name) or name in OWN:
        raise RunError(f"a run cannot take a file {name!r}; use letters, digits, '.', '_', '-', and none of {OWN}")
    files = {name: content.encode() if isinstance(content, str) else content}
    with writing(target):
        manifest = read_manifest(existing(target))
        put(target, replace(manifest, files={**manifest.files, **entries_of(files)}), files)
    return target / name


def rewrite(
    path: str | Path,
    *,
    scores: list[Score] | None = None,
    facts: Mapping[str, Any] | None = None,
    features: "dict[str, torch.Tensor] | None" = None,
) -> Artefact:
    """Replaces a run's scores, adds facts and features, and writes its card anew; the model stays as it is.

    Raises:
        RunError: as for `load` and `save`.
    """
    target = resolve(path)
    with writing(target):
        artefact = _load(existing(target))
        manifest = read_manifest(target)
        artefact.scores = artefact.scores if scores is None else scores
        artefact.facts = {**artefact.facts, **(facts or {})}
        artefact.features = artefact.features if features is None else features
        files = {RUN: _run_json(artefact), CARD: _card(artefact), **_features(features)}
        put(target, Manifest(FORMAT, {**manifest.files, **entries_of(files)}), files)
    return artefact


def _run_json(artefact: Artefact) -> bytes:
    return strict_json.dumps({"format": FORMAT, **to_document(artefact)}, indent=1)


def _card(artefact: Artefact) -> bytes:
    return card(artefact).encode("utf-8", "backslashreplace")


def _weights(state: "Mapping[str, torch.Tensor]") -> bytes:
    import torch
    from safetensors.torch import save as to_bytes

    own = {k: x.detach().cpu().clone(memory_format=torch.contiguous_format) for k, x in state.items()}
    return to_bytes(own)


def _features(features: "Mapping[str, torch.Tensor] | None") -> dict[str, bytes]:
    """Their file, where there are any."""
    return {} if features is None else {FEATURES: _weights(features)}


def _load(folder: Path) -> Artefact:
    manifest = read_manifest(folder)
    contents = read_checked(folder, manifest.files, (*NEEDED, *(name for name in manifest.files if name == FEATURES)))
    document = _document(contents[RUN], manifest.format, folder / RUN)
    log = _log(contents[LOG], folder / LOG)
    tensors = _tensors(contents.pop(WEIGHTS), folder / WEIGHTS)  # so that no copy is in memory beside them
    features = _tensors(contents[FEATURES], folder / FEATURES) if FEATURES in contents else None
    try:
        found = from_document(migrate(document), tensors)
        kind = ClassifierArtefact if isinstance(found["model"], Classifier) else Artefact
        return kind(**found, log=log, features=features)
    except UnknownNameError:
        raise
    except RunError as error:
        raise RunError(f"{folder}: {error}") from None
    except Exception as error:  # whatever a model or codec says to a document that is not its own
        what = f"lacks {error}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
        raise RunError(f"{folder / RUN} does not describe a run that can be loaded ({what}); {ADVICE}") from error


def _document(content: bytes, version: int, path: Path) -> dict[str, Any]:
    document = _json(content, path)
    if check_format(document.get("format"), str(path)) != version:
        raise RunError(f"{path} has format {document['format']}, {MANIFEST} has {version}; {ADVICE}")
    return document


def _log(content: bytes, path: Path) -> list[dict[str, Any]]:
    return [_json(line, f"{path} line {i}") for i, line in enumerate(content.splitlines(), 1)]


def _json(content: bytes, where: Path | str) -> dict[str, Any]:
    try:
        value = strict_json.loads(content)
    except ValueError as error:
        raise RunError(f"{where} is damaged: {error}; {ADVICE}") from None
    if not isinstance(value, dict):
        raise RunError(f"{where} is damaged: expected an object, found {type(value).__name__}; {ADVICE}")
    return value


def _tensors(content: bytes, path: Path) -> "dict[str, torch.Tensor]":
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    try:
        return from_bytes(content)
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise RunError(f"{path} is damaged: {error}; {ADVICE}") from None
