"""GPT against enumeration, against reading everything again, and against its own probabilities."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from genwright.core.config import configure
from genwright.core.dataset import Dataset
from genwright.core.decoding import Decoding
from genwright.core.errors import ConfigError, GivenError, UnsupportedError
from genwright.core.rng import torch_generator
from genwright.core.space import OPEN, Batch, Category, Field, Pixels, Real, Space, Tokens, Vectors
from genwright.models.gpt import GPT, GPTConfig
from genwright.nn.attention import band
from genwright.nn.cached_rows import CachedRows
from genwright.nn.row_tokens import BEHIND, PAD, START
from tests.nn.sequences import token_rows

VARIANTS = [
    {},
    {"context": 2},
    {"context": 3, "n_kv_heads": 1},
    {"net": "gelu", "norm": "layer", "has_bias": True, "positions": "learned"},
    {"net": "relu2", "has_unit_length": True, "is_tied": False},
]


def _model(space: Space, **settings: object) -> GPT:
    """Random weights, none of them small."""
    model = GPT(space, configure(GPTConfig, {"n_layers": 2, "width": 16, "n_heads": 2, **settings}))
    generator = torch_generator(0)
    model.start(generator)
    with torch.no_grad():
        for p in model.net.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator))
    model.net.eval()
    model.given.histograms.log_p = {
        name: torch.full((f.support.n,), 1 / f.support.n).log().double().numpy()  # type: ignore[union-attr]
        for name, f in model.given.space.items()
    }
    return model


def _sequences(T: int, V: int) -> list[tuple[int, ...]]:
    """All rows of codes 2 … V − 1 with an end or cut."""
    found = set()
    for codes in itertools.product(range(1, V), repeat=T):
        end = codes.index(1) if 1 in codes else T
        found.add((*codes[: end + 1], *[0] * (T - end - 1)))
    return sorted(found)


def _text(T: int = 4, V: int = 4, n_twice: int = 1) -> tuple[Space, Batch]:
    rows = torch.tensor(_sequences(T, V)).repeat(n_twice, 1)
    return Space({"t": Field(Tokens(T, V))}), {"t": rows}


def _mixed() -> tuple[Space, Batch]:
    """Two texts and two categories, the first text read last but one."""
    space = Space(
        {"t": Field(Tokens(3, 4)), "c": Field(Category(2)), "d": Field(Category(3)), "s": Field(Tokens(2, 3))}
    )
    rows = list(itertools.product(_sequences(3, 4), range(2), range(3), _sequences(2, 3)))
    return space, {name: torch.tensor([row[j] for row in rows]) for j, name in enumerate(space)}


def _chi_square(model: GPT, batch: Batch, drawn: Batch, log_p: torch.Tensor) -> None:
    """Draws have the probabilities that log_p says, by Pearson's statistic over rows expected five times or more."""
    names = list(batch)
    index = {tuple(str(batch[k][i].tolist()) for k in names): i for i in range(len(log_p))}
    n = len(drawn[names[0]])
    counts = torch.zeros(len(log_p), dtype=torch.float64)
    for i in range(n):
        counts[index[tuple(str(drawn[k][i].tolist()) for k in names)]] += 1
    expected = n * log_p.exp()
    is_common = expected >= 5
    seen = torch.cat([counts[is_common], counts[~is_common].sum()[None]])
    wanted = torch.cat([expected[is_common], (n - expected[is_common].sum())[None]]).clamp(min=1e-9)
    statistic = float(((seen - wanted).square() / wanted)[wanted > 1].sum())
    freedom = int((wanted > 1).sum()) - 1
    assert statistic < freedom + 5 * (2 * freedom) ** 0.5


@pytest.mark.parametrize("settings", VARIANTS)
def test_probabilities_of_all_texts_sum_to_one(settings: dict[str, object]) -> None:
    space, rows = _text()
    assert float(_model(space, **settings).log_prob(rows).exp().sum()) == pytest.approx(1, abs=1e-5)


def test_probabilities_of_all_mixed_rows_sum_to_one() -> None:
    space, rows = _mixed()
    assert float(_model(space).log_prob(rows).exp().sum()) == pytest.approx(1, abs=1e-5)


