"""Say which family suits data, and what that stands on; nothing is fitted.

It is the family that `genwright fit` begins with where no --model is given. `genwright compare` tries all families on
the data themselves.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from genwright.cli.terminal.reading import Encoding, Header, Part, SkipBad, again, as_typed, read_as_said
from genwright.cli.terminal.schema_file import SchemaFile, schema_as_said
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import kinds, many, require

if TYPE_CHECKING:
    from genwright.recipes.choose import Choice

MOST_NAMES = 8  # columns of a kind that are named
DOES = {"all": "yes", "some": "in part", "none": "no"}


def command(
    screen: Screen,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="A file or folder of data, or the name of a built-in set.")
    ],
    kind: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN=KIND", help="Read a column as this kind; again for more.")
    ] = None,
    schema: SchemaFile = None,
    header: Header = True,
    encoding: Encoding = None,
    part: Part = None,
    skip_bad: SkipBad = False,
    held_out: Annotated[float, typer.Option(help="Share of the rows that the fit would hold out.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Of the fit: it says which rows are held out.")] = 0,
) -> dict[str, Any]:
    """Reads, answers and explains."""
    from genwright.recipes.choose import choose

    require(0 <= held_out < 1, f"--held-out {held_out}: expected a share of the rows, from 0 up to but not 1")
    with screen.progress() as progress:
        records = read_as_said(data, header, encoding, part, skip_bad)
        known, asked = schema_as_said(schema), kinds(kind or [])
        choice = choose(records, schema=known, kinds=asked, held_out=held_out, seed=seed, progress=progress)
    _show(screen, choice)
    said = again(kind, schema, header, encoding, part, skip_bad)
    screen.more(f"next: {as_typed('fit', data, '--model', choice.model, *said)}")
    screen.more(f"or:   {as_typed('compare', data, *said)}")
    return choice.to_json()


def _show(screen: Screen, choice: "Choice") -> None:
    evidence = choice.evidence
    screen.result(str(choice))
    screen.more()
    screen.heading(f"{evidence.data}: {many(evidence.n_rows)}, {evidence.n_train:,} to learn from")
    screen.table(["kind", "n", "columns"], [(k, len(names), _some(names)) for k, names in evidence.kinds.items()], "n")
    screen.table(["family", "can", "why"], [(s.model, DOES[s.models], s.why) for s in evidence.families])
    screen.more(f"measured: {evidence.measured} ({evidence.page})")
    screen.more(f"compare ranks families of such data by: {evidence.ranked_by}")
    if evidence.more:
        screen.more(f"also: {evidence.more}")


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more
