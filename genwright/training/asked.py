"""What a fit was asked for, so that one that goes on after a kill need not be told again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genwright.core.config import check_mapping, to_json
from genwright.core.errors import RunError
from genwright.core.model import HasLoss, Model
from genwright.core.schema import Schema
from genwright.training.budget import Budget
from genwright.training.checkpoint import read
from genwright.training.config import TrainingConfig
from genwright.training.plan import Plan


@dataclass(frozen=True)
class Asked:
    """The arguments of a fit that its result depends on, with their usual values.

    Args:
        model: A family, or `auto`.
        settings: As the user gave them.
        seed: Of everything random.
        held_out: Share of the rows that the model does not see.
        budget: Minutes or steps.
        given: Columns that the model reads and need not model; None: not said.
        schema: Kinds of the columns; None: inferred.
        why: Why `auto` chose the family; empty: it did not.
        options: With which a reader made the rows of a path.
        notes: What there is to tell of the columns that the family leaves out.
    """

    model: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    held_out: float = 0.2
    budget: Budget = field(default_factory=Budget)
    given: tuple[str, ...] | None = None
    schema: Schema | None = None
    why: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, said: Mapping[str, Any], checkpoint: Path | None = None) -> "Asked":
        """What is said; the rest as it was in a checkpoint, setting by setting, or else as usual.

        Args:
            said: Arguments, None where one was not given.
            checkpoint: Of the fit that goes on.

        Raises:
            ConfigError: the settings are no mapping.
            RunError: there is no checkpoint, or it is damaged.
        """
        known = {name: _plain(value) for name, value in said.items() if value is not None}
        check_mapping(known.get("settings", {}), "settings", '{"n_iter": 50}')
        stored = _remembered(checkpoint) if checkpoint else {}
        is_same = known.get("model", stored.get("model")) == stored.get("model")
        usual = stored.get("settings", {}) if is_same else {}
        return cls(**{**stored, **known, "settings": {**usual, **known.get("settings", {})}})

    def plan(
        self, model: Model, config: TrainingConfig, checkpoint: Path | None, resume: bool, facts: Mapping[str, Any]
    ) -> Plan:
        """How the model is to learn, and what must be the same for going on with it later.

        Args:
            model: The model, untrained.
            config: Settings of the loop.
            checkpoint: File in which a gradient family's training is kept.
            resume: Go on from it.
            facts: What the fit rests on beside the arguments, such as the data's fingerprint.
        """
        assert self.schema is not None
        identity = {
            "model": self.model,
            "settings": to_json(model.config),
            "held_out": self.held_out,
            "given": list(self.given or ()),
            "schema": self.schema.to_json(),
            "why": self.why,
            "options": dict(self.options),
            "notes": list(self.notes),
            **facts,
        }
        path = checkpoint if isinstance(model, HasLoss) else None
        return Plan(config, self.budget, self.seed, path, resume, identity)


def options_of(checkpoint: Path) -> dict[str, Any]:
    """With which options a reader made the rows of the fit that is kept there.

    Raises:
        RunError: there is no checkpoint, or it is damaged.
    """
    return dict(_remembered(checkpoint)["options"])


def _plain(value: Any) -> Any:
    """One of NumPy's numbers as Python's, which JSON can hold."""
    return value.item() if isinstance(value, np.generic) else value


def _remembered(checkpoint: Path) -> dict[str, Any]:
    was = read(checkpoint).identity
    try:
        return _stored(was)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"the checkpoint {checkpoint} is damaged ({error}); remove it and fit anew") from None


def _stored(was: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a fit out of its checkpoint."""
    return {
        "model": was["model"],
        "settings": {**was["settings"], **was["training"], **was["free"]},
        "seed": was["seed"],
        "held_out": was["held_out"],
        "budget": Budget(**was["budget"]),
        "given": tuple(was["given"]),
        "schema": Schema.from_json(was["schema"]),
        "why": was["why"],
        "options": dict(was["options"]),
        "notes": tuple(was.get("notes", ())),
    }
