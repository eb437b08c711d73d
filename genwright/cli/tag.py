"""Tag the words of a sentence, or of a file of sentences.

The run is an hmm whose states are tags, as one fitted to a .conllu file is. A file is .conllu, text with a sentence a
line, or a table with a column of words; its ending says so. With -o a table has a row a word, and a .conllu file its
sentences.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from genwright.cli.terminal.screen import Screen
from genwright.cli.terminal.words import require

ENDINGS = (".conllu", ".conllu.gz", ".txt", ".jsonl", ".csv", ".parquet")


def _is_file(text: str) -> bool:
    """Whether a file is meant: there is one, or a single word ends like one."""
    is_name = len(text) < 4096 and "\n" not in text
    return is_name and (Path(text).is_file() or (len(text.split()) == 1 and text.lower().endswith(ENDINGS)))


def command(
    screen: Screen,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    text: Annotated[str, typer.Argument(metavar="TEXT|FILE", help="Words with blanks between them, or a file.")],
    out: Annotated[Path | None, typer.Option("-o", "--out", help="File to write; without it, tags are shown.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file that is there.")] = False,
) -> dict[str, Any]:
    """Tags and shows."""
    from genwright.cli.terminal.rows import put, table_file
    from genwright.pipeline import load
    from genwright.recipes import tag as recipe

    require(bool(text.strip()), "expected some words, such as 'show me flights from boston'")
    place = table_file(out, overwrite)
    fitted = load(run)
    is_file = _is_file(text)
    found = recipe.tag(fitted, recipe.sentences_of(fitted, text) if is_file else [text])
    unseen = sorted({w for s in found for w, is_known in zip(s.words, s.is_known) if w is not None and not is_known})
    if is_file or place is not None:
        if place is not None and place.name.lower().removesuffix(".gz").endswith(".conllu"):
            document = put(screen, [recipe.as_sentences(found)], recipe.sentences_schema(), place)
        else:
            document = put(screen, [recipe.as_table(found)], recipe.tagged_schema(), place)
        if place is not None:
            screen.say(f"{sum(len(s.words) for s in found):,} words of {len(found):,} sentences in {place}")
    else:
        rows = [(w, t, f"{p:.3f}") for s in found for w, t, p in zip(s.words, s.tags, s.probabilities)]
        screen.table(["word", "tag", "probability"], rows, ["probability"])
        document = {"words": list(found[0].words), "tags": list(found[0].tags)}
        document["probabilities"] = list(found[0].probabilities)
    if unseen:
        listed = ", ".join(unseen[:5]) + (", …" if len(unseen) > 5 else "")
        screen.note(f"{len(unseen):,} words were not in the training data: {listed}; their neighbours and shape decide")
    return {**document, "n_sentences": len(found), "n_unseen": len(unseen)}
