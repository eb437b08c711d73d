"""Download a published set of pictures, mnist or fashion-mnist, so that it can be named as data.

Files are checked, and what was interrupted goes on where it stopped. Nothing else of genwright uses the network.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen
from genwright.data.known_sets import KNOWN


def command(
    screen: Screen,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help=f"One of {', '.join(KNOWN)}.", autocompletion=lambda: list(KNOWN))
    ],
    folder: Annotated[
        Path | None, typer.Option(help="Where the files go; without it ~/.cache/genwright, where they are found.")
    ] = None,
) -> dict[str, Any]:
    """Downloads what is not there yet."""
    from genwright.data.download import fetch

    with screen.progress() as progress:
        place = fetch(name, folder, progress)
    screen.result(str(place))
    screen.more(f"next: genwright fit {name if folder is None else place}")
    return {"name": name, "folder": str(place)}
