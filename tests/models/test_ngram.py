"""n-grams of rows: against enumeration, and against Kneser-Ney models that are put together by hand."""

import numpy as np
import pytest
import torch

from genwright.core.dataset import Dataset
from genwright.core.decoding import Decoding
from genwright.core.errors import ConfigError, UnsupportedError
from genwright.core.rng import torch_generator
from genwright.core.space import OPEN, Batch, Category, Field, Real, Space, Tokens
from genwright.models.ngram import Ngram, NgramConfig
from genwright.nn.kneser_ney import KneserNey, count
from tests.nn.sequences import all_token_rows, token_rows
from tests.nn.worlds import assert_same_shares

TEXT = Tokens(3, 5)


def _silent(done: float, line: str) -> None:
    pass


def _fitted(space: Space, rows: Batch, seed: int = 0, **settings: int) -> Ngram:
    model = Ngram(space, NgramConfig(**settings))
    model.solve(Dataset(space, {k: v.numpy() for k, v in rows.items()}), torch_generator(seed), _silent)
    return model


def _labelled(n: int = 200) -> tuple[Space, Batch]:
    """Texts whose first tokens depend on a label, which depends on another one."""
    space = Space({"label": Field(Category(3)), "text": Field(TEXT), "side": Field(Category(2))})
    rng = np.random.default_rng(0)
    side = rng.integers(0, 2, n)
    label = np.where(rng.random(n) < 0.7, side, 2)
    text = token_rows(TEXT, n, seed=1)
    text[:, 0] = torch.where(torch.from_numpy(rng.random(n) < 0.8), torch.from_numpy(2 + label), text[:, 0])
    is_empty = text[:, 0] < 2
    text[is_empty] = torch.tensor([1, 0, 0])
    has_no_end = (text == 1).sum(1) == 0
    text[has_no_end & (text == 0).any(1)] = torch.tensor([2, 1, 0])
    return space, {"label": torch.from_numpy(label), "text": text, "side": torch.from_numpy(side)}


def _every_row(space: Space) -> Batch:
    texts = all_token_rows(TEXT)
    n = len(texts)
    labels, sides = torch.meshgrid(torch.arange(3), torch.arange(2), indexing="ij")
    return {
        "label": labels.flatten().repeat_interleave(n),
        "text": texts.repeat(6, 1),
        "side": sides.flatten().repeat_interleave(n),
    }


@pytest.mark.parametrize("support", [TEXT, Tokens(3, 4, pad=1, end=1), Tokens(3, 5, pad=3, end=2)])
@pytest.mark.parametrize("order", [0, 1, 3])
def test_probabilities_of_all_texts_sum_to_one(support: Tokens, order: int) -> None:
    model = _fitted(Space({"t": Field(support)}), {"t": token_rows(support, 100)}, order=order)
    assert model.log_prob({"t": all_token_rows(support)}).exp().sum() == pytest.approx(1, abs=1e-12)


def test_probabilities_of_all_passages_sum_to_one() -> None:
    support = Tokens(4, 5, runs_on=True)
    model = _fitted(Space({"t": Field(support)}), {"t": token_rows(support, 100)})
    every = all_token_rows(support)
    full = every[(every != support.end).all(1)]
    assert model.log_prob({"t": full}).exp().sum() == pytest.approx(1, abs=1e-12)


def test_probabilities_of_all_rows_sum_to_one() -> None:
    space, rows = _labelled()
    assert _fitted(space, rows).log_prob(_every_row(space)).exp().sum() == pytest.approx(1, abs=1e-12)


def test_a_text_has_the_product_of_its_tokens() -> None:
    support = Tokens(5, 6)
    texts = token_rows(support, 150)
    model = _fitted(Space({"t": Field(support)}), {"t": texts}, order=3)
    own = model.texts["t"]
    alone = KneserNey.fitted(count(own.text(texts)[0], 6, 3), 6, never=(0,))
    for row, found in zip(texts[:40].tolist(), model.log_prob({"t": texts[:40]}).tolist(), strict=True):
        told = row[: row.index(1) + 1] if 1 in row else row
        before, total = [-1, -1, 1], 0.0
        for w in told:
            total += np.log(alone.prob(np.array([before[-2:]]), np.array([w]))[0][0])
            before.append(w)
        assert found == pytest.approx(total)


def _shares(rows: Batch, n_codes: int) -> np.ndarray:
    code = (rows["label"] * 2 + rows["side"]) * n_codes**3 + (
        rows["text"] * torch.tensor([n_codes**2, n_codes, 1])
    ).sum(1)
    return np.bincount(code, minlength=6 * n_codes**3)


