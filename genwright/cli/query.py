"""Ask a run what it knows of some columns, given others.

A run of bayes_net answers exactly. From any other family 10,000 rows are drawn under the conditions and counted, and
each share is shown with its standard error.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import require

if TYPE_CHECKING:
    from genwright.recipes.query import Answer
    from genwright.runs.run import Run

BAR, MOST = 30, 20  # letters of the longest bar; values that are shown


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    of: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN,COLUMN", help="The columns asked for; again for more.")
    ] = None,
    given: Annotated[
        str | None, typer.Option(help="What is known, e.g. \"age > 60 and income = '>50K'\"; without it, nothing.")
    ] = None,
    most_probable: Annotated[
        bool, typer.Option("--most-probable", help="The values that are likeliest together (bayes_net only).")
    ] = False,
) -> dict[str, Any]:
    """Asks and shows."""
    from genwright.core.given import parse
    from genwright.pipeline import load
    from genwright.recipes import query as recipe

    require(bool(of) or most_probable, "name columns with --of, for example --of age,income, or add --most-probable")
    conditions = parse(given)  # raises for text that cannot be read, before the run is
    fitted = load(run)
    names = _names(of or [], fitted)
    document: dict[str, Any] = {"run": str(run), "given": [str(c) for c in conditions]}
    under = f" given {' and '.join(map(str, conditions))}" if conditions else ""
    if names:
        answers = recipe.query(fitted, names, given)
        for answer in answers.values():
            _show(screen, answer, under, _is_of_ranges(fitted, answer))
        document["answers"] = [answer.to_json() for answer in answers.values()]
    if most_probable:
        found = recipe.most_probable(fitted, given)
        screen.heading(f"Likeliest together{under}")
        screen.table(["column", "value"], list(found.items()))
        document["most_probable"] = found
    return document


def _names(of: list[str], run: "Run") -> list[str]:
    """`["a,b", "c"]` → a, b, c; a column's name may itself hold a comma."""
    known = set(run.schema.names)
    parts = [part.strip() for text in of for part in ([text] if text in known else text.split(","))]
    return list(dict.fromkeys(part for part in parts if part))


def _is_of_ranges(run: "Run", answer: "Answer") -> bool:
    """Whether the values are ranges along a line; a category may have a name such as "1 to 5"."""
    from genwright.core.space import Category

    is_category = isinstance(run.artefact.codec.codecs[answer.column].field.support, Category)
    return not is_category and any(" to " in value for value in answer.shares)


def _show(screen: Screen, answer: "Answer", under: str, is_line: bool) -> None:
    how = "exact" if answer.is_exact else f"shares of {answer.n_draws:,} draws"
    screen.heading(f"{answer.column}{under} ({how})")
    order = list(answer.shares) if is_line else sorted(answer.shares, key=lambda v: -answer.shares[v])
    top = max(answer.shares.values()) or 1.0
    error = [] if answer.is_exact else ["± standard error"]
    rows = [
        (v, _shown(p := answer.shares[v]), *([f"{answer.errors[v]:.4f}"] if error else []), "─" * round(BAR * p / top))
        for v in order[:MOST]
    ]
    screen.table([answer.column, "probability", *error, ""], rows, ["probability", *error])
    rest = order[MOST:]
    if rest:
        left = sum(answer.shares[v] for v in rest)
        screen.more(f"… and {len(rest):,} more with {left:.4f} together; --json lists all\n")


def _shown(p: float) -> str:
    return "< 0.0001" if 0 < p < 0.00005 else f"{p:.4f}"
