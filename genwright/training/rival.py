"""Is a network worth its weights? Beside n-grams, which learn in seconds, on rows that neither has seen."""

from genwright.core.dataset import Dataset, n_rows
from genwright.core.errors import UnsupportedError
from genwright.core.model import HasLogProb, Model
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Tokens
from genwright.training.batches import divide
from genwright.training.plan import Plan

MAX_ROWS = 256  # that both foretell


def rival(model: Model, data: Dataset, plan: Plan) -> tuple[Model | None, str]:
    """An n-gram model of all rows where that foretells better, and what to say of it.

    Args:
        model: A network trained by the plan on all but the rows that the plan sets aside.
        data: All rows.
        plan: Of the training.
    """
    learnt, watched = divide(data, plan.config.n_validation, plan.seed)
    if not len(watched) or not isinstance(model, HasLogProb):
        return None, ""
    try:
        counted = _counted(data.subset(learnt), plan.seed)
    except UnsupportedError:  # columns that n-grams do not model
        return None, ""
    assert isinstance(counted, HasLogProb)
    rows = data.take(watched[:MAX_ROWS])
    surprise = [-float(m.log_prob(rows).sum()) / _n_tokens(data, rows) for m in (model, counted)]
    told = f"{MODELS.name_of(type(model))} {surprise[0]:.3g} and ngram {surprise[1]:.3g} nats a token on rows set aside"
    return (_counted(data, plan.seed) if surprise[1] < surprise[0] else None), told


def _counted(data: Dataset, seed: int) -> Model:
    found = MODELS.get("ngram")(data.space)
    found.solve(data, torch_generator(seed, "rival"), lambda done, line: None)
    return found


def _n_tokens(data: Dataset, rows: Batch) -> int:
    """Codes of sequences that are no padding, and one for each other column."""
    supports = {name: f.support for name, f in data.space.items()}
    counts = [int((rows[n] != s.pad).sum()) if isinstance(s, Tokens) else n_rows(rows) for n, s in supports.items()]
    return max(sum(counts), 1)
