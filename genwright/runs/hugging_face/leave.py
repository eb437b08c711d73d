"""Leaving: a run of `gpt` over one text becomes a folder that `transformers` loads, with equal logits and ids.

    config.json  model.safetensors  generation_config.json  tokenizer.json  tokenizer_config.json

The layout is Llama's or GPT-2's, whichever the run's settings are. Two things differ over there: a place sees all
places before it and not the last `context` only, and padding could be drawn, which `generation_config.json` forbids.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from genwright.codecs._pieces import END, PAD
from genwright.codecs._tokenizer_file import SPECIAL, TokenizerFile
from genwright.codecs.text import Text
from genwright.core.errors import RunError, UnsupportedError
from genwright.core.files import carry_over, is_there, put_folder, temporary_beside, write_new
from genwright.models.gpt import GPT
from genwright.runs import strict_json
from genwright.runs.folder import resolve, writing
from genwright.runs.hugging_face import gpt2, llama
from genwright.runs.hugging_face.documents import CONFIG, GENERATION, TOKENIZER, TOKENIZER_CONFIG
from genwright.runs.hugging_face.tensors import INDEX, WEIGHTS
from genwright.runs.hugging_face.tokenizers import tokenizer_json
from genwright.runs.run import Run

LAYOUTS = (llama, gpt2)
OWN = (CONFIG, WEIGHTS, GENERATION, TOKENIZER, TOKENIZER_CONFIG)
STALE = (INDEX, "vocab.json", "merges.txt", "tokenizer.model", "special_tokens_map.json", "added_tokens.json")


def export(run: Run, folder: str | Path, *, overwrite: bool = False) -> Path:
    """Writes a run of `gpt` as a Hugging Face folder, whole or not at all.

    Args:
        run: Of one text column; columns that are not modelled stay behind.
        folder: Where to; folders above it are made.
        overwrite: Replace an exported model that is there; other files in the folder stay.

    Returns:
        The folder.

    Raises:
        UnsupportedError: the run is of another family, models other columns, or has a setting that neither Llama's nor
            GPT-2's layout has; names it.
        RunError: something is there already, or it cannot be written.
    """
    target = resolve(folder)
    _check_free(target, overwrite)
    model, codec = _text_model(run)
    files = _files(model, codec)
    with writing(target):
        _check_free(target, overwrite)
        _put(target, files)
    return target


def _text_model(run: Run) -> tuple[GPT, Text]:
    """The model and its text's codec.

    Raises:
        UnsupportedError: there is no such thing.
    """
    model, codec = run.model, run.artefact.codec
    if not isinstance(model, GPT):
        raise UnsupportedError(f"a run of {run.artefact.model_name} has no Hugging Face layout; fit with model=gpt")
    texts = [codec.codecs[name] for name in codec.modelled]
    if not (len(texts) == 1 and isinstance(texts[0], Text)):
        kinds = ", ".join(f"{name} ({codec.schema[name].kind})" for name in codec.modelled)
        raise UnsupportedError(f"a Hugging Face model reads one text and nothing else; this run models {kinds}")
    return model, texts[0]


def _layout_of(model: GPT) -> ModuleType:
    """The layout that has the model's settings.

    Raises:
        UnsupportedError: none has; names the settings in which the nearest differs.
    """
    config = model.config
    if config.has_unit_length:
        raise UnsupportedError("has_unit_length = True: no layout has queries and keys of unit length; fit without it")
    missed = [[k for k, v in layout.SETTINGS.items() if getattr(config, k) != v] for layout in LAYOUTS]
    layout, names = min(zip(LAYOUTS, missed, strict=True), key=lambda pair: len(pair[1]))
    if names:
        found = ", ".join(f"{name} = {getattr(config, name)}" for name in names)
        wanted = ", ".join(f"{name} = {layout.SETTINGS[name]}" for name in names)
        raise UnsupportedError(f"{found}: no layout has that; the nearest, {layout.ARCHITECTURE}'s, has {wanted}")
    return layout


def _files(model: GPT, codec: Text) -> dict[str, bytes]:
    """What the folder holds."""
    layout, state = _layout_of(model), model.net.state_dict()
    theirs = TokenizerFile.from_state(codec.state()["vocabulary"]) if codec.tokenizer == "file" else None
    if theirs is not None:
        state = _in_order_of_ids(state, theirs)
    ids = (
        {"bos": theirs.start, "eos": theirs.end, "pad": theirs.pad} if theirs else {"bos": END, "eos": END, "pad": PAD}
    )
    named = {f"{kind}_token_id": i for kind, i in ids.items()}
    kind = {"architectures": [layout.ARCHITECTURE], "model_type": layout.MODEL_TYPE, "dtype": "float32"}
    return {
        CONFIG: _json({**kind, **layout.document_of(model, len(state["embed.weight"])), **named}),
        WEIGHTS: _weights(layout.tensors_of(model.config, state)),
        GENERATION: _json({**named, **_drawing(model, ids["pad"])}),
        TOKENIZER: (theirs.file if theirs else tokenizer_json(codec)).encode(),
        TOKENIZER_CONFIG: _json(_of_tokenizer(model, ids, theirs)),
    }


def _weights(tensors: Mapping[str, Tensor]) -> bytes:
    """Tensors as a file that says, as transformers asks, that they are torch's."""
    from safetensors.torch import save as to_bytes

    return to_bytes({k: x.detach().cpu().contiguous().clone() for k, x in tensors.items()}, {"format": "pt"})


