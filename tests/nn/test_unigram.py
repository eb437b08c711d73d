"""Independent steps against enumeration, counting and torch.distributions."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal

from genwright.core.dataset import Dataset
from genwright.core.rng import torch_generator
from genwright.core.space import Field, Space, Tokens, Vectors
from genwright.nn.unigram import NormalSteps, Unigrams
from tests.nn.sequences import all_token_rows, token_rows
from tests.nn.worlds import assert_same_shares

SUPPORTS = [Tokens(3, 5), Tokens(3, 5, pad=2, end=4), Tokens(3, 4, pad=1, end=1), Tokens(3, 4, runs_on=True)]


def _unigrams(support: Tokens) -> tuple[Unigrams, list[list[int]]]:
    texts = token_rows(support, 60, seed=1)
    data = Dataset(Space({"text": Field(support)}), {"text": texts.numpy()})
    model = Unigrams(support)
    model.count(data, "text")
    return model, [row[: row.index(support.end)] if support.end in row else row for row in texts.tolist()]


@pytest.mark.parametrize("support", SUPPORTS)
def test_probabilities_of_all_rows_sum_to_one(support: Tokens) -> None:
    model, _ = _unigrams(support)
    assert model.log_prob(all_token_rows(support)).exp().sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("support", SUPPORTS)
def test_shares_are_counts_smoothed(support: Tokens) -> None:
    model, texts = _unigrams(support)
    lengths = np.bincount([len(t) for t in texts], minlength=4)
    spread = 0.5 * (lengths > 0).sum()
    np.testing.assert_allclose(model.lengths.log_p.exp(), (lengths + spread / 4) / (60 + spread))
    tokens = np.bincount(list(itertools.chain(*texts)), minlength=support.n)
    codes = [c for c in range(support.n) if c not in (support.pad, support.end)]
    np.testing.assert_allclose(model.log_p.exp()[codes], (tokens[codes] + 0.5) / (tokens.sum() + 0.5 * len(codes)))


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_draws_agree_with_probabilities(temperature: float) -> None:
    support = SUPPORTS[0]
    model, _ = _unigrams(support)
    every = all_token_rows(support)
    drawn = model.draw(30_000, torch_generator(0), temperature)
    place = torch.tensor([5**2, 5, 1])
    count = np.bincount((drawn * place).sum(1), minlength=125)
    assert (count.sum(), count[(every * place).sum(1)].sum()) == (30_000, 30_000)
    if temperature == 1:
        p = np.zeros(125)
        p[(every * place).sum(1)] = model.log_prob(every).exp()
        assert_same_shares(count, p)
    else:
        p = model.lengths.log_p.div(2).softmax(0).numpy()
        assert_same_shares(np.bincount((drawn > 1).sum(1), minlength=4), p)


def test_first_draws_are_the_same_however_many() -> None:
    model, _ = _unigrams(SUPPORTS[0])
    few, many = (model.draw(n, torch_generator(3)) for n in (7, 5000))
    assert torch.equal(few, many[:7])
    series, _ = _series()
    few, many = (series.draw(n, torch_generator(3)) for n in (7, 5000))
    assert torch.equal(few.nan_to_num(-9), many[:7].nan_to_num(-9))


def _series(has_missing: bool = True) -> tuple[NormalSteps, torch.Tensor]:
    rng = np.random.default_rng(0)
    x = rng.normal([3.0, -100.0], [0.5, 20.0], (200, 4, 2))
    if has_missing:
        x[rng.random(x.shape) < [0.3, 0.05]] = np.nan
    x[np.arange(4) >= rng.choice([0, 2, 4], 200, p=[0.1, 0.4, 0.5])[:, None]] = np.inf
    support = Vectors(4, 2, has_missing=has_missing)
    model = NormalSteps(support)
    model.count(Dataset(Space({"x": Field(support)}), {"x": x}), "x")
    return model, torch.from_numpy(x)


@pytest.mark.parametrize("has_missing", [False, True])
def test_series_have_the_density_of_normals(has_missing: bool) -> None:
    model, x = _series(has_missing)
    steps = x[~x.isinf().any(2)]
    mean, std = np.nanmean(steps, 0), np.nanstd(steps, 0)
    expected = []
    for row in x:
        T = int((~row.isinf().any(1)).sum())
        total = model.lengths.log_p[T]
        for d in range(2):
            known = row[:T, d][~row[:T, d].isnan()]
            n_missing = T - len(known)
            total = total + Normal(mean[d], std[d]).log_prob(known).sum() + len(known) * math.log1p(-model.missing[d])
            total = total + (n_missing * model.missing[d].log() if n_missing else 0)
        expected.append(total)
    torch.testing.assert_close(model.log_prob(x), torch.stack(expected))


def test_drawn_series_are_like_those_counted() -> None:
    model, _ = _series()
    n = 20_000
    drawn = model.draw(n, torch_generator(1))
    lengths = (~drawn.isinf().any(2)).sum(1)
    assert_same_shares(np.bincount(lengths, minlength=5), model.lengths.log_p.exp().numpy())
    steps = drawn[~drawn.isinf().any(2)]
    for d in range(2):
        known = steps[:, d][~steps[:, d].isnan()]
        assert_same_shares(np.bincount(steps[:, d].isnan().int()), np.array([1 - model.missing[d], model.missing[d]]))
        assert abs(known.mean() - model.location[d]) < 5 * model.scale[d] / len(known) ** 0.5
        assert abs(known.std() / model.scale[d] - 1) < 5 / (2 * len(known)) ** 0.5


def test_a_number_that_never_varies_or_never_is_known_has_a_spread() -> None:
    x = np.full((5, 2, 2), 7.0)
    x[..., 1] = np.nan
    support = Vectors(2, 2, scale=(1.0, 3.0), has_missing=True)
    model = NormalSteps(support)
    model.count(Dataset(Space({"x": Field(support)}), {"x": x}), "x")
    assert (model.scale > 0).all()
    assert torch.isfinite(model.log_prob(torch.from_numpy(x))).all()


def test_missing_sequences_say_nothing() -> None:
    """Rows of pads alone are neither long nor impossible."""
    support = SUPPORTS[0]
    rows = token_rows(support, 60, seed=1)
    missing = torch.full((20, support.length), support.pad)
    both = Unigrams(support)
    both.count(Dataset(Space({"text": Field(support)}), {"text": torch.cat([missing, rows]).numpy()}), "text")
    alone, _ = _unigrams(support)
    assert torch.equal(both.lengths.log_p, alone.lengths.log_p)
    assert torch.equal(both.log_p, alone.log_p)
    assert torch.equal(both.log_prob(torch.cat([missing[:2], rows])), torch.cat([torch.zeros(2), alone.log_prob(rows)]))


@pytest.mark.parametrize("temperature", [1e-4, 1e-300])
def test_cold_series_miss_what_is_mostly_missing(temperature: float) -> None:
    x = np.ones((20, 2, 2))
    x[:12, :, 1] = np.nan
    support = Vectors(2, 2, has_missing=True)
    model = NormalSteps(support)
    model.count(Dataset(Space({"x": Field(support)}), {"x": x}), "x")
    drawn = model.draw(20, torch_generator(0), temperature)
    assert drawn.isnan().any((0, 1)).tolist() == [False, True]
