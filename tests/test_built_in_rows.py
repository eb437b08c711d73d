"""A run of a built-in set finds its rows again by the set's name."""

from pathlib import Path

import numpy as np
import pyarrow as pa

import genwright as gw


def test_rows_of_a_built_in_set_are_found_again(tmp_path: Path) -> None:
    fitted = gw.fit("digits-pictures", "marginals", judge=False, out=tmp_path / "run")
    run = gw.load(tmp_path / "run")
    assert run.train is None
    run.remember_rows(need_train=True, need_held_out=True)
    assert run.train is not None
    assert run.held_out is not None
    assert fitted.train is not None
    for name in ("image", "label"):
        assert np.array_equal(run.train.arrays[name], fitted.train.arrays[name])
    assert len(run.held_out) == 359


def test_a_frame_of_that_name_is_not_taken_for_one(tmp_path: Path) -> None:
    run = gw.fit(pa.table({"wine": [1.0, 2.0, 3.0, 4.0]}), "marginals", judge=False, out=tmp_path / "run")
    assert run.artefact.facts["data"] == "an Arrow table"
    run = gw.load(tmp_path / "run")
    run.remember_rows(need_train=True, need_held_out=True)
    assert run.train is None
