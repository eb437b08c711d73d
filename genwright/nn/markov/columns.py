"""A column of sequences between its values and the emissions of a hidden Markov model.

Numbers are read as z = (x - location) / scale, with mean and standard deviation of all steps, so that settings such as
the least variance mean the same for every column; counts are read as they are. Codes are places among those that a step
can have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch

from genwright.core.errors import FitError
from genwright.core.space import Tokens, Vectors
from genwright.nn.markov.categorical import Categorical, categorical_of
from genwright.nn.markov.gaussian import Gaussian, gaussian_like
from genwright.nn.markov.mixture import Mixture
from genwright.nn.markov.poisson import Poisson
from genwright.nn.markov.steps import emitted

LEAST_RATE = 1e-3  # of counts, so that none is impossible


@dataclass(frozen=True)
class EmissionSettings:
    """How columns are emitted."""

    numbers: str = "gaussian"  # gaussian, mixture or poisson
    covariance: str = "diag"
    n_parts: int = 2  # of a mixture
    floor: float = 1e-4  # least variance, as a share of that of all steps
    pseudo: float = 1.0  # imaginary steps of codes a state


@dataclass(frozen=True)
class Dice:
    """Random numbers of a draw."""

    generator: torch.Generator
    temperature: float = 1.0

    def uniform(self, shape: tuple[int, ...]) -> np.ndarray:
        """Uniform numbers."""
        return torch.rand(shape, generator=self.generator, dtype=torch.float64).numpy()

    def normal(self, shape: tuple[int, ...]) -> np.ndarray:
        """Normal numbers, their variance the temperature."""
        return torch.randn(shape, generator=self.generator, dtype=torch.float64).numpy() * np.sqrt(self.temperature)


class Column(Protocol):
    """What the family asks of a column."""

    def learn(self, values: np.ndarray, settings: EmissionSettings) -> None:
        """Location and scale, from steps (F, …) of all rows."""

    def read(self, values: np.ndarray) -> np.ndarray:
        """Values as emissions take them."""

    def alike(self, frames: np.ndarray, n_states: int, settings: EmissionSettings) -> Any:
        """An emission of these frames whose states are all alike."""

    def log_scale(self, values: np.ndarray) -> np.ndarray:
        """What the log density of each step (…) loses for being in the column's own units."""

    def draw(self, emission: Any, states: np.ndarray, known: np.ndarray | None, how: "Dice") -> np.ndarray:
        """A value for each state (F, …); those of a step are drawn given the ones that are known (F, …)."""

    def state(self, emission: Any) -> dict[str, np.ndarray]:
        """Column and emission as named arrays."""

    def load(self, state: Mapping[str, np.ndarray], settings: EmissionSettings) -> Any:
        """The emission that `state` wrote; takes the column's own arrays from it."""


@dataclass
class CodeColumn:
    """Codes of a vocabulary."""

    support: Tokens

    @property
    def n_codes(self) -> int:
        """Codes that a step can have, V."""
        return len(emitted(self.support))

    def learn(self, values: np.ndarray, settings: EmissionSettings) -> None:
        """Nothing to learn."""

    def read(self, values: np.ndarray) -> np.ndarray:
        """Places, as they are."""
        return values

    def alike(self, frames: np.ndarray, n_states: int, settings: EmissionSettings) -> Categorical:
        """Shares of the codes."""
        return categorical_of(frames, self.n_codes, n_states, settings.pseudo)

    def log_scale(self, values: np.ndarray) -> np.ndarray:
        """Nothing: codes have mass."""
        return np.zeros(values.shape)

    def draw(self, emission: Categorical, states: np.ndarray, known: np.ndarray | None, how: "Dice") -> np.ndarray:
        """Places of codes."""
        return emission.draw(states, how.uniform(states.shape), how.temperature)

    def state(self, emission: Categorical) -> dict[str, np.ndarray]:
        """Probabilities and prior."""
        return {"p": emission.p, "prior": emission.prior}

    def load(self, state: Mapping[str, np.ndarray], settings: EmissionSettings) -> Categorical:
        """The inverse of `state`."""
        return Categorical(state["p"], state["prior"])


