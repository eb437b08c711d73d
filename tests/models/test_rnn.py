"""Recurrent networks over rows: enumeration, closed forms, draws beside probabilities, streams beside whole rows."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from genwright.core.dataset import Dataset
from genwright.core.decoding import Decoding
from genwright.core.errors import ConfigError, GivenError, UnsupportedError
from genwright.core.rng import torch_generator
from genwright.core.space import OPEN, Batch, Category, Field, Real, Space, Tokens, Vectors
from genwright.models.rnn import RNN, RNNConfig
from genwright.training.budget import Budget
from genwright.training.config import TrainingConfig
from genwright.training.learn import learn
from genwright.training.plan import Plan
from tests.nn.sequences import all_token_rows, token_rows
from tests.nn.worlds import assert_same_shares

TEXT = Tokens(3, 4)
SMALL = {"n_hidden": 12, "n_embed": 5}


def _random(space: Space, seed: int = 0, **settings: object) -> RNN:
    """A network with random weights, heads included."""
    model = RNN(space, RNNConfig(**{**SMALL, **settings}))  # type: ignore[arg-type]
    model.start(torch_generator(seed))
    for p in model.net.parameters():
        p.data += 0.4 * torch.randn(p.shape, generator=torch_generator(seed, "more"))
    model.net.eval()
    return model


def _trained(space: Space, rows: Batch, steps: int, **settings: object) -> RNN:
    model = RNN(space, RNNConfig(**{**SMALL, **settings}))  # type: ignore[arg-type]
    data = Dataset(space, {k: v.numpy() for k, v in rows.items()})
    plan = Plan(TrainingConfig(batch_size=32, learning_rate=1e-2, ema=0.9), Budget(steps=steps))
    learn(model, data, plan, lambda done, line: None)
    return model


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("support", [TEXT, Tokens(3, 4, pad=2, end=3)])
def test_probabilities_of_all_texts_sum_to_one(cell: str, support: Tokens) -> None:
    model = _random(Space({"t": Field(support)}), cell=cell, n_layers=2)
    assert model.log_prob({"t": all_token_rows(support)}).exp().sum() == pytest.approx(1, abs=1e-6)


def test_probabilities_of_all_passages_sum_to_one() -> None:
    support = Tokens(4, 5, runs_on=True)
    every = all_token_rows(support)
    full = every[(every != support.end).all(1)]
    assert _random(Space({"t": Field(support)})).log_prob({"t": full}).exp().sum() == pytest.approx(1, abs=1e-6)


def _mixed() -> tuple[Space, Batch]:
    """Two texts, a category, and every row of them."""
    a, b = Tokens(2, 4), Tokens(2, 3, pad=1, end=0)
    space = Space({"a": Field(a), "c": Field(Category(3)), "b": Field(b)})
    rows_a, rows_b = all_token_rows(a), all_token_rows(b)
    i, j, k = torch.meshgrid(torch.arange(len(rows_a)), torch.arange(3), torch.arange(len(rows_b)), indexing="ij")
    return space, {"a": rows_a[i.flatten()], "c": j.flatten(), "b": rows_b[k.flatten()]}


def test_probabilities_of_all_rows_sum_to_one() -> None:
    space, every = _mixed()
    assert _random(space).log_prob(every).exp().sum() == pytest.approx(1, abs=1e-6)


def _code(rows: Batch) -> np.ndarray:
    """A number for each row of `_mixed`."""
    parts = [*rows["a"].T, rows["c"], *rows["b"].T]
    sizes = (4, 4, 3, 3, 3)
    return np.ravel_multi_index([p.numpy() for p in parts], sizes)


@pytest.mark.parametrize("given", [{}, {"c": torch.tensor(1)}, {"c": torch.tensor(2), "a": torch.tensor([3, OPEN])}])
def test_draws_agree_with_probabilities(given: Batch) -> None:
    space, every = _mixed()
    model = _random(space)
    assert model.conditions_exactly(list(given))
    n = 20_000
    drawn = model.sample(n, {k: x.expand(n, *x.shape).clone() for k, x in given.items()}, torch_generator(1))
    assert space.check(drawn) == n
    p = np.zeros(4 * 4 * 27)
    p[_code(every)] = model.log_prob(every).exp()
    for name, x in given.items():
        is_equal = (every[name] == x) | (x == OPEN)
        p[_code(every)[~(is_equal if is_equal.dim() == 1 else is_equal.all(1)).numpy()]] = 0
    assert_same_shares(np.bincount(_code(drawn), minlength=len(p)), p / p.sum())


def test_given_columns_are_read_and_not_modelled() -> None:
    space = Space({"t": Field(TEXT), "c": Field(Category(3), is_given=True)})
    model = _trained(space, {"t": token_rows(TEXT, 60), "c": torch.arange(60) % 3}, 3)
    texts = all_token_rows(TEXT)
    for c in range(3):
        total = model.log_prob({"t": texts, "c": torch.full((len(texts),), c)}).exp().sum()
        p_c = model.given.histograms.log_p["c"][c]
        assert total == pytest.approx(math.exp(p_c), abs=1e-6)
    loss = model.loss(model.prepare({"t": texts, "c": texts[:, 0] % 3}), torch_generator(0))
    own = model.log_prob({"t": texts, "c": texts[:, 0] % 3}) - model.given.log_prob({"c": texts[:, 0] % 3}, len(texts))
    torch.testing.assert_close(loss.double() * model._mean_length, -own, atol=1e-4, rtol=1e-4)


def test_values_behind_a_given_text_are_read_off_the_text() -> None:
    space = Space({"c": Field(Category(3)), "t": Field(TEXT, is_given=True)})
    model = _random(space)
    short = torch.tensor([[3, TEXT.end, TEXT.pad]])
    log_p = model.log_prob({"t": short.expand(3, -1), "c": torch.arange(3)})
    assert log_p.exp().sum() == pytest.approx(1, abs=1e-6)
    drawn = model.sample(5000, {"t": short.expand(5000, -1)}, torch_generator(1))
    assert_same_shares(np.bincount(drawn["c"], minlength=3), log_p.exp().numpy())
    with pytest.raises(GivenError, match="column t is always given to this model; say all of it"):
        model.sample(1, {"t": torch.tensor([[3, OPEN, OPEN]])}, torch_generator(0))


def test_numbers_beside_a_text_have_a_density() -> None:
    """Summed over all texts and integrated over the number, probabilities are 1; draws have the number's mean."""
    text = Tokens(2, 4)
    quantiles = tuple(np.linspace(0, 10, 5) ** 1.2)
    space = Space({"t": Field(text), "x": Field(Real(low=0.0, high=quantiles[-1], quantiles=quantiles))})
    model = _random(space)
    edges = torch.linspace(0, quantiles[-1], 2001, dtype=torch.float64)
    x, texts = (edges[1:] + edges[:-1]) / 2, all_token_rows(text)
    rows = {"t": texts.repeat(len(x), 1), "x": x.repeat_interleave(len(texts))}
    density = model.log_prob(rows).exp().view(len(x), -1).sum(1)
    width = edges[1] - edges[0]
    assert (density * width).sum() == pytest.approx(1, abs=2e-3)
    drawn = model.sample(5000, {}, torch_generator(0))["x"]
    assert abs(drawn.mean() - (density * x * width).sum()) < 5 * drawn.std() / 5000**0.5


