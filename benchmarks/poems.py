"""Tang poems by form: does `gpt` keep to the form, does it foretell better than n-grams, does it copy?

    python -m benchmarks.poems --minutes 12      # and some minutes of judging; writes docs/poems_benchmark.md

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
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from genwright.core.statistics import share_measure
from genwright.pipeline import fit
from genwright.runs.run import Run

ROOT = Path(__file__).parent.parent
POEMS = ROOT.parent / "shared" / "data" / "tang-poems" / "tang_regulated.jsonl.gz"
PAGE = ROOT / "docs" / "poems_benchmark.md"
FORMS = {"wujue": (4, 5), "qijue": (4, 7), "wulv": (8, 5), "qilv": (8, 7)}  # lines, characters a line
N_DRAWN, TOP_P = 400, 0.95  # poems a form; the likeliest characters with this probability together
JUDGES = ("bits_per_char", "copied_text", "diversity", "text_detectability")


def keeps(text: str | None, form: str) -> bool:
    """Whether a text has its form: so many lines of so many characters, a mark behind each, however they are set."""
    n_lines, n = FORMS[form]
    line = rf"[^，。？！；、：\n]{{{n}}}[，。？！；、：]"
    return re.fullmatch(rf"({line}){{{n_lines}}}", (text or "").replace("\n", "")) is not None


def of_form(run: Run, form: str, top_p: float = 1.0) -> dict[str, float]:
    """How many of some draws keep to the form, with its 95 % interval."""
    drawn = run.sample(N_DRAWN, given={"form": form}, seed=1, top_p=top_p)
    n_kept = sum(keeps(text, form) for text in drawn["text"])
    kept = share_measure(n_kept, N_DRAWN)
    return {"kept": kept.value, "low": kept.low, "high": kept.high}


def real() -> dict[str, dict[str, float]]:
    """How many of the poems themselves keep to their form."""
    found = {}
    for form, texts in pd.read_json(POEMS, lines=True).groupby("form")["text"]:
        kept = share_measure(sum(keeps(text, str(form)) for text in texts), len(texts))
        found[str(form)] = {"kept": kept.value, "low": kept.low, "high": kept.high}
    return found


def measured(model: str, keep: Path | None, **budget: Any) -> dict[str, Any]:
    """A fit, its scores, and what it draws; the run is kept in a folder where one is named."""
    poems = pd.read_json(POEMS, lines=True)[["form", "text"]]
    started = time.process_time()
    run = fit(poems, model, given="form", held_out=0.1, judge=False, **budget)
    seconds = time.process_time() - started
    if keep is not None:
        run.save(keep / model, overwrite=True)
    scores = run.judge(judges=JUDGES)
    return {
        "seconds": seconds,
        "why": run.model.describe(),
        "steps": run.artefact.facts.get("n_steps"),
        "scores": {s.name: {k: getattr(s, k) for k in ("value", "low", "high", "floor", "ceiling")} for s in scores},
        "forms": {form: of_form(run, form) for form in FORMS},
        "likelier": {form: of_form(run, form, TOP_P) for form in FORMS},
        "poems": {form: run.sample(2, given={"form": form}, seed=2)["text"].tolist() for form in FORMS},
    }


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
        lines.append(_kept(name, side["forms"], side["seconds"]))
        lines.append(_kept(f"{name}, top-p {TOP_P}", side["likelier"], None))
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


def main() -> None:
    """Measures, prints and writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--steps", type=int, help="instead of minutes, on a busy machine")
    parser.add_argument("--keep", type=Path, help="folder for the runs")
    args = parser.parse_args()
    if not POEMS.exists():
        raise SystemExit(f"skipped: there is no {POEMS}")
    budget = {"steps": args.steps} if args.steps else {"minutes": args.minutes}
    found = {}
    for name, said in (("ngram", {}), ("gpt", budget)):
        found[name] = measured(name, args.keep, **said)
        print(json.dumps(found[name], indent=1, ensure_ascii=False, default=str), flush=True)
    PAGE.write_text(page(found))


if __name__ == "__main__":
    main()
