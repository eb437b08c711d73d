"""List what there is: models, codecs, judges, classifiers, runs.

Without a word everything is listed. With the name of a model, codec, judge or classifier behind it, its settings are
shown: `genwright list models trees`. Runs are folders below ./runs, or below a path: `genwright list runs elsewhere`.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.table import short
from genwright.core.errors import RunError, UnknownNameError
from genwright.core.registry import CLASSIFIERS, CODECS, JUDGES, MODELS, Registry

if TYPE_CHECKING:
    from genwright.core.config import Setting

REGISTRIES = {"models": MODELS, "codecs": CODECS, "judges": JUDGES, "classifiers": CLASSIFIERS}
WORDS = [*REGISTRIES, "runs"]
LARGEST = 50_000_000  # bytes of a run.json that are read for a list


def command(
    screen: Screen,
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT", help=f"One of {', '.join(WORDS)}; all of them without it.", autocompletion=lambda: WORDS
        ),
    ] = "",
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A name, to see its settings; for runs: the folder they lie in.")
    ] = "",
) -> dict[str, Any]:
    """Prints names with one line about each."""
    if what and what not in WORDS:
        raise UnknownNameError(what, WORDS, "what can be listed")
    if what in REGISTRIES and name:
        return _settings(screen, REGISTRIES[what], name)
    if name and not Path(name).is_dir():
        raise RunError(f"no folder {name}; name the folder that runs lie in")
    found: dict[str, Any] = {}
    for word in [what] if what else WORDS:
        found[word] = _runs(Path(name or "runs")) if word == "runs" else _entries(REGISTRIES[word])
        _show(screen, word, found[word])
    return found


def _entries(registry: Registry) -> list[dict[str, str]]:
    return [{"name": name, "summary": registry.summary(name)} for name in registry.names()]


def _show(screen: Screen, word: str, entries: list[dict[str, Any]]) -> None:
    screen.heading(word)
    if not entries:
        screen.more("none here\n")
    elif word == "runs":
        rows = [(e["path"], e["model"], short(e["data"]), _told(e["n_rows"]), _told(e["created"])) for e in entries]
        screen.table(["run", "model", "data", "rows", "made"], rows, ["rows"])
    else:
        screen.table(["name", "what it is"], [(e["name"], e["summary"]) for e in entries])


def _settings(screen: Screen, registry: Registry, name: str) -> dict[str, Any]:
    from genwright.core.config import describe

    config = getattr(registry.get(name), "Config", None)
    own = _as_json(describe(config) if config else [])
    of_training = _training(registry.get(name))
    screen.heading(f"{name}: {registry.summary(name)}")
    if own:
        _show_settings(screen, own)
    else:
        screen.result("no settings")
    if of_training:
        screen.heading("Of its training")
        _show_settings(screen, of_training)
    more = {"training": of_training} if of_training else {}
    return {"name": name, "summary": registry.summary(name), "settings": own, **more}


def _show_settings(screen: Screen, settings: list[dict[str, Any]]) -> None:
    screen.table(["setting", "type", "default", "meaning"], [tuple(setting.values()) for setting in settings])


def _as_json(settings: "list[Setting]") -> list[dict[str, Any]]:
    return [{"name": s.name, "type": s.type, "default": s.default, "meaning": s.comment} for s in settings]


def _training(family: Any) -> list[dict[str, Any]]:
    """Settings of the loop, with the family's defaults, where it learns by gradient steps."""
    from genwright.core.config import describe
    from genwright.core.model import HasLoss
    from genwright.training.config import TrainingConfig

    if not issubclass(family, HasLoss):
        return []
    return [{**s, "default": family.training.get(s["name"], s["default"])} for s in _as_json(describe(TrainingConfig))]


def _told(value: Any) -> str:
    """Numbers with commas, times to the minute, nothing for what is not known."""
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)[:16].replace("T", " ") if value else "–"


def _runs(folder: Path) -> list[dict[str, Any]]:
    places = sorted(p.parent for p in folder.glob("*/run.json") if not p.parent.name.startswith("."))
    return [entry for place in places if (entry := _run(place))]


def _run(place: Path) -> dict[str, Any] | None:
    """A glance at a run; `genwright show` reads it with all checks."""
    try:
        path = place / "run.json"
        if not path.is_file() or path.stat().st_size > LARGEST:
            return None
        document = json.loads(path.read_text(encoding="utf-8"))
        facts = document["facts"]
        known = {key: facts.get(key) for key in ("data", "n_rows", "created")}
        return {"path": str(place), "model": document["model"]["name"], **known}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {"path": str(place), "model": "unreadable", "data": None, "n_rows": None, "created": None}
