"""Score a run's draws against real rows, between real against real and independent columns.

Rows held out in the fit are used again where the data are still there and unchanged; others are given by path. The
scores are kept in the run; with --judge, and the rows of the fit, those of the other judges stay there too.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.reading import Encoding, Header, Part, SkipBad, rows_as_said
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import count, require
from genwright.core.errors import UnknownNameError
from genwright.core.judge import owner
from genwright.core.registry import JUDGES


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    held_out: Annotated[
        str | None, typer.Option(metavar="DATA", help="Rows the model has not seen; without it, those of the fit.")
    ] = None,
    train: Annotated[
        str | None, typer.Option(metavar="DATA", help="Rows the model learnt from; without it, those of the fit.")
    ] = None,
    judge: Annotated[
        list[str] | None,
        typer.Option(
            help="A judge of `genwright list judges`; again for more; without it, all.", autocompletion=JUDGES.names
        ),
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A column whose prediction matters; again for more.")
    ] = None,
    max_rows: Annotated[
        str | None,
        typer.Option(metavar="N", help="Rows of each side that judges look at; without it 10000, with pictures 2000."),
    ] = None,
    header: Header = True,
    encoding: Encoding = None,
    part: Part = None,
    skip_bad: SkipBad = False,
) -> dict[str, Any]:
    """Judges, shows and keeps the scores."""
    from genwright.cli.terminal.guesses import show_guesses
    from genwright.cli.terminal.scores import show_scores
    from genwright.core.predictions import METRICS
    from genwright.pipeline import load
    from genwright.runs import rewrite
    from genwright.runs.classifier_run import ClassifierRun

    n = None if max_rows is None else count(max_rows, "--max-rows")
    require(n is None or n >= 2, f"--max-rows {max_rows}: expected 2 or more; judges compare rows with each other")
    known = [*JUDGES.names(), *(metric.name for metric in METRICS)]
    for name in judge or []:
        if name not in known:
            raise UnknownNameError(name, known, JUDGES.package)
    fitted = load(run)
    for name in target or []:
        fitted.schema[name]  # raises for an unknown column
    before = [] if held_out or train else [s for s in fitted.scores if owner(s.name)[0] not in (judge or known)]
    unseen, seen = (rows_as_said(fitted, data, header, encoding, part, skip_bad) for data in (held_out, train))
    with screen.progress() as progress:
        scores = fitted.judge(unseen, seen, judges=judge, targets=target or [], max_rows=n, progress=progress)
    screen.kept = "the run keeps the scores it had"
    kept = sorted([*before, *scores], key=lambda score: owner(score.name)[0])  # each judge's numbers in its own order
    rewrite(run, scores=kept, features=fitted.artefact.features)
    (show_guesses if isinstance(fitted, ClassifierRun) else show_scores)(screen, scores)
    return {"run": str(run), "scores": [score.to_json() for score in scores]}
