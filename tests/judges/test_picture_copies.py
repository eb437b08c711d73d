from dataclasses import replace

import numpy as np
import pytest
import torch

from genwright.core.dataset import Dataset, concat, n_rows, select
from genwright.judges.picture_copies import PictureCopies, nearest
from tests.judges.picture_worlds import N_FAKE, copies, noisy, picture_world, with_fake


def test_nearest_is_the_smallest_of_all_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.judges.picture_copies.AT_ONCE", 100)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(37, 5)).astype(np.float32), rng.normal(size=(23, 5)).astype(np.float32)
    every = np.linalg.norm(x[:, None] - y, axis=2)
    distance, at = nearest(x, y)
    assert (at == every.argmin(1)).all()
    np.testing.assert_allclose(distance, every.min(1), rtol=1e-6)
    among = np.linalg.norm(x[:, None] - x, axis=2) + np.diag(np.full(37, np.inf))
    assert (nearest(x, x, skip_self=True)[1] == among.argmin(1)).all()


def test_exact_copies_are_counted_and_listed_with_their_originals() -> None:
    evidence = picture_world()
    planted = copies(40)
    fake = concat([planted, select(evidence.fake, slice(0, N_FAKE - 40))])
    numbers = np.arange(n_rows(evidence.train)) * 3 + 1
    found = PictureCopies().measure(fake, replace(with_fake(fake), train_rows=numbers))
    assert found["exact"].value == pytest.approx(40 / N_FAKE)
    assert found["exact"].details["copy"] == 1.0
    closest = found["exact"].details["closest"]
    assert all(pair["distance"] < 1e-5 and pair["draw"] < 40 for pair in closest)
    assert len({pair["train"] for pair in closest}) == len(closest)
    for pair in closest:
        assert torch.equal(fake["picture"][pair["draw"]], evidence.train["picture"][pair["train"]])
        assert pair["row"] == 3 * pair["train"] + 1


def test_copies_with_noise_on_them_stay_near() -> None:
    fake = noisy(copies())
    found = PictureCopies().measure(fake, with_fake(fake))
    assert found["exact"].value == 0
    assert found["closer_tail"].low > 0.6
    assert found["closer_tail"].details["copy"] == pytest.approx(1.0, abs=0.05)


def test_held_out_pictures_pass_and_are_not_their_own_neighbours() -> None:
    evidence = picture_world()
    floor = PictureCopies().measure(evidence.held_out, evidence)
    assert floor["closer"].low < 0.5 < floor["closer"].high
    assert min(floor["closer"].details["distance_quantiles"]["to_held_out"]) > 0


def test_copies_of_pictures_outside_the_sample_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """All training pictures are looked at, in pieces, though the race rests on a few of them."""
    monkeypatch.setattr("genwright.judges.picture_copies.PIECE", 64 * 70)
    world = picture_world()
    sample = np.arange(0, n_rows(world.train), 8)
    every = Dataset(world.space, {name: x.numpy() for name, x in world.train.items()})
    fake = copies(200)
    few = replace(world, fake=fake, train=select(world.train, sample), train_rows=sample)
    unknown, known = (PictureCopies().measure(fake, e)["exact"] for e in (few, replace(few, all_train=every)))
    assert unknown.value < 0.3
    assert known.value == 1
    assert "among all 800 training" in PictureCopies().protocol(replace(few, all_train=every))
    assert "among 100 training" in PictureCopies().protocol(few)
    for pair in known.details["closest"]:
        assert torch.equal(fake["picture"][pair["draw"]], world.train["picture"][pair["row"]])
        assert pair["distance"] < 1e-5
    assert few.digest() != replace(few, all_train=every).digest()
