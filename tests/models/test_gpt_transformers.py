"""GPT against `transformers`, with equal weights: logits of Llama and GPT-2, Mistral's window, greedy `generate`."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from genwright.core.config import configure
from genwright.core.decoding import Decoding
from genwright.core.errors import UnsupportedError
from genwright.core.rng import torch_generator
from genwright.core.space import OPEN, Field, Space, Tokens
from genwright.models.gpt import GPT, GPTConfig
from genwright.runs.hugging_face import gpt2, llama
from genwright.runs.hugging_face.tensors import Tensors

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

V, T = 13, 14
VARIANTS = {
    "llama": (llama, {}),
    "llama, grouped queries, untied": (llama, {"n_kv_heads": 2, "is_tied": False}),
    "llama, one head of keys, biases": (llama, {"n_kv_heads": 1, "has_bias": True, "norm_eps": 1e-2}),
    "llama, another base and size": (llama, {"rotary_base": 50.0, "n_hidden": 7}),
    "gpt2": (gpt2, {"has_bias": True}),
    "gpt2, untied, no biases": (gpt2, {"is_tied": False, "n_hidden": 7, "norm_eps": 1e-2}),
}


def _randomised(net: torch.nn.Module, seed: int) -> None:
    generator = torch_generator(seed)
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator))
    net.eval()


def _ours(layout: Any, length: int = T, **settings: Any) -> GPT:
    sizes = {"n_layers": 2, "width": 16, "n_heads": 4, **layout.SETTINGS}
    model = GPT(Space({"t": Field(Tokens(length, V))}), configure(GPTConfig, {**sizes, **settings}))
    model.start(torch_generator(0))
    _randomised(model.net, 1)
    return model


def _empty(layout: Any, model: GPT, **rest: Any) -> Any:
    """A model of transformers with the settings of ours, and weights of its own."""
    config = transformers.AutoConfig.for_model(layout.MODEL_TYPE, **layout.document_of(model, V), **rest)
    with torch.random.fork_rng(devices=[]):
        return transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()


def _theirs(layout: Any, model: GPT, **rest: Any) -> Any:
    """The same, with the weights of ours."""
    found = _empty(layout, model, bos_token_id=1, eos_token_id=1, pad_token_id=0, **rest)
    result = found.load_state_dict(layout.tensors_of(model.config, model.net.state_dict()), strict=False)
    assert result.unexpected_keys == []
    assert result.missing_keys == (["lm_head.weight"] if model.config.is_tied else [])
    found.tie_weights()
    return found


def _tokens(n: int = 5, length: int = T) -> torch.Tensor:
    tokens = torch.randint(1, V, (n, length), generator=torch_generator(2))
    tokens[:, 0] = 1
    return tokens


def _logits(model: GPT, tokens: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model.net(model.net.embed(tokens)) @ model.net.head_weight.T


@pytest.mark.parametrize(("layout", "settings"), VARIANTS.values(), ids=VARIANTS)
def test_our_weights_give_their_logits(layout, settings):
    model, tokens = _ours(layout, **settings), _tokens()
    with torch.no_grad():
        expected = _theirs(layout, model)(tokens).logits
    assert expected.std() > 0.1
    torch.testing.assert_close(_logits(model, tokens), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("layout", "settings"), VARIANTS.values(), ids=VARIANTS)
def test_their_weights_give_our_logits(layout, settings):
    theirs = _empty(layout, _ours(layout, **settings))
    _randomised(theirs, 3)
    document, tensors = theirs.config.to_dict(), Tensors(theirs.state_dict(), "memory")
    config = configure(GPTConfig, {**layout.settings_of(document), "context": T})
    model = GPT(Space({"t": Field(Tokens(T, V))}), config)
    model.net.load_state_dict(layout.state_of(document, config, tensors))
    tensors.check_empty(layout.IGNORED)
    with torch.no_grad():
        torch.testing.assert_close(_logits(model, _tokens()), theirs(_tokens()).logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("layout", "settings"), VARIANTS.values(), ids=VARIANTS)
def test_log_prob_is_their_loss(layout, settings):
    """Without padding, which transformers gives a probability and we do not."""
    model, tokens = _ours(layout, **settings), _tokens()
    with torch.no_grad():
        logits = _theirs(layout, model)(tokens).logits.double()
    logits[:, :, 0] = -torch.inf
    log_p = logits.log_softmax(-1)[:, :-1].gather(2, tokens[:, 1:, None])[:, :, 0]  # (5, T − 1)
    is_behind = (tokens[:, 1:] == 1).cumsum(1) > (tokens[:, 1:] == 1).int()  # the first end
    expected = log_p.where(~is_behind, 0.0).sum(1)
    rows = F.pad(tokens[:, 1:].masked_fill(is_behind, 0), (0, 1))
    assert is_behind.any()
    rows[:, -1] = torch.where(is_behind.any(1) | (tokens[:, -1] == 1), 0, 1)
    expected = expected + torch.where(rows[:, -1] == 1, logits.log_softmax(-1)[:, -1, 1], 0.0)
    torch.testing.assert_close(model.log_prob({"t": rows}), expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(("layout", "settings"), VARIANTS.values(), ids=VARIANTS)
def test_greedy_drawing_is_their_generate(layout, settings):
    """Place by place with a cache, beginnings of different lengths in one batch."""
    model, tokens = _ours(layout, **settings), _tokens(12)
    theirs = _theirs(layout, model)
    given = F.pad(tokens[:, 1:].clamp(min=2), (0, 1), value=2)  # (12, T)
    for i in range(len(given)):
        given[i, 1 + i % 5 :] = OPEN
    drawn = model.decode_rows(len(given), {"t": given}, torch_generator(0), Decoding(top_k=1))["t"]
    for i in range(len(given)):
        start = F.pad(given[i, : 1 + i % 5], (1, 0), value=1)[None]
        found = theirs.generate(
            start, attention_mask=torch.ones_like(start), do_sample=False, max_length=T + 1, suppress_tokens=[0]
        )
        assert F.pad(found[0, 1:], (0, T + 1 - found.shape[1])).tolist() == drawn[i].tolist()
    assert len(drawn.unique(dim=0)) > 1


def test_the_context_is_their_sliding_window():
    """Rows longer than the context, read in parts: Mistral is Llama with a window."""
    model = _ours(llama, length=30, context=6)
    document = {**llama.document_of(model, V), "sliding_window": 6, "attn_implementation": "eager"}
    for name in ("attention_bias", "mlp_bias", "max_position_embeddings"):
        document.pop(name)
    config = transformers.MistralConfig(max_position_embeddings=64, **document)
    theirs = transformers.MistralForCausalLM(config).eval()
    theirs.load_state_dict(llama.tensors_of(model.config, model.net.state_dict()), strict=False)
    theirs.tie_weights()
    tokens = _tokens(5, 30).clamp(min=2)
    tokens[:, 0] = 1
    with torch.no_grad():
        logits = theirs(tokens).logits.double()
    logits[:, :, 0] = -torch.inf
    nll = F.cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten(), reduction="none").view(5, -1)
    rows = torch.cat([tokens[:, 1:], torch.ones(5, 1, dtype=torch.int64)], 1)
    end = logits[:, -1].log_softmax(-1)[:, 1]
    torch.testing.assert_close(model.log_prob({"t": rows}), end - nll.sum(1), atol=1e-4, rtol=1e-5)
    given = rows.clone()
    given[:, 9:] = OPEN
    drawn = model.decode_rows(5, {"t": given}, torch_generator(0), Decoding(top_k=1))["t"]
    found = theirs.generate(
        tokens[:, :10],
        attention_mask=torch.ones(5, 10, dtype=torch.int64),
        do_sample=False,
        max_length=31,
        suppress_tokens=[0],
        eos_token_id=1,
        pad_token_id=0,
    )
    assert F.pad(found[:, 1:], (0, 31 - found.shape[1])).tolist() == drawn.tolist()


def test_learned_positions_end_with_the_context():
    model = _ours(gpt2, length=30, context=6)
    rows = F.pad(torch.tensor([[3, 4, 5, 6, 1]]), (0, 25))
    assert model.log_prob({"t": rows}).isfinite().all()
    with pytest.raises(UnsupportedError, match=r"reach 6 places.*context=30"):
        model.log_prob({"t": torch.full((1, 30), 3)})
    with pytest.raises(UnsupportedError, match=r"reach 6 places.*context=30"):
        model.decode_rows(1, {"t": F.pad(rows[:, :4], (0, 26), value=OPEN)}, torch_generator(0), Decoding(top_k=1))
