"""Tang poems by form: does `gpt` keep to the form, does it foretell better than n-grams, does it copy?

    python -m benchmarks.poems --minutes 12      # and some minutes of judging; writes docs/poems_benchmark.md
    python -m benchmarks.poems --again ~/poems    # judges and draws once more from the runs that --keep left there

Both families learn p(text | form) from nine tenths of the poems; the other tenth is held out. A draw
keeps to its form when it has the form's number of lines and characters, each line ended as the poems' are. Without
../shared/data/tang-poems it says so and ends.
"""

import argparse
import json
import platform
import re
import time
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from genwright.core.longest_match import longest_matches
from genwright.core.statistics import share_measure
from genwright.data.split import by_row
from genwright.pipeline import fit, load
from genwright.runs.run import Run

ROOT = Path(__file__).parent.parent
POEMS = ROOT.parent / "shared" / "data" / "tang-poems" / "tang_regulated.jsonl.gz"
PAGE = ROOT / "docs" / "poems_benchmark.md"
FORMS = {"wujue": (4, 5), "qijue": (4, 7), "wulv": (8, 5), "qilv": (8, 7)}  # lines, characters a line
N_DRAWN = 400  # poems a form
SETTINGS: dict[str, dict[str, Any]] = {
    "as learnt": {},
    "top-p 0.95": {"top_p": 0.95},
    "temperature 0.8": {"temperature": 0.8},
    "temperature 0.8, top-p 0.95": {"temperature": 0.8, "top_p": 0.95},
}
HELD_OUT = 0.1
JUDGES = ("bits_per_char", "copied_text", "diversity", "text_detectability")


def keeps(text: str | None, form: str) -> bool:
    """Whether a text has its form: so many lines of so many characters, a mark behind each, however they are set."""
    n_lines, n = FORMS[form]
    line = rf"[^，。？！；、：\n]{{{n}}}[，。？！；、：]"
    return re.fullmatch(rf"({line}){{{n_lines}}}", (text or "").replace("\n", "")) is not None


def drawn(run: Run, learnt: pd.Series, settings: dict[str, Any]) -> dict[str, Any]:
    """Draws of every form: how many keep to it, with 95 % intervals, and what they share with the poems learnt from."""
    texts = {form: run.sample(N_DRAWN, given={"form": form}, seed=1, **settings)["text"].fillna("") for form in FORMS}
    kept = {form: share(sum(keeps(text, form) for text in found)) for form, found in texts.items()}
    return {"forms": kept, "shared": shared([text for found in texts.values() for text in found], learnt)}


def share(n_kept: int, n: int = N_DRAWN) -> dict[str, float]:
    """A share with its interval."""
    kept = share_measure(n_kept, n)
    return {"kept": kept.value, "low": kept.low, "high": kept.high}


def shared(texts: list[str], learnt: pd.Series) -> dict[str, float]:
    """The longest passages that texts share with the poems learnt from, in characters; their different pairs."""
    length = longest_matches(texts, list(learnt)).length
    pairs = [a + b for text in texts for a, b in pairwise(text)]
    return {
        "mean": float(length.mean()),
        "95 %": float(np.quantile(length, 0.95)),
        "longest": float(length.max()),
        "different pairs": len(set(pairs)) / len(pairs),
    }


def real() -> dict[str, dict[str, float]]:
    """How many of the poems themselves keep to their form."""
    found = {}
    for form, texts in pd.read_json(POEMS, lines=True).groupby("form")["text"]:
        found[str(form)] = share(sum(keeps(text, str(form)) for text in texts), len(texts))
    return found


