"""Laws of every registered model over rows that hold sequences; families that refuse a kind of row are skipped."""

from functools import cache

import numpy as np
import pytest
import torch

from genwright.core.config import configure, to_json
from genwright.core.dataset import Dataset, select
from genwright.core.decoding import Decoding
from genwright.core.errors import UnsupportedError
from genwright.core.model import Autoregressive, Conditions, HasLogProb, HasLoss, Model
from genwright.core.registry import MODELS
from genwright.core.rng import torch_generator
from genwright.core.space import OPEN, Batch, Category, Field, Real, Space, Tokens, Vectors
from genwright.training.budget import Budget
from genwright.training.learn import learn
from genwright.training.plan import Plan
from tests.laws.families import built, can_weigh, draw, equal, fitted, picture_space, precision, silent
from tests.nn.sequences import all_token_rows, token_rows
from tests.nn.worlds import assert_same_shares

N = 400
STEPS = 80
TEXT = Tokens(3, 5)
SPACES = {
    "text": Space({"text": Field(TEXT)}),
    "labelled": Space({"text": Field(TEXT), "label": Field(Category(2))}),
    "running": Space({"text": Field(Tokens(8, 6, runs_on=True))}),
    "series": Space({"x": Field(Vectors(5, 2, has_missing=True))}),
}


@cache
def _rows(world: str, n: int = N, seed: int = 0) -> Dataset:
    rng = np.random.default_rng(seed)
    space = SPACES[world]
    if world == "series":
        return Dataset(space, {"x": _series(n, rng)})
    support = space["text"].support
    assert isinstance(support, Tokens)
    text = token_rows(support, n, seed)
    if world != "labelled":
        return Dataset(space, {"text": text.numpy()})
    first = text[:, 0].numpy()
    label = np.where(rng.random(n) < 0.85, first % 2, rng.integers(0, 2, n))
    return Dataset(space, {"text": text.numpy(), "label": label})


def _series(n: int, rng: np.random.Generator) -> np.ndarray:
    """Two numbers that go on from where they were, with holes and different lengths."""
    x = 50 + 10 * np.cumsum(rng.normal(0, [1.0, 0.2], (n, 5, 2)) + rng.choice([-2, 2], (n, 1, 1)), 1)
    x[rng.random(x.shape) < 0.05] = np.nan
    x[np.arange(5) >= rng.integers(1, 6, n)[:, None]] = np.inf
    return x


@cache
def _model(name: str, world: str) -> Model:
    return fitted(name, _rows(world), steps=STEPS)


