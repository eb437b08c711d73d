"""Write a run's report: one HTML page with verdict, scores and real against drawn columns.

Without -o the report goes into the run's own folder.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.reading import Encoding, Header, Part, SkipBad, rows_as_said
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import free_file


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="HTML file; without it, report.html in the run.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", help="Real rows to show: file or folder; without it, those of the fit.")
    ] = None,
    header: Header = True,
    encoding: Encoding = None,
    part: Part = None,
    skip_bad: SkipBad = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Builds the page and says where it is."""
    from genwright.pipeline import load
    from genwright.report.build import build_report
    from genwright.runs import add_file

    place = None if out is None else free_file(out, overwrite)
    fitted = load(run)
    real = rows_as_said(fitted, data, header, encoding, part, skip_bad)
    with screen.progress() as progress:
        progress(0.0, "drawing the report")
        page = build_report(fitted, real)
    place = add_file(run, "report.html", page) if place is None else _write(place, page)
    screen.result(str(place))
    return {"run": str(run), "report": str(place)}


def _write(place: Path, page: str) -> Path:
    from genwright.core.errors import RunError
    from genwright.core.files import replace_file

    try:
        replace_file(place, page.encode())
    except OSError as error:
        raise RunError(f"cannot write {place}: {error.strerror}; name another file with -o") from None
    return place