def test_a_given_text_has_to_be_said() -> None:
    space = Space({"a": Field(TEXT, is_given=True), "b": Field(TEXT), "c": Field(Category(2))})
    model = _random(space)
    with pytest.raises(GivenError, match="column a is always given"):
        model.sample(3, {}, torch_generator(0))
    a = token_rows(TEXT, 3)
    rows = model.sample(3, {"a": a}, torch_generator(0))
    assert torch.equal(rows["a"], a)
    assert space.check(rows) == 3


def test_a_text_is_predicted_token_by_token() -> None:
    """log p by torch's own layers, one row and one token at a time."""
    support = Tokens(5, 6)
    model = _random(Space({"t": Field(support)}), n_layers=2)
    net = model.net
    for row, found in zip(texts := token_rows(support, 8), model.log_prob({"t": texts}), strict=True):
        told = row.tolist()[: row.tolist().index(1) + 1] if 1 in row else row.tolist()
        shared = [1 if w == 1 else w for w in told]  # pad 0, end 1 and inner codes from 2 are the layout's own
        x = net.embed(torch.tensor([[1, *shared[:-1]]]))
        for layer in net.rnn.layers:
            x, _ = layer(x.transpose(0, 1))
            x = x.transpose(0, 1)
        logits = net.head(x)[0]
        logits[:, 0] = -torch.inf
        expected = -F.cross_entropy(logits, torch.tensor(shared), reduction="sum")
        torch.testing.assert_close(found.float(), expected, rtol=1e-4, atol=1e-4)


