"""A fit that goes on: where it was kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genwright.cli.terminal.screen import Screen
from genwright.core.errors import RunError


def require_unfinished(place: Path) -> None:
    """Refuses to go on with a fit that came to its end, which left a run and no checkpoint."""
    if _is_file(place / "run.json") and _kept(place) is None:
        raise RunError(f"the fit to {place} has come to its end: there is nothing to resume; use it, or fit to another")


def read_before(place: Path | None) -> dict[str, Any]:
    """With which options the rows of a fit that goes on were read; none where nothing is kept.

    Raises:
        RunError: it came to its end, or its checkpoint is damaged.
    """
    from genwright.training.asked import options_of

    if place is None:
        return {}
    require_unfinished(place)
    return options_of(kept) if (kept := _kept(place)) else {}


@contextmanager
def can_go_on(screen: Screen, place: Path) -> Iterator[None]:
    """What is said of a fit that ends here, before its run is saved: where its training is kept, if it is."""
    try:
        yield
    except BaseException:
        if kept := _kept(place):
            screen.kept = f"the training so far is kept in {kept}: go on with --resume {place}"
        raise


def _kept(place: Path) -> Path | None:
    """The checkpoint of the fit to a place, where there is one."""
    from genwright.training.checkpoint import beside

    return kept if _is_file(kept := beside(place)) else None


def _is_file(path: Path) -> bool:
    """Whether a file is there; a name that none can have, as one that is too long, is told by whoever needs it."""
    try:
        return path.is_file()
    except OSError:
        return False
