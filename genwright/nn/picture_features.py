"""Numbers that stand for pictures in judges, each kind named in the scores that rest on it.

- `pixels`: scores on the first 64 principal components of the training pictures' pixels;
- `net`: 64 outputs of a small network trained on the training pictures, see `feature_net`;
- `effnet`: the first 64 principal components of what EfficientNet-lite0 says, where its packages are installed, see
  `effnet`.

Every kind is centred and scaled so that the training pictures have a total variance of 1: then a Fréchet distance of 1
is what draws have that are all the mean picture.

A fit is a function of the set of its rows: they are put into an order of their own first, so that neither that of a
file nor its folders matter.

Of few pictures without a label, which the network sees again and again, the last quarter in that order is not learnt
from: it tells turns of the others better than of any unseen picture, and floors that were taken of them would be too
far from ideal. What is left out is told by a digest of each row, so that it is found again in any sample of the rows.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from genwright.core.dataset import n_rows, select
from genwright.core.errors import DataError, RunError
from genwright.core.judge import Evidence
from genwright.core.rng import numpy_generator
from genwright.core.space import Batch, Category, Pixels, Space, pictures
from genwright.nn import effnet
from genwright.nn.feature_net import OFTEN, FeatureNet, times_seen
from genwright.nn.picture_view import picture_shape
from genwright.nn.pixel_components import PixelComponents

KINDS = ("pixels", "net", "effnet")
MOST_CLASSES = 1_000  # of a category that is taken for the pictures' label
PER_CLASS = 10  # training pictures that a class of it has on average, at least
SCALED_ROWS = 10_000  # training pictures whose features are centred and scaled
EFFNET_ROWS = 500  # pictures of each side that are shown to EfficientNet, which takes long
ASIDE = 4  # of so many pictures without a label one is not learnt from, where each is seen more than `OFTEN` times


def categories(space: Space) -> list[str]:
    """The columns that may say what is on the pictures."""
    return [name for name, f in space.items() if isinstance(f.support, Category) and not f.event_shape]


def label_of(space: Space, n: int) -> str | None:
    """The first category with enough of n pictures a class; None where there is none."""
    most = min(MOST_CLASSES, n // PER_CLASS)
    found = (name for name in categories(space) if 2 <= getattr(space[name].support, "n", 0) <= most)
    return next(found, None)


@dataclass(frozen=True)
class Standard:
    """x ↦ (x − mean) / scale, with one scale for all dimensions."""

    mean: Tensor  # (d,)
    scale: Tensor  # ()

    @classmethod
    def fit(cls, x: Tensor) -> "Standard":
        """So that features (N, d) have a total variance of 1."""
        total = x.double().var(0).sum().sqrt().float() if len(x) > 1 else torch.tensor(0.0)
        return cls(x.double().mean(0).float(), total if total > 0 else torch.tensor(1.0))

    def __call__(self, x: Tensor) -> Tensor:
        """(B, d) → the same."""
        return (x - self.mean) / self.scale


class PictureFeatures:
    """Features of the pictures of a space, several columns of pictures beside each other.

    Args:
        space: With at least one column of pictures.
        label: The category that the networks name; None: there is none.
    """

    def __init__(self, space: Space, label: str | None = None):
        self.space, self.label = space, label
        self.columns = list(pictures(space))
        self.pixels: dict[str, PixelComponents] = {}
        self.nets: dict[str, FeatureNet] = {}
        self.effnet: dict[str, PixelComponents] = {}
        self.standards: dict[str, Standard] = {}
        self.n_learnt = 0  # pictures that the networks learnt from; 0: not known
        self.last = b""  # digest of the last one, where others were left out

    @property
    def n_classes(self) -> int:
        """Of the label; 0 where there is none."""
        support = self.space[self.label].support if self.label else None
        return support.n if isinstance(support, Category) else 0

    def _n_levels(self, name: str) -> int:
        support = self.space[name].support
        assert isinstance(support, Pixels)
        return support.n

    @classmethod
    def fit(cls, space: Space, rows: Batch) -> "PictureFeatures":
        """Learns all kinds but `effnet`, which is learnt already, from training rows."""
        model, n = cls(space, label_of(space, n_rows(rows))), n_rows(rows)
        rows = model._seen(rows)
        keys = digests(rows)
        order = by_key(keys)
        is_often = times_seen(n, picture_shape(space, model.columns[0])) > OFTEN
        if is_often and model.label is None and n >= ASIDE:
            order = order[: n - n // ASIDE]
            model.last = keys[order[-1]]
        model.n_learnt, rows = len(order), select(rows, order)
        labels = rows[model.label] if model.label else None
        for name in model.columns:
            codes = rows[name]
            model.pixels[name] = PixelComponents.fit(codes[:SCALED_ROWS])
            model.nets[name] = FeatureNet.fit(codes, model._n_levels(name), labels, model.n_classes)
        some = {name: x[:SCALED_ROWS] for name, x in rows.items()}
        model.standards = {kind: Standard.fit(model._raw(kind, some)) for kind in ("pixels", "net")}
        return model

    def _seen(self, rows: Batch) -> Batch:
        """What is learnt from: pictures and the label."""
        return {name: rows[name] for name in (*self.columns, *([self.label] if self.label else []))}

    def is_learnt(self, rows: Batch) -> np.ndarray:
        """Which of the training rows (B,) the networks learnt from."""
        if not self.last:
            return np.ones(n_rows(rows), bool)
        return np.array([key <= self.last for key in digests(self._seen(rows))], bool)

    def kinds(self) -> tuple[str, ...]:
        """Those that can be had here."""
        return KINDS if effnet.is_there() else KINDS[:2]

    def of(self, kind: str, rows: Batch) -> Tensor:
        """Features (B, d) float32."""
        return self.standards[kind](self._raw(kind, rows))

    def look(self, rows: Batch) -> None:
        """Components of what EfficientNet says of training rows; not kept with the others, for it may be absent."""
        said = {name: effnet.outputs(rows[name], self._n_levels(name)) for name in self.columns}
        self.effnet = {name: PixelComponents.fit(x) for name, x in said.items()}
        self.standards["effnet"] = Standard.fit(torch.cat([self.effnet[n](x) for n, x in said.items()], 1))

    def _raw(self, kind: str, rows: Batch) -> Tensor:
        if kind == "effnet":
            said = [self.effnet[n](effnet.outputs(rows[n], self._n_levels(n))) for n in self.columns]
            return torch.cat(said, 1)
        nets: Mapping[str, PixelComponents | FeatureNet] = self.pixels if kind == "pixels" else self.nets
        return torch.cat([nets[name](rows[name]) for name in self.columns], 1)

    def classify(self, rows: Batch) -> Tensor:
        """The label (B,) that the network sees, in the first column of pictures."""
        net = self.nets[self.columns[0]]
        return net.classify(net(rows[self.columns[0]]))

    def state(self) -> dict[str, Tensor]:
        """All that was learnt, as named tensors."""
        found = {"label": torch.tensor(categories(self.space).index(self.label) if self.label else -1)}
        found |= {"n_learnt": torch.tensor(self.n_learnt), "last": torch.tensor(list(self.last), dtype=torch.uint8)}
        for j, name in enumerate(self.columns):
            found |= {f"{j}.pixels.{key}": x for key, x in self.pixels[name].state().items()}
            found |= {f"{j}.net.{key}": x for key, x in self.nets[name].state().items()}
        for kind in ("pixels", "net"):
            standard = self.standards[kind]
            found |= {f"{kind}.mean": standard.mean, f"{kind}.scale": standard.scale}
        return found

    @classmethod
    def from_state(cls, space: Space, state: Mapping[str, Tensor]) -> "PictureFeatures":
        """The inverse of `state`.

        Raises:
            RunError: it is that of other pictures.
        """
        try:
            at = int(state["label"])
            model = cls(space, categories(space)[at] if at >= 0 else None)
            model.n_learnt = int(state.get("n_learnt", 0))
            model.last = bytes(state["last"].tolist()) if "last" in state else b""
            for j, name in enumerate(model.columns):
                model.pixels[name] = PixelComponents.from_state(_under(state, f"{j}.pixels."))
                shape = picture_shape(space, name)
                net = FeatureNet.from_state(shape, model._n_levels(name), model.n_classes, _under(state, f"{j}.net."))
                model.nets[name] = net
            model.standards = {k: Standard(state[f"{k}.mean"], state[f"{k}.scale"]) for k in ("pixels", "net")}
        except (KeyError, IndexError, RuntimeError) as error:
            raise RunError(
                f"the kept features are of other pictures than this run's ({error}); judge it anew"
            ) from error
        return model


def _under(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): x for key, x in state.items() if key.startswith(prefix)}


def features_of(evidence: Evidence) -> PictureFeatures:
    """Those of the run that is judged, or learnt from the evidence's training rows, once."""
    key = ("features", *(id(evidence.train[name]) for name in pictures(evidence.space)))
    if key not in evidence.memo:
        found = (
            PictureFeatures.from_state(evidence.space, evidence.features)
            if evidence.features is not None
            else PictureFeatures.fit(evidence.space, evidence.train)
        )
        evidence.memo[key] = found, evidence.train  # the rows are kept, so that no other rows get their number
    found = evidence.memo[key][0]
    assert isinstance(found, PictureFeatures)
    return found


