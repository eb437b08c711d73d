"""The file that a training is kept in stays until its run is saved, and then goes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import genwright as gw
from genwright.core.errors import RunError
from genwright.runs.run import Run
from tests.recipes.test_classify import flowers

FITS: dict[str, Callable[..., Run]] = {
    "fit": lambda **how: gw.fit(flowers(60), judge=False, **({"model": "vae", "settings": {"n_hidden": 4}} | how)),
    "classify": lambda **how: gw.classify(
        flowers(60), "kind", judge=False, **({"model": "mlp", "settings": {"hidden": [4]}} | how)
    ),
}


def told(run: Run) -> pd.DataFrame:
    """What shows that two runs learnt the same."""
    frame: pd.DataFrame = run.predict_proba(flowers(20, 1)) if hasattr(run, "predict_proba") else run.sample(20)
    return frame


@pytest.mark.parametrize("name", FITS)
def test_a_training_is_kept_until_its_run_is_saved(name: str, tmp_path: Path) -> None:
    kept, how = tmp_path / "kept", {"steps": 4}
    again: dict[str, Any] = {"checkpoint": kept}
    run = FITS[name](**how, **again)
    assert kept.exists()
    with pytest.raises(RunError, match=r"holds a training whose run was not saved: go on with resume=True"):
        FITS[name](**how, **again)
    gone_on = FITS[name](**how, resume=True, **again)
    pd.testing.assert_frame_equal(told(gone_on), told(run))
    run.save(tmp_path / "run")
    assert not kept.exists()
    FITS[name](**how, **again).save(tmp_path / "other")
    assert not kept.exists()
    assert told(gw.load(tmp_path / "other")).equals(told(run))


def test_a_file_that_is_there_already_stays_where_nothing_was_kept(tmp_path: Path) -> None:
    """Saving a loaded run, or one without a file, removes nothing."""
    kept = tmp_path / "run.checkpoint"
    kept.write_bytes(b"of another")
    run = gw.fit(flowers(60), "marginals", judge=False)
    run.save(tmp_path / "run")
    gw.load(tmp_path / "run").save(tmp_path / "run", overwrite=True)
    assert kept.exists()