@dataclass
class NumberColumn:
    """Steps of numbers."""

    support: Vectors
    name: str
    location: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (D,)
    scale: np.ndarray = field(default_factory=lambda: np.ones(0))  # (D,)

    def learn(self, values: np.ndarray, settings: EmissionSettings) -> None:
        """Mean and standard deviation of what is there; 0 and 1 of counts.

        Raises:
            FitError: counts are asked for, and there are other numbers; names the first.
        """
        n_dims = self.support.dim
        self.location, self.scale = np.zeros(n_dims), np.ones(n_dims)
        known = ~np.isnan(values)
        if settings.numbers == "poisson":
            odd = values[known & ((values < 0) | (values != np.round(values)))]
            if len(odd):
                raise FitError(f"column {self.name!r} holds {odd[0]:g}; emissions = poisson needs counts 0, 1, 2 …")
            return
        n = np.maximum(known.sum(0), 1)
        self.location = np.where(known, values, 0.0).sum(0) / n
        spread = np.sqrt((np.where(known, values - self.location, 0.0) ** 2).sum(0) / n)
        self.scale = np.where(spread > 1e-300, spread, 1.0)

    def read(self, values: np.ndarray) -> np.ndarray:
        """z."""
        return (values - self.location) / self.scale

    def alike(self, frames: np.ndarray, n_states: int, settings: EmissionSettings) -> Gaussian | Mixture | Poisson:
        """Mean and variance of all frames."""
        if settings.numbers == "poisson":
            known = ~np.isnan(frames)
            rate = np.where(known, frames, 0.0).sum(0) / np.maximum(known.sum(0), 1)
            return Poisson(np.tile(np.maximum(rate, LEAST_RATE), (n_states, 1)), LEAST_RATE)
        if settings.numbers == "gaussian":
            return gaussian_like(frames, n_states, settings.covariance, settings.floor)
        parts = gaussian_like(frames, n_states * settings.n_parts, settings.covariance, settings.floor)
        return Mixture(np.full((n_states, settings.n_parts), 1 / settings.n_parts), parts)

    def log_scale(self, values: np.ndarray) -> np.ndarray:
        """Σ_d log scale_d over the numbers that are there."""
        return (~np.isnan(values)) @ np.log(self.scale)

    def draw(self, emission: Any, states: np.ndarray, known: np.ndarray | None, how: "Dice") -> np.ndarray:
        """Numbers in the column's own units."""
        shape = (*states.shape, self.support.dim)
        if isinstance(emission, Poisson):
            return emission.draw(states, how.uniform(shape), how.temperature)
        normals, known = how.normal(shape), None if known is None else self.read(known)
        if isinstance(emission, Mixture):
            z = emission.draw(states, normals, how.uniform(states.shape), known, how.temperature)
        else:
            z = emission.draw(states, normals, known)
        return z * self.scale + self.location

    def state(self, emission: Any) -> dict[str, np.ndarray]:
        """Location, scale and the emission's parameters."""
        own = {"location": self.location, "scale": self.scale}
        if isinstance(emission, Poisson):
            return {**own, "rate": emission.rate}
        if isinstance(emission, Mixture):
            return {**own, "share": emission.share, "mean": emission.parts.mean, "covar": emission.parts.covar}
        return {**own, "mean": emission.mean, "covar": emission.covar}

    def load(self, state: Mapping[str, np.ndarray], settings: EmissionSettings) -> Any:
        """The inverse of `state`."""
        self.location, self.scale = state["location"], state["scale"]
        if "rate" in state:
            return Poisson(state["rate"], LEAST_RATE)
        gaussian = Gaussian(state["mean"], state["covar"], settings.covariance, settings.floor)
        return Mixture(state["share"], gaussian) if "share" in state else gaussian