def test_a_long_prompt_is_read_whole() -> None:
    """What follows a beginning that is longer than rows are is what follows it in a longer row."""
    short, long = Tokens(4, 6, runs_on=True), Tokens(12, 6, runs_on=True)
    model, wide = _random(Space({"t": Field(short)})), _random(Space({"t": Field(long)}))
    prompt = token_rows(Tokens(10, 6, runs_on=True), 5)
    given = {"t": F.pad(prompt, (0, 2), value=OPEN)}
    settings = Decoding(temperature=0.7)
    drawn = [m.decode_rows(5, given, torch_generator(0), settings)["t"] for m in (model, wide)]
    assert torch.equal(*drawn)


def test_windows_are_windows() -> None:
    """A step's loss of a window is the likelihood of its places, read from a state of zeros."""
    support = Tokens(9, 5, runs_on=True)
    model = _random(Space({"t": Field(support)}), context=4)
    rows = model.prepare({"t": token_rows(support, 20)})
    first = torch.arange(20) % 6
    found = model._nll(rows, torch.full((20,), 4), first)
    tokens = F.pad(rows["tokens"].long(), (1, 0), value=1)
    for b in range(20):
        x = model.net.embed(tokens[b, first[b] : first[b] + 4])[:, None]
        logits = model.net.head(model.net.rnn.layers[0](x)[0][:, 0])
        logits[:, :2] = -torch.inf  # neither padding nor an end in a running text
        expected = F.cross_entropy(logits, tokens[b, first[b] + 1 : first[b] + 5], reduction="sum")
        torch.testing.assert_close(found[b], expected, rtol=1e-4, atol=1e-4)
    assert model.loss(rows, torch_generator(0)).shape == (20,)


