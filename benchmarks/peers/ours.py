"""genwright itself, measured as its peers are: `fit` and `sample` through the public interface, defaults throughout.

Runs in the environment that genwright is installed in; `--model` names the family.
"""

import pandas as pd
import pyarrow.compute  # noqa: F401  imported lazily by genwright; imports are nobody's seconds
import sklearn.ensemble
import sklearn.tree  # noqa: F401
import torch  # noqa: F401
from measure import Job, Sample, main, option

import genwright as gw


def fit(train: pd.DataFrame, job: Job) -> Sample:
    """All rows are learnt from; the comparison has held out its own."""
    run = gw.fit(train, model=option("model") or "auto", held_out=0, judge=False, seed=job.seed)
    job.facts["model"] = run.artefact.model_name
    return lambda n: run.sample(n, seed=job.seed)


if __name__ == "__main__":
    main("genwright", fit)
