"""Codes as corners: there and back, also from anywhere in a code's cube."""

import numpy as np
import torch
from scipy.stats import kstest, truncnorm

from genwright.nn.analog_bits import AnalogBits

SIZES = [3, 1, 8, 2, 5, 300]


def codes(n: int = 500) -> torch.Tensor:
    g = torch.Generator().manual_seed(0)
    return torch.stack([torch.randint(size, (n,), generator=g) for size in SIZES], 1)


def test_codes_come_back_from_anywhere_in_their_cubes():
    bits, c = AnalogBits(SIZES), codes()
    y = bits.encode(c)
    assert y.shape == (500, 2 + 0 + 3 + 1 + 3 + 9) == (500, bits.n)
    u = torch.rand(y.shape, generator=torch.Generator().manual_seed(1)) - 0.5
    assert torch.equal(bits.decode(y + u), c)


def test_points_of_a_code_have_the_density_that_is_told():
    """Beside SciPy's truncated normal distribution."""
    bits, c, n = AnalogBits([4]), torch.tensor([[2]]), 4_000
    u = torch.rand(n, 2, generator=torch.Generator().manual_seed(3))
    y = bits.around(c.expand(n, 1), u)
    assert torch.equal(bits.decode(y), c.expand(n, 1))
    q = truncnorm(-3, np.inf, loc=1, scale=1 / 3)
    away = (bits.encode(c) * y).double().numpy()  # along the corner
    np.testing.assert_allclose(bits.log_q(c.expand(n, 1), y), q.logpdf(away).sum(1), atol=1e-4)
    assert kstest(away.ravel(), q.cdf).pvalue > 1e-3


def test_every_point_is_a_code():
    far = torch.randn(2_000, AnalogBits(SIZES).n, generator=torch.Generator().manual_seed(2)) * 3
    drawn = AnalogBits(SIZES).decode(far)
    assert (drawn >= 0).all()
    assert (drawn < torch.tensor(SIZES)).all()


def test_corners_that_are_no_codes_become_the_nearest_one():
    """Of five codes with three bits, 101 is no code: 100 and 001 are nearest, the weaker bit decides."""
    bits = AnalogBits([5])
    assert bits.decode(torch.tensor([[0.1, -1.0, 1.0], [1.0, -1.0, 0.1]])).flatten().tolist() == [4, 1]


def test_what_is_said_of_elements_reaches_their_bits():
    bits = AnalogBits([3, 2, 5])
    marks = bits.spread(torch.tensor([[7, 8, 9]]))
    assert sorted(marks.flatten().tolist()) == [7, 7, 8, 9, 9, 9]
    a, b = (bits.encode(torch.tensor([row])) for row in ([2, 1, 4], [2, 1, 3]))
    assert set(marks[a != b].tolist()) == {9}


def test_no_elements_have_no_bits():
    bits = AnalogBits([])
    assert bits.encode(torch.zeros(4, 0, dtype=torch.int64)).shape == (4, 0)
    assert bits.decode(torch.zeros(4, 0)).shape == (4, 0)
