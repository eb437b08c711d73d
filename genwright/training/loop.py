"""The training loop of every gradient family.

    for each step:   rows → loss of each phase → gradient, shortened → AdamW → averaged weights
    now and then:    held-out loss of the averaged weights, the best of which are kept; log; checkpoint

Step k is a pure function of (seed, k, weights before it): which rows it sees and every random number. A training that
was killed and goes on from its checkpoint therefore ends with the same bits, and several processes, which share a
batch's shards, end with what one process would have.
"""

import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Literal

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor

from genwright.core.dataset import Dataset
from genwright.core.errors import FitError, RunError
from genwright.core.model import HasLogProb, HasLoss, Progress
from genwright.core.rng import numpy_generator, torch_generator
from genwright.core.space import Batch
from genwright.data.data_uri import is_data_uri
from genwright.nn.ema import EMA, frozen
from genwright.training import monitors
from genwright.training.batches import Order, Rows, cut, divide
from genwright.training.checkpoint import Checkpoint, read, remove, require_same, write
from genwright.training.gain import gain_over_marginals
from genwright.training.monitors import Line
from genwright.training.muon import Muon
from genwright.training.plan import Outcome, Plan
from genwright.training.processes import join
from genwright.training.tensorboard import to_tensorboard

log = logging.getLogger("genwright")

AVERAGED = 16  # steps from one average of the weights to the next
MAX_WATCHED = 2048  # training rows that are watched where none are set aside
WATCHED_SHARE = 0.04  # rows watched for a row learnt from, so that watching costs less than 2 % of a training
MIN_WATCHED = 256  # however few are learnt from between two evaluations
MAX_ROLLBACKS = 3
FINAL_LR = 0.01  # share of the learning rate that is left at the end
OVERRUN = 1.25  # a budget of minutes may be exceeded this far before training ends early


@dataclass
class _Moment:
    """Where a training stands, beside its tensors."""

    step: int = 0
    n_steps: int = 0
    best: float = math.inf
    best_step: int = 0
    n_worse: int = 0  # evaluations since the best
    n_rollbacks: int = 0
    seconds: float = 0.0
    log: list[Line] = field(default_factory=list)


def train(model: HasLoss, data: Dataset, plan: Plan, progress: Progress) -> Outcome:
    """Trains a model; afterwards it has the best averaged weights.

    Args:
        model: Untrained.
        data: All rows that may be learnt from.
        plan: What to do.
        progress: Called with (fraction done, a line).

    Raises:
        FitError: the budget is too short, or the loss becomes infinite again and again.
        RunError: the checkpoint cannot be read or written, or is of another training.
    """
    with _threads(plan.config.threads):
        return _Training(model, data, plan, progress).run()


