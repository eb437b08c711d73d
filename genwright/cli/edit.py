"""Give pictures another attribute and leave the rest: genwright edit RUN a.png --set "label = 'bag'".

Where the run is given the attribute, what it is now is guessed unless --given says it. Where latents tell it, pictures
are moved by the difference of the classes' mean latents. Without -o, a-edited.png in the working folder is written.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import require


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    pictures: Annotated[list[str], typer.Argument(metavar="PICTURES", help="Files of pictures, or a folder.")],
    change: Annotated[
        str | None, typer.Option("--set", metavar="CHANGE", help="What is to be, e.g. \"label = 'bag'\".")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="PNG file to write; without it PICTURE-edited.png.")
    ] = None,
    given: Annotated[str | None, typer.Option(help="What it is now, e.g. \"label = 'shirt'\".")] = None,
    strength: Annotated[float, typer.Option(help="How far latents are moved, where they are; 1: to the other.")] = 1.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Edits and says how."""
    from genwright.cli.terminal.pictures import file_beside, picture_file, tell_guesses
    from genwright.core.given import parse
    from genwright.pipeline import load
    from genwright.recipes.edit import edit

    require(bool(change), "say what is to change with --set, for example --set \"label = 'bag'\"")
    place = picture_file(out or file_beside(pictures[0], "edited"), overwrite)
    parse(given), parse(change)
    fitted = load(run)
    with screen.progress() as progress:
        progress(0.0, "editing")
        source = pictures if len(pictures) > 1 else pictures[0]
        found = edit(fitted, source, change, given=given, strength=strength, out=place)
    tell_guesses(screen, found.guessed, found.names)
    screen.say(f"{len(found.names)} picture{'s' if len(found.names) > 1 else ''} {found.way}, in {place}")
    return {"run": str(run), "output": str(place), "set": change, "before": found.before, "way": found.way}
