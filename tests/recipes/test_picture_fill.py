import pytest
import torch

from genwright.core.errors import UnsupportedError
from genwright.core.rng import torch_generator
from genwright.runs.picture_fill import N_CANDIDATES, filled, way
from tests.pictures import run_of

FAMILIES = {
    "marginals": {},
    "vae": {},
    "gan": {"width": 8},
    "flow_matching": {"width": 8, "n_hidden": 16},
    "vqvae": {"width": 8, "n_codes": 8, "prior_settings": ("n_layers=1", "width=16", "batch_size=8")},
    "gpt": {"n_layers": 1, "width": 16, "batch_size": 4},
}


@pytest.mark.parametrize("name", FAMILIES)
def test_known_pixels_stay_and_the_others_are_drawn(name):
    run = run_of(name, 6, **FAMILIES[name])
    rows = run.held_out.take(slice(0, 2))
    known = torch.ones(2, 8, 8, dtype=torch.bool)
    known[:, 3:6, 2:7] = False
    holed = {**rows, "image": torch.where(known.unsqueeze(1), rows["image"], torch.tensor(77, dtype=torch.uint8))}
    found = filled(run.model, holed, {"image": known}, torch_generator(0))
    assert run.model.space.check(found) == 2
    assert (found["image"] == rows["image"])[known.unsqueeze(1)].all()
    hole = ~known.unsqueeze(1)
    assert (found["image"] != 77)[hole].float().mean() > 0.9  # what it had been filled with is gone
    again = filled(
        run.model,
        {**rows, "image": torch.where(known.unsqueeze(1), rows["image"], 0)},
        {"image": known},
        torch_generator(0),
    )
    assert (again["image"] == found["image"]).all()  # what was in the hole does not count
    assert way(run.model)


def test_many_holes_are_drawn_at_once(monkeypatch):
    """The prior reads the known places between them, and all candidates of a row are drawn together."""
    run = run_of("gpt", 6, **FAMILIES["gpt"])
    rows = run.held_out.take(slice(0, 2))
    known = torch.ones(2, 8, 8, dtype=torch.bool)
    known[:, 1:7, 2:4] = False
    drawn, sample = [], run.model.sample
    monkeypatch.setattr(run.model, "sample", lambda n, *a: drawn.append(n) or sample(n, *a))
    found = filled(run.model, rows, {"image": known}, torch_generator(0))
    assert drawn == [N_CANDIDATES] * 2
    assert (found["image"] == rows["image"])[known.unsqueeze(1)].all()


def test_nothing_open_nothing_changed():
    run = run_of("vae")
    rows = run.held_out.take(slice(0, 2))
    found = filled(run.model, rows, {"image": torch.ones(2, 8, 8, dtype=torch.bool)}, torch_generator(0))
    assert (found["image"] == rows["image"]).all()


def test_bars_go_on_under_the_mask():
    """A bar's lower half is told by its upper one: errors are far smaller than those of independent draws."""
    run, free = run_of("vae", 250), run_of("marginals")
    rows = run.held_out.take(slice(0, len(run.held_out)))
    bars = rows["image"][:, 0, 0].float().max(1).values > 100
    rows = {k: x[bars] for k, x in rows.items()}
    known = torch.ones(len(rows["image"]), 8, 8, dtype=torch.bool)
    known[:, 4:] = False
    errors = []
    for model in (run.model, free.model):
        found = filled(model, rows, {"image": known}, torch_generator(0))["image"]
        errors.append((found.float() - rows["image"].float())[:, :, 4:].square().mean())
    assert errors[0] < 0.5 * errors[1]


def test_a_prior_that_completes_nothing_is_told():
    run = run_of("vqvae", 6, width=8, n_codes=8, prior="marginals")
    rows = run.held_out.take(slice(0, 1))
    with pytest.raises(UnsupportedError, match="prior is marginals cannot fill in parts; fit it with prior=gpt"):
        filled(run.model, rows, {"image": torch.zeros(1, 8, 8, dtype=torch.bool)}, torch_generator(0))
