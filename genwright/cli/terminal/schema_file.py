"""Kinds of the columns from a file."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genwright.core.errors import SchemaError

if TYPE_CHECKING:
    from genwright.core.schema import Schema

SchemaFile = Annotated[
    Path | None,
    typer.Option("--schema", help="Kinds of the columns, as JSON; `genwright show DATA --json` writes it."),
]


def schema_as_said(path: Path | None) -> "Schema | None":
    """The schema of a file; None where none was named."""
    return None if path is None else read_schema(path)


def read_schema(path: Path) -> "Schema":
    """A schema as `genwright show --json` prints it, alone or with what stands around it.

    Raises:
        SchemaError: the file cannot be read, or holds something else.
    """
    from genwright.core.schema import Schema

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SchemaError(f"{path}: {error}; write one with: genwright show DATA --json") from None
    columns = document.get("schema") if isinstance(document, dict) else document
    if not isinstance(columns, list) or not all(isinstance(column, dict) for column in columns):
        raise SchemaError(f"{path} is not a schema; expected a list of objects with name and kind")
    if not columns:
        raise SchemaError(f"{path} has no columns; write one with: genwright show DATA --json")
    return Schema.from_json(columns)
