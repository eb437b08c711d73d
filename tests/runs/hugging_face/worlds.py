"""Runs of `gpt` with random weights, and tiny models of `transformers` with tokenizers of their own, as folders."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from genwright.core.codec import TableCodec
from genwright.core.config import configure
from genwright.core.rng import torch_generator
from genwright.core.schema import Column, Schema
from genwright.models.gpt import GPT, GPTConfig
from genwright.runs.artefact import Artefact
from genwright.runs.run import Run

TEXTS = ["the cat sat on the mat", "a dog ran; the cat saw it\n", "naïve 日本 text", "and then the dog sat", "o"]
UNSEEN = ["the cat", " two  blanks ", "日本 naïve\n\tzz", "🙂 q!", "", "don't <0x41> stop…"]
GPT2 = {"norm": "layer", "positions": "learned", "net": "gelu", "has_bias": True}
TINY = {"n_layers": 2, "width": 16, "n_heads": 4}


def randomise(net: torch.nn.Module, seed: int = 0, scale: float = 0.2) -> None:
    """Weights of which none is small, so that every one of them shows."""
    generator = torch_generator(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))
    net.eval()


def text_codec(options: dict[str, Any] | None = None, texts: list[str] | None = None) -> TableCodec:
    table = pa.table({"text": pa.array(texts or TEXTS * 4)})
    schema = Schema((Column("text", "text", {"parse": {"verbatim": True}, "max_length": 64, **(options or {})}),))
    return TableCodec(schema).fit(table.to_batches())


def run_of(options: dict[str, Any] | None = None, **settings: Any) -> Run:
    """A run over one text that has not been trained."""
    codec = text_codec(options)
    model = GPT(codec.space, configure(GPTConfig, {**TINY, **settings}))
    model.start(torch_generator(0))
    randomise(model.net)
    return Run(Artefact(codec, model, "gpt", 3, {"data": "texts"}))


def logits_of(model: GPT, tokens: torch.Tensor) -> torch.Tensor:
    """Codes (B, T) → logits (B, T, V)."""
    with torch.no_grad():
        return model.net(model.net.embed(tokens)) @ model.net.head_weight.T


def byte_level(n: int = 280) -> Any:
    """A tokenizer of the GPT-2 kind, trained on a few texts, with an end token as its last."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    rest = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet(), "show_progress": False}
    tokenizer.train_from_iterator(TEXTS * 20, trainers.BpeTrainer(vocab_size=n, special_tokens=[], **rest))
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


def sentence_pieces() -> Any:
    """A tokenizer of the Llama 2 kind: a blank is written ▁, one is put in front; bytes to fall back on."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors

    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{b:02X}>" for b in range(256)), *"▁abcdeghimnorstw;", "▁t", "he", "▁the"]
    merges = [("▁", "t"), ("h", "e"), ("▁t", "he")]
    codes = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(codes, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def words() -> Any:
    """A tokenizer of whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    special = ["<unk>", "<pad>", "<s>", "</s>"]
    tokenizer.train_from_iterator(TEXTS, trainers.WordLevelTrainer(special_tokens=special, show_progress=False))
    return tokenizer


def gpt2_folder(folder: Path, tokenizer: Any, **rest: Any) -> Any:
    """A model that transformers saved, and the model itself."""
    from transformers import GPT2Config, GPT2LMHeadModel

    n = tokenizer.get_vocab_size()
    sizes = {"vocab_size": n, "n_positions": 32, "n_embd": 16, "n_layer": 2, "n_head": 2}
    return _saved(
        GPT2LMHeadModel,
        GPT2Config(**{**sizes, "bos_token_id": n - 1, "eos_token_id": n - 1, **rest}),
        folder,
        tokenizer,
    )


def llama_folder(folder: Path, tokenizer: Any, **rest: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
    sizes |= {"num_key_value_heads": 2, "max_position_embeddings": 48, "vocab_size": tokenizer.get_vocab_size()}
    return _saved(LlamaForCausalLM, LlamaConfig(**{**sizes, **rest}), folder, tokenizer)


def _saved(cls: Any, config: Any, folder: Path, tokenizer: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = cls(config)
    randomise(model)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return model


def change(path: Path, **values: Any) -> None:
    """Other values in a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def two_columns() -> Run:
    """A run over a text and its label."""
    table = pa.table({"text": TEXTS * 4, "label": ["a", "b", "a", "b", "a"] * 4})
    codec = TableCodec(Schema((Column("text", "text"), Column("label", "category")))).fit(table.to_batches())
    model = GPT(codec.space, configure(GPTConfig, TINY))
    return Run(Artefact(codec, model, "gpt", 0, {"data": "texts"}))