def _in_order_of_ids(state: Mapping[str, Tensor], theirs: TokenizerFile) -> dict[str, Tensor]:
    """The weights with rows in the order of a tokenizer's ids; what starts a text also stands for its end when read."""
    codes = torch.from_numpy(theirs.ids)
    found = dict(state)
    for name in ("embed.weight", "head.weight"):
        if name in state:
            rows = state[name].new_zeros(theirs.n_ids, state[name].shape[1])
            rows[codes[codes >= 0]] = state[name][codes >= 0]
            found[name] = rows
    if theirs.start != theirs.end:
        found["embed.weight"][theirs.start] = state["embed.weight"][END]
    return found


def _drawing(model: GPT, pad: int | None) -> dict[str, Any]:
    """Settings with which `generate` draws from the model itself."""
    plain: dict[str, Any] = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
    longest = model.context + 1  # with the start; the last token is drawn and not read
    return {**plain, "max_length": longest, **({} if pad is None else {"suppress_tokens": [pad]})}


def _of_tokenizer(model: GPT, ids: Mapping[str, int | None], theirs: TokenizerFile | None) -> dict[str, Any]:
    """`tokenizer_config.json`."""
    name = SPECIAL.__getitem__ if theirs is None else theirs.tokenizer.id_to_token
    tokens = {f"{kind}_token": name(i) for kind, i in ids.items() if i is not None}
    rest = {"model_max_length": model.context, "clean_up_tokenization_spaces": False}
    return {"tokenizer_class": "PreTrainedTokenizerFast", **tokens, **rest}


def _json(document: Mapping[str, Any]) -> bytes:
    return strict_json.dumps(document, indent=2) + b"\n"


def _check_free(target: Path, overwrite: bool) -> None:
    """Refuses a place where something is.

    Raises:
        RunError: says what, and what to do.
    """
    if not is_there(target) or (target.is_dir() and not any(target.iterdir())):
        return
    if not (target.is_dir() and _is_exported(target)):
        raise RunError(f"{target} exists and is no exported model; choose another path")
    if not overwrite:
        raise RunError(f"{target} holds a model already; choose another path, or pass overwrite=True to replace it")


def _is_exported(target: Path) -> bool:
    """Whether a folder holds a model of one of the layouts."""
    try:
        return json.loads((target / CONFIG).read_bytes())["model_type"] in {layout.MODEL_TYPE for layout in LAYOUTS}
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _put(target: Path, files: Mapping[str, bytes]) -> None:
    """The new files and what else was there take the target's place in one step."""
    temporary = temporary_beside(target)
    try:
        temporary.mkdir()
        if is_there(target):
            carry_over(target, temporary, but={*OWN, *STALE})
        for name, content in files.items():
            write_new(temporary / name, content)
        put_folder(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