def test_a_number_has_a_density_that_integrates_to_one() -> None:
    support = Real(low=0.0, high=10.0, atoms=(0.0,), quantiles=(0.0, 2.0, 3.0, 10.0), has_missing=True)
    model = _model(Space({"x": Field(support), "c": Field(Category(2))}))
    x = (torch.arange(4_000, dtype=torch.float64) + 0.5) / 400
    total = 0.0
    for c in range(2):
        column = torch.full((len(x),), c)
        total += float(model.log_prob({"x": x, "c": column}).exp().sum()) / 400
        points = torch.tensor([0.0, float("nan")], dtype=torch.float64)
        total += float(model.log_prob({"x": points, "c": column[:2]}).exp().sum())
    assert total == pytest.approx(1, abs=4e-3)


@pytest.mark.parametrize("settings", VARIANTS)
def test_draws_of_texts_agree_with_log_prob(settings: dict[str, object]) -> None:
    space, rows = _text()
    model = _model(space, **settings)
    _chi_square(model, rows, model.sample(2000, {}, torch_generator(3)), model.log_prob(rows))


def test_where_a_passage_of_a_running_text_ends_is_not_modelled() -> None:
    """Probabilities of all full passages sum to one, a shorter one has that of its tokens, and draws agree."""
    space = Space({"t": Field(Tokens(3, 4, runs_on=True))})
    model, rows = _model(space), torch.tensor(_sequences(3, 4))
    full = rows[(rows > 1).all(1)]
    log_p = model.log_prob({"t": full})
    assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-5)
    begun = (full[:, :2] == torch.tensor([2, 3])).all(1)
    short = model.log_prob({"t": torch.tensor([[2, 3, 1]])})
    torch.testing.assert_close(short[0], log_p[begun].logsumexp(0), rtol=1e-4, atol=1e-5)
    _chi_square(model, {"t": full}, model.sample(2000, {}, torch_generator(3)), log_p)


def test_draws_of_mixed_rows_agree_with_log_prob() -> None:
    space, rows = _mixed()
    model = _model(space)
    _chi_square(model, rows, model.sample(3000, {}, torch_generator(3)), model.log_prob(rows))


def test_draws_that_begin_as_given_follow_the_conditional() -> None:
    space, rows = _text()
    model = _model(space)
    given = {"t": torch.tensor([[2, OPEN, OPEN, OPEN]]).expand(4000, -1)}
    begun = {"t": rows["t"][rows["t"][:, 0] == 2]}
    log_p = model.log_prob(begun)
    drawn = model.sample(4000, given, torch_generator(4))
    assert (drawn["t"][:, 0] == 2).all()
    _chi_square(model, begun, drawn, log_p - log_p.logsumexp(0))


def test_beginnings_of_different_lengths_stand_in_one_batch() -> None:
    space, _ = _text(6, 5)
    model = _model(space)
    given = torch.full((3, 6), OPEN)
    given[0, :3] = torch.tensor([2, 3, 4])
    given[1, :1] = 4
    drawn = model.sample(3, {"t": given}, torch_generator(5))["t"]
    assert drawn[0, :3].tolist() == [2, 3, 4]
    assert drawn[1, 0] == 4
    assert space.check({"t": drawn}) == 3


@pytest.mark.parametrize("settings", [{"context": 4}, {"context": 1}, {"context": 4, "n_kv_heads": 1}])
@pytest.mark.parametrize("n", [3, 4, 5, 8, 9, 11])
def test_beginnings_of_any_length_are_read_as_place_by_place(settings: dict[str, object], n: int) -> None:
    """Also those of a place more than the context, whose last piece is a single place."""
    model = _model(Space({"t": Field(Tokens(12, 6))}), **settings)
    tokens = torch.randint(1, 6, (3, n), generator=torch_generator(n))
    whole, single = (CachedRows(model.net, model._order(None)) for _ in range(2))
    with torch.no_grad():
        expected = torch.cat([single.read(tokens[:, t : t + 1]) for t in range(n)], 1)
        torch.testing.assert_close(whole.read(tokens), expected, rtol=1e-4, atol=1e-4)


