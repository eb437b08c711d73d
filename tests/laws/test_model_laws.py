"""Laws of every registered model: a new file in `models/` is tested on arrival.

Families that refuse single values are skipped here; `test_sequence_laws.py` has the laws of sequences.
"""

import itertools

import numpy as np
import pytest
import torch

from genwright.core.config import configure, to_json
from genwright.core.dataset import Dataset, select
from genwright.core.model import Conditions, HasBound, HasLatent, HasLogProb, HasLoss, Model
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import Batch, Category, Field, Real, Space
from genwright.training.budget import Budget
from genwright.training.learn import learn
from genwright.training.plan import Plan
from tests.laws.families import built, can_weigh, precision, silent
from tests.laws.families import draw as _draw
from tests.laws.families import equal as _equal
from tests.laws.families import fitted as _fitted

N = 600


def _mixed_space() -> Space:
    return Space(
        {
            "colour": Field(Category(3)),
            "size": Field(
                Real(low=0.0, high=9.0, step=1.0, atoms=(0.0, 4.0), quantiles=tuple(np.repeat(np.arange(10.0), 2)))
            ),
            "weight": Field(Real(low=-4.0, high=4.0, quantiles=tuple(np.linspace(-4, 4, 17)), has_missing=True)),
        }
    )


def _mixed_rows(n: int = N, seed: int = 0) -> Dataset:
    """Three dependent columns, one of them with holes."""
    rng = np.random.default_rng(seed)
    colour = rng.integers(0, 3, n)
    size = np.clip(np.round(rng.normal(2 + 2 * colour, 1.0)), 0, 9)
    size[rng.random(n) < 0.2] = 0.0
    weight = np.clip(rng.normal(0.5 * (size - 3), 0.5), -4, 4)
    weight[rng.random(n) < 0.1] = np.nan
    return Dataset(_mixed_space(), {"colour": colour, "size": size, "weight": weight})


