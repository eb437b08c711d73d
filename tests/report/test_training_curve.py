import numpy as np
import pytest

from genwright.pipeline import fit
from genwright.report.build import build_report
from genwright.report.training_curve import Curve, describe, draw, from_log
from tests.report.material import Page
from tests.tables import dependent

LOG = [
    {"step": 0, "loss": 0, "held_out": 9.0},
    {"step": 10, "loss": 6.0, "held_out": 5.0},
    {"step": 20, "loss": 5.0, "held_out": 4.0},
    {"step": 30, "loss": 4.5, "held_out": 4.2},
]


def test_the_kept_step_is_that_of_the_least_held_out_loss():
    curve = from_log(LOG)
    assert isinstance(curve, Curve)
    assert curve.steps[curve.kept] == 20
    assert np.isnan(curve.loss[0])  # no batch was seen before the first step
    assert describe(curve) == (
        "30 steps, step 20 kept. Training loss from 6.00 to 4.50. Held-out loss from 9.00 to 4.20. "
        "Least held-out loss 4.00."
    )
    assert "kept: step 20" in draw(curve)


def test_without_a_held_out_loss_the_last_step_is_kept():
    curve = from_log([{k: v for k, v in line.items() if k != "held_out"} for line in LOG])
    assert not curve.has_held_out
    assert curve.kept == 3
    assert draw(curve).count("outline") == 1


@pytest.mark.parametrize("log", [[], LOG[:1], [{"step": 1}, {"loss": 2}], [{"step": 1, "loss": float("nan")}] * 3])
def test_logs_that_cannot_be_drawn(log):
    assert from_log(log) is None


def test_a_few_very_large_losses_are_cut_off():
    log = [{"step": i, "loss": 1e6 if i < 2 else 2 + 1 / i, "held_out": 2.0} for i in range(40)]
    assert "larger losses are cut off" in draw(from_log(log))
    assert "cut off" not in draw(from_log(LOG))
    flat = [{"step": i, "loss": 1.0, "held_out": 1.0} for i in range(5)]
    assert "kept" in draw(from_log(flat))


def test_the_report_of_a_neural_run():
    run = fit(dependent(400), "vae", steps=12, judge=False, settings={"n_hidden": 16, "latent_dim": 3})
    curve = from_log(run.artefact.log)
    kept = min((line for line in run.artefact.log if "held_out" in line), key=lambda line: line["held_out"])
    assert curve.steps[curve.kept] == kept["step"]
    page = Page(build_report(run))
    assert [h for h in page.text_of("h2") if h in ("Training", "Latent space")] == ["Training", "Latent space"]
    titles = [f.get("title") for f in page.figures]
    assert {"Loss against training steps", "Rows in latent space"} <= set(titles)
    run.train = run.held_out = None
    assert "Latent space" not in Page(build_report(run)).text_of("h2")