def halves() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The poems learnt from, and those held out, as `fit` splits them."""
    poems = pd.read_json(POEMS, lines=True)[["form", "text"]]
    is_held_out = by_row(len(poems), HELD_OUT, 0)(pa.RecordBatch.from_pandas(poems), 0)
    return poems[~is_held_out], poems[is_held_out]


def measured(model: str, args: argparse.Namespace, **budget: Any) -> dict[str, Any]:
    """A fit, its scores, and what it draws; the run is kept in a folder where one is named."""
    if args.again:
        run, seconds = load(args.again / model), json.loads((args.again / "seconds.json").read_text())[model]
    else:
        started = time.process_time()
        poems = pd.read_json(POEMS, lines=True)[["form", "text"]]
        run = fit(poems, model, given="form", held_out=HELD_OUT, judge=False, **budget)
        seconds = time.process_time() - started
    learnt, held_out = halves()
    scores = run.judge(held_out, learnt, judges=JUDGES)
    return {
        "seconds": seconds,
        "why": run.model.describe(),
        "steps": run.artefact.facts.get("n_steps"),
        "scores": {s.name: {k: getattr(s, k) for k in ("value", "low", "high", "floor", "ceiling")} for s in scores},
        "drawn": {name: drawn(run, learnt["text"], settings) for name, settings in SETTINGS.items()},
        "poems": {form: run.sample(2, given={"form": form}, seed=2)["text"].tolist() for form in FORMS},
        "run": run,
    }


def keep(found: dict[str, dict[str, Any]], folder: Path) -> None:
    """Saves the runs, with their CPU seconds."""
    for model, side in found.items():
        side["run"].save(folder / model, overwrite=True)
    (folder / "seconds.json").write_text(json.dumps({model: side["seconds"] for model, side in found.items()}))


def page(found: dict[str, dict[str, Any]]) -> str:
    """docs/poems_benchmark.md."""
    lines = [
        "# Tang poems by form\n",
        f"{date.today()}, {platform.machine()}, Python {platform.python_version()}, torch {torch.__version__}.",
        "Written by `python -m benchmarks.poems`: texts and forms of 36,835 regulated poems, a tenth held out,",
        "`--given form`. CPU seconds of the whole fit.\n",
        "| family | " + " | ".join(f"{form} kept" for form in FORMS) + " | CPU s |",
        "|---|" + "---:|" * (len(FORMS) + 1),
    ]
    lines.append(_kept("the poems themselves", real(), None))
    for name, side in found.items():
        for setting, draws in side["drawn"].items():
            seconds = side["seconds"] if setting == "as learnt" else None
            lines.append(_kept(f"{name}, {setting}", draws["forms"], seconds))
    lines += [
        "",
        f"{N_DRAWN} draws a form. The longest passage that a poem shares with those learnt from, in characters,",
    ]
    lines += ["and the share of different ones among all pairs of neighbours:\n"]
    lines += ["| poems | mean | 95 % below | longest | different pairs |", "|---|---:|---:|---:|---:|"]
    learnt, held_out = halves()
    some = held_out.groupby("form")["text"].head(N_DRAWN)
    lines.append(_shared("held-out poems, as many of each form", shared(list(some), learnt["text"])))
    for name, side in found.items():
        lines += [_shared(f"{name}, {setting}", draws["shared"]) for setting, draws in side["drawn"].items()]
    lines += ["", "| score | family | value | floor | ceiling |", "|---|---|---:|---:|---:|"]
    for score in next(iter(found.values()))["scores"]:
        for name, side in found.items():
            if s := side["scores"].get(score):
                lines.append(
                    f"| {score} | {name} | {s['value']:.4g} ({s['low']:.4g} … {s['high']:.4g}) | {s['floor']:.4g} | "
                    f"{s['ceiling']:.4g} |"
                )
    lines += ["", "Two poems a form, drawn by `gpt`, the first ones of their seed:\n"]
    for form, poems in found["gpt"]["poems"].items():
        lines += [f"*{form}*\n", *("```text\n" + str(poem) + "\n```\n" for poem in poems)]
    return "\n".join(lines)


def _kept(name: str, forms: dict[str, dict[str, float]], seconds: float | None) -> str:
    """A line of the table of forms."""
    shares = [f"{forms[f]['kept']:.1%} ({forms[f]['low']:.1%} … {forms[f]['high']:.1%})" for f in FORMS]
    return f"| {name} | {' | '.join(shares)} | {'–' if seconds is None else f'{seconds:,.0f}'} |"


def _shared(name: str, found: dict[str, float]) -> str:
    """A line of the table of passages."""
    cells = (
        f"{found['mean']:.2f}",
        f"{found['95 %']:.0f}",
        f"{found['longest']:.0f}",
        f"{found['different pairs']:.3f}",
    )
    return f"| {' | '.join([name, *cells])} |"


def main() -> None:
    """Measures, prints and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--steps", type=int, help="instead of minutes, on a busy machine")
    parser.add_argument("--keep", type=Path, help="folder for the runs")
    parser.add_argument("--again", type=Path, help="folder of kept runs to draw from, instead of fitting")
    args = parser.parse_args()
    if not POEMS.exists():
        raise SystemExit(f"skipped: there is no {POEMS}")
    budget = {"steps": args.steps} if args.steps else {"minutes": args.minutes}
    found = {}
    for name, said in (("ngram", {}), ("gpt", budget)):
        found[name] = measured(name, args, **said)
        print(json.dumps(found[name], indent=1, ensure_ascii=False, default=str), flush=True)
    if args.keep:
        keep(found, args.keep)
    PAGE.write_text(page(found))


if __name__ == "__main__":
    main()
