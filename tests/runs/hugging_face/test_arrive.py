"""Folders that `transformers` saved: equal logits, likelihoods and ids, and a run like any other."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from torch.nn import functional as F

from genwright.core.errors import ConfigError, DataError, RunError, UnsupportedError
from genwright.pipeline import load
from genwright.runs.hugging_face.arrive import from_hugging_face
from genwright.runs.hugging_face.leave import export
from tests.runs.hugging_face.worlds import (
    TEXTS,
    UNSEEN,
    byte_level,
    change,
    gpt2_folder,
    llama_folder,
    logits_of,
    sentence_pieces,
    words,
)

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

LLAMA = {"bos_token_id": 1, "eos_token_id": 2}
FOLDERS = {
    "gpt2": lambda place: gpt2_folder(place, byte_level()),
    "gpt2, untied": lambda place: gpt2_folder(place, byte_level(), tie_word_embeddings=False, n_inner=20),
    "llama, tied": lambda place: llama_folder(place, sentence_pieces(), tie_word_embeddings=True, **LLAMA),
    "llama, untied, biased": lambda place: llama_folder(
        place,
        sentence_pieces(),
        attention_bias=True,
        rope_parameters={"rope_type": "default", "rope_theta": 300.0},
        **LLAMA,
    ),
    "llama, one end": lambda place: llama_folder(
        place, byte_level(), num_key_value_heads=4, tie_word_embeddings=True, bos_token_id=280, eos_token_id=[280, 7]
    ),
}


def _frame(texts):
    return pd.DataFrame({"text": texts})


def _ids(run, texts):
    """What transformers reads for some texts: the start, then their ids."""
    theirs = run.artefact.codec.codecs["text"]._codes
    return [[theirs.start, *theirs.tokenizer.encode(text, add_special_tokens=False).ids] for text in texts]


@pytest.fixture(params=FOLDERS)
def arrived(request, tmp_path):
    model = FOLDERS[request.param](tmp_path / "folder")
    return model, from_hugging_face(tmp_path / "folder")


def test_logits_are_equal(arrived):
    model, run = arrived
    codec = run.artefact.codec.codecs["text"]
    ours = torch.from_numpy(codec._codes.ids)  # (V,) of each code
    for text, ids in zip(TEXTS + UNSEEN, _ids(run, TEXTS + UNSEEN), strict=True):
        codes = torch.tensor([[1, *codec.encode_prefix(text)]])[:, :30]
        assert ours[codes[0, 1:]].tolist() == ids[1 : codes.shape[1]]
        found = logits_of(run.model, codes)[:, :, ours >= 0]
        with torch.no_grad():
            expected = model(torch.tensor([ids[: codes.shape[1]]])).logits[:, :, ours[ours >= 0]]
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_log_prob_is_the_sum_over_ids(arrived):
    model, run = arrived
    texts = [text for text in TEXTS if len(_ids(run, [text])[0]) < 30]
    found = run.log_prob(_frame(texts))
    end = run.artefact.codec.codecs["text"]._codes.end
    for value, ids in zip(found, _ids(run, texts), strict=True):
        with torch.no_grad():
            log_p = F.log_softmax(model(torch.tensor([ids])).logits[0].double(), -1)
        assert value == pytest.approx(
            float(log_p[torch.arange(len(ids)), torch.tensor([*ids[1:], end])].sum()), abs=1e-3
        )


def test_texts_come_back(arrived):
    _, run = arrived
    codec = run.artefact.codec.codecs["text"]
    for text in (*TEXTS, "the cat"):
        assert codec.decode(codec.encode(pa.array([text]))).to_pylist() == [text]
        assert codec.to_text(codec.encode_prefix(text)) == text
        joined = "".join(codec.pieces()[code] for code in codec.encode_prefix(text))
        assert joined.encode("utf-8", "surrogateescape").decode().removeprefix(" ") == text


def test_a_run_like_any_other(arrived, tmp_path):
    _, run = arrived
    drawn = run.sample(5, seed=1)
    assert list(drawn.columns) == ["text"]
    run.save(tmp_path / "run")
    again = load(tmp_path / "run")
    assert again.sample(5, seed=1).equals(drawn)
    assert np.array_equal(again.log_prob(drawn), run.log_prob(drawn))
    assert run.artefact.codec.space.check(next(run.encode(drawn))) == 5


def test_it_is_judged(tmp_path):
    gpt2_folder(tmp_path / "folder", byte_level(), n_positions=16)
    run = from_hugging_face(tmp_path / "folder")
    scores = run.judge(_frame(TEXTS * 4), _frame(TEXTS * 8), judges="bits_per_char", max_rows=20)
    assert scores
    assert all(np.isfinite(score.value) for score in scores)


def test_words_without_a_decoder(tmp_path):
    tokenizer = words()
    model = llama_folder(tmp_path / "folder", tokenizer, bos_token_id=2, eos_token_id=3, pad_token_id=1)
    run = from_hugging_face(tmp_path / "folder")
    codec = run.artefact.codec.codecs["text"]
    assert codec.field.support.n == tokenizer.get_vocab_size()  # its own pad is the pad
    codes = codec.encode(pa.array(["the dog sat on a spaceship"]))
    assert codec.decode(codes).to_pylist() == ["the dog sat on a"]
    assert codec.pieces()[codec.encode_prefix("dog")[0]] == " dog"
    ids = _ids(run, ["the dog"])[0]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].double()
    logits[:, 1] = -torch.inf  # padding is never drawn
    expected = logits.log_softmax(-1)[torch.arange(3), torch.tensor([*ids[1:], 3])].sum()
    assert run.log_prob(_frame(["the dog"]))[0] == pytest.approx(float(expected), abs=1e-4)


def test_no_token_for_a_missing_text(tmp_path):
    gpt2_folder(tmp_path / "folder", byte_level())
    with pytest.raises(DataError, match="a text is missing"):
        from_hugging_face(tmp_path / "folder").log_prob(_frame(["the cat", None]))


def test_special_tokens_in_a_text_are_text(tmp_path):
    gpt2_folder(tmp_path / "folder", byte_level())
    codec = from_hugging_face(tmp_path / "folder").artefact.codec.codecs["text"]
    text = "the <|endoftext|> cat"
    assert 1 not in codec.encode_prefix(text)
    assert codec.to_text(codec.encode_prefix(text)) == text


@pytest.mark.parametrize("kind", ["gpt2", "llama, tied"])
def test_half_precision_in_parts(kind, tmp_path):
    model = FOLDERS[kind](tmp_path / "whole").half()
    model.save_pretrained(tmp_path / "parts", max_shard_size="10KB")
    (tmp_path / "parts" / "tokenizer.json").write_bytes((tmp_path / "whole" / "tokenizer.json").read_bytes())
    assert len(list((tmp_path / "parts").glob("*.safetensors"))) > 1
    run = from_hugging_face(tmp_path / "parts")
    embed = run.model.net.state_dict()["embed.weight"]
    assert embed.dtype == torch.float32
    ids = torch.from_numpy(run.artefact.codec.codecs["text"]._codes.ids)
    theirs = model.get_input_embeddings().weight.float()
    assert torch.equal(embed[2:], theirs[ids[2:]])


def test_a_bare_decoder_of_old(tmp_path):
    """Names without a prefix, and masks among the weights."""
    from safetensors.torch import load_file, save_file

    gpt2_folder(tmp_path / "folder", byte_level())
    expected = from_hugging_face(tmp_path / "folder").model.state()
    path = tmp_path / "folder" / "model.safetensors"
    bare = {name.removeprefix("transformer."): x for name, x in load_file(path).items()}
    save_file({**bare, "h.0.attn.bias": torch.ones(1, 1, 32, 32)}, path)
    found = from_hugging_face(tmp_path / "folder").model.state()
    assert all(torch.equal(x, expected[name]) for name, x in found.items())


def test_longest_text(tmp_path):
    gpt2_folder(tmp_path / "folder", byte_level())
    assert from_hugging_face(tmp_path / "folder").model.context == 32
    run = from_hugging_face(tmp_path / "folder", max_length=9)
    assert run.artefact.codec.space["text"].support.length == run.model.context == 9
    for wrong in (1, 33):
        with pytest.raises(ConfigError, match="expected 2 to 32"):
            from_hugging_face(tmp_path / "folder", max_length=wrong)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_absent_and_damaged_files(name, tmp_path):
    gpt2_folder(tmp_path / "folder", byte_level())
    path = tmp_path / "folder" / name
    path.write_bytes(b"[1, 2")
    with pytest.raises(RunError, match=name):
        from_hugging_face(tmp_path / "folder")
    path.unlink()
    with pytest.raises(RunError, match=name):
        from_hugging_face(tmp_path / "folder")
    with pytest.raises(RunError, match=r"config\.json is absent"):
        from_hugging_face(tmp_path / "nothing")


def test_an_absent_part(tmp_path):
    gpt2_folder(tmp_path / "whole", byte_level()).save_pretrained(tmp_path / "parts", max_shard_size="10KB")
    (tmp_path / "parts" / "tokenizer.json").write_bytes((tmp_path / "whole" / "tokenizer.json").read_bytes())
    part = sorted((tmp_path / "parts").glob("model-*"))[1]
    part.unlink()
    with pytest.raises(RunError, match=part.name):
        from_hugging_face(tmp_path / "parts")
    index = tmp_path / "parts" / "model.safetensors.index.json"
    change(index, weight_map={"transformer.wte.weight": "../elsewhere.safetensors"})
    with pytest.raises(RunError, match="weight_map"):
        from_hugging_face(tmp_path / "parts")


def test_pickled_weights_are_not_read(tmp_path):
    gpt2_folder(tmp_path / "folder", byte_level())
    (tmp_path / "folder" / "model.safetensors").rename(tmp_path / "folder" / "pytorch_model.bin")
    with pytest.raises(RunError, match=r"pytorch_model\.bin.*can hold programs.*save_pretrained"):
        from_hugging_face(tmp_path / "folder")


@pytest.mark.parametrize("n", [270, 290])
def test_a_tokenizer_of_another_size(n, tmp_path):
    gpt2_folder(tmp_path / "folder", byte_level())
    byte_level(n).save(str(tmp_path / "folder" / "tokenizer.json"))
    with pytest.raises(RunError, match=f"tokenizer has {n + 1} tokens and the model of config.json 281"):
        from_hugging_face(tmp_path / "folder")
    change(tmp_path / "folder" / "config.json", vocab_size=n + 1, eos_token_id=n)
    with pytest.raises(RunError, match=f"wte.weight is 281 × 16, and config.json implies {n + 1} × 16"):
        from_hugging_face(tmp_path / "folder")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"model_type": "bloom", "architectures": ["BloomForCausalLM"]}, "BloomForCausalLM is not read"),
        ({"activation_function": "relu"}, "activation_function = 'relu'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx"),
        ({"quantization_config": {}}, "quantization_config"),
        ({"n_head": 3}, "n_heads"),
        ({"eos_token_id": None}, "eos_token_id"),
        ({"eos_token_id": 5000}, "eos_token_id"),
    ],
)
def test_what_gpt_has_not(values, named, tmp_path):
    gpt2_folder(tmp_path / "folder", byte_level())
    (tmp_path / "folder" / "generation_config.json").unlink()
    change(tmp_path / "folder" / "config.json", **values)
    with pytest.raises(UnsupportedError, match=named):
        from_hugging_face(tmp_path / "folder")


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}, "rope_type = 'linear'"),
        ({"rope_parameters": None, "rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_type = 'dynamic'"),
        ({"hidden_act": "gelu"}, "hidden_act"),
        ({"head_dim": 8}, "head_dim"),
    ],
)
def test_what_gpt_has_not_of_llama(values, named, tmp_path):
    llama_folder(tmp_path / "folder", byte_level(), bos_token_id=280, eos_token_id=280)
    change(tmp_path / "folder" / "config.json", **values)
    with pytest.raises(UnsupportedError, match=named):
        from_hugging_face(tmp_path / "folder")


@pytest.mark.parametrize(
    "values",
    [
        {"hidden_size": None},
        {"hidden_size": "wide"},
        {"vocab_size": None},
        {"num_hidden_layers": 0},
        {"num_attention_heads": 0},
    ],
)
def test_nonsense_in_the_configuration(values, tmp_path):
    llama_folder(tmp_path / "folder", byte_level(), bos_token_id=280, eos_token_id=280)
    change(tmp_path / "folder" / "config.json", **values)
    with pytest.raises(RunError):
        from_hugging_face(tmp_path / "folder")


def test_tensors_that_nobody_knows(tmp_path):
    from safetensors.torch import load_file, save_file

    gpt2_folder(tmp_path / "folder", byte_level())
    path = tmp_path / "folder" / "model.safetensors"
    save_file({**load_file(path), "transformer.h.0.adapter.weight": torch.ones(2)}, path)
    with pytest.raises(UnsupportedError, match=r"h\.0\.adapter\.weight"):
        from_hugging_face(tmp_path / "folder")
    tensors = load_file(path)
    save_file({**tensors, "transformer.wte.weight": tensors["transformer.wte.weight"].to(torch.int8)}, path)
    with pytest.raises(UnsupportedError, match="int8"):
        from_hugging_face(tmp_path / "folder")
    tensors.pop("transformer.h.1.ln_1.bias")
    save_file(tensors, path)
    with pytest.raises(RunError, match=r"h\.1\.ln_1\.bias"):
        from_hugging_face(tmp_path / "folder")


def test_the_end_is_found_where_it_is_named(tmp_path):
    gpt2_folder(tmp_path / "folder", byte_level())
    (tmp_path / "folder" / "generation_config.json").unlink()
    change(tmp_path / "folder" / "config.json", eos_token_id=50256, bos_token_id=50256)
    named = {"eos_token": {"content": "<|endoftext|>"}, "bos_token": None}
    (tmp_path / "folder" / "tokenizer_config.json").write_text(json.dumps(named))
    theirs = from_hugging_face(tmp_path / "folder").artefact.codec.codecs["text"]._codes
    assert (theirs.start, theirs.end) == (280, 280)


def test_padding_that_is_the_unknown_token_is_none(tmp_path):
    tokenizer = words()
    llama_folder(tmp_path / "folder", tokenizer, bos_token_id=2, eos_token_id=3, pad_token_id=0)
    codec = from_hugging_face(tmp_path / "folder").artefact.codec.codecs["text"]
    assert codec.field.support.n == tokenizer.get_vocab_size() + 1
    assert 0 not in codec.encode_prefix("the spaceship")


def test_files_behind_links_are_read(tmp_path):
    """As in the cache of a hub."""
    gpt2_folder(tmp_path / "blobs", byte_level())
    (tmp_path / "snapshot").mkdir()
    for path in (tmp_path / "blobs").iterdir():
        (tmp_path / "snapshot" / path.name).symlink_to(path)
    assert from_hugging_face(tmp_path / "snapshot").sample(2).shape == (2, 1)


def test_what_left_from_an_arrival_is_the_original(arrived, tmp_path):
    model, run = arrived
    export(run, tmp_path / "out")
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    ids = torch.tensor([[run.artefact.codec.codecs["text"]._codes.start, *range(5, 25)]])
    with torch.no_grad():
        assert torch.equal(again(ids).logits, model(ids).logits)
    assert tokenizer("the cat", add_special_tokens=False).input_ids == _ids(run, ["the cat"])[0][1:]
    assert again.config.eos_token_id == run.artefact.codec.codecs["text"]._codes.end
