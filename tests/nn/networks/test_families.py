"""Remembered family scores against counting anew; the size guard; available cases."""

import itertools

import numpy as np
import pytest

from genwright.nn.networks.counts import FamilyCounts
from genwright.nn.networks.families import FamilyScores
from genwright.nn.networks.scores import BIC, BDeu, Score
from tests.nn.networks.worlds import random_network, sampled

N = 400
NET = random_network(3)
CODES = sampled(NET, N)


def _scores(score: Score, max_table: int = 10**6, codes: np.ndarray = CODES) -> FamilyScores:
    return FamilyScores(FamilyCounts(codes, NET.cards), score, max_table)


@pytest.mark.parametrize("score", [BIC(N), BDeu(5.0)])
def test_one_more_parent_scores_what_the_family_scores(score: Score) -> None:
    """Families that are passed over as hopeless are no better than the column alone."""
    for child in range(5):
        others = [v for v in range(5) if v != child]
        for above in itertools.chain.from_iterable(itertools.combinations(others, k) for k in range(4)):
            extras = [v for v in others if v not in above]
            found = _scores(score).with_each(child, above, extras)
            for extra, value in zip(extras, found, strict=True):
                exact = _scores(score).family(child, [extra, *above])
                assert (
                    value == pytest.approx(exact) if np.isfinite(value) else exact <= _scores(score).family(child, ())
                )


def test_a_graph_scores_the_sum_of_its_families() -> None:
    scores = _scores(BIC(N))
    total = sum(scores.family(v, above) for v, above in enumerate(NET.parents))
    assert scores.total(NET.parents) == pytest.approx(total)


def test_families_that_are_too_large_are_passed_over_and_counted() -> None:
    scores = _scores(BIC(N), max_table=5)
    found = scores.with_each(0, (), [1, 2, 3, 4])
    sizes = np.array([NET.cards[0] * NET.cards[v] for v in (1, 2, 3, 4)])
    assert (np.isneginf(found) >= (sizes > 5)).all()
    assert len(scores.too_large) == (sizes > 5).sum() > 0


def test_hidden_codes_leave_the_score_of_the_rows_that_show_the_family() -> None:
    codes = CODES.copy()
    codes[0, ::2] = -1
    half = codes[:, 1::2]
    scaled = FamilyScores(FamilyCounts(half, NET.cards), BIC(N), 10**6).counts.count([1, 0]) * 2
    expected = BIC(N).family(scaled[:, :, None])
    assert _scores(BIC(N), codes=codes).family(0, (1,)) == pytest.approx(expected)


def test_a_family_that_no_row_shows_is_never_chosen() -> None:
    codes = CODES.copy()
    codes[0, ::2], codes[1, 1::2] = -1, -1
    assert _scores(BIC(N), codes=codes).family(0, (1,)) < -1e11
