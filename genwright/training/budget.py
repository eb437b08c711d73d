"""How long to train: steps, or minutes that are turned into steps before training begins.

Minutes become steps by timing the first ones, whose effect is then thrown away. From there on the number of steps is
fixed and recorded, so the same fit can be repeated and resumed exactly, on a machine of any speed; but one that becomes
much slower than it was when it was timed has its training cut off.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from genwright.core.config import is_number
from genwright.core.errors import ConfigError, FitError

TIMED = 20  # steps that are timed
TIMED_SECONDS = 5.0  # the longest that this may take
MOST_MINUTES = 1e9  # nineteen centuries; steps beyond could not be counted
DEFAULT_EPOCHS, LEAST, MOST = 60, 2_000, 12_000  # where neither is given


@dataclass(frozen=True)
class Budget:
    """One of both, or neither.

    Args:
        minutes: Wall time of the whole training.
        steps: Gradient steps.
    """

    minutes: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        for name in ("minutes", "steps"):
            value = getattr(self, name)
            if value is not None and not is_number(value):
                raise ConfigError(f"{name} = {value!r}; expected a number")
        if self.minutes is not None and self.steps is not None:
            raise ConfigError(f"minutes = {self.minutes} and steps = {self.steps}: give one of them, not both")
        if self.minutes is not None and not 0 < self.minutes <= MOST_MINUTES:
            raise ConfigError(f"minutes = {self.minutes!s:.40}; expected more than 0, and at most {MOST_MINUTES:g}")
        if self.steps is not None and (not 1 <= self.steps < 2**53 or int(self.steps) != self.steps):
            raise ConfigError(f"steps = {self.steps}; expected a whole number from 1")
        if self.steps is not None:
            object.__setattr__(self, "steps", int(self.steps))
        if self.minutes is not None and not isinstance(self.minutes, int | float):
            object.__setattr__(self, "minutes", float(self.minutes))

    def part(self, share: float) -> "Budget":
        """A share of it; of no budget, none."""
        minutes = None if self.minutes is None else self.minutes * share
        return Budget(minutes, None if self.steps is None else max(1, round(self.steps * share)))

    def each(self, n: int) -> "Budget":
        """What each of n trainings has that share the minutes; steps are not shared out."""
        return self if self.minutes is None else self.part(1 / n)

    def n_steps(self, n: int, batch_size: int, step: Callable[[int], None]) -> int:
        """The number of steps.

        Args:
            n: Rows to learn from.
            batch_size: Rows a step.
            step: Does the k-th step; only called to be timed.

        Raises:
            FitError: the time is too short for one step.
        """
        if self.steps is not None:
            return self.steps
        if self.minutes is None:
            return min(max(DEFAULT_EPOCHS * n // batch_size, LEAST), MOST)
        seconds = seconds_a_step(step)
        found = int(self.minutes * 60 / seconds)
        if found < 1:
            raise FitError(
                f"{self.minutes:g} minutes are too short for one step, which takes {seconds:.3g} s; "
                f"allow at least {20 * seconds / 60:.2g} minutes, or lower batch_size"
            )
        return found


def seconds_a_step(step: Callable[[int], None]) -> float:
    """Wall time of one step, once warm."""
    step(0)
    started, done = time.perf_counter(), 0
    while done < TIMED and time.perf_counter() - started < TIMED_SECONDS:
        step(done + 1)
        done += 1
    return (time.perf_counter() - started) / done
