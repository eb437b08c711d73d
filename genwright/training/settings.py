"""Settings as a user gives them, in one place: those of the family, and those of the loop that trains it."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from genwright.core.classifier import Classifier
from genwright.core.config import configure
from genwright.core.errors import UnknownNameError
from genwright.core.model import HasLoss, Model
from genwright.core.registry import CLASSIFIERS, MODELS
from genwright.training.config import TrainingConfig


def divided(
    family: type[Model | Classifier], settings: Mapping[str, Any], suited: Mapping[str, Any] | None = None
) -> tuple[Any, TrainingConfig]:
    """The configurations of a family and of its training, which only gradient families have.

    Args:
        family: Whose settings.
        settings: As the user gave them.
        suited: Settings of the training that suit the data, where the user says nothing.

    Raises:
        UnknownNameError: no such setting; the nearest is named.
        ConfigError: a value has the wrong type or is out of range.
    """
    of_training = {f.name for f in fields(TrainingConfig)} if issubclass(family, HasLoss) else set()
    known = {f.name for f in fields(family.Config)} | of_training
    for name in settings:
        if name not in known:
            registry = CLASSIFIERS if issubclass(family, Classifier) else MODELS
            raise UnknownNameError(name, known, f"the settings of {registry.name_of(family)}")
    usual = family.training if issubclass(family, HasLoss) else {}
    training = configure(
        TrainingConfig, {**usual, **(suited or {}), **{k: v for k, v in settings.items() if k in of_training}}
    )
    return configure(family.Config, {k: v for k, v in settings.items() if k not in of_training}), training
