"""A generative model as a classifier, by Bayes' rule.

    p(y | x) = p(x | y) p(y) / Σ_k p(x | k) p(k)

The other half of the two ways to foretell (Ng and Jordan, 2001,
https://papers.nips.cc/paper/2001/hash/7b7a53e239400a13bd6be6c91c4f6c4e-Abstract.html):
what learns p(x | y) needs fewer rows where its assumptions hold, and stays behind where they do not.

Three ways to have p(x, y): a model for each class, of its rows alone; one model that reads the class as a given
column; or any model of whole rows, such as one fitted before (`of`). `auto` gives networks the class, and fits others
to each. `marginals` for each class is naive Bayes over histograms. Families with a likelihood are exact; of those with
a bound, it takes the place of log p(x, y), with the same random numbers for every class.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
import torch
from torch import Tensor

from genwright.core.classifier import Classifier
from genwright.core.config import configure, to_json
from genwright.core.dataset import Dataset, n_rows, select
from genwright.core.errors import ConfigError, RunError, SpaceMismatchError, UnsupportedError
from genwright.core.model import HasBound, HasLogProb, HasLoss, Model
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Pixels, Real, Space, Tokens, Vectors

AT_ONCE = 2_048  # rows that are weighed at a time


@dataclass(frozen=True)
class BayesRuleConfig:
    """Which generative model, and how it meets the class."""

    model: str = "marginals"  # a family of generative models
    settings: dict[str, Any] = field(default_factory=dict)  # of that family; its usual ones where nothing is said
    classes: Literal["auto", "apart", "given", "joint"] = "auto"  # a model each, one given the class, or of whole rows
    pseudo_count: float = 0.0  # added to each class's count in p(y)

    def __post_init__(self) -> None:
        if not 0 <= self.pseudo_count < float("inf"):
            raise ConfigError(f"pseudo_count = {self.pseudo_count}; expected a number from 0")


class BayesRule(Classifier):
    """Classes by how well a generative model of each explains the row."""

    Config = BayesRuleConfig
    supports = (Real, Category, Tokens, Vectors, Pixels)

    def __init__(self, config: Any = None):
        super().__init__(config)
        self.family: type[Model] = MODELS.get(self.config.model)
        self.model_config = configure(self.family.Config, self.config.settings, self.config.model)
        if not issubclass(self.family, HasLogProb | HasBound):
            raise UnsupportedError(
                f"{self.config.model} has no likelihood, which Bayes' rule needs; name another model"
            )

    @classmethod
    def of(cls, model: Model, target: str) -> "BayesRule":
        """A fitted model of whole rows as a classifier.

        Raises:
            UnknownNameError: it has no such column.
            UnsupportedError: the column holds no classes, or the model has no likelihood.
        """
        config = cls.Config(MODELS.name_of(type(model)), to_json(model.config), "joint")
        found = cls(config).bind(model.space, target)
        found.parts, found.log_prior = {0: model}, torch.zeros(found.n_classes, dtype=torch.float64)
        return found

    @property
    def is_apart(self) -> bool:
        """Whether each class has a model of its own."""
        way = self.config.classes
        return way == "apart" or (way == "auto" and not issubclass(self.family, HasLoss))

    @property
    def holds_rows(self) -> bool:  # type: ignore[override]
        """As its models."""
        return self.family.holds_rows

    def bind(self, space: Space, target: str) -> Self:
        """As `Classifier.bind`; the model says what it cannot read."""
        super().bind(space, target)
        self.parts: dict[int, Model] = {}
        self.log_prior = torch.full((self.n_classes,), -torch.inf, dtype=torch.float64)
        if not self.others:
            return self
        if self.is_apart:
            self._untrained()  # raises for columns that the family cannot model
        else:
            self.parts = {0: self._untrained()}
        return self

    def models(self, data: Dataset) -> list[tuple[Model, Dataset]]:
        """Its models, untrained, with the rows that each is to learn from; counts the classes."""
        y = np.asarray(data.arrays[self.target])
        counts = torch.from_numpy(np.bincount(y[y < self.n_classes], minlength=self.n_classes)).double()
        smoothed = torch.where(counts > 0, counts + self.config.pseudo_count, 0.0)
        self.log_prior = (smoothed / smoothed.sum()).log()
        if not self.others:
            return []
        if not self.is_apart:
            known = data if (y < self.n_classes).all() else data.subset(np.flatnonzero(y < self.n_classes))
            space = self.parts[0].space
            return [(self.parts[0], Dataset(space, {name: known.arrays[name] for name in space}))]
        self.parts = {k: self._untrained() for k in range(self.n_classes) if counts[k] > 0}
        return [(model, self._rows_of(data, y == k)) for k, model in self.parts.items()]

    def predict_rows(self, batch: Batch) -> np.ndarray:
        """As `Classifier.predict_rows`."""
        for name, f in self.others.items():
            if name not in batch:
                raise SpaceMismatchError(f"column {name} is absent from the batch")
            if isinstance(f.support, Real) and not f.support.has_missing and batch[name].isnan().any():
                raise SpaceMismatchError(f"column {name} lacks a value, which it never did in the data of the fit")
        n = n_rows(batch)
        rows = {name: batch[name] for name in self.others}
        if not rows:
            return np.tile(self.log_prior.exp().numpy(), (n, 1))
        parts = [self._posterior(select(rows, slice(start, start + AT_ONCE))) for start in range(0, n, AT_ONCE)]
        return torch.cat(parts).numpy() if parts else np.zeros((0, self.n_classes))

    def state(self) -> dict[str, Tensor]:
        """log p(y), and what each model learnt."""
        own = {f"model.{k}.{key}": x for k, model in self.parts.items() for key, x in model.state().items()}
        return {"log_prior": self.log_prior, **own}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """As `Classifier.load_state`."""
        try:
            self.log_prior = state["log_prior"]
            found: dict[int, dict[str, Tensor]] = {}
            for key, x in state.items():
                if key != "log_prior":
                    _, place, own = key.split(".", 2)
                    found.setdefault(int(place), {})[own] = x
            self.parts = {i: self._untrained() for i in found}
            for i, tensors in found.items():
                self.parts[i].load_state(tensors)
        except (KeyError, ValueError, RuntimeError) as error:
            raise RunError(f"this is not what bayes_rule of {self.config.model} learnt ({error})") from None

    def describe(self) -> dict[str, Any]:
        """How the models are put together."""
        way = "a model for each class" if self.is_apart else "one model for all classes"
        is_exact = issubclass(self.family, HasLogProb)
        return {"p(row | class)": f"{self.config.model}, {way}", "exact": is_exact}

    def _untrained(self) -> Model:
        """A model of the other columns; where it is given the class, of that, too."""
        if self.is_apart:
            return self.family(self.others, self.model_config)
        is_asked = self.config.classes == "joint"
        return self.family(self.space if is_asked else self.space.given([self.target]), self.model_config)

    def _rows_of(self, data: Dataset, is_in: np.ndarray) -> Dataset:
        at = np.flatnonzero(is_in)
        return Dataset(self.others, {name: data.arrays[name][at] for name in self.others})

    @torch.no_grad()
    def _posterior(self, rows: Batch) -> Tensor:
        """p(y | x) (B, K); p(y) for rows that no class explains."""
        scores = torch.full((n_rows(rows), self.n_classes), -torch.inf, dtype=torch.float64)
        for k in torch.isfinite(self.log_prior).nonzero().flatten().tolist():
            scores[:, k] = self._log_joint(rows, k)
        lost = ~torch.isfinite(scores).any(1)
        scores[lost] = self.log_prior
        return scores.softmax(1)

    def _log_joint(self, rows: Batch, k: int) -> Tensor:
        """log p(x, y = k) of each row (B,), or its bound."""
        if self.is_apart:
            return _log_prob(self.parts[k], rows) + self.log_prior[k]
        codes = torch.full((n_rows(rows),), k, dtype=torch.int64)
        own = self.parts[0]
        return _log_prob(own, {name: codes if name == self.target else rows[name] for name in own.space})


def _log_prob(model: Model, rows: Batch) -> Tensor:
    """log p or its bound (B,), with the same random numbers whichever class is tried."""
    if isinstance(model, HasLogProb):
        return model.log_prob(rows).double()
    assert isinstance(model, HasBound)
    return model.bound(rows, torch_generator(0, "bayes_rule")).double()
