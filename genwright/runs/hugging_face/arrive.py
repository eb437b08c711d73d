"""Arriving: a folder that `transformers` saved, in GPT-2's or Llama's layout, becomes a run.

It is read from the disk, never from a hub, and nothing in it is executed. What comes is what is there: logits are
equal, and so are the likelihoods of texts, but that padding, where the folder names a token for it, is never drawn.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from genwright.codecs._pieces import END
from genwright.codecs._tokenizer_file import TokenizerFile, n_ids, tokenizer_of
from genwright.core.codec import TableCodec
from genwright.core.config import configure
from genwright.core.errors import ConfigError, RunError, UnsupportedError
from genwright.core.schema import Column, Schema
from genwright.models.gpt import GPT, GPTConfig
from genwright.nn.memory import loading
from genwright.runs.artefact import Artefact
from genwright.runs.hugging_face import gpt2, llama
from genwright.runs.hugging_face.documents import (
    CONFIG,
    GENERATION,
    TOKENIZER,
    TOKENIZER_CONFIG,
    optional_document,
    read_document,
    special_id,
)
from genwright.runs.hugging_face.tensors import read_tensors
from genwright.runs.run import Run

LAYOUTS = {layout.MODEL_TYPE: layout for layout in (llama, gpt2)}
MAX_LENGTH = 1024  # tokens of a text where the user does not say, so that drawing fits into memory
COLUMN = "text"


def from_hugging_face(folder: str | Path, *, max_length: int = 0, seed: int = 0) -> Run:
    """A run from a folder with `config.json`, `model.safetensors` (or its parts) and `tokenizer.json`.

    Texts begin with the beginning-of-sequence token where the folder names one, else with the end.

    Args:
        folder: On this disk, in Llama's or GPT-2's layout.
        max_length: Longest text in tokens; 0: what the model reads, at most 1,024.
        seed: Of the draws.

    Returns:
        A run of `gpt` with one column, `text`: it draws, weighs texts, is judged and saved as any other.

    Raises:
        RunError: a file is absent or damaged, or tokenizer, weights and configuration do not belong together; says how.
        UnsupportedError: another architecture, or a setting of one that `gpt` has not; names it.
        ConfigError: `max_length` is out of range.
    """
    place = Path(folder).expanduser()
    document = read_document(place / CONFIG)
    layout = _layout_of(document)
    theirs = _tokenizer(place, document)
    config = _config(place / CONFIG, document, layout, max_length)
    tensors = read_tensors(place)
    state = layout.state_of(document, config, tensors)
    tensors.check_empty(layout.IGNORED)
    codec = _codec(theirs, config.context)
    model = _model(codec, theirs, config, state)
    return Run(Artefact(codec, model, "gpt", seed, _facts(place, document)))


def _layout_of(document: Mapping[str, Any]) -> ModuleType:
    """The layout of a folder.

    Raises:
        UnsupportedError: it is another one.
    """
    kind = document.get("model_type")
    if kind not in LAYOUTS:
        names = document.get("architectures") or [kind]
        raise UnsupportedError(f"{names[0]} is not read; the layouts are GPT2LMHeadModel and LlamaForCausalLM")
    if "quantization_config" in document:
        raise UnsupportedError("config.json has a quantization_config; get the weights in 16 or 32 bits")
    return LAYOUTS[kind]


def _config(path: Path, document: Mapping[str, Any], layout: ModuleType, max_length: int) -> GPTConfig:
    """The settings of `gpt`.

    Raises:
        RunError: the document lacks one of them.
        UnsupportedError: it has one that `gpt` has not.
        ConfigError: `max_length` is out of range.
    """
    try:
        settings, n_places = layout.settings_of(document), int(layout.n_places(document))
        config = configure(GPTConfig, {**settings, "context": n_places})
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise RunError(f"{path} lacks a setting or has a wrong one ({error}); get the folder anew") from None
    except ConfigError as error:
        raise UnsupportedError(f"{path}: gpt cannot be like this: {error}") from None
    if not (config.n_layers and config.width):  # which for gpt would mean: by the data
        raise RunError(f"{path} has no layers, or none of any width; get the folder anew")
    if max_length and not 2 <= max_length <= n_places:
        raise ConfigError(f"max_length = {max_length}; expected 2 to {n_places:,}, which the model reads at most")
    return replace(config, context=max_length or min(n_places, MAX_LENGTH))


def _tokenizer(place: Path, document: Mapping[str, Any]) -> TokenizerFile:
    """The folder's tokenizer, with the special tokens that the model has.

    Raises:
        RunError: there is none, or it has another number of tokens than the model.
        UnsupportedError: no token ends a text.
    """
    if not (place / TOKENIZER).is_file():
        step = "save it with AutoTokenizer.from_pretrained(…).save_pretrained(…), which writes one"
        raise RunError(f"{place} has no {TOKENIZER}; {step}")
    try:
        file = (place / TOKENIZER).read_text(encoding="utf-8")
        tokenizer = tokenizer_of(file)
    except (OSError, ValueError) as error:  # DataError is one of them
        raise RunError(f"{place / TOKENIZER} cannot be read: {error}; get the folder anew") from None
    n, n_rows = n_ids(tokenizer), document.get("vocab_size")
    if n != n_rows:
        step = "give the model as many with transformers' resize_token_embeddings, and save both again"
        raise RunError(f"{place}: the tokenizer has {n} tokens and the model of config.json {n_rows}; {step}")
    documents = (document, optional_document(place / GENERATION))
    of_tokenizer = optional_document(place / TOKENIZER_CONFIG)
    start, end, pad = (special_id(kind, documents, of_tokenizer, tokenizer, n) for kind in ("bos", "eos", "pad"))
    if end is None:
        raise UnsupportedError(f"{place} names no token that ends a text; set eos_token_id in {CONFIG}")
    start = end if start is None else start
    return TokenizerFile(file, end, start, None if pad in (start, end, _unknown(tokenizer)) else pad)


def _unknown(tokenizer: Any) -> int | None:
    """The id of what a tokenizer cannot read."""
    token = getattr(tokenizer.model, "unk_token", None)
    return tokenizer.token_to_id(token) if token else getattr(tokenizer.model, "unk_id", None)


def _codec(theirs: TokenizerFile, length: int) -> TableCodec:
    """A table of one text."""
    options = {"parse": {"verbatim": True}}  # no text stands for a missing one
    codec = TableCodec(Schema((Column(COLUMN, "text", options, why="what the model reads"),)))
    state = {"type": "string", "tokenizer": "file", "length": length, "n_characters": 0}
    codec.codecs[COLUMN].load_state({**state, "vocabulary": theirs.state()})
    return codec


def _model(codec: TableCodec, theirs: TokenizerFile, config: GPTConfig, state: Mapping[str, Tensor]) -> GPT:
    """The model, its rows in the order of the codec's codes; not tied where a text's start and end are two tokens."""
    is_tied = config.is_tied and theirs.start == theirs.end
    with loading():
        model = GPT(codec.space, replace(config, is_tied=is_tied))
    E = state["embed.weight"]
    moved = {"embed.weight": _in_order_of_codes(E, theirs, theirs.start)}
    if not is_tied:
        moved["head.weight"] = _in_order_of_codes(state.get("head.weight", E), theirs, theirs.end)
    model.net.load_state_dict({**state, **moved})
    model.net.eval()
    return model


def _in_order_of_codes(rows: Tensor, theirs: TokenizerFile, first: int) -> Tensor:
    """Rows (V, width) of ids in the order of codes: zeros for a pad there is not, the row of `first` for the end."""
    ids = torch.from_numpy(theirs.ids)
    found = torch.where((ids >= 0)[:, None], rows[ids.clamp(min=0)], 0.0)
    found[END] = rows[first]
    return found


def _facts(place: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """What the card says."""
    name = place.resolve().name
    layout = (document.get("architectures") or [LAYOUTS[document["model_type"]].ARCHITECTURE])[0]
    return {"data": name, "why": f"read from a Hugging Face folder, {layout}", "flavour": "pandas"}
