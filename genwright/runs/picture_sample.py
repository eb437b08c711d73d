"""Some rows with pictures to learn directions of a latent space from: held-out ones, or else draws."""

from genwright.core.dataset import n_rows, select
from genwright.core.model import Model
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch
from genwright.runs.run import Run


def some_rows(run: Run, n: int) -> tuple[Batch, str]:
    """At most n rows that the run knows, and what they are, in words."""
    if run.held_out is None and run.train is None:
        run.remember_rows(need_train=True, need_held_out=True)
    for data, what in ((run.held_out, "held-out"), (run.train, "training")):
        if data is not None and len(data) >= min(n, 2 * least(run.model)):
            rows = data.sample_rows(n, numpy_generator(run.artefact.seed, "latents"))
            return rows, f"{n_rows(rows):,} {what} pictures"
    rows = run.artefact.codec.encode(next(run.stream(min(n, 512), seed=run.artefact.seed)))
    return select(rows, slice(0, n)), f"{n_rows(rows):,} draws"


def least(model: Model) -> int:
    """Rows that tell anything of directions."""
    return 16
