"""CTGAN and TVAE (Xu et al., 2019; package `ctgan`) with their defaults, stopped when the CPU seconds are used up.

https://arxiv.org/abs/1907.00503

Both train 300 epochs by default, which takes longer than the limit on all but small tables. Their epoch loop runs over
`tqdm(range(epochs))`; `measure.Epochs` stands in for that tqdm and ends the loop before the epoch that would pass the
limit. Empty cells are filled first (`measure.fill`).
"""

import ctgan.synthesizers.ctgan
import ctgan.synthesizers.tvae
import pandas as pd
from ctgan import CTGAN, TVAE
from measure import Epochs, Job, Sample, categories, fill, main, option, unfill

MODELS = {"ctgan": CTGAN, "tvae": TVAE}


def fit(train: pd.DataFrame, job: Job) -> Sample:
    """Fits the model that the command line names."""
    epochs = Epochs(job.seconds)
    ctgan.synthesizers.ctgan.tqdm = ctgan.synthesizers.tvae.tqdm = epochs
    full, indicators = fill(train)
    model = MODELS[option("model")](enable_gpu=False)
    model.fit(full, [*categories(train), *indicators.values()])
    job.facts |= {"epochs": epochs.done, "epochs_wanted": epochs.wanted}
    return lambda n: unfill(model.sample(n), indicators)


if __name__ == "__main__":
    main("ctgan", fit)
