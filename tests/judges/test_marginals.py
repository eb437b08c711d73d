from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from genwright.core.space import Space
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


def test_rows_with_values_that_no_draw_has_are_counted() -> None:
    """A class and missing numbers that never come, each row once; all are common."""
    rows = draw(700, 7)
    evidence = world(fake=rows | {"weight": rows["weight"].nan_to_num(0.0), "kind": rows["kind"].clamp(min=1)})
    held = evidence.held_out
    gone = {"weight": held["weight"].isnan().numpy(), "kind": (held["kind"] == 0).numpy()}
    found = Marginals().measure(evidence.fake, evidence)["missed"]
    assert found.value == pytest.approx(np.mean(gone["weight"] | gone["kind"]))
    assert found.details["columns"] == pytest.approx({name: x.mean() for name, x in gone.items()})
    assert Marginals().measure(evidence.train, evidence)["missed"].value == 0


def test_rare_values_may_be_missed() -> None:
    """A category that nine draws should have is not common enough to be asked for; ten are."""
    for n, share in ((9, 0.0), (10, 10 / 350)):
        real, drawn = draw(350, 1), draw(350, 2)
        real["kind"], drawn["kind"] = torch.ones(350).long(), torch.ones(350).long()
        real["kind"][:n] = 3
        evidence = replace(world(fake=drawn), held_out=real, train=draw(350, 3), trivial=draw(350, 4))
        found = Marginals().measure(drawn, evidence)["missed"]
        assert found.value == pytest.approx(share)


def test_values_that_training_rows_lack_are_not_asked_for() -> None:
    """What is read as the least frequent value of the training rows is common among unseen rows alone."""
    real, train, drawn = draw(350, 1), draw(350, 3), draw(350, 2)
    for rows in (real, train, drawn):
        rows["kind"] = torch.ones(350).long()
    real["kind"][:70], train["kind"][:1] = 3, 3
    evidence = replace(world(fake=drawn), held_out=real, train=train, trivial=draw(350, 4))
    assert Marginals().measure(drawn, evidence)["missed"].value == 0
    train["kind"][:70] = 3
    assert Marginals().measure(drawn, evidence)["missed"].value == pytest.approx(0.2)


def test_numbers_without_holes_have_nothing_that_is_missed() -> None:
    evidence = world()
    narrow = {b: {"size": getattr(evidence, b)["size"]} for b in ("train", "held_out", "fake", "trivial")}
    numbers = replace(evidence, space=Space({"size": evidence.space["size"]}), **narrow)
    assert "missed" not in Marginals().measure(numbers.fake, numbers)
