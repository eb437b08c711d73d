"""Networks that classify Fashion-MNIST within a budget of CPU seconds, on one thread, scored on the official test set.

    python -m benchmarks.classifiers --seconds 300                       # mlp and convnet
    python -m benchmarks.classifiers convnet --seconds 90 --set width=24 --set learning_rate=0.004

A few steps are timed in CPU seconds first, and as many are asked for as the seconds pay for, unless `--steps` says how
many; what was spent in the end is said beside the scores.
"""

import argparse
import time
from dataclasses import replace

import numpy as np

from genwright.core.classifier import Classifier
from genwright.core.config import parse_settings
from genwright.core.dataset import Dataset
from genwright.core.predictions import Predictions, scores
from genwright.core.registry import CLASSIFIERS
from genwright.core.space import Category, Field, Pixels, Space
from genwright.data.read import read
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.learn_classifier import learn_classifier
from genwright.training.plan import Plan
from genwright.training.settings import divided

SPACE = Space({"image": Field(Pixels(256), (1, 28, 28)), "label": Field(Category(10))})
TIMED = 60  # steps
SPARE = 0.96  # share of the seconds that goes into steps; the rest watches


def official(part: str) -> Dataset:
    """Encoded pictures and labels of the training or the test set."""
    from genwright.codecs.image import Image

    codec, pictures, labels = Image(), [], []
    batches = list(read("fashion-mnist", part=part).open())
    for batch in batches:
        codec.update(batch.column("image"))
    codec.finish()
    for batch in batches:
        pictures.append(codec.encode(batch.column("image")).numpy())
        labels += batch.column("label").to_pylist()
    return Dataset(SPACE, {"image": np.concatenate(pictures), "label": np.unique(labels, return_inverse=True)[1]})


def measured(
    name: str, settings: dict[str, str], seconds: float, steps: int | None, train: Dataset, test: Dataset, seed: int
) -> str:
    """One line about a family: steps, CPU seconds, scores with their intervals."""
    family = CLASSIFIERS.get(name)
    config, training = divided(family, settings)

    def spent(steps: int, training: TrainingConfig = training) -> tuple[Classifier, float]:
        classifier = family(config).bind(SPACE, "label")
        started = time.process_time()
        learn_classifier(classifier, train, Plan(training, Budget(steps=steps), seed), lambda done, line: None)
        return classifier, time.process_time() - started

    if steps is None:
        once = replace(training, n_evaluations=1)  # else every timed step would be watched
        spent(1, once)  # warms up
        fixed = spent(1, once)[1]
        a_step = max((spent(1 + TIMED, once)[1] - fixed) / TIMED, 1e-3)
        steps = max(1, int((seconds - fixed) * SPARE / a_step))
    classifier, cpu = spent(steps)
    p = classifier.predict_rows(test.take(slice(None)))
    y = test.arrays["label"]
    found = scores(Predictions(y, p, np.full(10, 0.1), np.arange(len(y)), seed=seed))
    told = ", ".join(f"{s.name} {s.value:.4f} ({s.low:.4f} … {s.high:.4f})" for s in found)
    return f"{name} {settings or ''}: {steps:,} steps, {cpu:.0f} CPU s; {told}"


def main() -> None:
    """Reads the words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["mlp", "convnet"])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], dest="settings")
    words = parser.parse_args()
    train, test = official("train"), official("test")
    for name in words.names:
        settings = parse_settings(words.settings)
        print(measured(name, settings, words.seconds, words.steps, train, test, words.seed), flush=True)


if __name__ == "__main__":
    main()
