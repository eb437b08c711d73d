"""Go from one picture to another through a run's latent space, as a film or a strip.

Each end is the file of a picture, or with --seeds the first row drawn under a seed. A film is .gif, .webp or, where
ffmpeg is installed, .mp4; .png has all pictures side by side. Where the run is given a class, each end's own is
guessed, and the pictures fade from the one to the other; --given says one for both. Without -o the film is a-to-b.gif
in the working folder.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import free_file, require


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    a: Annotated[str | None, typer.Argument(metavar="[A", help="File of the first picture.")] = None,
    b: Annotated[str | None, typer.Argument(metavar="B]", help="File of the last picture.")] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="File to write: .gif (a-to-b.gif without -o), .webp, .mp4, .png.")
    ] = None,
    frames: Annotated[int, typer.Option("--frames", metavar="N", min=2, help="Pictures, both ends included.")] = 60,
    seeds: Annotated[
        tuple[int, int] | None, typer.Option("--seeds", help="Two seeds, whose first draws are the ends.")
    ] = None,
    given: Annotated[str | None, typer.Option(help="What is given for both ends, e.g. \"label = 'bag'\".")] = None,
    milliseconds: Annotated[int, typer.Option(metavar="MS", min=10, help="That each picture is seen.")] = 50,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Finds the way and writes it."""
    from genwright.cli.terminal.pictures import file_beside
    from genwright.core.given import parse
    from genwright.data.film import check_film
    from genwright.pipeline import load
    from genwright.recipes.interpolate import interpolate

    require((a is None) == (b is None) and (a or seeds) is not None, "name two pictures, or two seeds with --seeds 1 2")
    require(a is None or seeds is None, "name two pictures, or two seeds with --seeds 1 2, not both")
    ends: tuple[Any, Any] = (a, b) if seeds is None else seeds
    film = out or file_beside(str(ends[0]), f"to-{Path(str(ends[1])).stem}", ".gif")
    check_film(film)
    place = free_file(film, overwrite)
    parse(given)  # raises for text that cannot be read, before the run is
    fitted = load(run)
    with screen.progress() as progress:
        progress(0.0, "interpolating")
        pictures = interpolate(fitted, ends[0], ends[1], frames, given=given, out=place, milliseconds=milliseconds)
    screen.say(f"{len(pictures)} pictures in {place}")
    return {"run": str(run), "output": str(place), "n_frames": len(pictures), "ends": list(ends)}
