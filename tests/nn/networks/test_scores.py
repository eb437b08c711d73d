"""Scores against sums written out, against the chain rule, and against pgmpy."""

import numpy as np
import pytest

from genwright.nn.networks.scores import BIC, BDeu, mutual_information

COUNT = np.array([[12, 3, 0], [5, 5, 7], [0, 0, 0], [1, 0, 20]])  # four combinations of parents, three codes
# pgmpy 1.1.2, local_score of BIC and of BDeu (equivalent sample size 10) for the rows that COUNT counts
PGMPY_BIC, PGMPY_BDEU = -45.856406409620845, -39.841762898950535


def _shaped(count: np.ndarray) -> np.ndarray:
    return count[:, :, None]


def test_bic_is_the_likelihood_with_its_penalty() -> None:
    n = int(COUNT.sum())
    rows = [k / row.sum() for row in COUNT for k in row for _ in range(k)]
    expected = np.log(rows).sum() - 0.5 * np.log(n) * 4 * 2
    assert BIC(n).family(_shaped(COUNT)) == pytest.approx(expected, abs=1e-10)


def test_bdeu_is_the_probability_of_the_rows_one_after_the_other() -> None:
    """Pólya's urn: each row's code is drawn in proportion to α/(qr) plus how often it came before."""
    alpha, total = 10.0, 0.0
    for row in COUNT:
        seen = np.full(3, alpha / 12)
        for code, k in enumerate(row):
            for _ in range(k):
                total += np.log(seen[code] / seen.sum())
                seen[code] += 1
    assert BDeu(alpha).family(_shaped(COUNT)) == pytest.approx(total, abs=1e-10)


def test_scores_are_those_of_pgmpy() -> None:
    assert BIC(int(COUNT.sum())).family(_shaped(COUNT)) == pytest.approx(PGMPY_BIC, abs=1e-10)
    assert BDeu(10.0).family(_shaped(COUNT)) == pytest.approx(PGMPY_BDEU, abs=1e-10)


def test_the_axis_of_a_late_parent_does_not_matter() -> None:
    count = np.random.default_rng(0).integers(0, 9, (4, 3, 5))
    for score in (BIC(300), BDeu(3.0)):
        flat = count.transpose(0, 2, 1).reshape(20, 3, 1)
        assert score.family(count) == pytest.approx(score.family(flat))


def test_no_family_beats_its_ceiling() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        q, r = rng.integers(1, 6), rng.integers(2, 5)
        count = rng.integers(0, 30, (q, r)) * (rng.random((q, r)) < 0.5)
        for score in (BIC(max(2, int(count.sum()))), BDeu(2.0)):
            assert score.family(_shaped(count)) <= score.ceiling(int(q), int(r)) + 1e-9


def test_mutual_information() -> None:
    p = np.array([[0.3, 0.1], [0.2, 0.4]])
    expected = (p * np.log(p / np.outer(p.sum(1), p.sum(0)))).sum()
    assert mutual_information(1_000 * p) == pytest.approx(expected)
    assert mutual_information(np.outer([1, 2], [3, 4])) == pytest.approx(0, abs=1e-12)
    assert mutual_information(np.zeros((2, 2))) == 0