def _discrete_rows(n: int = 400, seed: int = 0) -> Dataset:
    """Three columns with 12 possible rows in all."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 2, n)
    b = np.where(rng.random(n) < 0.8, a, rng.integers(0, 3, n))
    c = (rng.random(n) < 0.2 + 0.3 * b).astype(np.int64)
    space = Space({"a": Field(Category(2)), "b": Field(Category(3)), "c": Field(Category(2))})
    return Dataset(space, {"a": a, "b": b, "c": c})


@pytest.fixture(scope="module", params=MODELS.names())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(name: str) -> Model:
    return _fitted(name, _mixed_rows())


@pytest.fixture(scope="module")
def discrete(name: str) -> Model:
    return _fitted(name, _discrete_rows())


def test_draws_lie_in_the_space(model: Model) -> None:
    assert model.space.check(_draw(model, 500)) == 500


def test_columns_come_in_the_order_of_the_space(model: Model) -> None:
    assert list(_draw(model, 3)) == list(model.space)


def test_equal_seeds_give_equal_draws(model: Model) -> None:
    assert _equal(_draw(model, 200, seed=5), _draw(model, 200, seed=5))
    assert not _equal(_draw(model, 200, seed=5), _draw(model, 200, seed=6))


def test_global_random_state_is_untouched(name: str) -> None:
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    _draw(_fitted(name, _discrete_rows()), 10)
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002


def test_equal_seeds_give_equal_fits(name: str) -> None:
    assert _equal(_draw(_fitted(name, _mixed_rows(), seed=2), 100), _draw(_fitted(name, _mixed_rows(), seed=2), 100))


def test_saved_equals_loaded_bit_for_bit(name: str, model: Model) -> None:
    family = MODELS.get(name)
    again = family(Space.from_json(model.space.to_json()), configure(family.Config, to_json(model.config)))
    again.load_state({k: v.clone() for k, v in model.state().items()})
    assert _equal(_draw(model, 300), _draw(again, 300))
    if isinstance(model, HasLogProb):
        rows = _draw(model, 50)
        assert torch.equal(model.log_prob(rows), again.log_prob(rows))


def test_state_is_tensors_only(model: Model) -> None:
    state = model.state()
    assert state
    assert all(isinstance(v, torch.Tensor) for v in state.values())


def test_log_prob_does_not_depend_on_batch_or_order(model: Model) -> None:
    if not isinstance(model, HasLogProb):
        pytest.skip("has no exact likelihood")
    rows = _draw(model, 64)
    whole = model.log_prob(rows)
    assert whole.shape == (64,)
    assert torch.isfinite(whole).all()
    order = torch.randperm(64, generator=torch_generator(0)).numpy()
    torch.testing.assert_close(model.log_prob(select(rows, order)), whole[order], **precision(model))
    single = torch.cat([model.log_prob(select(rows, slice(i, i + 1))) for i in range(8)])
    torch.testing.assert_close(single, whole[:8], **precision(model))


def _all_rows(space: Space) -> Batch:
    codes = itertools.product(*(range(f.support.n) for f in space.values()))  # type: ignore[union-attr]
    grid = torch.tensor(list(codes))
    return {name: grid[:, j] for j, name in enumerate(space)}


def test_log_prob_sums_to_one(discrete: Model) -> None:
    if not isinstance(discrete, HasLogProb):
        pytest.skip("has no exact likelihood")
    total = discrete.log_prob(_all_rows(discrete.space)).exp().sum()
    assert abs(float(total) - 1) < (1e-6 if isinstance(discrete, HasLoss) else 1e-9)


def test_draws_agree_with_log_prob(discrete: Model) -> None:
    if not isinstance(discrete, HasLogProb):
        pytest.skip("has no exact likelihood")
    every = _all_rows(discrete.space)
    p = discrete.log_prob(every).exp().numpy()
    n = 40_000
    rows = _draw(discrete, n)
    code = (rows["a"] * 3 + rows["b"]) * 2 + rows["c"]
    share = np.bincount(code.numpy(), minlength=12) / n
    error = np.sqrt(p * (1 - p) / n)
    assert (np.abs(share - p) < 5 * error + 1e-12).all()


def test_continuous_density_integrates_to_one(name: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.gamma(2.0, size=500)
    quantiles = tuple(np.quantile(x, np.linspace(0, 1, 33)))
    space = Space({"x": Field(Real(low=float(x.min()), high=float(x.max()), quantiles=quantiles))})
    model = _fitted(name, Dataset(space, {"x": x}))
    if not isinstance(model, HasLogProb):
        pytest.skip("has no exact likelihood")
    edges = np.linspace(x.min(), x.max(), 200_001)
    middle = torch.from_numpy((edges[1:] + edges[:-1]) / 2)
    total = float(model.log_prob({"x": middle}).exp().sum() * (edges[1] - edges[0]))
    assert abs(total - 1) < 0.01


def test_given_columns_come_back(model: Model) -> None:
    if not isinstance(model, Conditions):
        pytest.skip("cannot fix columns")
    exact = [c for c in model.space if model.conditions_exactly([c])]
    given = {c: _mixed_rows().take(slice(0, 50))[c] for c in exact[:1]}
    rows = _draw(model, 50, given=given)
    for c, x in given.items():
        assert torch.equal(rows[c].nan_to_num(-99), x.nan_to_num(-99))
    assert model.space.check(rows) == 50


def test_proposals_carry_the_right_weights(discrete: Model) -> None:
    """Weighted proposals reproduce p(a, b | c = 1), which enumeration gives."""
    if not (can_weigh(discrete) and isinstance(discrete, HasLogProb)):
        pytest.skip("cannot weigh proposals")
    n = 40_000
    rows, log_weight = discrete.propose(n, {"c": torch.ones(n, dtype=torch.int64)}, torch_generator(0, "law"))
    weight = (log_weight - log_weight.max()).exp().numpy()
    code = (rows["a"] * 3 + rows["b"]).numpy()
    share = np.bincount(code, weights=weight, minlength=6) / weight.sum()
    every = _all_rows(discrete.space)
    p = discrete.log_prob(every).exp().numpy().reshape(6, 2)[:, 1]
    p = p / p.sum()
    n_effective = weight.sum() ** 2 / (weight**2).sum()
    assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / n_effective) + 1e-3).all()


def test_beats_shuffled_columns(name: str, discrete: Model) -> None:
    """Every family but the baseline gives real rows a higher likelihood than independent columns do."""
    if name == "marginals" or not isinstance(discrete, HasLogProb):
        pytest.skip("the baseline itself, or no likelihood")
    held_out = _discrete_rows(2_000, seed=9).take(slice(None))
    baseline = _fitted("marginals", _discrete_rows())
    assert isinstance(baseline, HasLogProb)
    gain = (discrete.log_prob(held_out) - baseline.log_prob(held_out)).numpy()
    assert gain.mean() > 3 * gain.std() / np.sqrt(len(gain))


def test_loss_is_one_number_a_row_and_falls(name: str) -> None:
    model = built(name, _mixed_space())
    if not isinstance(model, HasLoss):
        pytest.skip("does not learn by gradient steps")
    rows = _mixed_rows(2_000)
    model.start(torch_generator(0, "start"))
    prepared = model.prepare(rows.take(slice(0, 50)))
    for phase in model.phases:
        assert model.loss(prepared, torch_generator(0, "loss"), phase).shape == (50,)
    if len(model.phases) > 1:
        pytest.skip("losses of adversaries need not fall")
    log = learn(model, rows, Plan(budget=Budget(steps=150)), silent).log
    assert log[-1]["held_out"] < log[0]["held_out"]


def test_phases_change_their_own_parameters_and_together_all(name: str) -> None:
    model = built(name, _mixed_space())
    if not isinstance(model, HasLoss):
        pytest.skip("does not learn by gradient steps")
    ids = [{id(p) for p in model.parameters(phase)} for phase in model.phases]
    assert set.union(*ids) == {id(p) for p in model.net.parameters()}
    assert sum(map(len, ids)) == len(set.union(*ids))


def test_latents_come_back_as_rows(model: Model) -> None:
    if not isinstance(model, HasLatent):
        pytest.skip("has no latents")
    batch = _mixed_rows().take(slice(0, 40))
    latents = model.encode(batch)
    assert len(latents) == 40
    assert model.space.check(model.decode(latents, torch_generator(0, "law"))) == 40


def test_a_bound_lies_below_the_share_of_draws(discrete: Model) -> None:
    """Σ exp(bound) over all rows is at most 1, and no row's bound is above the log of its share among draws."""
    if not isinstance(discrete, HasBound):
        pytest.skip("has no bound")
    n, every = 40_000, _all_rows(discrete.space)
    p = discrete.bound(every, torch_generator(0, "bound")).exp().numpy()
    rows = _draw(discrete, n)
    share = np.bincount(((rows["a"] * 3 + rows["b"]) * 2 + rows["c"]).numpy(), minlength=12) / n
    assert p.sum() < 1.02
    assert (p < share + 5 * np.sqrt(share / n + 1e-9) + 0.01).all()
