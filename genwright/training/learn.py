"""The door through which every family learns, by gradient steps or in closed form, with the same progress and log."""

import time

from genwright.core.dataset import Dataset
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.model import HasLoss, HasSolution, HasStages, Model, Progress
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.training.plan import Outcome, Plan
from genwright.training.stages import in_stages


def learn(model: Model, data: Dataset, plan: Plan, progress: Progress) -> Outcome:
    """Learns from all rows.

    Raises:
        FitError: nothing can be learnt from these rows, or the training failed; says why.
        UnsupportedError: the family has no way of learning.
        ConfigError: steps for a family that takes none; minutes are not looked at.
    """
    if isinstance(model, HasLoss):
        from genwright.training.loop import train  # brings Accelerate, which takes a second to import

        if isinstance(model, HasStages):
            return in_stages(model, data, plan, progress, train, learn)
        return train(model, data, plan, progress)
    if not isinstance(model, HasSolution):
        raise UnsupportedError(f"{type(model).__name__} has no way of learning")
    if plan.budget.steps is not None or plan.resume:
        what = f"{MODELS.name_of(type(model))} learns in one go: there are no steps, and nothing to resume"
        raise ConfigError(f"{what}; leave these out, or name a family of networks, such as vae")
    started, lines = time.perf_counter(), []

    def told(done: float, line: str) -> None:
        lines.append({"done": round(done, 4), "line": line, "seconds": round(time.perf_counter() - started, 3)})
        progress(done, line)

    model.solve(data, torch_generator(plan.seed, "fit"), told)
    return Outcome(lines[-200:], notes=list(model.notes))