def _probabilities(model: Ngram) -> np.ndarray:
    every = _every_row(model.space)
    p = np.zeros(6 * 5**3)
    code = (every["label"] * 2 + every["side"]) * 125 + (every["text"] * torch.tensor([25, 5, 1])).sum(1)
    p[code] = model.log_prob(every).exp()
    return p


def test_draws_agree_with_probabilities() -> None:
    space, rows = _labelled()
    model = _fitted(space, rows)
    assert_same_shares(_shares(model.sample(20_000, {}, torch_generator(1)), 5), _probabilities(model))


@pytest.mark.parametrize("known", ["label", "side", "text", "beginning", "text and side"])
def test_draws_given_columns_agree_with_enumeration(known: str) -> None:
    space, rows = _labelled()
    model = _fitted(space, rows)
    given = {"label": torch.tensor(2), "side": torch.tensor(1), "text": torch.tensor([4, 2, 1])}
    chosen = {
        "beginning": {"text": torch.tensor([4, OPEN, OPEN])},
        "text and side": {k: given[k] for k in ("text", "side")},
    }
    fixed = chosen.get(known) or {known: given[known]}
    assert model.conditions_exactly(list(fixed))
    n = 20_000
    drawn = model.sample(n, {k: x.expand(n, *x.shape).clone() for k, x in fixed.items()}, torch_generator(2))
    every = _every_row(space)
    fits = torch.ones(len(every["label"]), dtype=torch.bool)
    for name, x in fixed.items():
        is_equal = (every[name] == x) | (x == OPEN)
        fits &= is_equal if is_equal.dim() == 1 else is_equal.all(1)
    p = _probabilities(model) * (_shares({k: x[fits] for k, x in every.items()}, 5) > 0)
    assert_same_shares(_shares(drawn, 5), p / p.sum())


def test_what_is_always_given_can_be_taken_away() -> None:
    space, rows = _labelled()
    space = space.given(["label"])
    model = _fitted(space, rows)
    every = _every_row(space)
    p = (model.log_prob(every) - model.given.log_prob(every, len(every["label"]))).exp()
    torch.testing.assert_close(p.view(3, -1).sum(1), torch.ones(3, dtype=torch.float64))


def test_proposals_carry_the_right_weights() -> None:
    space, rows = _labelled()
    model = _fitted(space, rows)
    n = 3000
    text = torch.tensor([4, 2, 1])
    known = {"text": torch.arange(n) % 2 == 0, "side": torch.arange(n) % 3 == 0}
    given = {"text": text.expand(n, 3), "side": torch.ones(n, dtype=torch.int64)}
    drawn, weight = model.propose(n, given, torch_generator(3), known)
    assert (drawn["text"][known["text"]] == text).all()
    assert (drawn["side"][known["side"]] == 1).all()
    classes = model._classes(drawn)
    p_text = model.texts["text"].log_prob(drawn["text"], classes)
    p_side = model.table.log_p.exp().view(3, 2).sum(0).log()[1]
    torch.testing.assert_close(weight, p_text * known["text"] + p_side * known["side"])


def test_labels_help_to_predict_and_unhelpful_ones_cost_little() -> None:
    space, rows = _labelled(2000)
    text = Space({"text": space["text"]})
    held = {k: x[1000:] for k, x in rows.items()}
    learnt = {k: x[:1000] for k, x in rows.items()}
    bare = _fitted(text, {"text": learnt["text"]}).log_prob({"text": held["text"]})

    def with_label(labels: torch.Tensor) -> torch.Tensor:
        both = Space({"text": space["text"], "label": space["label"]})
        model = _fitted(both, {"text": learnt["text"], "label": labels[:1000]})
        return model.log_prob({"text": held["text"], "label": labels[1000:]}) - model.table.log_prob(
            labels[1000:, None]
        )

    gain = with_label(rows["label"]) - bare
    assert gain.mean() > 5 * gain.std() / 1000**0.5
    noise = torch.randint(0, 3, (2000,), generator=torch_generator(0))
    assert (with_label(noise) - bare).mean() > -0.02


def _reaching_back(back: int) -> Batch:
    """Tokens that are noise, or depend on the one so many places before."""
    rng = np.random.default_rng(0)
    texts = rng.integers(2, 8, (600, 12))
    for t in range(back, 12 if back else 0):
        texts[:, t] = np.where(rng.random(600) < 0.7, 2 + (texts[:, t - back] - 1) % 6, texts[:, t])
    return {"t": torch.from_numpy(texts)}


