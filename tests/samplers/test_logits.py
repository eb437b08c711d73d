import warnings

import pytest
import torch

from genwright.samplers import logits

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    processors = pytest.importorskip("transformers.generation.logits_process", reason="transformers is not installed")

SCORES = [
    torch.randn(7, 50, generator=torch.Generator().manual_seed(0)).log_softmax(-1),
    3 * torch.randn(4, 5, generator=torch.Generator().manual_seed(1)),
    torch.tensor([[0.0, -1e9, -1e9], [5.0, 4.0, -50.0]]),
    torch.randn(3, 1000, generator=torch.Generator().manual_seed(2)),
]
NO_IDS = torch.zeros(7, 1, dtype=torch.int64)


def _same(ours, theirs):
    assert torch.equal(ours.isinf(), theirs.isinf())
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("k", [1, 2, 3, 49, 200])
def test_top_k_is_that_of_transformers(scores, k):
    _same(logits.top_k(scores, k), processors.TopKLogitsWarper(k)(NO_IDS, scores))


@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("p", [1e-9, 0.1, 0.5, 0.9, 0.999])
def test_top_p_is_that_of_transformers(scores, p):
    _same(logits.top_p(scores, p), processors.TopPLogitsWarper(p)(NO_IDS, scores))


@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("p", [0.01, 0.1, 0.5, 1.0])
def test_min_p_is_that_of_transformers(scores, p):
    _same(logits.min_p(scores, p), processors.MinPLogitsWarper(p)(NO_IDS, scores))


@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("t", [0.3, 1.0, 2.0])
def test_temperature_is_that_of_transformers(scores, t):
    _same(logits.temperature(scores, t), processors.TemperatureLogitsWarper(t)(NO_IDS, scores))


@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("theta", [0.8, 1.0, 1.3])
def test_repetition_penalty_is_that_of_transformers(scores, theta):
    B, V = scores.shape
    codes = torch.randint(V, (B, 4), generator=torch.Generator().manual_seed(2))
    is_seen = torch.zeros(B, V, dtype=torch.bool).scatter_(1, codes, True)
    theirs = processors.RepetitionPenaltyLogitsProcessor(theta)(codes, scores.clone())
    _same(logits.repetition_penalty(scores, is_seen, theta), theirs)


def test_top_p_by_hand():
    p = torch.tensor([[0.5, 0.25, 0.15, 0.1], [0.1, 0.15, 0.25, 0.5], [0.4, 0.2, 0.2, 0.2]], dtype=torch.float64)
    left = [logits.top_p(p.log(), share).isfinite().tolist() for share in (0.4, 0.6, 0.8)]
    assert left[0][0] == [True, False, False, False]
    assert left[1][0] == [True, True, False, False]
    assert left[1][1] == [False, False, True, True]
    assert left[2][0] == [True, True, True, False]


@pytest.mark.parametrize(
    "work", [lambda z: logits.top_p(z, 1e-12), lambda z: logits.min_p(z, 1.0), lambda z: logits.top_k(z, 1)]
)
def test_one_token_at_least_is_left(work):
    for scores in SCORES:
        kept = work(scores).isfinite()
        assert (kept.sum(-1) == 1).all()
        assert kept.gather(1, scores.argmax(-1, keepdim=True)).all()


def test_pick_inverts_the_distribution_function():
    p = torch.tensor([[0.2, 0.0, 0.5, 0.3, 0.0]], dtype=torch.float64)
    u = torch.tensor([0.0, 0.19, 0.21, 0.69, 0.71, 1 - 2**-53], dtype=torch.float64)
    assert logits.pick(p.log().expand(6, -1), u).tolist() == [0, 0, 2, 2, 3, 3]


def test_pick_of_scores_that_ran_away_is_a_token():
    scores = torch.full((2, 5), torch.nan)
    scores[1] = torch.inf
    assert logits.pick(scores, torch.tensor([0.1, 0.9], dtype=torch.float64)).tolist() == [4, 4]


def test_pick_draws_with_the_right_frequencies():
    scores = SCORES[0][:1]
    n = 50_000
    u = torch.rand(n, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    found = torch.bincount(logits.pick(scores.expand(n, -1), u), minlength=50) / n
    p = scores[0].exp()
    assert ((found - p).abs() < 5 * (p * (1 - p) / n).sqrt()).all()


@pytest.mark.parametrize("t", [1e-300, 1e-40, 1e-31, 1e31, 1e300])
def test_any_temperature_leaves_numbers(t):
    scores = torch.tensor([[3.0, -torch.inf, 1.0], [-80.0, -81.0, -torch.inf]])
    share = logits.temperature(scores, t).softmax(-1)
    expected = [[1, 0, 0], [1, 0, 0]] if t < 1 else [[0.5, 0, 0.5], [0.5, 0.5, 0]]
    assert share.tolist() == expected
