"""Handwritten digits of scikit-learn, 8 × 8, as evidence for judges of pictures, and faults to plant in them."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from torch.nn import functional as F

from genwright.core.dataset import Dataset, n_rows, select
from genwright.core.judge import Evidence
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Field, Pixels, Space
from genwright.models.marginals import Marginals

SPACE = Space({"picture": Field(Pixels(17), (1, 8, 8)), "label": Field(Category(10))})
N_TRAIN, N_HELD_OUT, N_FAKE = 800, 400, 400


@cache
def digits() -> Batch:
    """All of them, shuffled."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))
    pictures = torch.from_numpy(found.images[order].astype(np.uint8))[:, None]
    return {"picture": pictures, "label": torch.from_numpy(found.target[order].astype(np.int64))}


@cache
def trivial_model() -> Marginals:
    rows = select(digits(), slice(0, N_TRAIN))
    model = Marginals(SPACE)
    model.solve(Dataset(SPACE, {k: x.numpy() for k, x in rows.items()}), torch_generator(0), lambda done, line: None)
    return model


@cache
def picture_world() -> Evidence:
    """Evidence whose draws are a third real sample; its likelihood is that of pixels given the label."""
    ends = np.cumsum([0, N_TRAIN, N_HELD_OUT, N_FAKE])
    train, held_out, fake = (select(digits(), slice(a, b)) for a, b in pairwise(ends))
    trivial = trivial_model().sample(N_TRAIN, {}, torch_generator(1))
    return Evidence(
        SPACE, train, held_out, fake, trivial, log_prob=blend(0.0), trivial_log_prob=trivial_model().log_prob
    )


@cache
def _of_classes() -> list[Marginals]:
    rows, models = digits(), []  # all of them, so that training pictures are no better known than others
    for code in range(10):
        own = select(rows, np.flatnonzero(rows["label"].numpy() == code))
        model = Marginals(Space({"picture": SPACE["picture"]}))
        data = Dataset(model.space, {"picture": own["picture"].numpy()})
        model.solve(data, torch_generator(0), lambda done, line: None)
        models.append(model)
    return models


def _log_prob(rows: Batch) -> torch.Tensor:
    each = torch.stack([m.log_prob({"picture": rows["picture"]}) for m in _of_classes()], 1)
    return each.gather(1, rows["label"][:, None])[:, 0] - np.log(10)


def blend(share: float) -> Callable[[Batch], torch.Tensor]:
    """Log probability of a mixture of classes' pixels and independent pixels."""

    def mixed(rows: Batch) -> torch.Tensor:
        weights = torch.tensor([1 - share, share]).double().log()
        return torch.logsumexp(torch.stack([_log_prob(rows), trivial_model().log_prob(rows)], 1) + weights, 1)

    return mixed


def with_fake(fake: Batch) -> Evidence:
    """The same world with other draws."""
    return replace(picture_world(), fake=fake)


def unlabelled() -> Evidence:
    """The same world without labels."""
    world, space = picture_world(), Space({"picture": SPACE["picture"]})
    sides = ("train", "held_out", "fake", "trivial")
    return replace(world, space=space, memo={}, **{k: {"picture": getattr(world, k)["picture"]} for k in sides})


def blurred(rows: Batch) -> Batch:
    """Every pixel the mean of its surroundings."""
    x = F.avg_pool2d(F.pad(rows["picture"].float(), (1,) * 4, mode="replicate"), 3, 1)
    return rows | {"picture": x.round().to(torch.uint8)}


def noisy(rows: Batch, seed: int = 0) -> Batch:
    """A little noise on every pixel."""
    x = rows["picture"] + torch.randn(rows["picture"].shape, generator=torch_generator(seed)) * 3
    return rows | {"picture": x.round().clamp(0, 16).to(torch.uint8)}


def without(rows: Batch, codes: tuple[int, ...]) -> Batch:
    """The rows of the other classes."""
    return select(rows, np.flatnonzero(~np.isin(rows["label"].numpy(), codes)))


def mislabelled(rows: Batch) -> Batch:
    """Every picture with the next label."""
    return rows | {"label": (rows["label"] + 1) % 10}


def copies(n: int = N_FAKE) -> Batch:
    """Training pictures in place of draws."""
    train = picture_world().train
    return select(train, np.random.default_rng(3).permutation(n_rows(train))[:n])
