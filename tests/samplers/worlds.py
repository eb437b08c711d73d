"""Small worlds for samplers: a Markov chain that says what comes next, and vocabularies."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

PAD, END, MISSING = 0, 1, 2


@dataclass
class Letters:
    """A vocabulary of pieces behind the special codes."""

    own: list[str]
    special: int = 3
    absent: tuple[int, ...] = ()

    def never(self) -> list[int]:
        return list(self.absent)

    def pieces(self) -> list[str]:
        return [""] * self.special + self.own

    def to_text(self, codes: list[int]) -> str:
        data = "".join(self.pieces()[c] for c in codes).encode("utf-8", "surrogateescape")
        return data.decode("utf-8", "replace")

    def codes(self, text: str) -> list[int]:
        return [self.pieces().index(c) for c in text]


@dataclass
class Chain:
    """A chain of order 2 with random transitions: P(c | the two codes before); remembers what it was asked."""

    n: int
    seed: int = 0
    spread: float = 1.0
    never: tuple[int, ...] = ()
    calls: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        g = torch.Generator().manual_seed(self.seed)
        self.table = self.spread * torch.randn(self.n, self.n, self.n, generator=g, dtype=torch.float64)
        self.table[:, :, list(self.never)] = -float("inf")

    def logits(self, codes: Tensor) -> Tensor:
        """Of what follows codes (B, t)."""
        last = codes[:, -1]
        before = codes[:, -2] if codes.shape[1] > 1 else torch.full_like(last, END)
        return self.table[before, last]

    def start(self, codes: Tensor) -> Tensor:
        self.calls.append(("start", len(codes)))
        self.last = codes[:, -2:] if codes.shape[1] > 1 else torch.cat([torch.full_like(codes, END), codes], 1)
        return self.logits(codes)

    def step(self, codes: Tensor) -> Tensor:
        self.calls.append(("step", len(codes)))
        self.last = torch.stack([self.last[:, 1], codes], 1)
        return self.logits(self.last)

    def keep(self, rows: Tensor) -> None:
        self.last = self.last[rows]


@dataclass
class Stateless:
    """Any function of all codes before, asked anew at every step: what a cache must agree with."""

    chain: Chain

    def start(self, codes: Tensor) -> Tensor:
        self.codes = codes
        return self.chain.logits(codes)

    def step(self, codes: Tensor) -> Tensor:
        self.codes = torch.cat([self.codes, codes[:, None]], 1)
        return self.chain.logits(self.codes)

    def keep(self, rows: Tensor) -> None:
        self.codes = self.codes[rows]
