"""Runs that tests of several folders share; folders with runs of their own have fixtures of the same names."""

import pytest

from genwright.runs.run import Run
from tests.tables import customers


@pytest.fixture(scope="module", params=["marginals", "trees"])
def run(request) -> Run:
    from genwright.pipeline import fit

    return fit(customers(), request.param, judge=False)


@pytest.fixture(scope="module")
def quick() -> Run:
    from genwright.pipeline import fit

    return fit(customers(), "marginals", judge=False)
