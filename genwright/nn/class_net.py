"""A network from rows of any columns to classes, and the half of a classifier that trains and asks it.

    h_0 = [columns, pictures, mean of the vectors of each text's tokens]
    h_l = dropout(silu(W_l h_{l−1} + b_l)),   p(y | x) = softmax(W h_L + b)

Texts are bags of tokens (Joulin et al., 2017, https://aclanthology.org/E17-2068). While training, a small share of the
cells is hidden behind the code of missing values, so that the network knows what to make of a value it never met.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from genwright.core.classifier import Classifier
from genwright.core.dataset import Dataset, n_rows, select
from genwright.core.errors import RunError, SpaceMismatchError
from genwright.core.model import HasLoss
from genwright.core.space import Batch, Category, Pixels, Real, Space, Tokens, row_shape
from genwright.nn.augment import Augmentation, applied, drawn
from genwright.nn.column_embed import ColumnEmbed
from genwright.nn.dropout import dropout
from genwright.nn.mlp import initialise, untrained
from genwright.nn.picture_trunk import PictureEncoder, Trunk
from genwright.nn.picture_view import prepared as prepared_pictures
from genwright.nn.row_view import RowView

AT_ONCE = 1024  # rows that go through the network at once
SEEN = "seen"  # of the state: which classes the fit had


class ClassNet(nn.Module):
    """Prepared rows → logits.

    Args:
        space: The columns it reads.
        view: Those that are single numbers and categories.
        n_classes: K.
        hidden: Widths of the hidden layers.
        n_embed: Width of a code's vector.
        n_words: Width of a token's vector.
        trunk: How pictures are read: `dense` flattens them.
        n_picture: Numbers that convolutions make of a picture.
        width: Channels of their first level.
        share: Of the hidden numbers that dropout leaves out.
    """

    def __init__(
        self,
        space: Space,
        view: RowView,
        n_classes: int,
        hidden: Sequence[int],
        n_embed: int = 8,
        n_words: int = 64,
        trunk: Trunk = "dense",
        n_picture: int = 256,
        width: int = 32,
        share: float = 0.0,
    ):
        super().__init__()
        self.share, self.is_conv = share, trunk != "dense"
        self.embed = ColumnEmbed(view, n_embed)
        self.pictures = PictureEncoder(space, trunk, n_picture, width)
        self.supports = {n: f.support for n, f in space.items() if isinstance(f.support, Tokens)}
        self.words = nn.ModuleList(nn.Embedding(s.n, n_words) for s in self.supports.values())
        n_in = self.embed.n_out + self.pictures.n_out + n_words * len(self.words)
        self.is_blind = not n_in  # nothing to read: a constant in its place
        widths = [max(n_in, 1), *hidden]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.out = nn.Linear(widths[-1], n_classes)

    def reset(self, generator: torch.Generator) -> None:
        """Begins near equal probabilities."""
        with torch.no_grad():
            self.out.weight.mul_(0.1)

    def forward(self, rows: Batch, generator: torch.Generator | None = None) -> Tensor:
        """(B, K); with a generator, as in training."""
        n = len(rows["codes"])
        seen = self.pictures(rows, n)
        if self.is_conv:
            seen = dropout(F.silu(seen), self.share, generator)
        parts = [self.embed(rows), seen]
        parts += [
            _mean(words, rows[f"tokens.{name}"], s)
            for words, (name, s) in zip(self.words, self.supports.items(), strict=True)
        ]
        h = torch.ones(n, 1) if self.is_blind else torch.cat(parts, 1)  # (B, n_in)
        for layer in self.layers:
            h = dropout(F.silu(layer(h)), self.share, generator)
        return self.out(h)


def _mean(words: nn.Module, tokens: Tensor, support: Tokens) -> Tensor:
    """Mean vector of a text's tokens (B, n_words), 0 of an empty one."""
    is_word = ((tokens != support.pad) & (tokens != support.end)).unsqueeze(2)  # (B, T, 1)
    return (words(tokens) * is_word).sum(1) / is_word.sum(1).clamp(min=1)