def feature_rows(kind: str, rows: Batch, evidence: Evidence) -> np.ndarray:
    """Features (B, d) of some rows, worked out once for all judges; of `EFFNET_ROWS` of them for `effnet`."""
    model = features_of(evidence)
    key = (kind, id(model), *(id(rows[name]) for name in model.columns))
    if key in evidence.memo:
        return evidence.memo[key][0]
    if kind == "effnet":
        if not model.effnet:
            learnt = np.flatnonzero(model.is_learnt(evidence.train))
            model.look(_some(select(model._seen(evidence.train), learnt), model))
        evidence.memo[key] = model.of(kind, _some(rows, model)).numpy(), rows
    else:
        evidence.memo[key] = model.of(kind, rows).numpy(), rows
    return evidence.memo[key][0]


def _some(rows: Batch, model: PictureFeatures) -> Batch:
    """As many as EfficientNet is shown."""
    seen = {name: rows[name] for name in model.columns}
    return select(seen, own_order(seen)[:EFFNET_ROWS])


def sampled(kind: str, rows: Batch, n: int, evidence: Evidence, rng: np.random.Generator) -> np.ndarray:
    """Features (n, d) in float64 of n different rows in random order; of all of them where there are no more."""
    found = feature_rows(kind, rows, evidence)
    return found[rng.permutation(len(found))[:n]].astype(np.float64)


