"""What a training is asked to do, and what it came to."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.monitors import Line

FREE = ("checkpoint_seconds", "tensorboard")  # settings that may change when a training goes on


@dataclass
class Plan:
    """What a training is asked to do.

    Args:
        config: Settings of the loop.
        budget: Minutes or steps.
        seed: Of everything random.
        checkpoint: File to keep the training in; None: it is not kept.
        resume: Go on from that file.
        identity: What must be the same for that, e.g. the data's fingerprint.
        preview: Draws something to look at, at each evaluation; None: nothing.
        share: Part of the budget that is this training's; the rest is for what follows it.
    """

    config: TrainingConfig = field(default_factory=TrainingConfig)
    budget: Budget = field(default_factory=Budget)
    seed: int = 0
    checkpoint: Path | None = None
    resume: bool = False
    identity: dict[str, Any] = field(default_factory=dict)
    preview: Callable[[], str] | None = None
    share: float = 1.0

    @property
    def own_budget(self) -> Budget:
        """This training's part."""
        return self.budget.part(self.share)

    def stored(self) -> dict[str, Any]:
        """What a checkpoint says of the fit."""
        budget = {k: v for k, v in asdict(self.budget).items() if v is not None}
        settings = asdict(self.config)
        free = {name: settings.pop(name) for name in FREE}
        return {**self.identity, "budget": budget, "training": settings, "free": free, "seed": self.seed}


@dataclass
class Outcome:
    """What a training came to.

    Args:
        log: A line an evaluation.
        notes: What went wrong, in sentences.
        n_steps: Steps done.
        n_planned: Steps that were planned; asking for them repeats the training, unless it was cut off.
        best_step: The step whose averaged weights were kept.
        cut_by: What cut it off before these steps were done: the clock or a hand; empty: nothing.
    """

    log: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_steps: int = 0
    n_planned: int = 0
    best_step: int = 0
    cut_by: Literal["", "clock", "hand"] = ""

    @property
    def facts(self) -> dict[str, int]:
        """Of the run, for a training by steps: `n_steps` done, and `steps` to ask for.

        These repeat the training to the last bit. What was cut off had the learning rates of more steps, `n_planned`,
        which nobody can ask for: then `steps` makes a training of the same length, with learning rates that fall to
        its end.
        """
        if not self.n_planned:
            return {}
        if not self.cut_by:
            return {"n_steps": self.n_steps, "steps": self.n_planned}
        return {"n_steps": self.n_steps, "steps": max(1, self.n_steps), "n_planned": self.n_planned}
