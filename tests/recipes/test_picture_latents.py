import numpy as np
import pytest
import torch

from genwright.core.errors import UnsupportedError
from genwright.core.rng import torch_generator
from genwright.runs import picture_latents
from genwright.runs.picture_latents import (
    between,
    decoded,
    decoded_rows,
    drawn_noise,
    encoded,
    inverted,
    path,
    picture_column,
)
from tests.pictures import run_of
from tests.tables import customers


def test_the_way_lies_on_a_sphere_in_equal_steps():
    a, b = (torch.randn(50, generator=torch.Generator().manual_seed(k)) for k in (0, 1))
    a, b = a / a.norm() * 7, b / b.norm() * 7
    way = between(a, b, 9).double()
    assert torch.allclose(way.norm(dim=1), torch.tensor(7.0).double(), atol=1e-5)
    assert torch.allclose(way[0], a.double(), atol=1e-5)
    assert torch.allclose(way[-1], b.double(), atol=1e-5)
    cosines = (way[1:] * way[:-1]).sum(1) / 49
    assert (cosines.acos() - cosines.acos().mean()).abs().max() < 1e-5


def test_lengths_go_straight_from_one_to_the_other():
    way = between(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 4.0]), 5)
    assert torch.allclose(way.norm(dim=1), torch.tensor([2.0, 2.5, 3.0, 3.5, 4.0]))


@pytest.mark.parametrize(("a", "b"), [([1.0, 1.0], [3.0, 3.0]), ([0.0, 0.0], [1.0, 2.0]), ([1.0, 0.0], [-1.0, 0.0])])
def test_where_there_is_no_angle_the_way_is_straight(a, b):
    way = between(torch.tensor(a), torch.tensor(b), 3)
    assert torch.allclose(way[1], (torch.tensor(a) + torch.tensor(b)) / 2)


def test_pictures_have_no_noise_of_pixels():
    """Even of two levels and with a decoder that draws, two generators tell the same picture."""
    run = run_of("vae", noise="draw")
    z = torch.randn(3, run.model.net.prior.n_latents, generator=torch.Generator().manual_seed(0))
    given = {"label": torch.tensor([0])}
    assert (decoded(run.model, z, given, seed=0) == decoded(run.model, z, given, seed=1)).all()
    assert run.model.config.noise == "draw"
    drawn = [run.model.decode(z, torch.Generator().manual_seed(k), {"label": torch.zeros(3).long()}) for k in (0, 1)]
    assert (drawn[0]["image"] != drawn[1]["image"]).any()


def test_many_latents_are_decoded_as_few():
    run = run_of("vae")
    z = torch.randn(70, run.model.net.prior.n_latents, generator=torch.Generator().manual_seed(0))
    given = {"label": torch.arange(70) % 2}
    whole = decoded(run.model, z, given)
    assert whole.shape == (70, 1, 8, 8)
    np.testing.assert_allclose(
        whole[65:67].astype(int), decoded(run.model, z[65:67], {"label": given["label"][65:67]}), atol=1
    )


def test_noise_of_a_gan_is_that_of_its_draws_and_is_found_again():
    run = run_of("gan", width=8)
    table = run.sample(1, seed=5)
    z, given = drawn_noise(run.model, 5, {})
    picture = decoded_rows(run.model, z, given, torch_generator(0))["image"]
    assert (picture[0, 0].numpy() == table["image"][0]).all()
    rows = {"image": picture, **given}
    _, error = inverted(run.model, rows, {}, torch_generator(1))
    other = decoded_rows(
        run.model, torch.randn(20, z.shape[1], generator=torch.Generator().manual_seed(3)), given, torch_generator(0)
    )
    apart = ((other["image"].float() - picture.float()) / 127.5).square().mean((1, 2, 3))
    assert float(error) < 0.2 * float(apart.mean())


def test_noise_is_sought_for_few_rows_at_a_time(monkeypatch):
    """And is the same as for all of them at once, of which each has its own way."""
    run = run_of("gan", width=8)
    rows = run.train.take(np.arange(5))
    known = {"image": torch.rand(5, 8, 8, generator=torch.Generator().manual_seed(0)) < 0.7}
    monkeypatch.setattr(picture_latents, "N_STEPS", 3)
    whole = [inverted(run.model, rows, some, torch_generator(1)) for some in ({}, known)]
    seen, generated = [], picture_latents._generated
    monkeypatch.setattr(picture_latents, "_generated", lambda *a: seen.append(len(a[1])) or generated(*a))
    monkeypatch.setattr(picture_latents, "AT_ONCE", 2)
    for some, (z, error) in zip(({}, known), whole, strict=True):
        parts = inverted(run.model, rows, some, torch_generator(1))
        torch.testing.assert_close(parts[0], z, atol=1e-3, rtol=0)
        torch.testing.assert_close(parts[1], error, atol=1e-3, rtol=0)
    assert max(seen) == 2 * picture_latents.N_STARTS


def test_pictures_fade_where_given_columns_differ():
    run = run_of("vae")
    rows = run.held_out.take(np.arange(2))
    a, b = ({k: x[i : i + 1] for k, x in rows.items()} for i in (0, 1))
    ends = encoded(run.model, a), encoded(run.model, b)
    a, b = a | {"label": torch.tensor([0])}, b | {"label": torch.tensor([1])}
    found = path(run.model, a, b, 3, ends)
    latents = between(ends[0][0], ends[1][0], 3)
    with_a, with_b = (decoded(run.model, latents, {"label": torch.tensor([k])}).astype(float) for k in (0, 1))
    assert (found[0] == with_a[0]).all()
    assert (found[2] == with_b[2]).all()
    assert np.abs(found[1] - (with_a[1] + with_b[1]) / 2).max() <= 0.5


def test_families_without_latents_or_pictures_say_so():
    run = run_of("marginals")
    with pytest.raises(UnsupportedError, match="marginals has no latent space of pictures; vae"):
        encoded(run.model, run.held_out.take(slice(0, 1)))
    import genwright as gw

    with pytest.raises(UnsupportedError, match="the run has none"):
        picture_column(gw.fit(customers(40), "marginals", judge=False).model)
