import numpy as np
import pytest
import torch

from genwright.samplers.uniforms import Uniforms, _mixed


def _numbers(n: int, places: int, seed: int = 0) -> torch.Tensor:
    uniforms = Uniforms(n, torch.Generator().manual_seed(seed))
    return torch.stack([uniforms.at(t, torch.arange(n)) for t in range(places)], 1)  # (n, places)


def test_published_numbers_of_splitmix64():
    """The first outputs for seed 1234567, as the algorithm's reference implementation prints them."""
    expected = [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]
    found = _mixed(np.array([1234567], np.uint64), np.arange(5, dtype=np.uint64))[:, 0]
    assert found.tolist() == [(z >> 11) * 2.0**-53 for z in expected]


def test_a_row_s_numbers_do_not_depend_on_the_others():
    many = _numbers(40, 200)
    assert torch.equal(many[:7], _numbers(7, 200))
    assert torch.equal(many[:, :3], _numbers(40, 3))
    uniforms = Uniforms(40, torch.Generator().manual_seed(0))
    assert torch.equal(uniforms.at(130, torch.tensor([2, 5])), many[[2, 5], 130])


def test_numbers_are_uniform_and_unrelated():
    u = _numbers(300, 300)
    n = u.numel()
    assert (u >= 0).all()
    assert (u < 1).all()
    assert abs(float(u.mean()) - 0.5) < 5 * (1 / 12 / n) ** 0.5
    counts = torch.histc(u, 100, 0, 1)
    assert float(((counts - n / 100) ** 2 / (n / 100)).sum()) < 99 + 5 * (2 * 99) ** 0.5
    centred = u - 0.5
    for a, b in [(centred[:, 1:], centred[:, :-1]), (centred[1:], centred[:-1])]:
        assert abs(float((a * b).mean())) * 12 < 5 / a.numel() ** 0.5


@pytest.mark.parametrize("seed", [1, 2])
def test_seeds_differ(seed):
    assert not torch.equal(_numbers(4, 4), _numbers(4, 4, seed))