@pytest.mark.parametrize("back", [0, 1, 2, 3])
def test_the_order_is_what_the_text_needs(back: int) -> None:
    model = _fitted(Space({"t": Field(Tokens(12, 8))}), _reaching_back(back))
    order = model.describe()["t"]["order"]
    assert order == model.texts["t"].order
    assert order == back + 1 if back else order <= 2


def test_rows_are_counted_alike_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    space, rows = _labelled()
    whole = _fitted(space, rows)
    monkeypatch.setattr("genwright.models.ngram.ROWS", 7)
    pieces = _fitted(space, rows)
    assert torch.equal(whole.log_prob(rows), pieces.log_prob(rows))


def test_very_long_texts_are_tried_at_short_orders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genwright.nn.class_ngrams.MOST_GRAMS", 100)
    model = _fitted(Space({"t": Field(Tokens(12, 8))}), _reaching_back(3))
    assert model.texts["t"].order <= 3


def test_settings_of_a_draw_are_heard() -> None:
    support = Tokens(6, 6)
    model = _fitted(Space({"t": Field(support)}), {"t": token_rows(support, 100)})
    heard: list[tuple[int, str]] = []

    def told(place: int, name: str, codes: torch.Tensor) -> bool:
        heard.append((place, name))
        return place == 1

    rows = model.decode_rows(5, {}, torch_generator(0), Decoding(top_k=1), told=told)
    assert (rows["t"] == rows["t"][0]).all()
    assert heard == [(0, "t"), (1, "t")]


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_few_short_rows_are_enough(n: int) -> None:
    support = Tokens(1, 3)
    model = _fitted(Space({"t": Field(support)}), {"t": torch.full((n, 1), 2)})
    assert torch.isfinite(model.log_prob({"t": all_token_rows(support)})).all()
    assert model.space.check(model.sample(7, {}, torch_generator(0))) == 7


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"t": Field(TEXT), "x": Field(Real())}, "column 'x' .real."),
        ({"t": Field(TEXT), "c": Field(Category(21))}, "column 'c': 21 categories"),
        ({"t": Field(TEXT), **{f"c{i}": Field(Category(20)) for i in range(4)}}, "combinations"),
        ({"c": Field(Category(2))}, "there is none"),
    ],
)
def test_other_columns_are_refused_by_name(fields: dict[str, Field], why: str) -> None:
    with pytest.raises(UnsupportedError, match=why):
        Ngram(Space(fields))


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="max_order = 0"):
        NgramConfig(max_order=0)


@pytest.mark.parametrize("order", [0, 2])
def test_missing_texts_are_not_counted(order: int) -> None:
    """Rows of pads alone are summed out, and what is known of the others keeps all the probability."""
    space, missing = Space({"t": Field(TEXT)}), torch.full((30, 3), TEXT.pad)
    model = _fitted(space, {"t": torch.cat([missing, token_rows(TEXT, 100)])}, order=order)
    assert model.log_prob({"t": missing[:2]}).tolist() == [0, 0]
    assert model.log_prob({"t": all_token_rows(TEXT)}).exp().sum() == pytest.approx(1, abs=1e-12)
    assert _fitted(space, {"t": missing}, order=order).log_prob({"t": missing[:2]}).tolist() == [0, 0]


def test_a_class_whose_texts_are_all_missing_has_those_of_all() -> None:
    space, n = Space({"c": Field(Category(2)), "t": Field(TEXT)}), 60
    texts, label = token_rows(TEXT, n), torch.arange(n) % 2
    texts[label == 1] = TEXT.pad
    model = _fitted(space, {"c": label, "t": texts})
    every = all_token_rows(TEXT)
    both = [model.log_prob({"c": torch.full((len(every),), c), "t": every}) for c in (0, 1)]
    assert sum(x.exp().sum() for x in both) == pytest.approx(1, abs=1e-12)
    drawn = model.sample(20, {"c": torch.ones(20, dtype=torch.int64)}, torch_generator(0))["t"]
    assert torch.isfinite(model.log_prob({"c": torch.ones(20, dtype=torch.int64), "t": drawn})).all()


def test_texts_that_are_all_missing_leave_even_ones() -> None:
    space, missing = Space({"c": Field(Category(2)), "t": Field(TEXT)}), torch.full((30, 3), TEXT.pad)
    model = _fitted(space, {"c": torch.arange(30) % 2, "t": missing})
    rows = model.sample(20, {}, torch_generator(0))
    assert torch.isfinite(model.log_prob(rows)).all()
