"""What slopes multiply, against SciPy's normal quantiles and a table."""

import numpy as np
from scipy.stats import norm

from genwright.core.packing import Packer, Unpacker
from genwright.nn.trees.slope_columns import SlopeColumns

WHERE = np.array([[0.5, 2, 0.9], [-1.0, 0, 0.025], [0.1, 1, 0.3]], np.float32)  # a number, a category, a number


def test_numbers_are_scores_and_categories_are_looked_up() -> None:
    table = np.array([-1.0, 0.5, 2.0])
    found = SlopeColumns(np.array([2, 1]), {1: table}).inputs(WHERE)
    np.testing.assert_allclose(found[:, 0], norm.ppf(WHERE[:, 2]), atol=1e-6)
    np.testing.assert_array_equal(found[:, 1], [2.0, -1.0, 0.5])


def test_missing_numbers_do_not_move_and_ends_stay_finite() -> None:
    where = np.array([[-1], [0], [1]], np.float32)
    missing, low, high = SlopeColumns(np.array([0])).inputs(where)[:, 0]
    assert missing == 0
    assert -6 < low < -5
    assert 5 < high < 6


def test_no_slopes_have_no_inputs() -> None:
    assert len(SlopeColumns()) == 0
    assert SlopeColumns().inputs(WHERE).shape == (3, 0)


def test_unpacking_undoes_packing() -> None:
    packer = Packer()
    columns = SlopeColumns(np.array([2, 1]), {1: np.array([-1.0, 0.5, 2.0])})
    columns.pack(packer)
    again = SlopeColumns.unpack(Unpacker(packer.tensors()))
    np.testing.assert_array_equal(again.inputs(WHERE), columns.inputs(WHERE))
