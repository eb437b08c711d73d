"""See what of pictures passes through a run's latent space: originals beside what comes back, and how far off it is.

PICTURES are files, or one folder. Where the run is given a class, it is guessed unless --given says it.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen

SHOWN = 20


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURES", help="Files of pictures, or a folder.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="PNG file for the sheet.")] = None,
    given: Annotated[str | None, typer.Option(help="What is given, e.g. \"label = 'bag'\".")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Reconstructs and tells."""
    from genwright.cli.terminal.pictures import picture_file, tell_guesses
    from genwright.core.given import parse
    from genwright.pipeline import load
    from genwright.recipes.reconstruct import reconstruct

    place = picture_file(out, overwrite)
    parse(given)
    fitted = load(run)
    with screen.progress() as progress:
        progress(0.0, "there and back")
        found = reconstruct(fitted, pictures if len(pictures) > 1 else pictures[0], given=given, out=place)
    tell_guesses(screen, found.guessed, found.names)
    bits = [None] * len(found.names) if found.bits_per_dim is None else found.bits_per_dim.tolist()
    head = ["picture", "squared error", *(["bits a number"] if bits[0] is not None else [])]
    rows = [
        (name, f"{error:.5f}", *([f"{b:.3f}"] if b is not None else []))
        for name, error, b in zip(found.names, found.error.tolist(), bits, strict=True)
    ]
    screen.table(head, rows[:SHOWN], head[1:])
    if len(rows) > SHOWN:
        screen.more(f"… and {len(rows) - SHOWN:,} more; mean squared error {found.error.mean():.5f}; --json lists all")
    if place is not None:
        screen.say(f"originals and what came back in {place}")
    each = [
        {"name": name, "squared_error": float(error), "bits_per_dim": b}
        for name, error, b in zip(found.names, found.error, bits, strict=True)
    ]
    document = {"run": str(run), "pictures": each, "mean_squared_error": float(found.error.mean())}
    return {**document, "guessed": found.guessed, "output": None if place is None else str(place)}
