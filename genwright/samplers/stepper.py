"""What the samplers ask of a model that draws token by token."""

from typing import Protocol

from torch import Tensor


class Stepper(Protocol):
    """A function that says what comes next, and remembers what was before.

    Logits may be unnormalised; codes that the family never draws are −∞. They are not changed in place by `decode`,
    so a stepper may hand out the same tensor twice.
    """

    def start(self, codes: Tensor) -> Tensor:
        """Logits (B, V) of what follows codes (B, t) that stand at the beginning, the first of them the start code.

        More codes may come than the model looks back on: it looks at the last of them.
        """
        ...

    def step(self, codes: Tensor) -> Tensor:
        """Logits (B, V) of what follows the codes (B,) drawn last."""
        ...

    def keep(self, rows: Tensor) -> None:
        """Goes on with these rows (their indices), in this order; a row may be there several times."""
        ...
