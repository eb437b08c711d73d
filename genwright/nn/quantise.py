"""Vectors ↔ codes: a codebook whose entries are running means of what is nearest to them (van den Oord et al., 2017).

https://arxiv.org/abs/1711.00937, with the averages of Razavi et al. (2019): https://arxiv.org/abs/1906.00446

    code(z) = argmin_k ‖z − e_k‖,   e_k = m_k / n_k
    n_k ← γ n_k + (1 − γ) #{z: code(z) = k},   m_k ← γ m_k + (1 − γ) Σ_{z: code(z) = k} z

Gradients pass straight through: the network before the codebook gets those of e as if they were its own. A code that
hardly any vector chooses is dead; it begins anew at a vector of the latest batch, and so do all codes at the beginning.

What was seen in a step is taken in by `update`, once all shards of the batch were seen. Of several processes each hears
what the others saw, in the order of the shards, so that all hold the codebook that a single process would.
"""

from dataclasses import dataclass, field
from itertools import zip_longest

import torch
from torch import Tensor, nn

MIN_COUNT = 1e-5  # of a mean's denominator
REVIVED = 3.0  # what a code that begins anew counts, as a multiple of what a dead one does
TRIED = 1 << 14  # vectors of a shard that dead codes may begin anew from


@dataclass
class Seen:
    """What one shard of a batch showed.

    Args:
        counts: Vectors that chose each code (K,).
        sums: What these add to (K, D).
        tries: Some vectors, in random order (M, D), M ≤ K.
    """

    counts: Tensor
    sums: Tensor
    tries: Tensor


class Codebook(nn.Module):
    """K codes of D numbers.

    Args:
        n: Codes, K.
        dim: Numbers a code, D.
        decay: γ.
        reset: A code is dead where its share of the vectors is below this part of the mean share; 0: none ever is.
    """

    def __init__(self, n: int, dim: int, decay: float = 0.95, reset: float = 0.1):
        super().__init__()
        self.n, self.dim, self.decay, self.reset_below = n, dim, decay, reset
        self.counts: Tensor  # n_k, a step (K,)
        self.sums: Tensor  # m_k (K, D)
        self.register_buffer("counts", torch.zeros(n))
        self.register_buffer("sums", torch.zeros(n, dim))
        self.is_reviving = True  # whether dead codes begin anew
        self._seen: list[Seen] = []

    def reset(self, generator: torch.Generator) -> None:
        """Nothing seen; codes N(0, 1) until the first update."""
        self.counts.zero_()
        self.sums.copy_(torch.randn(self.sums.shape, generator=generator) * MIN_COUNT)
        self.forget()

    @property
    def codes(self) -> Tensor:
        """e (K, D)."""
        return self.sums / self.counts.clamp(min=MIN_COUNT)[:, None]

    def nearest(self, z: Tensor) -> Tensor:
        """Vectors (M, D) → codes (M,)."""
        e = self.codes
        return torch.addmm(e.square().sum(1), z, e.T, alpha=-2).argmin(1)

    def forward(self, z: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Vectors (M, D) → nearest codes' vectors, through which gradients pass straight (M, D); which (M,); and the
        squared distance to them, whose gradient pulls z (M,).

        Args:
            z: What a network made.
            generator: Of the vectors that dead codes may begin anew from; None: what is seen is not remembered.
        """
        code = self.nearest(z.detach())
        e = self.codes[code]
        if generator is not None:
            self._remember(z.detach(), code, generator)
        return z + (e - z).detach(), code, (z - e).square().sum(1)

    def _remember(self, z: Tensor, code: Tensor, generator: torch.Generator) -> None:
        counts = code.bincount(minlength=self.n).to(z.dtype)
        sums = torch.zeros_like(self.sums).index_add_(0, code, z)
        order = torch.randperm(min(len(z), TRIED), generator=generator)[: self.n]
        self._seen.append(Seen(counts, sums, z[order * (len(z) // min(len(z), TRIED))]))

    def forget(self) -> None:
        """Drops what was seen since the last update."""
        self._seen = []

    @torch.no_grad()
    def update(self) -> None:
        """Takes in what was seen, by all processes."""
        seen = _of_all(self._seen)
        self.forget()
        if not seen:
            return
        counts = torch.stack([s.counts for s in seen]).sum(0)
        sums = torch.stack([s.sums for s in seen]).sum(0)
        is_first = not self.counts.any()
        if not is_first:
            self._average(counts, sums)
        mean = counts.sum() / self.n
        dead = self.counts < self.reset_below * mean if self.is_reviving else self.counts < 0
        if is_first or dead.any():
            self._revive(dead | is_first, torch.cat([s.tries for s in seen]), mean)

    def _average(self, counts: Tensor, sums: Tensor) -> None:
        """One step of both running means; a code that was not chosen for very long stays where it is."""
        before = self.codes
        self.counts.lerp_(counts, 1 - self.decay)
        self.sums.lerp_(sums, 1 - self.decay)
        idle = self.counts < MIN_COUNT
        self.counts[idle] = MIN_COUNT
        self.sums[idle] = before[idle] * MIN_COUNT

    def _revive(self, dead: Tensor, tries: Tensor, mean: Tensor) -> None:
        """Dead codes (K,) go to vectors that were seen, and count little, so that they move, or die, soon."""
        at = dead.nonzero()[:, 0]
        rows = torch.arange(len(at)) * max(len(tries) // len(at), 1) % len(tries)  # from all shards
        self.counts[at] = count = mean * min(1.0, REVIVED * self.reset_below or 1.0)
        self.sums[at] = tries[rows] * count


@dataclass
class Usage:
    """How many of K codes are in use.

    Args:
        n: Codes, K.
    """

    n: int
    counts: Tensor = field(init=False)  # (K,)

    def __post_init__(self) -> None:
        self.counts = torch.zeros(self.n, dtype=torch.float64)

    def add(self, code: Tensor) -> None:
        """Takes in codes of any shape."""
        self.counts += code.flatten().bincount(minlength=self.n)

    @property
    def dead(self) -> float:
        """Share of the codes that do not occur."""
        return float((self.counts == 0).double().mean())

    @property
    def perplexity(self) -> float:
        """exp of the entropy of a code: as many codes in equal use would say as much."""
        p = self.counts / self.counts.sum().clamp(min=1)
        return float(torch.special.entr(p).sum().exp())


def _of_all(own: list[Seen]) -> list[Seen]:
    """What all processes saw, in the order of the shards, which they take in turn."""
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return own
    found: list[list[Seen]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(found, own)
    return [one for turn in zip_longest(*found) for one in turn if one is not None]
