"""Gaussian copula (SDV's `GaussianCopulaSynthesizer`; Patki, Wedge and Veeramachaneni, 2016), with its defaults.

https://doi.org/10.1109/DSAA.2016.49

Kinds of columns are those that SDV detects by itself, except that a column taken for personal data (California's
latitude and longitude) is declared a number or a category, or SDV would draw it without looking at the data. Empty
cells, rounding and bounds are its own business.
"""

import pandas as pd
from measure import Job, Sample, categories, main
from sdv.metadata import Metadata
from sdv.single_table import GaussianCopulaSynthesizer

STATISTICAL = {"numerical", "categorical", "boolean", "datetime", "ordinal"}


def fit(train: pd.DataFrame, job: Job) -> Sample:
    """Detects the metadata and fits the default copula."""
    tables = {"table": train}  # SDV 2 takes and returns dictionaries of tables
    metadata = Metadata.detect_from_dataframes(tables)
    job.facts["declared"] = _declare(metadata, train)
    synthesizer = GaussianCopulaSynthesizer(metadata)
    synthesizer.fit(tables)
    return lambda n: synthesizer.sample(n)["table"]


def _declare(metadata: Metadata, train: pd.DataFrame) -> dict[str, str]:
    """Gives columns of other kinds a statistical one; column → its new kind."""
    kinds = {c: d["sdtype"] for c, d in metadata.to_dict()["tables"]["table"]["columns"].items()}
    declared, changed = categories(train), {}
    for name in [c for c, kind in kinds.items() if kind not in STATISTICAL]:
        changed[name] = "categorical" if name in declared else "numerical"
        metadata.update_column(name, sdtype=changed[name])
    return changed


if __name__ == "__main__":
    main("sdv", fit)
