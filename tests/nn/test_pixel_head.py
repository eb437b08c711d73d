"""Distributions of pixels: masses by enumeration, draws against masses, means against both."""

import itertools

import numpy as np
import pytest
import torch

from genwright.nn.picture_view import scaled
from genwright.nn.pixel_head import Bernoulli, Categorical, Logistic, PixelHead, binarised, pixel_head

HEADS = [
    Bernoulli(1, 2),
    Bernoulli(3, 2),
    Categorical(1, 5),
    Categorical(2, 4),
    Logistic(1, 256, 4),
    Logistic(1, 17, 1),
    Logistic(3, 6, 3),
    Logistic(4, 3, 2),
]


def _named(head: PixelHead) -> str:
    return f"{head.name}-{head.channels}-{head.n}"


def _params(head: PixelHead, scale: float = 1.5) -> torch.Tensor:
    """Parameters of 2 × 3 places that differ."""
    noise = torch.randn(1, head.n_params, 2, 3, generator=torch.Generator().manual_seed(0))
    return head.first().view(1, -1, 1, 1) + scale * noise


def _all_codes(head: PixelHead) -> torch.Tensor:
    """Every value of one pixel's channels (M, C)."""
    levels = itertools.product(range(head.n), repeat=head.channels)
    return torch.tensor(list(levels), dtype=torch.uint8)


def _masses(head: PixelHead, params: torch.Tensor) -> torch.Tensor:
    """Mass of every value (M,) at one place, for parameters (P,)."""
    codes = _all_codes(head)
    return head.log_prob(params.view(1, -1, 1, 1).expand(len(codes), -1, 1, 1), codes[:, :, None, None]).exp()


@pytest.mark.parametrize("head", HEADS, ids=_named)
def test_masses_sum_to_one(head: PixelHead) -> None:
    params = _params(head).flatten(2)
    for place in range(params.shape[2]):
        assert float(_masses(head, params[0, :, place]).double().sum()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("head", HEADS, ids=_named)
def test_a_picture_has_the_mass_of_all_its_pixels(head: PixelHead) -> None:
    params, g = _params(head), torch.Generator().manual_seed(1)
    codes = torch.randint(head.n, (4, head.channels, 2, 3), generator=g).to(torch.uint8)
    whole = head.log_prob(params.expand(4, -1, -1, -1), codes)
    each = [head.log_prob(params[:, :, i : i + 1, j : j + 1].expand(4, -1, -1, -1), codes[:, :, i : i + 1, j : j + 1])
            for i in range(2) for j in range(3)]  # fmt: skip
    torch.testing.assert_close(whole, torch.stack(each).sum(0))
    last = params.to(memory_format=torch.channels_last).expand(4, -1, -1, -1)
    torch.testing.assert_close(head.log_prob(last, codes), whole)


@pytest.mark.parametrize("head", [h for h in HEADS if h.n**h.channels <= 256], ids=_named)
def test_draws_agree_with_the_masses(head: PixelHead) -> None:
    params, n = _params(head, scale=0.7)[:, :, :1, :1], 40_000
    p = _masses(head, params.flatten()).double().numpy()
    u = head.uniforms(n, (1, 1), torch.Generator().manual_seed(2))
    drawn = head.sample(params.expand(n, -1, -1, -1), u)
    assert drawn.dtype == torch.uint8
    assert drawn.shape == (n, head.channels, 1, 1)
    weights = head.n ** np.arange(head.channels)[::-1]
    share = np.bincount(drawn[:, :, 0, 0].numpy().astype(int) @ weights, minlength=len(p)) / n
    assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-4).all()


@pytest.mark.parametrize("head", [h for h in HEADS if h.name != "logistic"], ids=_named)
def test_means_are_those_of_the_masses(head: PixelHead) -> None:
    params = _params(head)[:, :, :1, :1]
    expected = _masses(head, params.flatten()) @ scaled(_all_codes(head), head.n)
    torch.testing.assert_close(head.mean(params).flatten(), expected, atol=1e-4, rtol=1e-4)


def test_the_mean_of_narrow_logistics_inside_is_that_of_the_masses() -> None:
    head = Logistic(3, 32, 2)
    params = head.first()
    params[14 - 6 : 14] = -4.0  # log s
    params[-6:] = torch.tensor([0.3, -0.2, 0.1, 0.2, 0.0, 0.4])  # slopes
    expected = _masses(head, params) @ scaled(_all_codes(head), 32)
    torch.testing.assert_close(head.mean(params.view(1, -1, 1, 1)).flatten(), expected, atol=0.01, rtol=0)


def test_low_temperatures_give_likely_pixels() -> None:
    for head in (Bernoulli(1, 2), Categorical(1, 8), Logistic(1, 64, 3)):
        params = _params(head).expand(200, -1, -1, -1)
        u = head.uniforms(200, (2, 3), torch.Generator().manual_seed(0))
        hot, cold = (head.log_prob(params, head.sample(params, u, t)).mean() for t in (1.0, 0.2))
        assert cold > hot


def test_gradients_are_finite_at_the_ends() -> None:
    head = Logistic(3, 256, 4)
    params = (_params(head, scale=30.0)).requires_grad_()
    for code in (0, 128, 255):
        codes = torch.full((1, 3, 2, 3), code, dtype=torch.uint8)
        loss = head.log_prob(params, codes)
        assert torch.isfinite(loss).all()
        assert torch.isfinite(torch.autograd.grad(loss.sum(), params)[0]).all()


def test_grey_pictures_become_binary_by_chance() -> None:
    codes = torch.tensor([0, 51, 204, 255], dtype=torch.uint8).view(1, 1, 2, 2).expand(20_000, -1, -1, -1)
    x = binarised(codes, 256, torch.Generator().manual_seed(0))
    assert set(x.unique().tolist()) == {0, 255}
    share = (x == 255).float().mean(0).flatten().numpy()
    p = np.array([0, 0.2, 0.8, 1])
    assert (np.abs(share - p) <= 5 * np.sqrt(p * (1 - p) / 20_000)).all()


def test_the_loss_of_grey_pictures_is_the_mean_over_their_binary_draws() -> None:
    head, g = Bernoulli(1, 256), torch.Generator().manual_seed(0)
    params, codes = _params(head), torch.randint(256, (1, 1, 2, 3), generator=g).to(torch.uint8)
    many = binarised(codes.expand(20_000, -1, -1, -1), 256, g)
    each = head.log_prob(params.expand(20_000, -1, -1, -1), many)
    error = float(each.std()) / 20_000**0.5
    assert abs(float(head.log_prob(params, codes)) - float(each.mean())) < 5 * error


def test_the_head_follows_the_levels() -> None:
    assert [pixel_head("auto", 1, n).name for n in (2, 5, 17, 256)] == [
        "bernoulli",
        "categorical",
        "logistic",
        "logistic",
    ]
    assert pixel_head("logistic", 3, 256, 10).n_params == 100
