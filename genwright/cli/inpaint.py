"""Draw a part of a picture anew: what is white in a mask is drawn to fit the rest, which stays as it is.

The picture comes out in the size that the run has, without -o as a-filled.png in the working folder. With -n several
fillings are drawn, and stand side by side.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import require


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    picture: Annotated[str, typer.Argument(metavar="PICTURE", help="File of the picture.")],
    mask: Annotated[
        str | None, typer.Option("--mask", metavar="FILE", help="Picture that is white where it is to be drawn.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="PNG file to write; without it PICTURE-filled.png.")
    ] = None,
    n: Annotated[int, typer.Option("-n", "--fillings", metavar="N", min=1, help="Fillings.")] = 1,
    given: Annotated[str | None, typer.Option(help="What is given, e.g. \"label = 'bag'\".")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed gives another filling.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Fills and says how."""
    from genwright.cli.terminal.pictures import file_beside, picture_file, tell_guesses
    from genwright.core.given import parse
    from genwright.pipeline import load
    from genwright.recipes.inpaint import inpaint

    require(mask is not None, "name a mask, white where the picture is to be drawn: --mask m.png")
    place = picture_file(out or file_beside(picture, "filled"), overwrite)
    parse(given)
    fitted = load(run)
    with screen.progress() as progress:
        progress(0.0, "filling")
        found = inpaint(fitted, picture, mask, n=n, given=given, seed=seed, out=place)
    tell_guesses(screen, found.guessed, [picture])
    n_open = int((~found.known).sum())
    screen.say(f"{n_open:,} of {found.known.size:,} pixels drawn: {found.way}; in {place}")
    document = {"run": str(run), "output": str(place), "n_drawn": n_open, "n_pixels": int(found.known.size)}
    return {**document, "n_fillings": len(found.pictures), "way": found.way, "guessed": found.guessed}
