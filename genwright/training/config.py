"""Settings of the training loop, the same for every gradient family."""

import math
from dataclasses import dataclass
from typing import Literal

from genwright.core.errors import ConfigError

MOST_THREADS = 1_000  # the library beneath torch ends the process where it cannot start them all


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training by gradient steps."""

    optimizer: Literal["adamw", "muon"] = "adamw"  # of all parameters; muon: of hidden matrices, where a family has any
    muon_scale: float = 4.0  # learning rate of Muon, as a multiple of AdamW's
    batch_size: int = 256  # rows a step, B
    learning_rate: float = 2e-3  # of AdamW, at its highest
    weight_decay: float = 1e-4  # of AdamW
    lr_warmup: float = 0.05  # share of the steps in which the learning rate rises; afterwards it falls as a cosine
    clip: float = 5.0  # longest gradient; longer ones are shortened
    ema: float = 0.999  # decay of the averaged weights that are kept; 0: the latest weights
    patience: int = 10  # evaluations without a better held-out loss before training ends; 0: never ends early
    n_evaluations: int = 50  # times the held-out loss is measured
    n_validation: int = 2048  # training rows, at most a tenth, that no step sees and that say when to stop
    checkpoint_seconds: float = 30.0  # between two checkpoints
    shards: int = 1  # pieces of a batch with random numbers of their own, at least one a process
    threads: int = 1  # of torch while training; more help only where networks are large
    tensorboard: str = ""  # folder for TensorBoard, where that is installed; empty: none

    def __post_init__(self) -> None:
        for name in ("batch_size", "n_evaluations", "shards", "threads"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected 1 or more")
        if self.threads > MOST_THREADS:
            raise ConfigError(f"threads = {self.threads}; expected at most {MOST_THREADS:,}")
        for name in ("weight_decay", "patience", "n_validation", "checkpoint_seconds"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected 0 or more")
        for name in ("lr_warmup", "ema"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected from 0 up to but not 1")
        for name in ("learning_rate", "muon_scale", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected more than 0, and finite")
