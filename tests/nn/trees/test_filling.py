"""Leaves filled with donors: condensed ones keep the shares, and one leaf does not depend on another."""

import numpy as np
import pytest

from genwright.nn.trees.cells import Places
from genwright.nn.trees.filling import Fallen, Grown, fill
from genwright.nn.trees.leaves import Leaves
from genwright.nn.trees.tree import Tree
from tests.nn.trees.leaf_worlds import COLUMNS, ROOT, SORTS, STUMP, N, codes_of, prob_of, still


@pytest.mark.parametrize("name", ["category", "atoms and missing", "integers"])
def test_a_condensed_leaf_keeps_the_shares_of_atoms(name: str) -> None:
    """Oracle: counting the donors."""
    column, codes = COLUMNS[name], codes_of(COLUMNS[name], SORTS["large"])
    atoms = np.array([c for c in np.unique(codes) if column.smooth_index[c] < 0])
    if column.smooth and column.field.support.step:  # type: ignore[union-attr]
        pytest.skip("smooth draws round onto atoms")
    p = prob_of(column, SORTS["large"], column.value(atoms))
    np.testing.assert_allclose(p, [(codes == c).mean() for c in atoms], rtol=1e-5)


def _filled(tree: Tree, X: np.ndarray, codes: np.ndarray) -> Leaves:
    """Leaves of the smooth column, with a hole of two."""
    fallen = Fallen(tree.leaf_of(X), Places(X, np.zeros(1, bool)), codes, np.zeros((len(X), 0)))
    return fill(COLUMNS["smooth"], Grown(tree, {}, np.zeros((len(tree.feature), 0))), fallen, 2)


def test_leaves_do_not_depend_on_one_another() -> None:
    """The donors of two leaves together, against each leaf alone."""
    column = COLUMNS["smooth"]
    rng = np.random.default_rng(5)
    X, codes = rng.random((24, 1)).astype(np.float32), rng.permutation(N)[:24].astype(np.int32)
    both = _filled(STUMP, X, codes)
    query, x = rng.random((500, 1)).astype(np.float32), column.values[rng.integers(N, size=500)] + 1e-4
    found = np.concatenate([c.prob(x[part]) for part, c in both.candidates(both.cell_of(query), still(500))])
    for is_left in (True, False):
        mine, at = (X[:, 0] <= 0.5) == is_left, np.flatnonzero((query[:, 0] <= 0.5) == is_left)
        one = _filled(ROOT, X[mine], codes[mine])
        alone = [c.prob(x[at][part]) for part, c in one.candidates(one.cell_of(query[at]), still(len(at)))]
        np.testing.assert_allclose(found[at], np.concatenate(alone), rtol=1e-9)