def _behind_a_text() -> tuple[Space, Batch]:
    """A text that is always given, two values that are told from it, and all rows."""
    space = Space({"c": Field(Category(3)), "t": Field(Tokens(4, 4), is_given=True), "d": Field(Category(2))})
    rows = list(itertools.product(range(3), _sequences(4, 4), range(2)))
    return space, {name: torch.tensor([row[j] for row in rows]) for j, name in enumerate(space)}


def test_values_behind_a_given_text_are_read_off_the_text() -> None:
    space, rows = _behind_a_text()
    model = _model(space)
    is_short = (rows["t"] == torch.tensor([2, 1, 0, 0])).all(1)
    short = {name: x[is_short] for name, x in rows.items()}
    log_p = model.log_prob(short)
    torch.testing.assert_close(log_p, model.log_prob(rows)[is_short], rtol=1e-5, atol=1e-5)  # whatever stands beside it
    assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-5)
    drawn = model.sample(8000, {"t": short["t"][:1].expand(8000, -1)}, torch_generator(5))
    _chi_square(model, short, drawn, log_p)


def test_a_text_that_is_always_given_is_given_whole() -> None:
    space, _ = _behind_a_text()
    with pytest.raises(GivenError, match="column t is always given to this model; say all of it"):
        _model(space).sample(2, {"t": torch.tensor([[2, OPEN, OPEN, OPEN]] * 2)}, torch_generator(0))


def test_single_values_are_given_in_any_combination() -> None:
    """p(c | d) by the model that reads d first; with fixed order by Bayes' rule it would be another number."""
    space, _ = _mixed()
    model = _model(space)
    assert model.conditions_exactly(["d"])
    drawn = model.sample(500, {"d": torch.full((500,), 2)}, torch_generator(6))
    assert (drawn["d"] == 2).all()
    assert not model.conditions_exactly(["t"])
    assert model.conditions_exactly(["c", "d", "t"])
    assert not _model(space, any_order=False).conditions_exactly(["d"])
    assert _model(space, any_order=False).conditions_exactly(["c"])


def test_the_loss_is_minus_log_p() -> None:
    space, rows = _mixed()
    model = _model(space)
    loss = model.loss(model.prepare(rows), torch_generator(0)) * model._mean_length
    torch.testing.assert_close(loss.double(), -model.log_prob(rows), rtol=1e-4, atol=1e-4)


