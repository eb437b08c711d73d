"""The codebook against k-means, enumeration and closed forms."""

import math

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from genwright.core.rng import torch_generator
from genwright.nn.quantise import Codebook, Usage


def _clusters(n: int = 600, k: int = 6, seed: int = 0) -> torch.Tensor:
    """Vectors (n, 3) around k centres."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(k, 3)) * 4
    return torch.from_numpy(centres[rng.integers(0, k, n)] + rng.normal(size=(n, 3))).float()


def _learnt(z: torch.Tensor, n: int, steps: int, decay: float = 0.9, reset: float = 0.03) -> Codebook:
    book = Codebook(n, z.shape[1], decay, reset)
    book.reset(torch_generator(0))
    for k in range(steps):
        book(z, torch_generator(k))
        book.update()
    return book


def test_codes_at_rest_are_a_fixed_point_of_k_means() -> None:
    """Lloyd's algorithm, begun from the codes, does not move them: each is the mean of its own cell."""
    z = _clusters()
    book = _learnt(z, 8, 400)
    # scikit-learn's k-means is begun from these codes and moves on until nothing changes
    lloyd = KMeans(8, init=book.codes.numpy(), n_init=1, tol=0).fit(z.numpy())
    np.testing.assert_allclose(lloyd.cluster_centers_, book.codes.numpy(), atol=1e-4)
    assert (lloyd.labels_ == book.nearest(z).numpy()).all()
    assert lloyd.inertia_ < 1.5 * KMeans(8, n_init=5, random_state=0).fit(z.numpy()).inertia_


def test_the_nearest_code_is_the_nearest() -> None:
    z = _clusters(100)
    book = _learnt(z, 5, 3)
    assert torch.equal(book.nearest(z), torch.cdist(z, book.codes).argmin(1))


def test_one_update_is_the_equation() -> None:
    z = _clusters(50)
    book = _learnt(z, 4, 1, decay=0.7, reset=0.0)
    counts, sums = book.counts.clone(), book.sums.clone()
    _, code, _ = book(z, torch_generator(1))
    book.update()
    for k in range(4):
        mine = z[code == k]
        torch.testing.assert_close(book.counts[k], 0.7 * counts[k] + 0.3 * len(mine))
        torch.testing.assert_close(book.sums[k], 0.7 * sums[k] + 0.3 * mine.sum(0), rtol=1e-5, atol=1e-5)


def test_gradients_pass_straight_and_the_distance_pulls_only_the_vectors() -> None:
    z = _clusters(20).requires_grad_()
    book = _learnt(z.detach(), 4, 2)
    e, code, distance = book(z)
    weight = torch.randn(e.shape, generator=torch_generator(0))
    (found,) = torch.autograd.grad((e * weight).sum(), z, retain_graph=True)
    torch.testing.assert_close(found, weight)
    torch.testing.assert_close(e, book.codes[code])
    (pull,) = torch.autograd.grad(distance.sum(), z)
    torch.testing.assert_close(pull, 2 * (z - book.codes[code]).detach())


def test_dead_codes_begin_anew_at_vectors_that_were_seen() -> None:
    z = _clusters(300)
    book = _learnt(z, 8, 20)
    book.sums[3], book.counts[3] = 1e4, 1.0  # far from everything, soon unused
    for k in range(200):
        book(z, torch_generator(k))
        book.update()
    usage = Usage(8)
    usage.add(book.nearest(z))
    assert usage.dead == 0
    left = _learnt(z, 8, 20, reset=0.0)
    left.sums[3], left.counts[3] = 1e4, 1.0
    for k in range(200):
        left(z, torch_generator(k))
        left.update()
    assert not (left.nearest(z) == 3).any()


def test_a_codebook_larger_than_its_batch_is_filled() -> None:
    z = _clusters(5)
    book = _learnt(z, 12, 3)
    assert torch.isfinite(book.codes).all()
    assert float((z - book.codes[book.nearest(z)]).abs().max()) < 1e-5


def test_nothing_moves_where_nothing_is_remembered() -> None:
    z = _clusters(50)
    book = _learnt(z, 4, 2)
    before = {k: x.clone() for k, x in book.state_dict().items()}
    book(z + 5)
    book.update()
    assert all(torch.equal(before[k], x) for k, x in book.state_dict().items())


def test_shards_are_taken_in_together() -> None:
    """Two halves of a batch, seen one after the other before one update, count as the batch itself."""
    z = _clusters(80)
    whole, halves = _learnt(z, 4, 1, reset=0.0), _learnt(z, 4, 1, reset=0.0)
    whole(z, torch_generator(1))
    for half in (z[:40], z[40:]):
        halves(half, torch_generator(1))
    whole.update()
    halves.update()
    torch.testing.assert_close(whole.codes, halves.codes)


def test_equal_generators_give_equal_codebooks() -> None:
    z = _clusters(100)
    assert torch.equal(_learnt(z, 30, 5).codes, _learnt(z, 30, 5).codes)


@pytest.mark.parametrize(("codes", "dead", "perplexity"), [([0, 1, 2, 3], 0.0, 4.0), ([1, 1, 1], 0.75, 1.0)])
def test_usage_by_hand(codes: list[int], dead: float, perplexity: float) -> None:
    usage = Usage(4)
    usage.add(torch.tensor(codes))
    assert usage.dead == dead
    assert math.isclose(usage.perplexity, perplexity)