class _Training:
    """One training: the model, its optimisers and where it stands."""

    def __init__(self, model: HasLoss, data: Dataset, plan: Plan, progress: Progress):
        self.model, self.data, self.plan, self.config, self.progress = model, data, plan, plan.config, progress
        join()
        self.accelerator = Accelerator(cpu=True)
        self.n_shards = max(self.config.shards, self.accelerator.num_processes)
        model.look(data)
        learnt, watched = divide(data, self.config.n_validation, plan.seed)
        self.rows, self.watched = Rows(model, data, learnt), Rows(model, data, watched)
        if self.n_shards > len(learnt):
            raise FitError(
                f"{len(learnt)} rows cannot be cut into {self.n_shards} shards; use fewer shards or processes"
            )
        size = max(1, self.config.batch_size // self.n_shards) * self.n_shards
        self.order = Order(len(learnt), size, plan.seed)
        self.shards = cut(self.order.size, self.n_shards)
        self.now = _Moment()
        self.cut_by: Literal["", "clock", "hand"] = ""
        self._start()

    def _start(self) -> None:
        """First weights, and nothing done."""
        self.model.start(torch_generator(self.plan.seed, "start"))
        self.model.net.train()
        self.parameters = {phase: self.model.parameters(phase) for phase in self.model.phases}
        self.optimisers = {phase: self._optimiser(phase) for phase in self.model.phases}
        self.ema = EMA(self.model.net, self.config.ema)
        self.best = frozen(self.ema.mean)
        self._good: dict[str, Tensor] = {}
        self._losses: dict[str, float] = {}  # of the last step

    def _optimiser(self, phase: str) -> torch.optim.Optimizer:
        c, parameters = self.config, self.parameters[phase]
        if c.optimizer == "muon":
            hidden = {id(p): p for p in self.model.matrices(phase)}
            others = [p for p in parameters if id(p) not in hidden]
            return Muon(hidden.values(), others, c.learning_rate, c.muon_scale, c.weight_decay, self.model.betas)
        return torch.optim.AdamW(
            parameters, lr=c.learning_rate, weight_decay=c.weight_decay, betas=self.model.betas, fused=True
        )

    def run(self) -> Outcome:
        """To the end, from the beginning or from the checkpoint."""
        started = time.perf_counter()
        notes: list[str] = []
        before = 0.0  # seconds of the training that goes on
        if self.plan.resume:
            self._resume()
            before = self.now.seconds
            self.progress(0.0, "going on")
            where = f"step {self.now.step:,} of {self.now.n_steps:,}"
            self.progress(self.now.step / max(self.now.n_steps, 1), f"going on from {where}")
        else:
            self._budget(started)
            self._announce()
            self._evaluate(started)
            self._keep(started, is_due=True)
        try:
            notes += self._steps(started - before)
        except KeyboardInterrupt:
            self._take_last(started - before)
            self.cut_by = "hand" if self.now.step < self.now.n_steps else ""
            where = f"step {self.now.step:,} of {self.now.n_steps:,}"
            notes.append(f"Stopped by hand at {where}; the best weights are kept.")
        self.model.net.load_state_dict(self.best)
        self.model.net.eval()
        self.model.anneal(1.0)
        gain = gain_over_marginals(self.model, self.data, self.rows.index, self.watched.index, self.plan.seed)
        self.now.log[-1] |= {} if gain is None else {"gain_over_marginals": gain}
        if gain is not None and not isinstance(self.model, HasLogProb):
            self.now.log[-1]["gain_is_bound"] = 1.0
        notes += monitors.speak(self.now.log)
        return Outcome(self.now.log, notes, self.now.step, self.now.n_steps, self.now.best_step, self.cut_by)

    def _budget(self, started: float) -> None:
        if self.plan.budget.minutes is not None:
            self.progress(0.0, "timing the first steps")
        n = self.plan.own_budget.n_steps(self.order.n, self.order.size, self._timed_step)
        self.now.n_steps = int(self._agreed(n))
        if self.plan.budget.minutes is not None:
            self._start()  # the steps that were timed are thrown away

    def _announce(self) -> None:
        n, size, rows = self.now.n_steps, self.order.size, self.order.n
        told = "training: %s steps of %s rows, each of the %s rows %.2g times"
        log.info(told, f"{n:,}", f"{size:,}", f"{rows:,}", n * size / rows)

    def _timed_step(self, k: int) -> None:
        self.now.n_steps = max(self.now.n_steps, 1)
        self._step(k)

    def _agreed(self, n: int) -> int:
        """The first process's number."""
        from accelerate.utils import broadcast_object_list

        return int(broadcast_object_list([n])[0]) if self.accelerator.num_processes > 1 else n

    def _steps(self, started: float) -> list[str]:
        """All steps that are left; what there is to say about how they ended."""
        while self.now.step < self.now.n_steps and not self._is_stuck:
            is_finite = self._step(self.now.step)
            if not is_finite:
                self._roll_back()
                continue
            self.now.step += 1
            is_due = not self.now.step % self._every or self.now.step == self.now.n_steps
            self._average(is_due)
            if not is_due:
                continue
            self._evaluate(started)
            self._keep(started)
            if self.now.step < self.now.n_steps and self._is_late(started):
                self.cut_by = "clock"
                return [f"Ended at step {self.now.step:,} of {self.now.n_steps:,}: the minutes were used up."]
        if self.now.step < self.now.n_steps and len(self.model.phases) == 1:  # of adversaries a monitor speaks
            told = (
                "ended early at step %s of %s: the held-out loss had not fallen since step %s, whose weights are kept"
            )
            log.info(told, f"{self.now.step:,}", f"{self.now.n_steps:,}", f"{self.now.best_step:,}")
        return []

    @property
    def _every(self) -> int:
        """Steps from one evaluation to the next."""
        return max(1, self.now.n_steps // self.config.n_evaluations)

    @property
    def _is_stuck(self) -> bool:
        """Whether the held-out loss has not fallen for long, or adversaries have gone astray."""
        if len(self.model.phases) > 1:
            return monitors.is_lost(self.now.log)
        return bool(len(self.watched) and self.config.patience and self.now.n_worse >= self.config.patience)

    def _take_last(self, started: float) -> None:
        """What was learnt since the last evaluation counts too."""
        if self.now.step > self.now.log[-1]["step"]:
            self._average(is_due=True)
            self._evaluate(started)

    def _average(self, is_due: bool) -> None:
        """Takes the weights into their average, every few steps and before an evaluation."""
        k = (self.now.step - 1) % self._every % AVERAGED + 1  # steps since the last time
        if is_due or k == AVERAGED:
            self.ema.update(self.now.step, k)

    def _is_late(self, started: float) -> bool:
        minutes = self.plan.own_budget.minutes
        late = minutes is not None and time.perf_counter() - started > OVERRUN * 60 * minutes
        return bool(self._agreed(int(late)))

    def _rate(self, step: int) -> float:
        """Learning rate of a step: linear up, then a cosine down; halved by every rollback."""
        done, up = step / max(self.now.n_steps, 1), self.config.lr_warmup
        rise = min(1.0, (done + 1 / max(self.now.n_steps, 1)) / up) if up else 1.0
        fall = FINAL_LR + (1 - FINAL_LR) * 0.5 * (1 + math.cos(math.pi * max(0.0, done - up) / (1 - up)))
        return self.config.learning_rate * rise * fall * 0.5**self.now.n_rollbacks

    def _step(self, k: int) -> bool:
        """One step of every phase; whether all losses and gradients were finite."""
        self.model.anneal(k / max(self.now.n_steps, 1))
        self._losses = {}
        is_finite = all(self._phase(k, phase, self.order.batch(k)) for phase in self.model.phases)
        if is_finite:
            self.model.stepped()
        return is_finite

    def _phase(self, k: int, phase: str, places: np.ndarray) -> bool:
        optimiser, parameters = self.optimisers[phase], self.parameters[phase]
        optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for shard in range(self.accelerator.process_index, self.n_shards, self.accelerator.num_processes):
            generator = torch_generator(self.plan.seed, "step", k, self.now.n_rollbacks, shard, phase)
            loss = self.model.loss(self.rows.take(places[self.shards[shard]]), generator, phase).mean() / self.n_shards
            loss.backward(inputs=parameters)
            total += float(loss.detach())
        total = self._shared(parameters, total)
        gradients = [p.grad for p in parameters if p.grad is not None]
        norm = math.hypot(*map(float, torch._foreach_norm(gradients)))
        if not (math.isfinite(total) and math.isfinite(norm)):
            return False
        if norm > self.config.clip:
            torch._foreach_mul_(gradients, self.config.clip / norm)
        for group in optimiser.param_groups:
            group["lr"] = self._rate(k) * self.model.rate(phase)
        optimiser.step()
        self._losses[phase] = total
        return True

    def _shared(self, parameters: list[torch.nn.Parameter], loss: float) -> float:
        """Gradients and loss summed over all processes."""
        if self.accelerator.num_processes == 1:
            return loss
        known = [p for p in parameters if p.grad is not None]
        flat = torch.cat([p.grad.flatten() for p in known] + [torch.tensor([loss])])  # type: ignore[union-attr]
        flat = self.accelerator.reduce(flat, "sum")
        start = 0
        for p in known:
            p.grad.copy_(flat[start : start + p.numel()].view_as(p))  # type: ignore[union-attr]
            start += p.numel()
        return float(flat[-1])

    def _evaluate(self, started: float) -> None:
        """The held-out loss of the averaged weights; the best are kept, and all is remembered for a rollback."""
        line: Line = {"step": self.now.step, "loss": sum(self._losses.values())}
        with self.ema.applied():
            self.model.net.eval()
            line |= self._watched()
            if self.plan.preview is not None and self.now.step and self.accelerator.is_main_process:
                line["drawn"] = self.plan.preview()
            self.model.net.train()
        is_astray = len(self.model.phases) > 1 and monitors.astray([*self.now.log, line])[-1]
        loss = line.get("held_out", math.inf if is_astray else -float(self.now.step))
        if loss < self.now.best or (is_astray and math.isinf(self.now.best)):  # what is astray, where nothing is better
            self.now.best, self.now.best_step, self.now.n_worse = loss, self.now.step, 0
            self.best = frozen(self.ema.mean)
        else:
            self.now.n_worse += 1
        line["epochs"] = self.now.step * self.order.size / self.order.n
        line |= {"learning_rate": self._rate(self.now.step), "n_rollbacks": self.now.n_rollbacks}
        line["seconds"] = round(time.perf_counter() - started, 3)
        self.now.log.append(line)
        self._remember()
        if self.config.tensorboard and self.accelerator.is_main_process:
            to_tensorboard(self.config.tensorboard, line)
        self._tell(line)

    @torch.no_grad()
    def _watched(self) -> Line:
        """Held-out loss, and the family's own numbers; of adversarial families only those."""
        rows = self._watched_rows()
        self.model.anneal(1.0)
        found = dict(self.model.monitor(rows, torch_generator(self.plan.seed, "monitor")))
        if len(self.model.phases) == 1:
            loss = self.model.loss(rows, torch_generator(self.plan.seed, "watch"), self.model.phases[0])
            found["held_out"] = float(loss.mean())
        floats = [x for x in rows.values() if x.is_floating_point() and x.numel()]
        found["largest_input"] = max((float(x.abs().max()) for x in floats), default=0.0)
        return found

    def _watched_rows(self) -> Batch:
        """Rows set aside, or else learnt from: at random, and few beside those learnt from between two evaluations."""
        watched = self.watched if len(self.watched) else self.rows
        n = max(MIN_WATCHED, int(WATCHED_SHARE * self._every * self.order.size))
        order = numpy_generator(self.plan.seed, "watched").permutation(len(watched))
        return watched.take(np.sort(order[: min(n, self.config.n_validation or MAX_WATCHED)]))

    def _tell(self, line: Line) -> None:
        held = f", held-out {line['held_out']:.4g}" if "held_out" in line else ""
        told = f"step {self.now.step:,} of {self.now.n_steps:,}: loss {line['loss']:.4g}{held}"
        drawn = f"\n{line['drawn']}" if line.get("drawn") and not is_data_uri(line["drawn"]) else ""
        self.progress(self.now.step / max(self.now.n_steps, 1), told + drawn)

    def _remember(self) -> None:
        """Copies weights, averages and optimiser states for a rollback, into the memory of the last copies."""
        found, best = self._tensors(), {f"best.{k}": x for k, x in self.best.items()}  # never changed, only replaced
        kept = {k: x for k, x in self._good.items() if k not in best}
        if kept.keys() == found.keys():
            torch._foreach_copy_([kept[k] for k in found], list(found.values()))
        else:
            kept = frozen(found)
        self._good = kept | best

    def _tensors(self) -> dict[str, Tensor]:
        """Weights, averages and optimiser states."""
        found = {f"net.{k}": x for k, x in self.model.net.state_dict().items()}
        found |= {f"ema.{k}": x for k, x in self.ema.mean.items()}
        for phase, optimiser in self.optimisers.items():
            for i, state in optimiser.state_dict()["state"].items():
                found |= {f"optimiser.{phase}.{i}.{k}": x for k, x in state.items()}
        return found

    def _load(self, tensors: Mapping[str, Tensor]) -> None:
        """The inverse of `_tensors`."""
        self.model.net.load_state_dict(_under(tensors, "net."))
        self.ema.mean = frozen(_under(tensors, "ema."))
        self.best = frozen(_under(tensors, "best."))
        for phase in self.model.phases:
            state: dict[int, dict[str, Tensor]] = {}
            for key, x in _under(tensors, f"optimiser.{phase}.").items():
                i, name = key.split(".", 1)
                state.setdefault(int(i), {})[name] = x.clone()
            own = self.optimisers[phase] = self._optimiser(phase)
            own.load_state_dict({**own.state_dict(), "state": state})

    def _roll_back(self) -> None:
        """Back to the last evaluation, with half the learning rate and other random numbers."""
        self.now.n_rollbacks += 1
        if self.now.n_rollbacks > MAX_ROLLBACKS:
            if self.plan.checkpoint is not None and self.accelerator.is_main_process:
                remove(self.plan.checkpoint)  # going on from it would end here again
            raise FitError(
                f"the loss became infinite at step {self.now.step:,}, {self.now.n_rollbacks} times over; lower "
                f"learning_rate (now {self.config.learning_rate:g}) or clip (now {self.config.clip:g})"
            )
        self._load(self._good)
        self.now.step = self.now.log[-1]["step"]

    def _keep(self, started: float, is_due: bool = False) -> None:
        """Writes the checkpoint, if it is time."""
        seconds, path = time.perf_counter() - started, self.plan.checkpoint
        is_due |= seconds - self.now.seconds >= self.config.checkpoint_seconds or self.now.step == self.now.n_steps
        if path is None or not is_due or not self.accelerator.is_main_process:
            return
        self.now.seconds = seconds
        write(path, Checkpoint(self._good, asdict(self.now), self.plan.stored()))

    def _resume(self) -> None:
        assert self.plan.checkpoint is not None
        checkpoint = read(self.plan.checkpoint)
        require_same(self.plan.checkpoint, checkpoint.identity, self.plan.stored())
        try:
            self.now = _Moment(**checkpoint.facts)
            self._good = checkpoint.tensors
            self._load(checkpoint.tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunError(f"{self.plan.checkpoint} is not a checkpoint of this model ({error}); fit anew") from None


@contextmanager
def _threads(n: int) -> Iterator[None]:
    """torch with n threads: with more of them small networks are slower, and several processes much slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): x for k, x in tensors.items() if k.startswith(prefix)}
