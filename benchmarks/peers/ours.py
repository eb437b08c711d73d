"""genwright itself, measured as its peers are: `fit` and `sample` through the public interface, defaults throughout.

Runs in the environment that genwright is installed in; `--model` names the family. With `--budget` a neural family
uses up about the seconds it is given, on a clock of CPU seconds, so that a busy machine changes nothing: what steps
cost is timed first, and a little is left for reading, encoding and watching.
"""

import pandas as pd
import pyarrow.compute  # noqa: F401  imported lazily by genwright; imports are nobody's seconds
import sklearn.ensemble
import sklearn.tree  # noqa: F401
import torch  # noqa: F401
from measure import Job, Sample, cpu_seconds, main, option

import genwright as gw
from genwright.training import budget, loop

SHARE = 0.95  # of what timing leaves of the seconds that steps have


class CPUClock:
    """Stands in for the module `time`."""

    perf_counter = staticmethod(cpu_seconds)


def fit(train: pd.DataFrame, job: Job) -> Sample:
    """All rows are learnt from; the comparison has held out its own."""
    minutes = None
    if option("budget"):
        budget.time = loop.time = CPUClock
        minutes = SHARE * max(job.seconds - budget.TIMED_SECONDS, job.seconds / 2) / 60
    run = gw.fit(train, model=option("model") or "auto", minutes=minutes, held_out=0, judge=False, seed=job.seed)
    job.facts["model"] = run.artefact.model_name
    job.facts |= {key: run.artefact.facts[key] for key in ("n_steps", "notes") if run.artefact.facts.get(key)}
    return lambda n: run.sample(n, seed=job.seed)


if __name__ == "__main__":
    main("genwright", fit)
