"""TabularARGN (Tiwald et al., 2025; package `mostlyai-engine`) with its defaults.

https://arxiv.org/abs/2501.12012

Kinds of columns are those that the engine detects by itself; empty cells are its own business, and so are its rare
values (protected by default). It stops early by itself on a validation split; its `max_training_time` counts the wall
clock, which `CPUClock` replaces by CPU seconds, so that a busy machine changes nothing.
"""

import mostlyai.engine._tabular.training
import pandas as pd
from measure import Job, Sample, cpu_seconds, main
from mostlyai.engine import TabularARGN


class CPUClock:
    """Stands in for the module `time`."""

    time = staticmethod(cpu_seconds)


def fit(train: pd.DataFrame, job: Job) -> Sample:
    """Trains the default (medium) model, stopped when the CPU seconds are used up."""
    mostlyai.engine._tabular.training.time = CPUClock
    model = TabularARGN(max_training_time=job.seconds / 60, random_state=job.seed, device="cpu")
    model.fit(train)
    messages = pd.read_csv(model._get_workspace_dir() / "ModelStore" / "model-data" / "progress-messages.csv")
    job.facts |= {"epochs": float(messages["epoch"].iloc[-1]), "epochs_wanted": "early stopping, at most 100"}
    return lambda n: model.sample(n)


if __name__ == "__main__":
    main("mostlyai-engine", fit)
