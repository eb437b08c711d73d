"""Precision, recall, density and coverage against their definitions, row by row."""

import numpy as np
import pytest

from genwright.core.dataset import select
from genwright.core.errors import DataError
from genwright.judges.precision_recall import PrecisionRecall, balls
from tests.judges.picture_worlds import picture_world, with_fake, without


def direct(real: np.ndarray, fake: np.ndarray, k: int) -> dict[str, float]:
    """By loops: a radius is the distance to the k-th nearest other row, and being inside is strict."""

    def radius(rows: np.ndarray, i: int) -> float:
        return sorted(float(np.linalg.norm(rows[i] - rows[j])) for j in range(len(rows)) if j != i)[k - 1]

    r_real, r_fake = ([radius(rows, i) for i in range(len(rows))] for rows in (real, fake))
    d = [[float(np.linalg.norm(x - y)) for y in fake] for x in real]
    n, m = len(real), len(fake)
    return {
        "precision": np.mean([any(d[i][j] < r_real[i] for i in range(n)) for j in range(m)]),
        "recall": np.mean([any(d[i][j] < r_fake[j] for j in range(m)) for i in range(n)]),
        "density": np.mean([sum(d[i][j] < r_real[i] for i in range(n)) / k for j in range(m)]),
        "coverage": np.mean([min(d[i]) < r_real[i] for i in range(n)]),
    }


@pytest.mark.parametrize(("shift", "scale", "k"), [(0.0, 1.0, 3), (1.0, 0.5, 5), (0.0, 3.0, 1)])
def test_equals_the_definitions(shift: float, scale: float, k: int) -> None:
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(40, 3)), rng.normal(shift, scale, (30, 3))
    found = {what: x.mean() for what, x in balls(real, fake, k).items()}
    assert found == pytest.approx(direct(real, fake, k))


@pytest.mark.parametrize(("shift", "scale", "k"), [(0.0, 1.0, 5), (1.0, 0.5, 3), (0.0, 3.0, 1)])
def test_equals_the_authors_package(shift: float, scale: float, k: int) -> None:
    prdc = pytest.importorskip("prdc", reason="prdc is not installed")
    rng = np.random.default_rng(2)
    real, fake = rng.normal(size=(120, 4)), rng.normal(shift, scale, (90, 4))
    expected = prdc.compute_prdc(real, fake, nearest_k=k)
    assert {what: x.mean() for what, x in balls(real, fake, k).items()} == pytest.approx(expected, abs=1e-12)


def test_a_draw_on_the_rim_of_a_ball_is_outside() -> None:
    real, fake = np.array([[0.0], [1.0], [3.0]]), np.array([[-1.0], [-5.0], [-9.0]])
    found = balls(real, fake, 1)  # radii 1, 1, 2: the draw at −1 lies on the first rim
    assert found["precision"].tolist() == [False, False, False]
    assert found["recall"].tolist() == [True, True, False]  # the same draw's ball reaches 4 far, to 3 exclusive


def test_more_dispersed_samples_have_less_density_and_the_expected_coverage() -> None:
    """E[coverage] of two samples of one distribution: 1 − Π_{i<k} (m − i) / (n + m − 1 − i), Naeem et al., Lemma 1."""
    rng = np.random.default_rng(1)
    n, k = 60, 3
    worlds = [balls(*rng.normal(size=(2, n, 2)), k) for _ in range(200)]
    coverage = np.array([w["coverage"].mean() for w in worlds])
    expected = 1 - np.prod([(n - 1 - i) / (2 * n - 1 - i) for i in range(k)])
    assert abs(coverage.mean() - expected) < 5 * coverage.std() / 200**0.5
    density = np.array([w["density"].mean() for w in worlds])
    assert abs(density.mean() - 1) < 5 * density.std() / 200**0.5 + 1 / n


def test_dropped_classes_are_not_covered_and_draws_stay_precise() -> None:
    evidence = picture_world()
    real = PrecisionRecall().measure(evidence.fake, evidence)
    fewer = without(evidence.fake, (0, 1, 2, 3))
    found = PrecisionRecall().measure(fewer, with_fake(fewer))
    assert found["coverage_net"].high < 0.8 < real["coverage_net"].low
    assert found["precision_net"].value > 0.9


def test_few_pictures_are_refused() -> None:
    with pytest.raises(DataError, match="at least 10"):
        PrecisionRecall().scores(with_fake(select(picture_world().fake, slice(0, 9))))
