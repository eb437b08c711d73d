from xml.dom import minidom

import numpy as np
import pytest

from genwright.report.latent_map import N_MARKS, describe, draw, latent_map, legend, shape


def test_places_are_principal_components():
    """Against the eigenvectors of the covariance."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(200, 4)) * [3, 2, 0.5, 0.1] @ np.linalg.qr(rng.normal(size=(4, 4)))[0]
    found = latent_map(z)
    values, vectors = np.linalg.eigh(np.cov(z.T))
    for k in (0, 1):
        own = (z - z.mean(0)) @ vectors[:, -1 - k]
        assert abs(found.places[:, k] @ own) == pytest.approx(own @ own)
        assert found.shares[k] == pytest.approx(values[-1 - k] / values.sum())
    assert "200 rows by their 4 latents" in describe(found)


def test_values_are_marked_by_frequency_and_rare_ones_together():
    labels = [str(k) for k in range(9) for _ in range(20 - k)]
    found = latent_map(np.random.default_rng(0).normal(size=(len(labels), 2)), "digit", labels)
    assert found.values == ("0", "1", "2", "3", "4", "other (4)")
    assert np.bincount(found.mark).tolist() == [20, 19, 18, 17, 16, 15 + 14 + 13 + 12]
    assert len(legend(found)) == N_MARKS
    assert len({shape(k, 0, 0) for k in range(N_MARKS)}) == N_MARKS  # colour is not the only difference
    picture = minidom.parseString(str(draw(found))).documentElement
    assert sum(p.getAttribute("class").startswith("mark") for p in picture.getElementsByTagName("path")) == N_MARKS


@pytest.mark.parametrize("z", [np.zeros((10, 3)), np.ones((2, 3)), np.ones((10, 0)), np.full((9, 2), np.nan)])
def test_latents_that_do_not_differ_have_no_map(z):
    assert latent_map(z) is None


def test_a_single_latent_is_a_line():
    found = latent_map(np.arange(10.0)[:, None])
    assert (found.places[:, 1] == 0).all()
    draw(found)
