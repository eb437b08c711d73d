"""Laws of every registered model that takes pictures; families that refuse them are skipped."""

import numpy as np
import pytest
import torch

from genwright.core.config import configure, to_json
from genwright.core.dataset import Dataset, select
from genwright.core.errors import UnsupportedError
from genwright.core.model import Conditions, HasBound, HasLatent, HasLogProb, HasLoss, Model
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Field, Pixels, Space
from genwright.training.budget import Budget
from genwright.training.learn import learn
from genwright.training.plan import Plan
from tests.laws.families import (
    SMALL,
    built,
    draw,
    equal,
    fitted,
    picture_rows,
    picture_space,
    precision,
    silent,
    tiny_picture_rows,
    tiny_picture_space,
)

STEPS = 20


def _takes(name: str, space: Space) -> bool:
    try:
        MODELS.get(name)(space)
    except UnsupportedError:
        return False
    return True


def _takers() -> list[str]:
    return [name for name in MODELS.names() if Pixels in MODELS.get(name).supports]


@pytest.fixture(scope="module", params=_takers())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(name: str) -> Model:
    return fitted(name, picture_rows(), steps=STEPS)


@pytest.fixture(scope="module")
def tiny(name: str) -> Model:
    return fitted(name, tiny_picture_rows(), steps=STEPS)


def _all_pictures() -> Batch:
    grid = torch.cartesian_prod(*[torch.arange(2, dtype=torch.uint8)] * 4)
    return {"image": grid.view(16, 1, 2, 2)}


def _shares(rows: Batch) -> np.ndarray:
    codes = rows["image"].flatten(1).long() @ torch.tensor([8, 4, 2, 1])
    return np.bincount(codes.numpy(), minlength=16) / len(codes)


def test_draws_lie_in_the_space(model: Model) -> None:
    rows = draw(model, 50)
    assert model.space.check(rows) == 50
    assert list(rows) == list(model.space)
    assert rows["image"].dtype == torch.uint8


def test_equal_seeds_give_equal_draws_and_fits(name: str, model: Model) -> None:
    assert equal(draw(model, 20, seed=5), draw(model, 20, seed=5))
    assert not equal(draw(model, 20, seed=5), draw(model, 20, seed=6))
    a, b = (fitted(name, tiny_picture_rows(), seed=2, steps=5) for _ in range(2))
    assert equal(draw(a, 50), draw(b, 50))


def test_global_random_state_is_untouched(name: str) -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    draw(fitted(name, tiny_picture_rows(), steps=2), 5)
    assert torch.equal(before, torch.random.get_rng_state())


def test_saved_equals_loaded_bit_for_bit(name: str, model: Model) -> None:
    family = MODELS.get(name)
    again = family(Space.from_json(model.space.to_json()), configure(family.Config, to_json(model.config)))
    again.load_state({k: v.clone() for k, v in model.state().items()})
    assert equal(draw(model, 30), draw(again, 30))


def test_loss_is_one_number_a_row_and_falls(name: str) -> None:
    model, rows = built(name, picture_space()), picture_rows()
    if not isinstance(model, HasLoss):
        pytest.skip("does not learn by gradient steps")
    model.start(torch_generator(0, "start"))
    prepared = model.prepare(rows.take(slice(0, 20)))
    for phase in model.phases:
        assert model.loss(prepared, torch_generator(0, "loss"), phase).shape == (20,)
    if len(model.phases) > 1:
        pytest.skip("losses of adversaries need not fall")
    log = learn(model, rows, Plan(budget=Budget(steps=2 * STEPS)), silent).log
    held_out = [line["held_out"] for line in log if "held_out" in line]  # a second stage has no such line
    assert held_out[-1] < held_out[0]


def test_rows_are_prepared_as_bytes(name: str) -> None:
    """Pictures take four times the memory as floats."""
    model = built(name, tiny_picture_space())
    if not isinstance(model, HasLoss):
        pytest.skip("does not learn by gradient steps")
    prepared = model.prepare(tiny_picture_rows(10).take(slice(None)))
    assert sum(x.element_size() * x.numel() for x in prepared.values()) <= 10 * 4 * 8


def test_phases_change_their_own_parameters_and_together_all(name: str) -> None:
    model = built(name, picture_space())
    if not isinstance(model, HasLoss):
        pytest.skip("does not learn by gradient steps")
    ids = [{id(p) for p in model.parameters(phase)} for phase in model.phases]
    assert set.union(*ids) == {id(p) for p in model.net.parameters()}
    assert sum(map(len, ids)) == len(set.union(*ids))


