"""genwright in scikit-learn's conventions: estimators for pipelines, grid searches and cross-validation.

    Generator     fit(X), sample(n), score_samples(X)      learns p(row), draws new rows
    Classifier    fit(X, y), predict(X), predict_proba(X)  learns p(class | row)
    Augmenter     fit_resample(X, y)                       adds drawn rows to scarce classes, as imbalanced-learn has it
    Latents       fit(X), transform(X)                     the latent code of each row, as features

X is a matrix, a pandas or polars frame, or a list of rows. Text, categories and gaps need no encoding before.
"""

from genwright.sklearn.augmenter import Augmenter
from genwright.sklearn.classifier import Classifier
from genwright.sklearn.generator import Generator
from genwright.sklearn.latents import Latents

__all__ = ["Augmenter", "Classifier", "Generator", "Latents"]
