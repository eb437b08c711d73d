"""Foretell the class of new rows, with its probability and how sure that is.

A row comes out for each row that goes in: class, probability, the second class with its probability, and certainty,
from 0 (all classes are equally likely) to 1; before them the ids that the row has and of pictures in files the file.
With --all, the probability of every class instead.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.reading import Encoding, Header, Part, SkipBad, read_as_said
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import many


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run that genwright classify made.")],
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="New rows, with the columns of the data of the run but the target.")
    ],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write; without it, CSV is printed.")] = None,
    header: Header = True,
    encoding: Encoding = None,
    part: Part = None,
    skip_bad: SkipBad = False,
    every: Annotated[bool, typer.Option("--all", help="One column a class, with its probability.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Predicts row by row, in the order of the data."""
    import pyarrow as pa

    from genwright.cli.terminal.rows import is_watched, put, table_file
    from genwright.pipeline import load
    from genwright.runs.classifier_run import CERTAINTY, as_classifier

    place = table_file(out, overwrite)
    fitted = as_classifier(load(run), run)
    records = read_as_said(data, header, encoding, part, skip_bad)
    n_rows, sure = 0, 0.0

    def counted() -> Iterator[pa.Table]:
        nonlocal n_rows, sure
        for table in fitted.probabilities(records, with_names=True) if every else fitted.predictions(records):
            n_rows += table.num_rows
            sure += 0.0 if every else sum(table.column(CERTAINTY).to_pylist())
            progress(n_rows / (records.n_rows or n_rows * 2), f"predicting, {n_rows:,} rows done")
            yield table

    names = [str(name) for name in fitted.classes]
    schema = fitted.predicted_schema(records, every)
    with screen.progress(is_watched(place)) as progress:
        progress(0.0, "predicting")
        document = put(screen, counted(), schema, place)
    if place is not None:
        mean = "" if every or not n_rows else f", mean certainty {sure / n_rows:.2f}"
        screen.say(f"{many(n_rows)} in {place}{mean}")
    return {**document, "run": str(run), "target": fitted.target, "classes": names, "n_rows": n_rows}
