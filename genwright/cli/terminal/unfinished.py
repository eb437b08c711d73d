"""A fit that goes on: where it was kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genwright.cli.terminal.screen import Screen
from genwright.core.errors import RunError


def require_unfinished(place: Path) -> None:
    """Refuses to go on with a fit that came to its end, which left a run and no checkpoint."""
    from genwright.training.checkpoint import beside

    if (place / "run.json").is_file() and not beside(place).exists():
        raise RunError(f"the fit to {place} has come to its end: there is nothing to resume; use it, or fit to another")


@contextmanager
def can_go_on(screen: Screen, place: Path) -> Iterator[None]:
    """What is said of a fit that ends here, before its run is saved: where its training is kept, if it is."""
    from genwright.training.checkpoint import beside

    try:
        yield
    except BaseException:
        if (kept := beside(place)).is_file():
            screen.kept = f"the training so far is kept in {kept}: go on with --resume {place}"
        raise
