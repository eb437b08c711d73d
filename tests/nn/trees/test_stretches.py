"""Stretches have mass one, and what is drawn lies in them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genwright.nn.trees.stretches import CORE, CORE_WIDTH, EDGE, Stretches

scores = st.lists(st.floats(-5, 5), min_size=1, max_size=12, unique=True).map(sorted)


@given(scores, st.floats(1e-6, 0.5), st.booleans())
def test_stretches_have_mass_one_and_densities_integrate_to_it(middle: list[float], half: float, several: bool) -> None:
    m = np.array(middle)
    gap = np.diff(m)
    before, after = np.insert(gap, 0, np.inf), np.append(gap, np.inf)
    stretches = Stretches.around(m, (before, after), (m - half, m + half), np.full(len(m), several))
    mass, _ = stretches.density(np.full(len(m), -np.inf), np.full(len(m), np.inf))
    np.testing.assert_allclose(mass, 1, rtol=1e-6)
    knots = np.unique(np.concatenate([*stretches.core, *stretches.whole]))
    centre = (knots[1:] + knots[:-1]) / 2
    height = np.stack([stretches.density(np.full(len(m), c), np.full(len(m), c))[1] for c in centre])
    np.testing.assert_allclose((height * np.diff(knots)[:, None]).sum(0), 1, rtol=1e-6)
    v = np.random.default_rng(0).random((200, len(m)))
    placed = np.stack([stretches.place(u) for u in v])
    assert (placed >= stretches.whole[0]).all()
    assert (placed <= stretches.whole[1]).all()
    assert (np.abs(placed) <= EDGE).all()


def test_draws_stay_near_a_donor_but_not_near_one_that_stands_for_several() -> None:
    m, gap, n = np.zeros(2), np.ones(2), 4000
    stretches = Stretches.around(m, (gap, gap), (m, m), np.array([False, True]))
    placed = np.stack([stretches.place(np.full(2, v)) for v in (np.arange(n) + 0.5) / n])
    share = (np.abs(placed) < CORE_WIDTH / 2).mean(0)
    np.testing.assert_allclose(share, [CORE + (1 - CORE) * CORE_WIDTH, CORE_WIDTH], atol=2 / n)
