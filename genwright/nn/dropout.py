"""Dropout: a training step leaves out units at random, so that none relies on others (Srivastava et al., 2014).

https://jmlr.org/papers/v15/srivastava14a.html

    y = m ⊙ x / (1 − p),    m ~ Bernoulli(1 − p)

torch's own layers draw m from the global random state, with which a training that goes on after a kill would end
elsewhere; here m comes from the step's generator.
"""

import torch
from torch import Tensor


def dropout(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """x (…) with a share p of its numbers set to 0, and the others larger in turn; as it is without a generator."""
    if generator is None or not share:
        return x
    return x * (torch.rand(x.shape, generator=generator, device=x.device) >= share) / (1 - share)
