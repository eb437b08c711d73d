from dataclasses import replace

import numpy as np
import pytest
import torch

from genwright.core.dataset import concat, n_rows, select
from genwright.core.errors import DataError
from genwright.judges.near_copies import NearCopies, _is_in
from tests.judges.worlds import draw, mixed, world


def test_exact_copies_are_counted() -> None:
    evidence = world()
    fake = mixed(evidence.fake, evidence.train, 0.25, 0)
    found = NearCopies().measure(fake, replace(evidence, fake=fake))
    assert found["exact"].value == 0.25
    assert found["exact"].details["copy"] == 1.0


def test_a_pure_copy_has_the_share_that_sampling_implies() -> None:
    """With 4 : 1 rows an original runs in one race of four, and wins; the others are even: ¼ + ¾ · ½ = 0.625."""
    evidence = world(n_train=1600, n_held_out=400)
    found = NearCopies().measure(evidence.train, evidence)
    assert found["closer"].value == pytest.approx(0.625, abs=0.02)
    assert found["closer_tail"].value > 0.95


def test_draws_shows_what_a_copy_would_score() -> None:
    evidence = world()
    found = NearCopies().measure(evidence.fake, evidence)
    copy = NearCopies().measure(evidence.train, evidence)
    for part in ("closer", "closer_tail"):
        assert found[part].details["copy"] == pytest.approx(copy[part].value, abs=0.05)
        assert "copy" not in copy[part].details


def test_noise_on_training_rows_is_a_near_copy() -> None:
    evidence = world()
    rng = np.random.default_rng(0)
    noise = {
        n: x + 0.001 * torch.from_numpy(rng.normal(size=len(x))) if x.is_floating_point() else x
        for n, x in evidence.train.items()
    }
    found = NearCopies().measure(noise, evidence)
    assert found["exact"].value == 0
    assert found["closer_tail"].low > 0.7


@pytest.mark.parametrize("part", ["closer", "closer_tail"])
def test_interval_covers_one_half_for_independent_rows(part: str) -> None:
    """Over 60 worlds; for `closer` draws gather around 40 places, so that they are far from independent."""
    covered = 0
    for seed in range(60):
        n_hubs = 40 if part == "closer" else 400
        fake = select(draw(n_hubs, 10_000 + seed), np.random.default_rng(seed).permutation(400) % n_hubs)
        evidence = world(200, 100, seed)
        found = NearCopies().measure(fake, evidence)[part]
        covered += found.low <= 0.5 <= found.high
    assert covered >= 60 * 0.95 - 4 * (60 * 0.95 * 0.05) ** 0.5


def test_held_out_rows_are_not_their_own_neighbours() -> None:
    evidence = world()
    floor = NearCopies().measure(evidence.held_out, evidence)
    assert floor["closer"].low < 0.5 < floor["closer"].high
    assert min(floor["closer"].details["distance_quantiles"]["to_held_out"]) > 0


def test_duplicate_held_out_rows_and_a_short_training_set() -> None:
    evidence = world(n_train=60, n_held_out=90)
    doubled = replace(evidence, held_out=concat([evidence.held_out, evidence.held_out]))
    assert n_rows(doubled.held_out) == 180
    assert NearCopies().measure(doubled.held_out, doubled)["closer"].n == 60


def test_rows_are_equal_where_both_are_missing_and_zero_has_no_sign() -> None:
    a = np.array([[np.nan, 1.0], [-0.0, 2.0], [3.0, 4.0]])
    b = np.array([[0.0, 2.0], [np.float64("nan") * -1, 1.0]])
    assert _is_in(a, b).tolist() == [True, True, False]


def test_a_single_held_out_row_is_refused() -> None:
    with pytest.raises(DataError, match="hold out more rows"):
        NearCopies().measure(world().fake, world(n_held_out=1))
