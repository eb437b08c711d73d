import math
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from genwright.core.errors import DataError, UnsupportedError
from genwright.core.judge import Evidence
from genwright.core.space import Batch, Category, Field, Real, Space, Tokens
from genwright.judges.bits_per_char import BitsPerChar
from tests.judges.text_worlds import chain, draw, encode, log_prob_of, spell, text_world


def on(texts: list[str], **changes: object) -> float:
    """Bits per character of some texts of the chain."""
    rows = encode(texts)
    evidence = replace(text_world(10, 10), held_out=rows, train=rows, **changes)
    return next(iter(BitsPerChar().measure(evidence.fake, evidence).values())).value


def test_equals_the_sum_by_hand() -> None:
    rows = draw(7, 5)
    total, n_characters = 0.0, 0
    for row, text in zip(rows["text"].tolist(), spell(rows)["text"].to_pylist(), strict=True):
        before = 1  # the end is also the start
        for code in [c for c in row if c]:
            total -= math.log2(chain()[before, code])
            before = code
        n_characters += len(text)
    assert on(spell(rows)["text"].to_pylist()) == pytest.approx(total / n_characters)


def of_ab(pieces: list[str], p: dict[str, float]) -> float:
    """Bits per character of "abab" for a model of letters, read through a tokenizer of pieces."""
    codes = ["", "", *pieces]
    row, rest = [], "abab"
    while rest:
        piece = max((x for x in pieces if rest.startswith(x)), key=len)
        row, rest = [*row, codes.index(piece)], rest[len(piece) :]
    tokens = torch.tensor([[*row, 1, *[0] * (5 - len(row))]])
    space = Space({"text": Field(Tokens(6, len(codes)))})

    def log_prob(rows: Batch) -> torch.Tensor:
        said = "".join(codes[c] for c in rows["text"][0].tolist())
        return torch.tensor([sum(math.log(p[c]) for c in said) + math.log(p["end"])]).double()

    records = lambda rows: pa.table({"text": ["".join(codes[c] for c in x.tolist()) for x in rows["text"]]})  # noqa: E731
    rows = {"text": tokens}
    evidence = Evidence(space, rows, rows, rows, rows, log_prob, log_prob, records=records)
    return BitsPerChar().measure(rows, evidence)[""].value


def test_does_not_depend_on_the_tokenizer() -> None:
    p = {"a": 0.5, "b": 0.25, "end": 0.25}
    by_letter, by_pair = of_ab(["a", "b"], p), of_ab(["ab", "a", "b"], p)
    assert by_letter == pytest.approx((2 * 1 + 2 * 2 + 2) / 4)
    assert by_pair == pytest.approx(by_letter)


def test_long_texts_count_for_what_they_say() -> None:
    """A ratio of sums: each text weighs as many characters as it has."""
    texts = [t for t in spell(draw(50, 3))["text"].to_pylist() if t][:2]
    sizes, values = [len(t) for t in texts], [on([t]) for t in texts]
    assert on(texts) == pytest.approx(np.average(values, weights=sizes))


def test_a_bound_is_called_one() -> None:
    assert [s.name for s in BitsPerChar().scores(replace(text_world(50, 50), is_bound=True))] == ["bits_per_char.bound"]


def test_models_without_likelihood_have_no_score() -> None:
    evidence = replace(text_world(10, 10), log_prob=None)
    assert BitsPerChar().scores(evidence) == []
    with pytest.raises(UnsupportedError, match="text_detectability"):
        BitsPerChar().measure(evidence.fake, evidence)


def test_an_impossible_text_costs_everything() -> None:
    p = np.where(chain() > 0.01, chain(), 0)
    found = BitsPerChar().measure({}, replace(text_world(50, 200), log_prob=log_prob_of(p)))[""]
    assert found.value == math.inf
    assert found.details["n_impossible"] > 0


def test_other_columns_that_count_are_named() -> None:
    world = text_world(20, 20)
    space = Space({**world.space, "age": Field(Real())})
    rows = {**draw(20, 1), "age": torch.zeros(20).double()}
    evidence = replace(world, space=space, train=rows, held_out=rows, fake=rows, trivial=rows)
    assert "the surprise at age is in it" in BitsPerChar().protocol(evidence)
    assert "is in it" not in BitsPerChar().protocol(world)


def test_columns_that_are_always_given_cost_nothing() -> None:
    """log p(row) = log p(given) + log p(text | given): the first part is taken away again, and the second judged."""
    world = text_world(20, 30)
    space = Space({**world.space, "form": Field(Category(4)), "source": world.space["text"]})

    def with_given(rows: Batch) -> Batch:
        return {**rows, "form": torch.arange(len(rows["text"])) % 4, "source": rows["text"].flip(0)}

    of_given = lambda rows: -(1.0 + rows["form"].double())  # noqa: E731
    whole = lambda rows: log_prob_of(chain())(rows) + of_given(rows)  # noqa: E731
    evidence = replace(
        world,
        space=space,
        train=with_given(world.train),
        held_out=with_given(world.held_out),
        log_prob=whole,
        given=("form", "source"),
        given_log_prob=of_given,
        records=lambda rows: spell({name: x for name, x in rows.items() if name != "form"}),
    )
    assert BitsPerChar().measure({}, evidence)[""].value == pytest.approx(BitsPerChar().measure({}, world)[""].value)
    assert BitsPerChar().protocol(evidence).endswith("; given form, source")


def test_the_interval_holds_the_truth() -> None:
    """Of 80 samples of texts, about 95 % have the chain's own bits per character in their interval."""
    many = draw(20_000, 77)
    truth = -float(log_prob_of(chain())(many).sum()) / math.log(2) / sum(map(len, spell(many)["text"].to_pylist()))
    hits, n, world = 0, 80, text_world(2, 2)
    for seed in range(n):
        found = BitsPerChar().measure({}, replace(world, held_out=draw(60, 1000 + seed)))[""]
        hits += found.low <= truth <= found.high
    assert abs(hits / n - 0.95) < 4 * math.sqrt(0.95 * 0.05 / n)


def test_texts_without_a_character_are_told() -> None:
    with pytest.raises(DataError, match="every text that was held out is empty"):
        on(["", ""])
