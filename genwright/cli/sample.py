"""Draw new rows from a run, to a file, to a folder of pictures, or to standard output.

A file's ending says what it becomes: .csv, .tsv, .jsonl, .parquet, or .txt for a run whose only column is text.
Pictures go to a folder: a PNG file each, in folders by their `label`, and a contact sheet of the first hundred.
Without -o, rows are printed as CSV; texts that are alone in their rows are printed as they are, one a line, or with a
rule of dashes between them where they have several lines. The same seed draws the same rows, and row i is the same
however many are drawn.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genwright.cli.terminal.ink import printable
from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import count, many, require

if TYPE_CHECKING:
    import pyarrow as pa

    from genwright.core.decoding import Settings
    from genwright.core.model import Progress
    from genwright.recipes.filter import Filter
    from genwright.runs.draw import Draw
    from genwright.runs.run import Run

ROWS, TEXTS, PICTURES = 1000, 10, 64  # drawn unless a number is given
PASSAGE = 500  # tokens of a running text, unless a number is given

Rows = Annotated[
    str | None,
    typer.Option(
        "-n",
        "--rows",
        metavar="N",
        help=f"Number of rows: 1000, 1_000, 10k, 1e6; without it {ROWS}, of texts {TEXTS}, of pictures {PICTURES}.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("-o", "--out", help="File or, of pictures, folder to write; without it, rows are printed."),
]
Given = Annotated[
    str | None,
    typer.Option(help="Conditions, e.g. \"age > 60 and income = '>50K'\", \"text starts 'Once upon a time'\"."),
]
Seed = Annotated[int | None, typer.Option(help="The same seed draws the same rows; without it, the run's.")]
Temperature = Annotated[float, typer.Option(help="Below 1: likelier rows; above 1: less likely ones.")]
TopK = Annotated[int, typer.Option("--top-k", metavar="K", help="Texts: only the K likeliest tokens; 0: all.")]
TopP = Annotated[
    float, typer.Option("--top-p", metavar="P", help="Texts: only the likeliest tokens with probability P together.")
]
MinP = Annotated[
    float, typer.Option("--min-p", metavar="P", help="Texts: only tokens at least P times as likely as the likeliest.")
]
Penalty = Annotated[
    float, typer.Option("--repetition-penalty", metavar="X", help="Texts: above 1, fewer repetitions; 1: none.")
]
Stop = Annotated[
    list[str] | None,
    typer.Option("--stop", metavar="TEXT", help=r"Texts end before it; can be given several times; \n is a line end."),
]
Pattern = Annotated[str, typer.Option(metavar="REGEX", help="Texts match this regular expression as a whole.")]
MaxTokens = Annotated[
    int | None,
    typer.Option(
        "--max-tokens",
        metavar="N",
        min=0,
        help=f"Texts: most tokens behind what is given; 0: as in the data; without it {PASSAGE} of a running text.",
    ),
]
Beams = Annotated[
    int,
    typer.Option(
        "--n-beams", metavar="W", min=0, help="Texts: the W likeliest in place of draws, by beam search; 0: draws."
    ),
]
Stream = Annotated[bool, typer.Option("--stream", help="Print one text as it is drawn; Ctrl-C ends it.")]
ExcelSafe = Annotated[
    bool, typer.Option("--excel-safe", help="Put ' before cells that a spreadsheet would run as a formula.")
]
KeepBest = Annotated[
    float | None,
    typer.Option(
        "--keep-best",
        metavar="SHARE",
        help="Draw more, and keep this share: what looks most real to a detector; 0.25 keeps a quarter.",
    ),
]
JudgedBy = Annotated[
    str | None,
    typer.Option(
        "--judged-by",
        metavar="WHO",
        help="Of --keep-best: the run of a classifier, or a classifier that learns to tell real rows from draws, "
        "boosting without it, logistic for pictures.",
    ),
]
Minutes = Annotated[
    float | None, typer.Option(help="Of --keep-best: how long a network that judges may learn; 5 without it.")
]
Wanted = Annotated[
    str | None,
    typer.Option(metavar="CLASS", help="Of --judged-by: the class that draws should be; else their own, else `real`."),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the file, or the folder of draws, that is there.")
]


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    n: Rows = None,
    out: Out = None,
    given: Given = None,
    seed: Seed = None,
    temperature: Temperature = 1.0,
    top_k: TopK = 0,
    top_p: TopP = 1.0,
    min_p: MinP = 0.0,
    repetition_penalty: Penalty = 1.0,
    stop: Stop = None,
    pattern: Pattern = "",
    max_tokens: MaxTokens = None,
    n_beams: Beams = 0,
    stream: Stream = False,
    keep_best: KeepBest = None,
    judged_by: JudgedBy = None,
    wanted: Wanted = None,
    minutes: Minutes = None,
    excel_safe: ExcelSafe = False,
    overwrite: Overwrite = False,
) -> dict[str, Any]:
    """Draws, and says how many candidates met the conditions."""
    from genwright.cli.terminal.rows import is_folder, rows_place
    from genwright.core.decoding import Decoding
    from genwright.core.given import parse
    from genwright.pipeline import load

    n_wanted = None if n is None else count(n)
    require(0 < temperature < float("inf"), f"--temperature {temperature}: expected a number above 0")
    require(not stream or (out is None and n_wanted in (None, 1)), "--stream prints one text; leave out -n and -o")
    require(keep_best is None or not (stream or n_beams), "--keep-best filters rows; leave out --stream and --n-beams")
    for option, value in (("--wanted", wanted), ("--judged-by", judged_by), ("--minutes", minutes)):
        require(keep_best is not None or value is None, f"{option} is of --keep-best; add --keep-best 0.5, say")
    place = rows_place(out, overwrite)
    parse(given)  # raises for text that cannot be read, before the run is
    settings: Settings = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "min_p": min_p}
    settings |= {"repetition_penalty": repetition_penalty, "pattern": pattern, "max_tokens": max_tokens or 0}
    settings["n_beams"] = n_beams
    settings["stop"] = [text.replace("\\n", "\n").replace("\\t", "\t") for text in stop or []]
    Decoding.of(settings)  # raises likewise
    fitted = load(run)
    if max_tokens is None and _runs_on(fitted):
        settings["max_tokens"] = PASSAGE
    draw = fitted.draw(given, seed=seed, **settings)
    if stream:
        return {**_live(screen, draw), **_facts(draw, 1)}
    n_rows = n_beams or _usual(fitted) if n_wanted is None else n_wanted
    source: Draw | Filter = draw
    if keep_best is not None:
        how = {"keep": keep_best, "wanted": wanted, "minutes": minutes, "seed": seed, **settings}
        source = _filter(screen, fitted, given, judged_by or "auto", how)
    if place is not None and is_folder(place):
        document = _folder(screen, fitted, source, n_rows, place, overwrite)
    else:
        document = _table(screen, fitted, source, n_rows, place, excel_safe)
    return {**document, **_facts(_drawn(source), n_rows), **_filtered(screen, source)}


def _filter(
    screen: Screen,
    fitted: "Run",
    given: str | None,
    judged_by: str,
    how: dict[str, Any],
) -> "Filter":
    """Draws that are filtered, by a classifier in a folder or by a detector of its own."""
    from genwright.core.registry import CLASSIFIERS
    from genwright.pipeline import load
    from genwright.recipes.filter import Filter
    from genwright.runs.classifier_run import ClassifierRun

    by: Any = judged_by
    place = Path(judged_by).expanduser()
    if judged_by not in ("auto", *CLASSIFIERS.names()) and (place.exists() or len(place.parts) > 1):
        by = load(place)
        require(isinstance(by, ClassifierRun), f"--judged-by {judged_by} is a run that draws; name one that predicts")
    with screen.progress() as progress:
        return Filter(fitted, given, judged_by=by, progress=progress, **how)


def _filtered(screen: Screen, source: "Draw | Filter") -> dict[str, Any]:
    """What a filter did, in words and for the document."""
    report = getattr(source, "report", None)
    if report is None:
        return {}
    screen.say(printable(report))
    return {"filter": report.to_json()}


def _usual(fitted: "Run") -> int:
    """Rows that are drawn unless a number is given."""
    if fitted.series:
        return 1
    return PICTURES if _white(fitted) else TEXTS if _has_texts(fitted) else ROWS


def _white(fitted: "Run") -> int:
    """The value of white in the run's pictures; 0: it has none."""
    codecs = fitted.artefact.codec.codecs
    return next((getattr(codecs[c.name], "peak", 255) for c in fitted.schema if c.kind == "image"), 0)


