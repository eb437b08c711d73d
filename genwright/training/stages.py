"""Families that learn in two stages under one budget: networks first, then another family's model of what they make.

    budget   |—— the networks ——|—— the second model ——|
    file     x.checkpoint        x.checkpoint with the finished networks, and x.checkpoint.second

A fit that was killed in either stage goes on from there, and ends with the same bits.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

from genwright.core.dataset import Dataset
from genwright.core.errors import RunError
from genwright.core.model import HasLoss, HasStages, Model, Progress
from genwright.core.registry import MODELS
from genwright.training.budget import Budget
from genwright.training.checkpoint import Checkpoint, of_second, read, remove, require_same, write
from genwright.training.monitors import Line
from genwright.training.plan import Outcome, Plan
from genwright.training.processes import is_main, wait
from genwright.training.settings import divided

log = logging.getLogger("genwright")
FINISHED = "finished."  # prefix of the networks' tensors, once they have learnt
Learn = Callable[[Any, Dataset, Plan, Progress], Outcome]


def in_stages(model: Any, data: Dataset, plan: Plan, progress: Progress, train: Learn, learn: Learn) -> Outcome:
    """Both stages, one after the other.

    Args:
        model: Of a family with stages, untrained.
        data: All rows that may be learnt from.
        plan: What to do in both.
        progress: Called with the fraction of both that is done.
        train: The loop, for the networks.
        learn: The door, for the second model.

    Raises:
        UnknownNameError: no such setting of the second model's training.
        RunError: the checkpoint cannot be read or written, or is of another fit.
    """
    assert isinstance(model, HasStages)
    assert isinstance(model, HasLoss)
    following = _following(model, plan)
    share = 1.0 if following is None else 1 - model.second_share
    first = _first(model, data, replace(plan, share=share), _within(progress, 0.0, share), train)
    name = MODELS.name_of(type(model.second))
    if first.cut_by == "hand" and following is not None:
        log.info("%s learns now, from what the networks make of the rows; Ctrl-C ends that, too", name)
    progress(share, "reading what the networks make of the rows")
    rows = model.second_rows(data)
    second = _second(model, rows, following, first, plan, _within(progress, share, 1.0), learn)
    n_planned, n_steps = first.n_planned + second.n_planned, first.n_steps + second.n_steps
    cut_by = first.cut_by or second.cut_by
    taken = second.n_steps / max(1, n_steps) if cut_by else second.n_planned / n_planned
    if following is not None and 0 < taken < 1:  # a stage that was stopped at its first step took none
        model.second_took(taken)
    notes = [*first.notes, *(f"{name}: {note}" for note in second.notes)]
    lines = [*first.log, *(_renamed(line, name, first) for line in second.log)]
    return Outcome(lines, notes, n_steps, n_planned, first.best_step, cut_by)


def _following(model: HasStages, plan: Plan) -> Plan | None:
    """What the second model's training is to do, but for its steps; None where it takes none."""
    if not isinstance(model.second, HasLoss):
        return None
    config = divided(type(model.second), model.second_settings)[1]
    config = replace(config, checkpoint_seconds=plan.config.checkpoint_seconds, threads=plan.config.threads)
    path = of_second(plan.checkpoint) if plan.checkpoint else None
    is_begun = plan.resume and path is not None and path.exists()
    wait()  # until all processes have looked
    return Plan(config, seed=plan.seed, checkpoint=path, resume=is_begun, identity=plan.stored())


def _first(model: Any, data: Dataset, plan: Plan, progress: Progress, train: Learn) -> Outcome:
    """The networks learn, or are read where they had learnt already."""
    if plan.resume and plan.checkpoint is not None:
        kept = read(plan.checkpoint)
        if "outcome" in kept.facts:
            require_same(plan.checkpoint, kept.identity, plan.stored())
            return _finished(model, kept, plan)
    elif plan.checkpoint is not None and is_main():
        remove(plan.checkpoint)
    outcome = train(model, data, plan, progress)
    if plan.checkpoint is not None and is_main():
        tensors = {FINISHED + name: x for name, x in model.net.state_dict().items()}
        write(plan.checkpoint, Checkpoint(tensors, {"outcome": asdict(outcome)}, plan.stored()))
    wait()
    return outcome


def _finished(model: Any, kept: Checkpoint, plan: Plan) -> Outcome:
    state = {name.removeprefix(FINISHED): x for name, x in kept.tensors.items()}
    try:
        model.net.load_state_dict(state)
        model.net.eval()
        return Outcome(**kept.facts["outcome"])
    except (RuntimeError, TypeError) as error:
        raise RunError(f"{plan.checkpoint} is not a checkpoint of this model ({error}); fit anew") from None


def _second(
    model: HasStages,
    rows: Dataset,
    following: Plan | None,
    first: Outcome,
    plan: Plan,
    progress: Progress,
    learn: Learn,
) -> Outcome:
    second: Model = model.second
    if following is None:
        return learn(second, rows, Plan(seed=plan.seed), progress)
    whole = plan.budget
    following.budget = whole.part(model.second_share)
    if whole.steps is not None:
        following.budget = Budget(steps=max(1, whole.steps - first.n_planned))
    return learn(second, rows, following, progress)


def _within(progress: Progress, low: float, high: float) -> Progress:
    """Progress of a part of the work."""
    return lambda done, line: progress(low + (high - low) * done, line)


def _renamed(line: Mapping[str, Any], name: str, first: Outcome) -> Line:
    """A line of the second model's log: its numbers under its name, its steps behind those of the first."""
    kept = {"seconds", "line", "done"}
    own = {key if key in kept else f"{name}.{key}": x for key, x in line.items() if key != "step"}
    return {"step": first.n_steps + line["step"], **own} if "step" in line else own