def _walks(n: int = 100, T: int = 4, seed: int = 0) -> tuple[Space, Batch]:
    """Series that drift by their label, with holes."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    x = 100 + 20 * np.cumsum(rng.normal(2 * label[:, None, None] - 1.0, 0.3, (n, T, 2)), 1)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[np.arange(T) >= rng.integers(0, T + 1, n)[:, None]] = np.inf
    space = Space({"x": Field(Vectors(T, 2, has_missing=True)), "label": Field(Category(2))})
    return space, {"x": torch.from_numpy(x), "label": torch.from_numpy(label)}


def test_series_have_a_density_step_by_step() -> None:
    space, rows = _walks(30)
    model = _trained(space, rows, 2)
    scores = (rows["x"] - model.location) / model.scale
    net = model.net
    for b in range(30):
        T = int((~rows["x"][b].isinf().any(1)).sum())
        token = torch.tensor([1, 2 + int(rows["label"][b])])
        inputs = [net.embed(token[0]) + net.embed_next.weight[0], net.embed(token[1]) + net.embed_next.weight[1]]
        for t in range(T):
            x = scores[b, t].float()
            read = net.embed_step(torch.cat([x.nan_to_num(0.0), x.isnan().float()]))
            inputs.append(read + net.embed_next.weight[1])
        h = net.rnn.layers[0](torch.stack(inputs)[:, None])[0][:, 0]
        logits = net.head(h[0])[2:]
        total = logits.log_softmax(0)[rows["label"][b]].double()
        for t in range(min(T + 1, 4)):
            d = net.density(h[1 + t : 2 + t], torch.float64)
            total = total + d.log_end(torch.tensor([t == T]))[0]
            if t < T:
                known = ~rows["x"][b, t].isnan()
                total = total + d.log_prob(scores[b, t : t + 1])[0] - model.scale.log()[known].sum()
        one = {k: x[b : b + 1] for k, x in rows.items()}
        torch.testing.assert_close(model.log_prob(one)[0], total.detach(), rtol=1e-4, atol=1e-4)


def test_drawn_series_agree_with_their_probabilities() -> None:
    """Mean of p(x | first step) under draws that complete it, against the same integral on a grid of second steps."""
    space = Space({"x": Field(Vectors(2, 1))})
    model = _random(space, n_mixture=2)
    model.location, model.scale = torch.tensor([5.0]).double(), torch.tensor([2.0]).double()
    n = 20_000
    begun = torch.tensor([[4.0], [-torch.inf]], dtype=torch.float64)
    rows = model.sample(n, {"x": begun.expand(n, 2, 1).clone()}, torch_generator(1))["x"]
    assert space.check({"x": rows}) == n
    assert (rows[:, 0] == 4).all()
    grid = torch.linspace(-60, 70, 40_001, dtype=torch.float64)
    pairs = torch.stack([torch.full_like(grid, 4.0), grid], 1)[:, :, None]
    density = model.log_prob({"x": pairs}).exp()
    alone = model.log_prob({"x": torch.tensor([[[4.0], [torch.inf]]], dtype=torch.float64)}).exp()
    mass = density.sum() * (grid[1] - grid[0])
    p_on = float(mass / (mass + alone))
    has_second = rows[:, 1, 0] != torch.inf
    assert abs(has_second.double().mean() - p_on) < 5 * (p_on * (1 - p_on) / n) ** 0.5
    second = rows[has_second, 1, 0]
    mean = (density * grid).sum() / density.sum()
    assert abs(second.mean() - mean) < 5 * second.std() / len(second) ** 0.5


def test_series_that_are_learnt_follow_their_label() -> None:
    space, rows = _walks(400)
    model = _trained(space, rows, 150)
    n = 300
    ends = []
    for label in (0, 1):
        x = model.sample(n, {"label": torch.full((n,), label)}, torch_generator(label))["x"]
        assert space.check({"x": x, "label": torch.zeros(n, dtype=torch.int64)}) == n
        known = x[:, 1, 0][x[:, 1, 0].isfinite()]
        ends.append((known.mean(), known.std() / len(known) ** 0.5))
    assert ends[1][0] - ends[0][0] > 40 - 5 * (ends[0][1] + ends[1][1]) - 10  # drifts differ by 80 in two steps


def test_series_of_a_running_kind_are_read_in_windows() -> None:
    rng = np.random.default_rng(0)
    x = torch.from_numpy(np.cumsum(rng.normal(size=(20, 30, 1)), 1))
    space = Space({"x": Field(Vectors(30, 1))})
    model = _trained(space, {"x": x}, 3, context=8)
    assert model.loss(model.prepare({"x": x}), torch_generator(0)).shape == (20,)
    assert torch.isfinite(model.log_prob({"x": x})).all()


def test_a_repeating_text_is_learnt() -> None:
    """Cycles of five tokens: after a short training a token costs less than a tenth of a nat."""
    rng = np.random.default_rng(0)
    at = (rng.integers(0, 5, 200)[:, None] + np.arange(40)) % 5
    support = Tokens(40, 7, runs_on=True)
    model = _trained(Space({"t": Field(support)}), {"t": torch.from_numpy(at + 2)}, 120, context=16)
    nats = -model.log_prob({"t": torch.from_numpy(at[:20] + 2)}) / 39
    assert nats.mean() < 0.1 + math.log(5) / 39


def test_dropout_only_in_training() -> None:
    space = Space({"t": Field(TEXT)})
    model = _random(space, dropout=0.5, n_layers=2)
    rows = model.prepare({"t": token_rows(TEXT, 20)})
    quiet = [model.loss(rows, torch_generator(i)) for i in (1, 2)]
    assert torch.equal(*quiet)
    model.net.train()
    loud = [model.loss(rows, torch_generator(i)) for i in (1, 2, 2)]
    assert not torch.equal(loud[0], loud[1])
    assert torch.equal(loud[1], loud[2])


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"c": Field(Category(2)), "x": Field(Real())}, "there is none"),
        ({"t": Field(TEXT), "x": Field(Vectors(2, 1))}, "one series, or texts; found x, t"),
        ({"x": Field(Vectors(2, 1)), "y": Field(Vectors(2, 1))}, "found x, y"),
    ],
)
def test_other_rows_are_refused_by_name(fields: dict[str, Field], why: str) -> None:
    with pytest.raises(UnsupportedError, match=why):
        RNN(Space(fields))


@pytest.mark.parametrize("setting", [{"n_hidden": 0}, {"context": -1}, {"dropout": 1.0}])
def test_settings_are_checked(setting: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        RNNConfig(**setting)  # type: ignore[arg-type]
