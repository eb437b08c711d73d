"""Small convolutional network for pictures (LeCun et al., 1998).

https://doi.org/10.1109/5.726791

    h = silu(ConvEncoder(picture)),   p(y | x) = softmax(W [h, other columns] + b)

The trunk is the one that all families of pictures share (`nn/conv`), so that both halves can be compared on equal
terms. Columns beside the picture are read as `mlp` reads them. Pictures are moved a little while training.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from genwright.core.config import check_least
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.space import Space
from genwright.nn.augment import Augmentation
from genwright.nn.class_net import ClassNet, NetClassifier
from genwright.nn.picture_view import pictures


@dataclass(frozen=True)
class ConvNetConfig:
    """Settings of the network."""

    width: int = 16  # channels of the first level; they double at each further one
    n_picture: int = 128  # numbers that a picture becomes
    hidden: tuple[int, ...] = ()  # widths of further hidden layers behind them
    n_embed: int = 8  # width of a category's vector, beside pictures
    n_words: int = 64  # width of a token's vector, beside pictures
    dropout: float = 0.2  # share of these numbers left out at a step
    hide: float = 0.02  # share of cells beside pictures hidden at a step
    augment: tuple[Augmentation, ...] = ("shift",)  # pictures changed by chance while training: flip, shift, crop

    def __post_init__(self) -> None:
        check_least(self, 1, "width", "n_picture", "n_embed", "n_words")
        if any(width < 1 for width in self.hidden):
            raise ConfigError(f"hidden = {self.hidden}; expected widths of 1 or more")
        for name in ("dropout", "hide"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}; expected from 0 up to but not 1")


class ConvNet(NetClassifier):
    """Convolutional network."""

    Config = ConvNetConfig
    usual_minutes = 5.0
    training: ClassVar[Mapping[str, Any]] = {"learning_rate": 3e-3, "weight_decay": 0.01, "batch_size": 128}

    def bind(self, space: Space, target: str) -> Any:
        """As `Classifier.bind`.

        Raises:
            UnsupportedError: there is no picture among the columns.
        """
        if not pictures(space):
            raise UnsupportedError("convnet reads pictures, and there are none in these rows; mlp reads other columns")
        return super().bind(space, target)

    def _net(self) -> ClassNet:
        c = self.config
        self.augment, self.hide = c.augment, c.hide
        return ClassNet(
            self.others,
            self.view,
            self.n_classes,
            c.hidden,
            c.n_embed,
            c.n_words,
            "conv",
            c.n_picture,
            c.width,
            c.dropout,
        )