def _folder(
    screen: Screen, fitted: "Run", draw: "Draw | Filter", n: int, place: Path, overwrite: bool
) -> dict[str, Any]:
    """Writes pictures."""
    from genwright.data.contact_sheet import NAME
    from genwright.data.write_pictures import write_pictures

    with screen.progress() as progress:
        tables, schema = fitted.written(_told(draw.tables(n), n, progress))
        write_pictures(tables, place, schema, overwrite, white=_white(fitted) or 255)
    screen.kept = f"{place} is written"
    _acceptance(screen, draw)
    screen.say(f"{n:,} pictures in {place}, side by side in {place / NAME}")
    return {"output": str(place), "contact_sheet": str(place / NAME)}


def _table(
    screen: Screen, fitted: "Run", draw: "Draw | Filter", n: int, place: Path | None, excel_safe: bool
) -> dict[str, Any]:
    """Sends the rows on."""
    from genwright.cli.terminal.rows import is_watched, put
    from genwright.data.write_pictures import described

    form = ".txt" if fitted.schema.names and [c.kind for c in fitted.schema] == ["text"] else ".csv"
    with screen.progress(is_watched(place)) as progress:
        tables, schema = fitted.written(_told(draw.tables(n), n, progress))
        if place is None:
            tables, schema = described(tables, schema)
        document = put(screen, tables, schema, place, excel_safe, form)
    _acceptance(screen, draw)
    if place is not None:
        screen.say(f"{many(n)} in {place}")
    return document


