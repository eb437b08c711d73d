"""The report of a run: its held-out rows beside as many draws, its scores and its facts, as a page."""

from pathlib import PurePath
from typing import Any

import numpy as np
import pyarrow as pa

from genwright.core.config import to_json
from genwright.core.dataset import Dataset, n_rows
from genwright.core.lengths import affordable_rows
from genwright.core.model import Autoregressive
from genwright.core.rng import numpy_generator
from genwright.core.schema import Schema
from genwright.core.space import Space, Tokens, Vectors
from genwright.data.typed import readable
from genwright.report import classifier_page
from genwright.report.model_figures import ModelFigures
from genwright.report.page import MAX_ROWS, Material, render
from genwright.report.picture_figures import PictureFigures
from genwright.runs.classifier_run import ClassifierRun
from genwright.runs.picture_evidence import row_pixels
from genwright.runs.run import Run

HIDDEN = ("path", "flavour", "is_text", "series")  # facts about a file or a machine, not about the fit
MAX_READ = 200_000  # rows of given data that are read
SHOWN_STEPS = 50_000  # tokens, or steps, of the draws that a page shows, where columns are sequences
FEWEST_DRAWS = 20  # draws that it shows however long they are
SHOWN_PIXELS, MOST_PICTURES, FEWEST_PICTURES = 2_000_000, 400, 64  # the same of pictures
N_MEASURED = 500  # real rows whose lengths are looked at


def build_report(run: Run, data: Any = None) -> str:
    """The page of a run as HTML.

    Real rows are those held out in the fit, or, where none were, those learnt from. A run that was loaded reads them
    from the data again; without the data the page has no columns and pairs, and says so. Of a classifier, the page
    shows how it foretells; `data` are then labelled rows to judge it on.

    Args:
        run: The run.
        data: Real rows to show instead: a frame, a path or the name of a built-in set.

    Raises:
        DataError: `data` cannot be read, lacks a column, or has values that do not fit.
    """
    if isinstance(run, ClassifierRun):
        return classifier_page.build(run, data)
    return render(material(run, data=data))


def material(run: Run, n: int = MAX_ROWS, data: Any = None) -> Material:
    """What the page of a run shows, with at most n real and n synthetic rows."""
    artefact, n = run.artefact, min(n, _most_rows(run))
    name = PurePath(str(artefact.facts.get("data", "run"))).name
    real = real_rows(run, n) if data is None else given_rows(run, data, n)
    fake = pa.concat_tables(run.stream(_n_draws(run, real, n)))
    pictures = PictureFigures.of(run, real, fake)
    facts: dict[str, Any] = {
        "model": artefact.model_name,
        "why": artefact.facts.get("why"),
        "settings": to_json(artefact.model.config),
        "seed": artefact.seed,
        **{k: v for k, v in artefact.facts.items() if k not in HIDDEN},
        "data": name,
    }
    real, fake = (in_own_words(side, run.schema) for side in (real, fake))
    return Material(
        f"{name} · {artefact.model_name}",
        run.schema,
        artefact.scores,
        real,
        fake,
        facts,
        ModelFigures.of(run),
        pictures,
    )


def _most_rows(run: Run) -> int:
    """Rows a side that are shown: of pictures fewer, and fewest where each pixel is drawn behind the others."""
    n_pixels = row_pixels(run.artefact.codec.space)
    if not n_pixels:
        return MAX_ROWS
    if isinstance(run.model, Autoregressive):
        return max(FEWEST_DRAWS, SHOWN_STEPS // n_pixels)
    return min(MOST_PICTURES, max(FEWEST_PICTURES, SHOWN_PIXELS // n_pixels))


def _n_draws(run: Run, real: pa.Table, n: int) -> int:
    """As many draws as real rows; of long sequences fewer, as many as are drawn in reasonable time."""
    codec = run.artefact.codec
    n = real.num_rows or n
    some = codec.encode(real.slice(0, N_MEASURED)) if real.num_rows else {}
    return (
        affordable_rows(some, codec.space, n, SHOWN_STEPS, FEWEST_DRAWS) if some else min(n, _unmeasured(codec.space))
    )


def _unmeasured(space: Space) -> int:
    """Draws where no real row tells how long rows are: as if all were of full length."""
    places = sum(f.support.length for f in space.values() if isinstance(f.support, Tokens | Vectors))
    return max(FEWEST_DRAWS, SHOWN_STEPS // places) if places else MAX_READ


def in_own_words(records: pa.Table, schema: Schema) -> pa.Table:
    """Typed records, with truth values as the data writes them: yes and no, 1 and 2."""
    return readable(records, schema, is_text=True) if records.num_rows else records


def real_rows(run: Run, n: int) -> pa.Table:
    """At most n held-out rows as records, or rows learnt from where none were held out; none without the data."""
    if run.held_out is None:
        run.remember_rows(need_train=True, need_held_out=True)
    data = run.held_out if run.held_out is not None and len(run.held_out) else run.train
    codec = run.artefact.codec
    if data is None or not len(data):
        return pa.table({name: pa.nulls(0) for name in run.schema.names})
    return codec.decode(data.sample_rows(n, numpy_generator(run.artefact.seed, "report")))


def given_rows(run: Run, data: Any, n: int) -> pa.Table:
    """At most n rows of other data as records, out of its first `MAX_READ`."""
    parts, n_read = [], 0
    for batch in run.encode(data):
        parts.append(batch)
        n_read += n_rows(batch)
        if n_read >= MAX_READ:
            break
    codec = run.artefact.codec
    joined = {name: np.concatenate([part[name].numpy() for part in parts]) for name in codec.space}
    rows = Dataset(codec.space, joined).sample_rows(n, numpy_generator(run.artefact.seed, "report"))
    return codec.decode(rows)
