"""Llama's layout (Touvron et al., 2023): RMS norms, rotary positions in halves, a gated network, grouped queries.

https://arxiv.org/abs/2302.13971

    here                 there
    qkv (H + 2 G) d      q_proj, k_proj, v_proj
    up 2 n_hidden        gate_proj, up_proj
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genwright.core.errors import UnsupportedError
from genwright.models.gpt import GPT, GPTConfig
from genwright.runs.hugging_face.tensors import Tensors

MODEL_TYPE, ARCHITECTURE = "llama", "LlamaForCausalLM"
SETTINGS = {"norm": "rms", "positions": "rotary", "net": "swiglu"}  # what a run must have to leave in this layout
IGNORED = r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq"


def document_of(model: GPT, vocab_size: int) -> dict[str, Any]:
    """`config.json`, but for the special tokens."""
    c = model.config
    return {
        "hidden_size": c.width,
        "num_hidden_layers": c.n_layers,
        "num_attention_heads": c.n_heads,
        "num_key_value_heads": c.n_kv_heads or c.n_heads,
        "head_dim": c.width // c.n_heads,
        "intermediate_size": c.hidden,
        "hidden_act": "silu",
        "max_position_embeddings": model.context,
        "rms_norm_eps": c.norm_eps,
        "rope_theta": c.rotary_base,  # where transformers 4 looks for it
        "rope_parameters": {"rope_type": "default", "rope_theta": c.rotary_base},  # where transformers 5 does
        "attention_bias": c.has_bias,
        "mlp_bias": c.has_bias,
        "attention_dropout": 0.0,
        "tie_word_embeddings": c.is_tied,
        "vocab_size": vocab_size,
    }


def tensors_of(config: GPTConfig, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network's weights under this layout's names."""
    found = {"model.embed_tokens.weight": state["embed.weight"], "model.norm.weight": state["norm.weight"]}
    if not config.is_tied:
        found["lm_head.weight"] = state["head.weight"]
    for i in range(config.n_layers):
        here, there = f"blocks.{i}.", f"model.layers.{i}."
        found[there + "input_layernorm.weight"] = state[here + "norm_1.weight"]
        found[there + "post_attention_layernorm.weight"] = state[here + "norm_2.weight"]
        for kind in ("weight", "bias") if config.has_bias else ("weight",):
            q, k, v = state[here + f"attention.qkv.{kind}"].split(_sizes(config))
            gate, up = state[here + f"net.up.{kind}"].chunk(2)
            parts = {"self_attn.q": q, "self_attn.k": k, "self_attn.v": v, "mlp.gate": gate, "mlp.up": up}
            parts |= {
                "self_attn.o": state[here + f"attention.out.{kind}"],
                "mlp.down": state[here + f"net.down.{kind}"],
            }
            found |= {f"{there}{name}_proj.{kind}": x for name, x in parts.items()}
    return found


def settings_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `gpt` that a `config.json` asks for.

    Raises:
        UnsupportedError: it asks for something that `gpt` has not.
    """
    width, n_heads = document["hidden_size"], document["num_attention_heads"]
    rope = document.get("rope_parameters") or {"rope_theta": 10_000.0, **(document.get("rope_scaling") or {})}
    kind = rope.get("rope_type", rope.get("type", "default"))
    _require(kind == "default", "rope_type", kind, "default")
    act = document.get("hidden_act", "silu")
    _require(act in ("silu", "swish"), "hidden_act", act, "silu")
    d = document.get("head_dim") or width // n_heads
    _require(d * n_heads == width, "head_dim", d, f"hidden_size / num_attention_heads = {width / n_heads:g}")
    return {
        **SETTINGS,
        "n_layers": document["num_hidden_layers"],
        "width": width,
        "n_heads": n_heads,
        "n_kv_heads": document.get("num_key_value_heads") or n_heads,
        "n_hidden": document["intermediate_size"],
        "norm_eps": document.get("rms_norm_eps", 1e-6),
        "rotary_base": float(document.get("rope_theta", rope["rope_theta"])),
        "has_bias": bool(document.get("attention_bias") or document.get("mlp_bias")),
        "is_tied": bool(document.get("tie_word_embeddings", False)),
    }


def n_places(document: Mapping[str, Any]) -> int:
    """Places that the model reads at most."""
    return document.get("max_position_embeddings", 2048)


def state_of(document: Mapping[str, Any], config: GPTConfig, tensors: Tensors) -> dict[str, Tensor]:
    """The network's weights, from those of this layout; the inverse of `tensors_of`."""
    c, n = config, document["vocab_size"]
    found = {"embed.weight": tensors.take("model.embed_tokens.weight", n, c.width)}
    found["norm.weight"] = tensors.take("model.norm.weight", c.width)
    if not c.is_tied:
        found["head.weight"] = tensors.take("lm_head.weight", n, c.width)
    for i in range(c.n_layers):
        here, there = f"blocks.{i}.", f"model.layers.{i}."
        found[here + "norm_1.weight"] = tensors.take(there + "input_layernorm.weight", c.width)
        found[here + "norm_2.weight"] = tensors.take(there + "post_attention_layernorm.weight", c.width)
        found |= {here + name: x for name, x in _linear(document, c, tensors, there).items()}
    return found


def _linear(document: Mapping[str, Any], c: GPTConfig, tensors: Tensors, there: str) -> dict[str, Tensor]:
    """The linear maps of a layer; a bias that only one half of it has is 0 in the other."""
    d, n_kv = c.width // c.n_heads, c.n_kv_heads * (c.width // c.n_heads)
    has = {"self_attn": document.get("attention_bias"), "mlp": document.get("mlp_bias")}

    def taken(part: str, kind: str, n_out: int, n_in: int) -> Tensor:
        name = f"{there}{part}_proj.{kind}"
        if kind == "weight":
            return tensors.take(name, n_out, n_in)
        return tensors.take(name, n_out) if has[part.split(".")[0]] else torch.zeros(n_out)

    found = {}
    for kind in ("weight", "bias") if c.has_bias else ("weight",):
        rows = (("q", c.n_heads * d), ("k", n_kv), ("v", n_kv))
        found[f"attention.qkv.{kind}"] = torch.cat([taken(f"self_attn.{x}", kind, n, c.width) for x, n in rows])
        found[f"attention.out.{kind}"] = taken("self_attn.o", kind, c.width, c.width)
        found[f"net.up.{kind}"] = torch.cat([taken(f"mlp.{x}", kind, c.hidden, c.width) for x in ("gate", "up")])
        found[f"net.down.{kind}"] = taken("mlp.down", kind, c.width, c.hidden)
    return found


def _sizes(c: GPTConfig) -> list[int]:
    """Rows of queries, keys and values."""
    d = c.width // c.n_heads
    n_kv = (c.n_kv_heads or c.n_heads) * d
    return [c.n_heads * d, n_kv, n_kv]


def _require(is_right: bool, name: str, found: Any, expected: str) -> None:
    if not is_right:
        raise UnsupportedError(f"config.json has {name} = {found!r}; gpt reads Llama's layout with {expected} only")
