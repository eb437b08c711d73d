"""Rows read with a cache say what rows say that are read as a whole, whatever padding lies in between."""

import pytest
import torch
from torch.nn import functional as F

from genwright.core.space import Field, Space, Tokens
from genwright.models.gpt import GPT, GPTConfig
from genwright.nn.cached_rows import CachedRows
from genwright.nn.row_tokens import START

A, B = 12, 6  # places of both texts


def _model(context: int, dropout: float = 0.0) -> GPT:
    config = GPTConfig(n_layers=2, width=32, n_heads=2, context=context, dropout=dropout)
    model, generator = GPT(Space({"a": Field(Tokens(A, 8)), "b": Field(Tokens(B, 8))}), config), torch.Generator()
    generator.manual_seed(0)
    for p in model.net.parameters():
        p.data = torch.randn(p.shape, generator=generator) * 0.3
    return model


@pytest.mark.parametrize("step", [1, 5, A + B])
@pytest.mark.parametrize("context", [4, A + B])
@torch.no_grad()
def test_a_window_of_padding_alone_is_read(context: int, step: int) -> None:
    model = _model(context)
    a = torch.tensor([[3, 1, *[0] * (A - 2)], [4, 5, 2, 1, *[0] * (A - 4)], list(range(2, 8)) * 2])
    b = torch.tensor([[2, 3, 1, 0, 0, 0], [1, 0, 0, 0, 0, 0], [2, 3, 4, 5, 6, 7]])
    tokens = model.layout.encode({"a": a, "b": b})
    read, cached = F.pad(tokens[:, :-1], (1, 0), value=START), CachedRows(model.net, model._order(None))
    h = torch.cat([cached.read(read[:, i : i + step]) for i in range(0, A + B, step)], 1)
    assert h.isfinite().all()
    nll = model._surprise_of_pieces(h, tokens, model._order(None))
    torch.testing.assert_close(-nll, model.log_prob({"a": a, "b": b}), rtol=1e-4, atol=1e-4)


def test_a_text_is_drawn_behind_much_padding() -> None:
    model = _model(context=4)
    a = torch.zeros(50, A, dtype=torch.int64)
    a[:, 0], a[:, 1] = 3, 1
    rows = model.sample(50, {"a": a}, torch.Generator().manual_seed(1))
    model.space.check(rows)
    assert (rows["b"] == 1).any(1).float().mean() > 0.3


@pytest.mark.parametrize("dropout", [0.0, 1e-6])
def test_a_window_of_padding_alone_is_learnt_from(dropout: float) -> None:
    model, generator = _model(4, dropout), torch.Generator().manual_seed(0)
    rows = {"a": torch.tensor([[3, 1, *[0] * (A - 2)]]), "b": torch.tensor([[2, 3, 1, 0, 0, 0]])}
    model.net.train()
    loss = model.loss(model.prepare(rows), generator).sum() * model._mean_length
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.net.parameters() if p.grad is not None)
    assert float(loss.detach()) == pytest.approx(-float(model.log_prob(rows)), rel=1e-4)