def unlearnt(evidence: Evidence) -> Batch:
    """The training rows that features were not learnt from, for floors; all of them where there are so many that each
    was seen a few times only."""
    model, train = features_of(evidence), evidence.train
    if not model.last:
        return train
    key = ("unlearnt", id(model), *(id(train[name]) for name in model.columns))
    if key not in evidence.memo:
        evidence.memo[key] = select(train, np.flatnonzero(~model.is_learnt(train))), train
    return evidence.memo[key][0]


def n_each(fake: Batch, evidence: Evidence, cap: int, floor: Batch | None = None) -> int:
    """Pictures of each side, equally many; the floor is that of `unlearnt` unless a judge has another."""
    floor = unlearnt(evidence) if floor is None else floor
    return min(cap, *map(n_rows, (fake, evidence.fake, evidence.held_out, floor, evidence.trivial)))


def beside_held_out(
    judge: str, kind: str, fake: Batch, evidence: Evidence, cap: int, least: int
) -> tuple[np.ndarray, np.ndarray]:
    """Features of as many draws as held-out pictures, at most `cap`: each (n, d) in float64.

    Raises:
        DataError: there are fewer than `least` of one of them.
    """
    n = n_each(fake, evidence, cap)
    x, y = (
        sampled(kind, rows, n, evidence, numpy_generator(evidence.seed, judge)) for rows in (fake, evidence.held_out)
    )
    if min(len(x), len(y)) < least:
        raise DataError(f"{judge} needs at least {least} held-out pictures and as many draws; hold out more rows")
    return x, y


def counts(evidence: Evidence, cap: int, floor: Batch | None = None) -> str:
    """How many they are, and what the networks learnt from, for protocols."""
    model = features_of(evidence)
    learnt = f"the categories of {model.label!r}" if model.label else "how pictures were turned"
    few = f"; effnet: at most {EFFNET_ROWS} a side" if "effnet" in model.kinds() else ""
    n = n_each(evidence.fake, evidence, cap, floor)
    seen = f"the network learnt {learnt} from {learnt_from(model, is_floor=floor is None)}"
    return f"{n:,} draws against {n:,} held-out pictures{few}; {seen}"


def learnt_from(model: PictureFeatures, is_floor: bool = True) -> str:
    """Which pictures the network learnt from, and where these or the others are a floor, what that means for it."""
    times = times_seen(model.n_learnt, picture_shape(model.space, model.columns[0])) if model.n_learnt else 0
    if model.last:
        return f"{model.n_learnt:,} training pictures" + (", the floor is of the others" if is_floor else "")
    if times <= OFTEN or not is_floor:
        return "training pictures"
    return (
        f"training pictures and saw each {times:.0f} times, so that a floor of net that is taken of these may be worse "
        "than what unseen real pictures have"
    )


def own_order(rows: Batch) -> np.ndarray:
    """Row numbers (N,) in an order that looks random and that only what the rows hold decides."""
    return by_key(digests(rows))


def by_key(keys: list[bytes]) -> np.ndarray:
    """Numbers (N,) of sorted keys."""
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)


def digests(rows: Batch) -> list[bytes]:
    """Of each row (N,), whatever kind of whole numbers its codes are kept as."""
    arrays = [(x if x.dtype == torch.uint8 else x.long()).contiguous().numpy() for _, x in sorted(rows.items())]
    return [_digest(arrays, i) for i in range(n_rows(rows))]


def _digest(arrays: list[np.ndarray], i: int) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for x in arrays:
        digest.update(x[i].tobytes())
    return digest.digest()
