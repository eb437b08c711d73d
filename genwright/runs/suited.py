"""What a family can do with the columns of some data, known before anything is fitted."""

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

from genwright.core.codec import TableCodec
from genwright.core.errors import GenwrightError
from genwright.core.records import Records
from genwright.core.registry import MODELS
from genwright.core.schema import Schema
from genwright.data.series import CLOCKS, series_of

MOST_NAMES = 5  # columns named where a family leaves some out
MOST_CHARACTERS = 200  # of a refusal, which may name every column
AS_STEPS = "reads the rows as steps that follow each other in time"


@dataclass(frozen=True)
class Suited:
    """What one family can do with the data.

    Args:
        model: Its name.
        models: `all` of the columns that are modelled, `some` of them, or `none`.
        why: What it leaves out, or why it refuses; empty where it models all.
        leaves_out: The columns that it does not model, of some.
    """

    model: str
    models: str
    why: str = ""
    leaves_out: tuple[str, ...] = ()


def suited(
    name: str, records: Records, codec: TableCodec, config: Any = None, given: Iterable[str] | None = None
) -> Suited:
    """What a family can do: its columns, as `fit` leaves others out, and whether it takes these.

    Args:
        name: Of the family.
        records: The data.
        codec: Fitted to them.
        config: The family's settings; its own where they are not said.
        given: Columns that it is to read and need not model.
    """
    try:
        family = MODELS.get(name)
    except Exception as error:  # somebody else's package
        return Suited(name, "none", f"cannot be loaded: {_line(error)}")
    gone = [column for column, f in codec.space.items() if not isinstance(f.support, family.supports)]
    gone = gone if len(gone) < len(codec.modelled) else []  # where nothing would be left it refuses by name
    space = codec.without(gone, "left out").space if gone else codec.space
    given = [column for column in given or () if column in space]
    try:
        family(space.given(given) if given else space, config)
    except Exception as error:  # it refuses; of somebody else's family also with errors of its own
        return _as_series(name, records, codec.schema) or Suited(name, "none", _line(error))
    if not gone:
        return Suited(name, "all")
    return Suited(name, "some", f"leaves out {_listed(gone, codec.schema)}", tuple(gone))


def _as_series(name: str, records: Records, schema: Schema) -> Suited | None:
    """Where rows can be steps: what a family that reads them so can do."""
    usable = all(c.kind in ("number", "constant", *CLOCKS) for c in schema)
    if not (MODELS.get(name).reads_series and usable):
        return None
    try:
        is_series = series_of(records, schema) is not None
    except GenwrightError:
        return None
    return Suited(name, "all", AS_STEPS) if is_series else None


def _listed(names: list[str], schema: Schema) -> str:
    """Columns with their kinds.

    >>> _listed(["note"], Schema.from_json([{"name": "note", "kind": "text"}]))
    'note (text)'
    """
    shown = ", ".join(f"{name} ({schema[name].kind})" for name in names[:MOST_NAMES])
    return f"{shown} and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else shown


def _line(error: Exception) -> str:
    return shorten(str(error), MOST_CHARACTERS, placeholder=" …") or type(error).__name__