def test_a_given_label_comes_back_and_is_followed_exactly(name: str) -> None:
    model = fitted(name, picture_rows(is_given=True), steps=STEPS)
    if not isinstance(model, Conditions):
        pytest.skip("cannot fix columns")
    assert not isinstance(model, HasLoss) or model.conditions_exactly(["label"])
    if model.conditions_exactly(["label"]):
        label = torch.arange(2).repeat(15)
        rows = draw(model, 30, given={"label": label})
        assert model.space.check(rows) == 30
        assert torch.equal(rows["label"], label)
    assert set(draw(model, 60)["label"].tolist()) == {0, 1}


def test_log_prob_does_not_depend_on_batch_or_order(model: Model) -> None:
    if not isinstance(model, HasLogProb):
        pytest.skip("has no exact likelihood")
    rows = draw(model, 16)
    whole = model.log_prob(rows)
    order = torch.randperm(16, generator=torch_generator(0)).numpy()
    torch.testing.assert_close(model.log_prob(select(rows, order)), whole[order], **precision(model))


def test_log_prob_sums_to_one_and_agrees_with_draws(tiny: Model) -> None:
    if not isinstance(tiny, HasLogProb):
        pytest.skip("has no exact likelihood")
    p, n = tiny.log_prob(_all_pictures()).exp().detach().numpy(), 5_000
    assert abs(p.sum() - 1) < 1e-4
    share = _shares(draw(tiny, n))
    assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / n) + 1e-4).all()


def test_a_bound_lies_below_the_share_of_draws(tiny: Model) -> None:
    """Σ exp(bound) over all pictures is at most 1, and none is above the log of its share among draws."""
    if not isinstance(tiny, HasBound):
        pytest.skip("has no bound")
    n, n_repeats = 10_000, 24
    every = {name: x.repeat(n_repeats, 1, 1, 1) for name, x in _all_pictures().items()}
    bounds = tiny.bound(every, torch_generator(0, "bound")).view(n_repeats, 16).numpy()
    mean, error = bounds.mean(0), bounds.std(0, ddof=1) / n_repeats**0.5  # a bound is random: its mean is below log p
    p, share = np.exp(mean), _shares(draw(tiny, n))
    assert p.sum() < 1 + 4 * np.sqrt(((p * error) ** 2).sum()) + 1e-3
    of_draws = np.sqrt(p * (1 - p) / n)
    assert (p < share + 5 * np.sqrt((p * error) ** 2 + of_draws**2) + 1e-3).all()


def test_latents_come_back_as_rows(model: Model) -> None:
    if not isinstance(model, HasLatent):
        pytest.skip("has no latents")
    latents = model.encode(picture_rows().take(slice(0, 10)))
    assert len(latents) == 10
    assert model.space.check(model.decode(latents, torch_generator(0, "law"))) == 10


def test_latents_of_many_pictures_are_found_a_few_at_a_time(name: str) -> None:
    """All at once take a hundred times as much memory as the pictures themselves."""
    space = Space({"image": Field(Pixels(), (1, 24, 24))})
    if not _takes(name, space) or not issubclass(MODELS.get(name), HasLatent):
        pytest.skip("has no latents of such pictures")
    settings = {"n_bound_steps": 1} if name == "flow_matching" else {}
    family, most = MODELS.get(name), [0]
    model = family(space, configure(family.Config, {**SMALL.get(name, {}), **settings}))
    assert isinstance(model, HasLatent)
    assert isinstance(model, HasLoss)
    model.start(torch_generator(0, "start"))
    for module in model.net.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_pre_hook(lambda _, x: most.append(len(x[0])))
    n = 1_500
    rows = {
        "image": torch.arange(n, dtype=torch.int64).remainder(256).to(torch.uint8).view(n, 1, 1, 1).expand(n, 1, 24, 24)
    }
    latents = model.encode({"image": rows["image"].contiguous()})
    assert len(latents) == n
    assert max(most) < n
    few = model.encode({"image": rows["image"][-3:].contiguous()})
    torch.testing.assert_close(latents[-3:], few, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 9, 17)])
def test_pictures_of_any_size_are_learnt(name: str, shape: tuple[int, int, int]) -> None:
    space = Space({"image": Field(Pixels(17), shape)})
    if not _takes(name, space):
        pytest.skip("refuses this size")
    x = np.random.default_rng(0).integers(0, 17, (40, *shape)).astype(np.uint8)
    model = fitted(name, Dataset(space, {"image": x}), steps=2)
    assert model.space.check(draw(model, 4)) == 4