def _padded(model: GPT, tokens: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """−log p of a row (1, L), all of whose places are worked out, padding too."""
    read, at = F.pad(tokens[:, :-1], (1, 0), value=START), torch.arange(tokens.shape[1])
    h = model.net(model.net.embedded(read, order, at), band(at, at, model.context) & (read != PAD)[:, None, None])
    total = h.new_zeros(())
    for place, column in enumerate(model.layout.columns[int(i)] for i in model.layout.column_of[order]):
        code = column.in_head(tokens[:, place])
        if not column.is_given and code != BEHIND:
            total = total + F.cross_entropy(h[:, place] @ model.net.rows_of_head(column).T, code)
    return total


def _gradient(model: GPT, loss: torch.Tensor) -> torch.Tensor:
    found = torch.autograd.grad(loss, list(model.net.parameters()), materialize_grads=True)
    return torch.cat([g.flatten() for g in found])


PACKED = {
    "text": _text(6, 4),
    "given": (Space({"a": Field(Category(3), is_given=True), "t": Field(Tokens(6, 4))}), None),
    "mixed": _mixed(),
    "behind a text": _behind_a_text(),
    "two texts": (Space({"t": Field(Tokens(4, 4)), "u": Field(Tokens(5, 3)), "c": Field(Category(2))}), None),
}


@pytest.mark.parametrize("world", PACKED)
@pytest.mark.parametrize("settings", [*VARIANTS, {"any_order": False}])
def test_packed_rows_have_the_losses_and_gradients_of_rows_on_their_own(
    world: str, settings: dict[str, object]
) -> None:
    """Whichever rows share a step: none sees another, and padding counts for nothing."""
    space, rows = PACKED[world]
    model = _model(space, **settings)
    model.net.train()
    generator = torch_generator(7)
    rows = rows or {
        name: token_rows(f.support, 40, seed)
        if isinstance(f.support, Tokens)
        else torch.randint(f.support.n, (40,), generator=generator)  # type: ignore[union-attr]
        for seed, (name, f) in enumerate(space.items())
    }
    n = len(next(iter(rows.values())))
    for size in (1, 7, 12):
        some = torch.randperm(n, generator=generator)[:size]
        tokens = model.layout.encode({name: x[some] for name, x in rows.items()})
        order = model._order(generator if model.config.any_order else None)
        together = model._from_start(tokens[:, order], order)
        alone = torch.stack([_padded(model, row[None, order], order) for row in tokens])
        torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
        weights = torch.rand(size, generator=generator)
        gradients = [_gradient(model, (nll * weights).sum()) for nll in (together, alone)]
        torch.testing.assert_close(*gradients, rtol=1e-4, atol=2e-5)


def test_a_step_has_about_as_many_tokens_whatever_padding_stands_between() -> None:
    text, title = Tokens(30, 9), Tokens(90, 9)
    short = F.pad(token_rows(Tokens(9, 9), 200), (0, 81))
    data = Dataset(
        Space({"a": Field(title), "b": Field(text)}), {"a": short.numpy(), "b": token_rows(text, 200).numpy()}
    )
    mean = sum(float((x != 0).sum()) for x in data.arrays.values()) / 200
    assert GPT.suited(GPTConfig(), data, 1.0)[1]["batch_size"] == round(3072 / mean)


@pytest.mark.parametrize(
    ("n_rows", "minutes", "size"),
    [(1_000, 10, (4, 64)), (10_000, 10, (4, 128)), (200_000, 10, (4, 192)), (200_000, 0.1, (4, 64))],
)
def test_a_size_for_the_data_and_the_time(n_rows: int, minutes: float, size: tuple[int, int]) -> None:
    rows = torch.full((n_rows, 10), 4).numpy()
    ten = Dataset(Space({"a": Field(Tokens(10, 5, runs_on=True))}), {"a": rows})
    found = GPT.suited(GPTConfig(), ten, minutes)[0]
    assert (found.n_layers, found.width) == size


@pytest.mark.parametrize("context", [0, 8])
def test_dropout_heeds_its_generator_alone(context: int) -> None:
    """In training; with whole rows and with windows."""
    model = _model(Space({"t": Field(Tokens(20, 6))}), dropout=0.5, context=context)
    rows = model.prepare({"t": torch.randint(2, 6, (9, 20), generator=torch_generator(2))})
    assert torch.equal(*(model.loss(rows, torch_generator(1)) for _ in range(2)))
    model.net.train()
    before = torch.random.get_rng_state()
    losses = [model.loss(rows, torch_generator(k)) for k in (1, 1, 2)]
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(losses[0], losses[1])
    assert not torch.equal(losses[0], losses[2])


def test_windows_of_long_texts_are_fair_pieces() -> None:
    """Each way to lay a window is as likely as another, and all of them lie behind the single values."""
    space = Space({"c": Field(Category(3)), "t": Field(Tokens(40, 60))})
    model = _model(space, context=8)
    tokens = F.pad(torch.arange(10, 40)[None], (1, 10)).expand(4000, -1)  # 30 tokens behind one value
    windows = model._windows(tokens, torch.rand(4000, generator=torch_generator(1)))
    assert (windows[:, 1:] - windows[:, :-1] == 1).all()
    counts = windows[:, 0].bincount(minlength=41)[10:]
    p = 1 / 22
    assert counts.nonzero()[:, 0].tolist() == list(range(22))
    assert ((counts[:22] - 4000 * p).abs() < 5 * (4000 * p * (1 - p)) ** 0.5).all()


def test_the_loss_of_a_window_is_that_of_its_tokens_alone() -> None:
    space = Space({"c": Field(Category(3)), "t": Field(Tokens(30, 9))})
    model = _model(space, context=8)
    rows = {"c": torch.zeros(64, dtype=torch.int64), "t": torch.randint(2, 9, (64, 30), generator=torch_generator(1))}
    loss = model.loss(model.prepare(rows), torch_generator(0)) * model._mean_length
    per_token = -model.log_prob(rows) / 31
    assert float(loss.detach().mean() / 8) == pytest.approx(float(per_token.mean()), rel=0.2)


def test_a_text_longer_than_the_context_is_read_as_through_a_window() -> None:
    """The logits at place t are those of the last C places alone, in the first block's eyes; so with one block."""
    space = Space({"t": Field(Tokens(12, 6))})
    model = _model(space, n_layers=1, context=4)
    rows = {"t": torch.randint(2, 6, (3, 12), generator=torch_generator(2))}
    other = {"t": rows["t"].clone()}
    other["t"][:, 0] = (rows["t"][:, 0] - 1) % 4 + 2  # another first token
    late = [
        model.log_prob({"t": torch.cat([r["t"][:, :11], torch.full((3, 1), k)], 1)})
        for r in (rows, other)
        for k in (2, 3)
    ]
    torch.testing.assert_close(late[0] - late[1], late[2] - late[3], rtol=1e-4, atol=1e-5)


def test_decoding_settings_are_obeyed() -> None:
    space, _ = _text(6, 5)
    model = _model(space)
    greedy = [model.decode_rows(2, {}, torch_generator(k), Decoding(top_k=1))["t"] for k in (1, 2)]
    assert torch.equal(greedy[0], greedy[1])
    short = model.decode_rows(50, {}, torch_generator(1), Decoding(max_tokens=2))["t"]
    assert ((short > 1).sum(1) <= 2).all()


def test_what_it_cannot_do_is_told() -> None:
    with pytest.raises(UnsupportedError, match="gpt cannot model column 's'"):
        GPT(Space({"s": Field(Vectors(3, 2))}))
    with pytest.raises(ConfigError, match="width = 30 is no multiple"):
        GPTConfig(width=30, n_heads=4)
    space = Space({"a": Field(Tokens(3, 4), is_given=True), "b": Field(Tokens(3, 4))})
    with pytest.raises(GivenError, match="column a is always given"):
        _model(space).sample(2, {}, torch_generator(0))


def test_given_columns_are_read_and_not_modelled() -> None:
    space = Space({"a": Field(Category(2), is_given=True), "t": Field(Tokens(2, 3))})
    model = _model(space)
    rows = _sequences(2, 3)
    batch = {"a": torch.tensor([0, 1]).repeat_interleave(len(rows)), "t": torch.tensor(rows * 2)}
    log_p = model.log_prob(batch)
    halves = log_p.exp().view(2, -1).sum(1)
    torch.testing.assert_close(halves, torch.full((2,), 0.5, dtype=torch.float64), rtol=1e-5, atol=1e-6)
    assert not torch.allclose(log_p[: len(rows)], log_p[len(rows) :])


def _pictures(channels: int = 1, is_given: bool = False, n: int = 2) -> tuple[Space, Batch]:
    """All pictures of 2 × 2 / channels pixels of n levels, with a label."""
    shape = (channels, 2, 2 // channels)
    rows = torch.tensor(list(itertools.product(range(n), repeat=4)))
    space = Space({"x": Field(Pixels(n), shape), "c": Field(Category(2), is_given=is_given)})
    x = rows.repeat(2, 1).view(-1, *shape).to(torch.uint8)
    return space, {"x": x, "c": torch.tensor([0, 1]).repeat_interleave(len(rows))}


@pytest.mark.parametrize("settings", [{}, {"context": 3}, {"positions": "learned"}])
@pytest.mark.parametrize("channels", [1, 2])
def test_probabilities_of_all_pictures_sum_to_one(settings: dict[str, object], channels: int) -> None:
    space, rows = _pictures(channels, n=3)
    assert float(_model(space, **settings).log_prob(rows).exp().sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("is_given", [False, True])
def test_draws_of_pictures_agree_with_log_prob(is_given: bool) -> None:
    space, rows = _pictures(2, is_given)
    model = _model(space)
    drawn = model.sample(3000, {}, torch_generator(3))
    assert space.check(drawn) == 3000
    _chi_square(model, rows, drawn, model.log_prob(rows))


def test_pictures_are_read_line_by_line_and_come_back() -> None:
    space = Space({"x": Field(Pixels(256), (3, 2, 4))})
    x = torch.arange(24, dtype=torch.uint8).view(1, 3, 2, 4)
    layout = _model(space).layout
    tokens = layout.encode({"x": x})
    assert tokens[0, :6].tolist() == [2 + k for k in (0, 8, 16, 1, 9, 17)]  # channels of the first two pixels
    assert torch.equal(layout.decode(tokens)["x"], x)
    line, column, channel = layout.grid[1 * 12 + 2 * 3 + 1].tolist()  # of line 1, column 2, channel 1
    assert (line, column, channel) == (1 + 1, 1 + 2 + 2, 1 + 2 + 4 + 1)


def test_a_pixel_is_foretold_by_where_it_stands() -> None:
    """Two places with the same past and another place in the grid are told apart."""
    model = _model(Space({"x": Field(Pixels(2), (1, 3, 3))}))
    alike = model.log_prob({"x": torch.zeros(1, 1, 3, 3, dtype=torch.uint8)})
    with torch.no_grad():
        model.net.embed_pixel.weight[1:4] += 1.0  # the lines
    assert not torch.allclose(alike, model.log_prob({"x": torch.zeros(1, 1, 3, 3, dtype=torch.uint8)}))


def test_bright_pixels_that_are_given_are_not_open() -> None:
    space = Space({"x": Field(Pixels(256), (1, 2, 2), is_given=True), "c": Field(Category(3))})
    model, x = _model(space), torch.full((5, 1, 2, 2), 255, dtype=torch.uint8)
    assert torch.equal(model.sample(5, {"x": x}, torch_generator(0))["x"], x)


def test_the_lower_half_of_a_picture_is_drawn_below_a_given_one() -> None:
    space, rows = _pictures()
    model = _model(space)
    begun = (rows["x"][:, 0, 0] == torch.tensor([1, 0])).all(1) & (rows["c"] == 1)
    given = {"x": torch.tensor([[[[1, 0], [OPEN, OPEN]]]]).expand(3000, -1, -1, -1), "c": torch.ones(3000).long()}
    known = {name: x[begun] for name, x in rows.items()}
    log_p = model.log_prob(known)
    _chi_square(model, known, model.sample(3000, given, torch_generator(4)), log_p - log_p.logsumexp(0))


def test_pictures_that_are_too_large_are_refused_with_a_way_out() -> None:
    with pytest.raises(UnsupportedError, match=r"12,288 of 'x'; make them smaller, or use model=vqvae"):
        GPT(Space({"x": Field(Pixels(256), (3, 64, 64))}))
    with pytest.raises(UnsupportedError, match="an array of numbers"):
        GPT(Space({"x": Field(Real(), (4,))}))


@pytest.mark.parametrize("temperature", [1e-300, 1e300])
def test_any_temperature_draws_single_values(temperature: float) -> None:
    model = GPT(Space({"a": Field(Category(3)), "b": Field(Category(2))}), GPTConfig(n_layers=1, width=8))
    found = set()
    for seed in range(6):
        model.start(torch_generator(seed))
        rows = model.sample(50, {}, torch_generator(1), temperature)
        if temperature < 1:
            assert torch.equal(rows["a"], model.sample(50, {}, torch_generator(1), 1e-9)["a"])
        found |= set(rows["a"].tolist())
    assert len(found) > 1


def test_learned_positions_that_end_before_the_row_are_refused() -> None:
    columns = Space({name: Field(Category(3)) for name in "abc"})
    with pytest.raises(ConfigError, match="a row has 3 places"):
        GPT(columns, GPTConfig(context=2, positions="learned"))
    assert GPT(columns, GPTConfig(context=3, positions="learned")).context == 3
    text = Space({"a": Field(Tokens(5, 6))})
    assert GPT(text, GPTConfig(context=2, positions="learned")).context == 2  # learnt from in windows
