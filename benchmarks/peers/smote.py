"""SMOTE-NC (Chawla et al., 2002; imbalanced-learn): points between a row and one of its five nearest neighbours.

https://doi.org/10.1613/jair.953

Made into a generator as the tabular diffusion papers do: the last column is the class (a number is cut at its median),
every class is oversampled by its own share of the rows wanted, and only the new rows are kept. A last column with a
class of so few rows that they have no five neighbours leaves its place to the column before it. Empty cells are filled
first (`measure.fill`).
"""

import pandas as pd
from imblearn.over_sampling import SMOTE, SMOTENC
from measure import Job, Sample, categories, fill, is_text, main, unfill

N_NEIGHBOURS = 5  # the package's default


def fit(train: pd.DataFrame, job: Job) -> Sample:
    """Nothing is learnt before sampling; the rows are the model."""
    full, indicators = fill(train)
    target, label = _target(train, full)
    is_class = target in categories(train)
    inputs = full.drop(columns=target) if is_class else full
    job.facts["class"] = target if is_class else f"{target} above its median"

    def sample(n: int) -> pd.DataFrame:
        counts = label.value_counts()
        wanted = _shares(counts, n)
        sampler = _sampler(inputs, (counts + wanted).to_dict(), job.seed)
        drawn, classes = sampler.fit_resample(inputs, label)
        new = pd.DataFrame(drawn, columns=inputs.columns).iloc[len(full) :]
        if is_class:
            new[target] = classes.iloc[len(full) :].to_numpy()
        return unfill(new.reset_index(drop=True), indicators)

    return sample


def _target(train: pd.DataFrame, full: pd.DataFrame) -> tuple[str, pd.Series]:
    """The class column and each row's class."""
    for name in reversed(train.columns):
        label = full[name] if name in categories(train) else full[name] > full[name].median()
        if label.value_counts().min() > N_NEIGHBOURS:
            return name, label
    raise ValueError(f"every column has a class of {N_NEIGHBOURS} rows or fewer")


def _shares(counts: pd.Series, n: int) -> pd.Series:
    """n rows divided among the classes in proportion; the largest class takes what rounding leaves."""
    wanted = (n * counts / counts.sum()).round().astype(int)
    wanted.iloc[0] += n - wanted.sum()
    return wanted


def _sampler(inputs: pd.DataFrame, strategy: dict, seed: int) -> SMOTE:
    declared = [c for c in inputs if is_text(inputs[c]) or c in categories(inputs)]
    if not declared:
        return SMOTE(sampling_strategy=strategy, random_state=seed)
    return SMOTENC(categorical_features=declared, sampling_strategy=strategy, random_state=seed)


if __name__ == "__main__":
    main("imbalanced-learn", fit)
