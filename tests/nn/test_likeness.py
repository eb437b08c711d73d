"""Energy distance against SciPy's, and planted faults."""

import numpy as np
import torch
from scipy.stats import energy_distance

from genwright.nn.likeness import likeness, points


def _normal(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, d))).float()


def test_distance_is_scipys_in_one_dimension() -> None:
    """SciPy takes the root, and counts the zeros between a point and itself."""
    x, y = _normal(60, 1, 0), 0.5 + 2 * _normal(40, 1, 1)
    found = likeness(x, y)
    own = float(torch.cdist(x, x).sum()) / (60 * 59)
    others = found["variety"] * own
    squared = found["distance"] * own + own / 60 + others / 40
    assert abs(squared - energy_distance(x[:, 0], y[:, 0]) ** 2) < 1e-5


def test_one_distribution_is_not_blamed() -> None:
    seen = [likeness(_normal(300, 20, 2 * i), _normal(300, 20, 2 * i + 1)) for i in range(20)]
    distance = np.array([s["distance"] for s in seen])
    assert abs(distance.mean()) < 4 * distance.std(ddof=1) / 20**0.5
    assert all(abs(s["variety"] - 1) < 0.05 and s["repeats"] < 0.1 for s in seen)


def test_planted_faults_are_seen() -> None:
    real, drawn = _normal(300, 20, 0), _normal(300, 20, 1)
    assert likeness(real, drawn[:1] + 0.01 * drawn)["variety"] < 0.05  # one point
    few = likeness(real, drawn[:10].repeat(30, 1) + 0.01 * drawn)  # ten points: varied, but each again and again
    assert few["variety"] > 0.8
    assert few["repeats"] > 0.99
    assert likeness(real, drawn + 1.0)["distance"] > 0.2


def test_projection_keeps_distances() -> None:
    x = torch.randint(0, 256, (50, 3, 20, 20), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    near, far = torch.cdist(points(x), points(x)), torch.cdist(x.flatten(1).float(), x.flatten(1).float())
    off = torch.triu(near / far.clamp(min=1e-9), 1)
    assert ((off[off > 0] - 1).abs() < 5 / (2 * 128) ** 0.5).all()
    assert torch.equal(points(x), points(x))
