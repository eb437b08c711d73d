"""GPT-2's layout (Radford et al., 2019): layer norms, learned positions, GELU by its tanh, biases everywhere.

https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf

Its linear maps are stored transposed, (n_in, n_out). A network without biases has zeros for them here.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genwright.core.errors import UnsupportedError
from genwright.models.gpt import GPT, GPTConfig
from genwright.runs.hugging_face.tensors import Tensors

MODEL_TYPE, ARCHITECTURE = "gpt2", "GPT2LMHeadModel"
SETTINGS = {"norm": "layer", "positions": "learned", "net": "gelu"}  # what a run must have to leave in this layout
IGNORED = r"h\.\d+\.attn\.(masked_)?bias"  # masks of old files
LINEAR = {
    "attention.qkv": "attn.c_attn",
    "attention.out": "attn.c_proj",
    "net.up": "mlp.c_fc",
    "net.down": "mlp.c_proj",
}
FIXED = {"scale_attn_weights": True, "scale_attn_by_inverse_layer_idx": False, "add_cross_attention": False}
TANH = ("gelu_new", "gelu_pytorch_tanh", "gelu_fast")


def document_of(model: GPT, vocab_size: int) -> dict[str, Any]:
    """`config.json`, but for the special tokens.

    Raises:
        UnsupportedError: keys and values have fewer heads than queries.
    """
    c = model.config
    if c.n_kv_heads not in (0, c.n_heads):
        raise UnsupportedError(
            f"n_kv_heads = {c.n_kv_heads}: GPT-2's layout has as many heads of keys as of queries ({c.n_heads}); "
            "fit with n_kv_heads=0, or with norm=rms, positions=rotary and net=swiglu for Llama's layout"
        )
    return {
        "n_embd": c.width,
        "n_layer": c.n_layers,
        "n_head": c.n_heads,
        "n_inner": c.hidden,
        "n_positions": model.context,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": c.norm_eps,
        **dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0),
        **FIXED,
        "tie_word_embeddings": c.is_tied,
        "vocab_size": vocab_size,
    }


def tensors_of(config: GPTConfig, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network's weights under this layout's names."""
    found = {
        "transformer.wte.weight": state["embed.weight"],
        "transformer.wpe.weight": state["embed_place.weight"],
        "transformer.ln_f.weight": state["norm.weight"],
        "transformer.ln_f.bias": state["norm.bias"],
    }
    if not config.is_tied:
        found["lm_head.weight"] = state["head.weight"]
    for i in range(config.n_layers):
        here, there = f"blocks.{i}.", f"transformer.h.{i}."
        for j in (1, 2):
            found |= {f"{there}ln_{j}.{kind}": state[f"{here}norm_{j}.{kind}"] for kind in ("weight", "bias")}
        for ours, theirs in LINEAR.items():
            W = state[f"{here}{ours}.weight"]  # (n_out, n_in)
            found[f"{there}{theirs}.weight"] = W.T
            found[f"{there}{theirs}.bias"] = state.get(f"{here}{ours}.bias", torch.zeros(len(W)))
    return found


def settings_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `gpt` that a `config.json` asks for.

    Raises:
        UnsupportedError: it asks for something that `gpt` has not.
    """
    for name, expected in FIXED.items():
        _require(document.get(name, expected) == expected, name, document.get(name), str(expected))
    act = document.get("activation_function", "gelu_new")
    _require(act in TANH, "activation_function", act, "gelu_new")
    width = document.get("n_embd", 768)
    return {
        **SETTINGS,
        "n_layers": document.get("n_layer", 12),
        "width": width,
        "n_heads": document.get("n_head", 12),
        "n_hidden": document.get("n_inner") or 4 * width,
        "norm_eps": document.get("layer_norm_epsilon", 1e-5),
        "has_bias": True,
        "is_tied": bool(document.get("tie_word_embeddings", True)),
    }


def n_places(document: Mapping[str, Any]) -> int:
    """Places that the model reads at most."""
    return document.get("n_positions", document.get("n_ctx", 1024))


def state_of(document: Mapping[str, Any], config: GPTConfig, tensors: Tensors) -> dict[str, Tensor]:
    """The network's weights, from those of this layout; the inverse of `tensors_of`."""
    c, n = config, document["vocab_size"]
    root = "transformer." if "transformer.wte.weight" in tensors else ""  # files of the bare decoder have none
    found = {"embed.weight": tensors.take(root + "wte.weight", n, c.width)}
    found["embed_place.weight"] = tensors.take(root + "wpe.weight", n_places(document), c.width)[: c.context]
    found |= {f"norm.{kind}": tensors.take(f"{root}ln_f.{kind}", c.width) for kind in ("weight", "bias")}
    if not c.is_tied:
        found["head.weight"] = tensors.take("lm_head.weight", n, c.width)
    sizes = {"attention.qkv": (c.width, 3 * c.width), "attention.out": (c.width, c.width)}
    sizes |= {"net.up": (c.width, c.hidden), "net.down": (c.hidden, c.width)}
    for i in range(c.n_layers):
        here, there = f"blocks.{i}.", f"{root}h.{i}."
        for j in (1, 2):
            found |= {f"{here}norm_{j}.{k}": tensors.take(f"{there}ln_{j}.{k}", c.width) for k in ("weight", "bias")}
        for ours, theirs in LINEAR.items():
            found[f"{here}{ours}.weight"] = tensors.take(f"{there}{theirs}.weight", *sizes[ours]).T.contiguous()
            found[f"{here}{ours}.bias"] = tensors.take(f"{there}{theirs}.bias", sizes[ours][1])
    return found


def _require(is_right: bool, name: str, found: Any, expected: str) -> None:
    if not is_right:
        raise UnsupportedError(f"config.json has {name} = {found!r}; gpt reads GPT-2's layout with {expected} only")
