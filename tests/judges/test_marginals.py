import numpy as np
import pytest
from scipy.stats import ks_2samp

from genwright.judges.marginals import Marginals
from tests.judges.worlds import KIND, draw, world


def test_columns_are_scipys_ks_and_counted_tv() -> None:
    evidence = world(fake=draw(700, 50) | {"size": 2 * draw(700, 51)["size"], "kind": draw(700, 52)["kind"] * 0})
    found = Marginals().measure(evidence.fake, evidence)
    columns = found[""].details["columns"]
    expected = ks_2samp(evidence.held_out["size"].numpy(), evidence.fake["size"].numpy()).statistic
    assert columns["size"] == pytest.approx(expected)
    missing_most = np.mean(evidence.held_out["kind"].numpy() != 0)
    assert columns["kind"] == pytest.approx(missing_most)
    assert found[""].value == pytest.approx(np.mean(list(columns.values())))
    assert (found["worst"].value, found["worst"].details) == (columns["kind"], {"column": "kind"})


def test_interval_covers_the_true_distance() -> None:
    """Drawing one class only: TV = 1 − p(class), over 60 worlds."""
    truth, covered = 1 - KIND.mean(0)[0].item(), 0
    for seed in range(60):
        evidence = world(300, 300, seed, fake=(rows := draw(300, 900 + seed)) | {"kind": rows["kind"] * 0})
        worst = Marginals().measure(evidence.fake, evidence)["worst"]
        covered += worst.low <= truth <= worst.high
    assert covered >= 60 * 0.95 - 4 * (60 * 0.95 * 0.05) ** 0.5


def test_missing_values_that_never_come_are_seen() -> None:
    rows = draw(700, 7)
    evidence = world(fake=rows | {"weight": rows["weight"].nan_to_num(0.0)})
    missing = np.isnan(evidence.held_out["weight"].numpy()).mean()
    assert Marginals().measure(evidence.fake, evidence)[""].details["columns"]["weight"] >= missing
