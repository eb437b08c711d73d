"""Features as the columns of a linear machine."""

import numpy as np
import pytest

from genwright.core.design import FAR, Design
from genwright.core.feature_view import Features


@pytest.mark.parametrize("wild", [1.7976931348623157e308, -1.7976931348623157e308])
@pytest.mark.parametrize("share", [0.01, 0.3])
def test_numbers_that_stand_for_no_data_have_features(wild: float, share: float) -> None:
    x = np.random.default_rng(0).normal(size=200)
    x[: int(share * len(x))] = wild
    x[-2:] = np.nan, -wild
    rows = Features.of(x[:, None], np.array([False]))
    phi = Design(n_knots=3).fit(rows)(rows).toarray()
    assert np.isfinite(phi).all()
    z = phi[:, 0]
    assert z[0] * np.sign(wild) > 0 > z[-1] * np.sign(wild)
    assert np.abs(z).max() <= FAR
