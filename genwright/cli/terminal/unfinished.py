"""A fit that goes on: where it was kept."""

from pathlib import Path

from genwright.core.errors import RunError


def require_unfinished(place: Path) -> None:
    """Refuses to go on with a fit that came to its end, which left a run and no checkpoint."""
    from genwright.training.checkpoint import beside

    if (place / "run.json").is_file() and not beside(place).exists():
        raise RunError(f"the fit to {place} has come to its end: there is nothing to resume; use it, or fit to another")
