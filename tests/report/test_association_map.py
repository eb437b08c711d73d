import numpy as np
import pytest

from genwright.report import association_map
from genwright.report.association_map import Associations, from_records, from_scores
from tests.report.material import Page, score
from tests.report.test_values import both


def test_the_judges_matrix_is_read():
    pairs = [[None, 0.1, 0.3], [0.1, None, None], [0.3, None, None]]
    found = from_scores([score("associations.pairs", 0.2, floor=0.01, columns=["a", "b", "c"], pairs=pairs)])
    assert found.worst(9) == [("a", "c", 0.3), ("a", "b", 0.1)]
    assert found.floor == 0.01


@pytest.mark.parametrize("details", [{}, {"columns": ["a", "b"]}, {"columns": ["a", "b"], "pairs": [[None]]}])
def test_details_that_do_not_fit_are_left_alone(details):
    assert from_scores([score("associations.pairs", 0.2, **details)]) is None


def test_a_broken_pair_is_found_in_the_records():
    rng = np.random.default_rng(0)
    x, noise, words = rng.normal(size=2_000), rng.normal(size=2_000), rng.choice(list("abc"), 2_000)
    names = ["x", "y", "z", "w"]
    real = [x, x + 0.1 * noise, noise, words]
    fake = [x, rng.permutation(x + 0.1 * noise), noise, words]
    pairs = [both(r, f, "category" if n == "w" else "number") for n, r, f in zip(names, real, fake, strict=True)]
    pairs = [type(p)(n, p.kind, p.shape, p.real, p.fake) for n, p in zip(names, pairs, strict=True)]
    found = from_records(pairs)
    assert found.worst(1)[0][:2] == ("x", "y")
    assert found.worst(1)[0][2] > 0.5
    assert found.distances[names.index("w"), names.index("x")] == 0


def test_one_column_has_no_pairs():
    assert from_records([both([1.0, 2.0], [1.0, 2.0])]) is None


@pytest.mark.parametrize("n", [2, 15, 45])
def test_every_cell_is_drawn_once(n):
    rng = np.random.default_rng(n)
    distances = rng.random((n, n))
    distances = (distances + distances.T) / 2
    np.fill_diagonal(distances, np.nan)
    found = Associations(tuple(f"c{i}" for i in range(n)), distances)
    drawing = str(association_map.draw(found))
    Page(drawing)
    shown = min(n, association_map.N_SHOWN)
    assert drawing.count("z") == shown * (shown - 1) // 2
    assert found.trimmed(association_map.N_SHOWN).worst(1) == found.trimmed(association_map.N_SHOWN).worst(2)[:1]


def test_no_distances_at_all():
    nothing = Associations(("a", "b"), np.full((2, 2), np.nan))
    assert nothing.worst(3) == []
    assert "none" in str(association_map.draw(nothing))
