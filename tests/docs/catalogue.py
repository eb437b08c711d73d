"""docs/catalogue.md: every name there is, with the first line of its file.

python -m tests.docs.catalogue    # writes the page anew
"""

from collections.abc import Iterator
from pathlib import Path

from genwright.cli.app import summaries
from genwright.core.registry import CLASSIFIERS, CODECS, JUDGES, MODELS, READERS, Registry

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "catalogue.md"
SAMPLERS, RECIPES = Registry("samplers", "Sampler"), Registry("recipes", "Recipe")
PARTS = {
    "Families": (MODELS, "`fit(…, model=NAME)`, `genwright fit --model NAME`; their pages are in [models](models/)."),
    "Kinds of columns": (CODECS, "`kinds={column: NAME}`, `--kind COLUMN=NAME`; most are found by themselves."),
    "Judges": (JUDGES, "`run.judge(judges=NAME)`; [judging texts](judging-texts.md) has more about those of texts."),
    "Classifiers": (CLASSIFIERS, "Judges ask them whether rows are real, and what rows teach."),
    "Readers": (READERS, "What `fit` takes as data. Which one it is, is found by itself."),
    "Samplers": (SAMPLERS, "How sequences are drawn: [sampling](sampling.md)."),
    "Recipes": (RECIPES, "Uses, built on the pipeline."),
}


def page() -> str:
    """The page as it should be."""
    lines = ["# What there is", "", "Written by `python -m tests.docs.catalogue` from the first line of every file."]
    lines += ["`genwright list` prints the first four lists, `genwright list models NAME` a family's settings."]
    for title, (registry, use) in PARTS.items():
        lines += ["", f"## {title}", "", use, "", "| name | what it is |", "|---|---|"]
        lines += [f"| {_linked(registry, name)} | {cell(registry.summary(name))} |" for name in registry.names()]
    lines += [
        "",
        "## Commands",
        "",
        "`genwright NAME --help` has the options.",
        "",
        "| name | what it does |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {cell(line)} |" for name, line in summaries().items()]
    return "\n".join(lines) + "\n"


def _linked(registry: Registry, name: str) -> str:
    return f"[`{name}`](models/{name}.md)" if registry is MODELS else f"`{name}`"


def cell(text: str) -> str:
    """A text as a cell of a table."""
    return text.replace("|", "\\|")


def links(text: str) -> Iterator[str]:
    """Targets of a page's links and pictures that are files of this repository."""
    for part in text.split("](")[1:]:
        target = part.partition(")")[0].partition("#")[0]
        if target and "://" not in target:
            yield target


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