class NetClassifier(Classifier, HasLoss):
    """What classifiers with a `ClassNet` share. A family names its network in `_net`."""

    net: ClassNet
    augment: tuple[Augmentation, ...] = ()
    hide = 0.0  # share of the cells that are hidden while training

    def bind(self, space: Space, target: str) -> Any:
        """As `Classifier.bind`."""
        super().bind(space, target)
        scalars = {n: f for n, f in self.others.items() if isinstance(f.support, Real | Category)}
        self.view = RowView(Space(scalars))
        self.net = untrained(self._net)
        self._seen = np.zeros(self.n_classes, bool)
        can_miss = [bool(getattr(space[p.name].support, "has_missing", False)) for p in self.view.places]
        repeats = [p.codes.stop - p.codes.start for p in self.view.places]
        self._can_miss = torch.from_numpy(np.repeat(np.array(can_miss, bool), repeats))  # (J,)
        self._missing = torch.tensor(self.view.sizes, dtype=torch.int64) - 1  # (J,)
        return self

    def _net(self) -> ClassNet:
        """The network for `others`, `view` and `n_classes`."""
        raise NotImplementedError

    def start(self, generator: torch.Generator) -> None:
        """First weights."""
        initialise(self.net, generator)

    def look(self, data: Dataset) -> None:
        """Which classes there are."""
        counts = np.bincount(np.asarray(data.arrays[self.target]), minlength=self.n_classes)
        self._seen = counts[: self.n_classes] > 0

    def prepare(self, batch: Batch) -> Batch:
        """Codes, scores, pictures as codes, tokens, and the class where it is there."""
        self._check(batch)
        rows = {name: batch[name] for name in self.others}
        found = {k: x for k, x in self.view.rows(rows).items() if k in ("codes", "z")} if rows else _nothing(batch)
        found |= prepared_pictures(rows, self.others)
        found |= {f"tokens.{n}": rows[n] for n, f in self.others.items() if isinstance(f.support, Tokens)}
        return found | ({"y": batch[self.target]} if self.target in batch else {})

    def loss(self, rows: Batch, generator: torch.Generator, phase: str = "model") -> Tensor:
        """−log p(y | x) (B,), 0 where the class is not known."""
        y, is_training = rows["y"], self.net.training
        logits = self.net(self._changed(rows, generator), generator) if is_training else self.net(rows)
        found = F.cross_entropy(logits, y.clamp(max=self.n_classes - 1), reduction="none")
        return torch.where(y < self.n_classes, found, 0.0)

    def monitor(self, rows: Batch, generator: torch.Generator) -> dict[str, float]:
        """Share of watched rows that are foretold."""
        return {"accuracy": float((self.net(rows).argmax(1) == rows["y"]).float().mean())}

    def predict_rows(self, batch: Batch) -> np.ndarray:
        """As `Classifier.predict_rows`."""
        n = n_rows(batch)
        parts = [self._predicted(select(batch, slice(start, start + AT_ONCE))) for start in range(0, n, AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros((0, self.n_classes))

    def state(self) -> dict[str, Tensor]:
        """Weights, and which classes the fit had."""
        return {**self.net.state_dict(), SEEN: torch.from_numpy(self._seen.copy())}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """As `Classifier.load_state`."""
        try:
            self._seen = state[SEEN].numpy()
            self.net.load_state_dict({k: x for k, x in state.items() if k != SEEN})
        except (KeyError, RuntimeError) as error:
            raise RunError(f"these weights are not those of this network ({error})") from None
        self.net.eval()

    def describe(self) -> dict[str, Any]:
        """How large it is."""
        return {"parameters": sum(p.numel() for p in self.net.parameters())}

    @torch.no_grad()
    def _predicted(self, batch: Batch) -> np.ndarray:
        own = {name: x for name, x in batch.items() if name != self.target}
        logits = self.net(self.prepare(own or {"": torch.zeros(n_rows(batch))})).double().numpy()
        logits[:, ~self._seen] = -np.inf
        p = np.exp(logits - logits.max(1, keepdims=True))
        return p / p.sum(1, keepdims=True)

    def _changed(self, rows: Batch, generator: torch.Generator) -> Batch:
        """Rows with some cells hidden and pictures changed."""
        found, n = dict(rows), len(rows["codes"])
        if self.hide and self._can_miss.any():
            is_hidden = (torch.rand(rows["codes"].shape, generator=generator) < self.hide) & self._can_miss
            found["codes"] = torch.where(is_hidden, self._missing, rows["codes"])
            found["z"] = torch.where(is_hidden[:, self.view.slots], 0.0, rows["z"])
        for name, f in self.others.items():
            if self.augment and isinstance(f.support, Pixels):
                key = f"pixels.{name}"
                found[key] = applied(rows[key], drawn(n, self.augment, generator))
        return found

    def _check(self, batch: Batch) -> None:
        for name, f in self.others.items():
            if name not in batch:
                raise SpaceMismatchError(f"column {name} is absent from the batch")
            if tuple(batch[name].shape[1:]) != row_shape(f):
                shape = tuple(batch[name].shape[1:])
                raise SpaceMismatchError(f"column {name} has event shape {shape}, expected {row_shape(f)}")


def _nothing(batch: Batch) -> Batch:
    """Prepared rows without any column."""
    n = n_rows(batch)
    return {"codes": torch.zeros(n, 0, dtype=torch.int64), "z": torch.zeros(n, 0)}
