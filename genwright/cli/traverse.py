"""Show what the main directions of a run's latent space do to a picture: a sheet with a direction a row.

Where the run is given a class, the most frequent one is shown unless --given says another. Without -o the sheet is
RUN-directions.png in the working folder.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="PNG file to write; without it RUN-directions.png.")
    ] = None,
    directions: Annotated[int, typer.Option("--directions", metavar="N", min=1, help="Rows of the sheet.")] = 8,
    steps: Annotated[int, typer.Option("--steps", metavar="N", min=2, help="Pictures a row.")] = 9,
    given: Annotated[str | None, typer.Option(help="What is given, e.g. \"label = 'bag'\".")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Finds directions and writes the sheet."""
    from genwright.cli.terminal.pictures import file_beside, picture_file
    from genwright.core.given import parse
    from genwright.pipeline import load
    from genwright.recipes.traverse import traverse

    place = picture_file(out or file_beside(str(run), "directions"), overwrite)
    parse(given)
    fitted = load(run)
    with screen.progress() as progress:
        progress(0.0, "looking for directions")
        found = traverse(fitted, directions, steps, given=given, out=place)
    screen.say(f"{len(found.pictures)} directions, learnt from {found.of}, in {place}")
    shares = [float(share) for share in found.shares]
    return {"run": str(run), "output": str(place), "shares": shares, "learnt_from": found.of}