@pytest.fixture(scope="module", params=MODELS.names())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module", params=list(SPACES))
def world(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(name: str, world: str) -> Model:
    return _model(name, world)


@pytest.fixture(scope="module", params=["text", "labelled"])
def countable(request: pytest.FixtureRequest, name: str) -> Model:
    """A family over rows that can be listed."""
    return _model(name, request.param)


def test_every_family_accepts_some_rows(name: str) -> None:
    scalars = Space({"a": Field(Category(2)), "x": Field(Real())})
    refusals = []
    for space in (scalars, picture_space(), *SPACES.values()):
        try:
            MODELS.get(name)(space)
        except UnsupportedError as refused:
            refusals.append(str(refused))
    assert len(refusals) < 2 + len(SPACES)
    assert all(MODELS.get(name).__name__.lower() in r.lower() or name in r for r in refusals)


def test_draws_lie_in_the_space_in_its_order(model: Model) -> None:
    rows = draw(model, 300)
    assert model.space.check(rows) == 300
    assert list(rows) == list(model.space)


def test_equal_seeds_give_equal_draws(model: Model) -> None:
    assert equal(draw(model, 50, seed=5), draw(model, 50, seed=5))
    assert not equal(draw(model, 50, seed=5), draw(model, 50, seed=6))


def test_the_first_draws_of_rowwise_families_are_the_same_however_many(model: Model) -> None:
    if not model.is_rowwise:
        pytest.skip("draws whole chunks")
    assert equal(draw(model, 5), select(draw(model, 60), slice(0, 5)))


def test_global_random_state_is_untouched(name: str, world: str) -> None:
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    draw(fitted(name, _rows(world), steps=2), 5)
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert (before[1] == np.random.get_state()[1]).all()  # noqa: NPY002


def test_equal_seeds_give_equal_fits(name: str, world: str) -> None:
    a, b = (fitted(name, _rows(world), seed=2, steps=3) for _ in range(2))
    assert equal(draw(a, 20), draw(b, 20))


def test_saved_equals_loaded_bit_for_bit(name: str, model: Model) -> None:
    family = MODELS.get(name)
    again = family(Space.from_json(model.space.to_json()), configure(family.Config, to_json(model.config)))
    state = model.state()
    assert all(isinstance(x, torch.Tensor) for x in state.values())
    again.load_state({k: x.clone() for k, x in state.items()})
    rows = draw(model, 40)
    assert equal(rows, draw(again, 40))
    if isinstance(model, HasLogProb):
        assert torch.equal(model.log_prob(rows), again.log_prob(rows))


def test_log_prob_does_not_depend_on_batch_or_order(model: Model) -> None:
    if not isinstance(model, HasLogProb):
        pytest.skip("has no exact likelihood")
    rows = draw(model, 40)
    whole = model.log_prob(rows)
    assert whole.shape == (40,)
    assert whole.dtype == torch.float64
    assert torch.isfinite(whole).all()
    order = torch.randperm(40, generator=torch_generator(0)).numpy()
    torch.testing.assert_close(model.log_prob(select(rows, order)), whole[order], **precision(model))
    single = torch.cat([model.log_prob(select(rows, slice(i, i + 1))) for i in range(5)])
    torch.testing.assert_close(single, whole[:5], **precision(model))


def _all_rows(space: Space) -> Batch:
    texts = all_token_rows(TEXT)
    if "label" not in space:
        return {"text": texts}
    return {"text": texts.repeat(2, 1), "label": torch.arange(2).repeat_interleave(len(texts))}


def _code(rows: Batch) -> torch.Tensor:
    """A number below 250 for each row."""
    label = rows.get("label", torch.zeros(len(rows["text"]), dtype=torch.int64))
    return label * 125 + (rows["text"] * torch.tensor([25, 5, 1])).sum(1)


def test_log_prob_sums_to_one(countable: Model) -> None:
    if not isinstance(countable, HasLogProb):
        pytest.skip("has no exact likelihood")
    total = countable.log_prob(_all_rows(countable.space)).exp().sum()
    assert abs(float(total) - 1) < (1e-6 if isinstance(countable, HasLoss) else 1e-9)


def _same_shares(model: Model, rows: Batch, fits: torch.Tensor) -> None:
    """Draws are as frequent as the listed rows that fit are probable."""
    assert isinstance(model, HasLogProb)
    every = _all_rows(model.space)
    p = np.zeros(250)
    p[_code(every)] = model.log_prob(every).exp() * fits
    assert_same_shares(np.bincount(_code(rows), minlength=250), p / p.sum())


def test_draws_agree_with_log_prob(countable: Model) -> None:
    if not isinstance(countable, HasLogProb):
        pytest.skip("has no exact likelihood")
    rows = draw(countable, 10_000)
    _same_shares(countable, rows, torch.ones(len(_all_rows(countable.space)["text"])))


def test_given_labels_come_back_and_decide(name: str) -> None:
    model = _model(name, "labelled")
    if not (isinstance(model, Conditions) and model.conditions_exactly(["label"])):
        pytest.skip("cannot fix the label")
    rows = draw(model, 10_000, given={"label": torch.ones(10_000, dtype=torch.int64)})
    assert (rows["label"] == 1).all()
    if isinstance(model, HasLogProb):
        _same_shares(model, rows, _all_rows(model.space)["label"] == 1)


def test_given_texts_come_back(countable: Model) -> None:
    if not (isinstance(countable, Conditions) and countable.conditions_exactly(["text"])):
        pytest.skip("cannot fix the text")
    texts = token_rows(TEXT, 50, seed=4)
    rows = draw(countable, 50, given={"text": texts})
    assert torch.equal(rows["text"], texts)
    assert countable.space.check(rows) == 50


def test_beginnings_are_completed(countable: Model) -> None:
    """Completions of a beginning are as frequent as rows that begin so are probable."""
    is_exact = isinstance(countable, Conditions) and countable.conditions_exactly(["text"])
    if not (countable.completes and is_exact and isinstance(countable, HasLogProb)):
        pytest.skip("does not complete beginnings")
    begun = torch.tensor([3, OPEN, OPEN])
    rows = draw(countable, 10_000, given={"text": begun.expand(10_000, 3).clone()})
    _same_shares(countable, rows, _all_rows(countable.space)["text"][:, 0] == 3)


def test_beginnings_of_different_lengths_stay(name: str) -> None:
    model = _model(name, "running")
    if not (model.completes and isinstance(model, Conditions) and model.conditions_exactly(["text"])):
        pytest.skip("does not complete beginnings")
    texts = _rows("running").take(slice(0, 9))["text"]
    is_open = torch.arange(8) >= torch.arange(9)[:, None]
    rows = draw(model, 9, given={"text": texts.masked_fill(is_open, OPEN)})
    assert (rows["text"] == texts)[~is_open].all()
    assert model.space.check(rows) == 9


def test_beginnings_of_series_stay(name: str) -> None:
    model = _model(name, "series")
    if not (model.completes and isinstance(model, Conditions) and model.conditions_exactly(["x"])):
        pytest.skip("does not complete beginnings")
    x = _rows("series").take(slice(0, 20))["x"]
    given = x.clone()
    given[:, 2:] = -torch.inf
    rows = draw(model, 20, given={"x": given})
    assert model.space.check(rows) == 20
    torch.testing.assert_close(rows["x"][:, :2], x[:, :2], equal_nan=True, rtol=0, atol=0)


def test_decoding_is_sampling_until_settings_say_otherwise(name: str) -> None:
    model = _model(name, "running")
    if not isinstance(model, Autoregressive):
        pytest.skip("does not draw token by token")
    decoded = model.decode_rows(20, {}, torch_generator(1, "law"), Decoding())
    assert equal(decoded, draw(model, 20))
    short = model.decode_rows(20, {}, torch_generator(1, "law"), Decoding(max_tokens=2))["text"]
    assert torch.equal(short[:, :2], decoded["text"][:, :2])
    assert (short[:, 2:] < 2).all()
    heard: list[int] = []

    def told(place: int, column: str, codes: torch.Tensor) -> bool:
        heard.append(place)
        assert (column, codes.shape) == ("text", (20,))
        return place == 3

    stopped = model.decode_rows(20, {}, torch_generator(1, "law"), Decoding(), told=told)["text"]
    assert heard == [0, 1, 2, 3]
    assert torch.equal(stopped[:, :4], decoded["text"][:, :4])


def test_proposals_of_texts_carry_the_right_weights(name: str) -> None:
    """Weighted proposals reproduce p(label | text), which enumeration gives."""
    model = _model(name, "labelled")
    if not (can_weigh(model) and isinstance(model, HasLogProb) and isinstance(model, Conditions)):
        pytest.skip("cannot weigh proposals")
    n, text = 4000, torch.tensor([3, 4, 1])
    rows, log_weight = model.propose(n, {"text": text.expand(n, 3)}, torch_generator(0, "law"))
    assert (rows["text"] == text).all()
    weight = (log_weight - log_weight.max()).exp().numpy()
    share = weight[rows["label"].numpy() == 1].sum() / weight.sum()
    both = model.log_prob({"text": text.expand(2, 3), "label": torch.arange(2)}).exp()
    p = float(both[1] / both.sum())
    n_effective = weight.sum() ** 2 / (weight**2).sum()
    assert abs(share - p) < 5 * (p * (1 - p) / n_effective) ** 0.5 + 1e-3


@pytest.mark.parametrize("kind", ["text", "running", "series"])
def test_beats_independent_steps(name: str, kind: str) -> None:
    """Every family but the baseline gives real sequences a higher likelihood than independent steps do."""
    model = _model(name, kind)
    if name == "marginals" or not isinstance(model, HasLogProb):
        pytest.skip("the baseline itself, or no likelihood")
    baseline = _model("marginals", kind)
    assert isinstance(baseline, HasLogProb)
    held_out = _rows(kind, 500, seed=9).take(slice(None))
    gain = (model.log_prob(held_out) - baseline.log_prob(held_out)).numpy()
    assert gain.mean() > 3 * gain.std() / np.sqrt(len(gain))


def test_loss_is_one_number_a_row_and_falls(name: str, world: str) -> None:
    model = built(name, SPACES[world])
    if not isinstance(model, HasLoss) or len(model.phases) > 1:
        pytest.skip("does not learn by gradient steps, or has adversaries")
    data = _rows(world)
    model.look(data)
    model.start(torch_generator(0, "start"))
    prepared = model.prepare(data.take(slice(0, 50)))
    assert model.loss(prepared, torch_generator(0, "loss")).shape == (50,)
    log = learn(model, data, Plan(budget=Budget(steps=STEPS)), silent).log
    assert log[-1]["held_out"] < log[0]["held_out"]
