"""Multilayer perceptron: input, hidden and output layers (Rumelhart, Hinton and Williams, 1986).

https://doi.org/10.1038/323533a0

    h_l = silu(W_l h_{l−1} + b_l),   p(y | x) = softmax(W h_L + b)

x: a learnt vector for every category and every repeated number, the normal scores of the other numbers, pixels one
beside the other, and of texts the mean of a vector for each token. Trained by the shared loop.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from genwright.core.config import check_least
from genwright.core.errors import ConfigError
from genwright.nn.augment import Augmentation
from genwright.nn.class_net import ClassNet, NetClassifier


@dataclass(frozen=True)
class MLPConfig:
    """Settings of the network."""

    hidden: tuple[int, ...] = (256, 256)  # widths of the hidden layers; none: a linear classifier
    n_embed: int = 8  # width of a category's vector
    n_words: int = 64  # width of a token's vector
    dropout: float = 0.2  # share of hidden numbers left out at a step
    hide: float = 0.02  # share of cells hidden at a step, so that values never met are as missing ones
    augment: tuple[Augmentation, ...] = ()  # pictures changed by chance while training: flip, shift, crop

    def __post_init__(self) -> None:
        check_least(self, 1, "n_embed", "n_words")
        if any(width < 1 for width in self.hidden):
            raise ConfigError(f"hidden = {self.hidden}; expected widths of 1 or more")
        for name in ("dropout", "hide"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected from 0 up to but not 1")


class MLP(NetClassifier):
    """Multilayer perceptron."""

    Config = MLPConfig
    usual_minutes = 5.0
    training: ClassVar[Mapping[str, Any]] = {"learning_rate": 1e-3, "weight_decay": 0.01}

    def _net(self) -> ClassNet:
        c = self.config
        self.augment, self.hide = c.augment, c.hide
        return ClassNet(self.others, self.view, self.n_classes, c.hidden, c.n_embed, c.n_words, share=c.dropout)
