"""What a generative model knows of a row, as features for a classifier: learnt from rows without labels.

A latent model of many rows puts similar rows side by side; a classifier of a few labelled rows then starts from there
(M1 of Kingma et al., 2014, https://arxiv.org/abs/1406.5298).

    vae and others with latents: the mean of q(z | x)        hmm: the share of steps that each state is likely to have
"""

from typing import Any

import numpy as np

from genwright.core.errors import UnsupportedError
from genwright.core.model import HasLatent
from genwright.models.hmm import HMM
from genwright.runs.run import Run


def features(run: Run, rows: Any) -> np.ndarray:
    """Latent features of rows (B, K).

    Args:
        run: Of a family with latents, or of an `hmm`; fitted without the column that is to be foretold.
        rows: Records with the run's columns.

    Raises:
        UnsupportedError: the family has no latents.
        DataError: the rows lack a column, or a value does not fit.
    """
    model = run.model
    if isinstance(model, HMM):
        found = [_shares(model.posteriors(batch)) for batch in run.encode(rows)]
    elif isinstance(model, HasLatent):
        found = [model.encode(batch).flatten(1).numpy() for batch in run.encode(rows)]
    else:
        raise UnsupportedError(f"{run.artefact.model_name} has no latents; fit the rows with model='vae', or hmm")
    return np.concatenate(found) if found else np.zeros((0, 0))


def _shares(posteriors: np.ndarray) -> np.ndarray:
    """Mean over the steps there are of p(z_t = k | x) (B, K); NaN and zeros stand behind the end."""
    p = np.nan_to_num(posteriors)
    total = p.sum((1, 2))[:, None]
    return np.divide(p.sum(1), total, out=np.zeros((len(p), p.shape[2])), where=total > 0)
