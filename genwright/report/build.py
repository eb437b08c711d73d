"""The report of a run: its held-out rows beside as many draws, its scores and its facts, as a page."""

from pathlib import PurePath
from typing import Any

import pyarrow as pa

from genwright.core.config import to_json
from genwright.core.rng import numpy_generator
from genwright.report.page import MAX_ROWS, Material, render
from genwright.runs.run import Run

HIDDEN = ("path", "flavour")  # facts that say something about a machine, not about the fit


def report(run: Run) -> str:
    """The page of a run as HTML.

    Real rows are those held out in the fit, or, where none were, those learnt from. A run that was loaded reads them
    from the data again; without the data the page has no columns and pairs, and says so.
    """
    return render(material(run))


def material(run: Run, n: int = MAX_ROWS) -> Material:
    """What the page of a run shows, with at most n real and n synthetic rows."""
    artefact = run.artefact
    name = PurePath(str(artefact.facts.get("data", "run"))).name
    real = real_rows(run, n)
    fake = run.sample(real.num_rows or n, flavour="arrow")
    facts: dict[str, Any] = {
        "model": artefact.model_name,
        "settings": to_json(artefact.model.config),
        "seed": artefact.seed,
        **{k: v for k, v in artefact.facts.items() if k not in HIDDEN},
        "data": name,
    }
    return Material(f"{name} · {artefact.model_name}", run.schema, artefact.scores, real, fake, facts)


def real_rows(run: Run, n: int) -> pa.Table:
    """At most n held-out rows as records, or rows learnt from where none were held out; none without the data."""
    if run.held_out is None:
        run.remember_rows(need_train=True, need_held_out=True)
    data = run.held_out if run.held_out is not None and len(run.held_out) else run.train
    codec = run.artefact.codec
    if data is None or not len(data):
        return pa.table({name: pa.nulls(0) for name in run.schema.names})
    return codec.decode(data.sample_rows(n, numpy_generator(run.artefact.seed, "report")))
