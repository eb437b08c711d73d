from dataclasses import replace

import numpy as np
import pytest
import torch

from genwright.core.dataset import select
from genwright.core.errors import UnknownNameError
from genwright.core.judge import Evidence
from genwright.core.space import Category, Field, Real, Space
from genwright.judges.utility import Utility
from tests.judges.worlds import world


def test_targets_start_with_the_last_column() -> None:
    assert [t.name for t in Utility().targets(world())] == ["is_old", "weight", "size", "kind"]  # debt is mostly 0


def test_targets_asked_for_are_kept_in_order() -> None:
    evidence = replace(world(), targets=("kind", "size"))
    found = Utility().measure(evidence.fake, evidence)
    assert list(found["auc"].details["targets"]) == ["kind"]
    assert list(found["r2"].details["targets"]) == ["size"]
    assert found["ratio"].details["target"] == "kind"
    with pytest.raises(UnknownNameError, match="did you mean kind"):
        Utility().targets(replace(evidence, targets=("kinds",)))


def test_rare_codes_and_near_constant_columns_are_no_targets() -> None:
    codes = torch.arange(1000) % 40  # too many classes
    space = Space({"a": Field(Category(40)), "b": Field(Real()), "c": Field(Category(2))})
    rows = {"a": codes, "b": (codes % 5).double(), "c": (torch.arange(1000) < 4).long()}
    assert Utility().targets(Evidence(space, rows, rows, rows, rows)) == []
    assert Utility().measure(rows, Evidence(space, rows, rows, rows, rows)) == {}


def test_reaches_the_best_possible_r2() -> None:
    """y = x + noise of the same variance: no predictor of y has R² above ½, in ranks above (6/π asin(√½/2))² = 0.23…"""
    g = torch.Generator().manual_seed(0)

    def rows(n: int) -> dict[str, torch.Tensor]:
        x = torch.randn(n, generator=g, dtype=torch.float64)
        return {"x": x, "y": x + torch.randn(n, generator=g, dtype=torch.float64)}

    space = Space({"x": Field(Real()), "y": Field(Real())})
    evidence = Evidence(space, rows(3000), rows(1500), rows(3000), rows(3000))
    found = Utility().measure(evidence.fake, evidence)["r2"]
    spearman = 6 / np.pi * np.arcsin(np.sqrt(0.5) / 2)  # of a normal pair with correlation √½
    value, slack = found.details["targets"]["y"], 3 * (found.high - found.low) / 3.92
    assert spearman**2 - 0.08 - slack < value < spearman**2 + slack


def test_a_class_that_is_never_drawn_is_predicted_by_chance() -> None:
    evidence = replace(world(), targets=("is_old",))
    fake = select(evidence.fake, np.flatnonzero(evidence.fake["is_old"].numpy() == 0))
    found = Utility().measure(fake, replace(evidence, fake=fake))
    assert found["auc"].value == 0.5
    assert found["ratio"].value == 0
