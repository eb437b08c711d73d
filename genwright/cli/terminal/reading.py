"""Options that say how data are read, for every command that reads some."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genwright.data.parts import PARTS

if TYPE_CHECKING:
    from genwright.core.records import Records
    from genwright.runs.run import Run

Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="Of a file of text, e.g. utf-8, cp1252; found without it.")
]
Header = Annotated[
    bool, typer.Option("--header/--no-header", help="Whether a table's first line holds the column names.")
]
Part = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of pictures in parts: train, test or validation; train without it.",
        autocompletion=lambda: list(PARTS),
    ),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out pictures that cannot be read; they are counted and named.")
]


def read_as_said(
    data: str,
    header: bool,
    encoding: str | None,
    part: str | None,
    skip_bad: bool,
    rows: str | None = None,
    before: Mapping[str, Any] | None = None,
) -> "Records":
    """The records of the data; only what was said, now or before, reaches the reader, as not each has every option."""
    from genwright.data.read import read

    said: dict[str, Any] = {"rows": rows, "encoding": encoding, "part": part}
    said = {name: value for name, value in said.items() if value is not None}
    flags = ({} if header else {"header": False}) | ({"skip_bad": True} if skip_bad else {})
    return read(data, **{**(before or {}), **said, **flags})


def again(
    kind: list[str] | None, schema: Path | None, header: bool, encoding: str | None, part: str | None, skip_bad: bool
) -> list[str]:
    """The words of a command line that read the data of another one as this one did."""
    named = {"--schema": schema, "--encoding": encoding, "--part": part}
    pairs = [("--kind", pair) for pair in kind or []] + [(k, str(v)) for k, v in named.items() if v is not None]
    flags = ([] if header else ["--no-header"]) + (["--skip-bad"] if skip_bad else [])
    return [word for pair in pairs for word in pair] + flags


def as_typed(*words: object) -> str:
    """A command line of genwright to be copied into a shell."""
    return shlex.join(["genwright", *map(str, words)])


def rows_as_said(
    run: "Run", data: str | None, header: bool, encoding: str | None, part: str | None, skip_bad: bool
) -> "Records | str | None":
    """Other rows for a run, of a text cut as that of the fit was asked to be; the name alone where nothing was said."""
    from genwright.data.readers.text import TextReader

    if data is None or (header and encoding is None and part is None and not skip_bad):
        return data
    rows = run.artefact.facts.get("options", {}).get("rows") if TextReader.accepts(data) else None
    return read_as_said(data, header, encoding, part, skip_bad, rows)


def is_run(what: str) -> bool:
    """Whether it is the folder of a run."""
    return any((Path(what) / name).exists() for name in ("run.json", "manifest.json"))