def _live(screen: Screen, draw: "Draw") -> dict[str, Any]:
    """Prints one text as it is drawn; with --json it is in the document."""
    from genwright.cli.terminal.ink import fitted, is_terminal
    from genwright.runs.live import live

    pieces: list[str] = []
    try:
        for piece in live(draw):
            pieces.append(piece)
            if not screen.is_json:
                screen.kept = "the text is as far as it was drawn"
                shown = "".join(c if c in "\n\t" else printable(c) for c in piece) if is_terminal(sys.stdout) else piece
                sys.stdout.write(fitted(shown, sys.stdout))
                sys.stdout.flush()
    finally:
        if pieces and not screen.is_json:
            sys.stdout.write("\n")
            sys.stdout.flush()
    return {"text": "".join(pieces)}


def _facts(draw: "Draw", n: int) -> dict[str, Any]:
    return {"n_rows": n, "seed": draw.seed, "given": [str(c) for c in draw.conditions], "acceptance": draw.acceptance}


def _has_texts(run: "Run") -> bool:
    from genwright.runs.beginnings import vocabularies

    return bool(vocabularies(run.artefact.codec))


def _runs_on(run: "Run") -> bool:
    """Whether its texts are passages of a running text, and the model draws them token by token."""
    from genwright.core.model import Autoregressive
    from genwright.core.space import Tokens

    supports = [f.support for f in run.artefact.codec.space.values()]
    return isinstance(run.model, Autoregressive) and any(isinstance(s, Tokens) and s.runs_on for s in supports)


def _told(tables: "Iterator[pa.Table]", n: int, progress: "Progress") -> "Iterator[pa.Table]":
    """The tables, with progress told as they pass."""
    done = 0
    progress(0.0, "drawing")
    for table in tables:
        done += table.num_rows
        progress(done / n if n else 1.0, "drawing")
        yield table


def _drawn(source: "Draw | Filter") -> "Draw":
    """The draw that gave the rows, filtered or not."""
    from genwright.runs.draw import Draw

    return source if isinstance(source, Draw) else source.draw


def _acceptance(screen: Screen, source: "Draw | Filter") -> None:
    draw = _drawn(source)
    if not draw.conditions:
        return
    if draw.n_tried:
        counts = f"{draw.n_kept:,} of {draw.n_tried:,} candidate rows met the conditions"
        screen.say(f"{counts} (acceptance rate {draw.acceptance:.2g})")
    elif not draw.rest:
        screen.say("the model meets the conditions itself (acceptance rate 1)")
