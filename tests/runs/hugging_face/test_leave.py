"""An exported folder against `transformers` and `tokenizers`: equal logits, equal ids."""

import json
import os
import random

import numpy as np
import pyarrow as pa
import pytest
import torch

from genwright.core.errors import RunError, UnsupportedError
from genwright.pipeline import fit, load
from genwright.runs.hugging_face.arrive import from_hugging_face
from genwright.runs.hugging_face.leave import export
from tests.runs.hugging_face.worlds import GPT2, TEXTS, UNSEEN, logits_of, run_of, two_columns
from tests.tables import customers

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

LAYOUTS = {
    "llama": {},
    "llama, untied, grouped, biased": {"is_tied": False, "n_kv_heads": 2, "has_bias": True, "rotary_base": 500.0},
    "gpt2": GPT2,
    "gpt2, untied, no biases": {**GPT2, "has_bias": False, "is_tied": False, "n_hidden": 20, "norm_eps": 1e-3},
}
TOKENIZERS = ("char", "byte", "bpe", "unigram")


def _theirs(folder):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    return model, transformers.AutoTokenizer.from_pretrained(folder)


@pytest.mark.parametrize("settings", LAYOUTS.values(), ids=LAYOUTS)
def test_logits_are_equal(settings, tmp_path):
    run = run_of(**settings)
    model, _ = _theirs(export(run, tmp_path / "out"))
    n = run.artefact.codec.space["text"].support.n
    tokens = torch.randint(0, n, (3, 20), generator=torch.Generator().manual_seed(0))
    tokens[:, 0] = 1
    with torch.no_grad():
        theirs = model(tokens).logits
    assert theirs.dtype == torch.float32
    torch.testing.assert_close(logits_of(run.model, tokens), theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_ids_are_equal(tokenizer, tmp_path):
    run = run_of({"tokenizer": tokenizer})
    _, theirs = _theirs(export(run, tmp_path / "out"))
    codec = run.artefact.codec.codecs["text"]
    assert len(theirs) == codec.field.support.n
    for text in (*TEXTS, *UNSEEN):
        codes = codec.encode_prefix(text)
        assert theirs(text).input_ids == [1, *codes]
        assert theirs(text, add_special_tokens=False).input_ids == codes
        assert theirs.decode([1, *codes, 1], skip_special_tokens=True) == text
    assert (theirs.bos_token_id, theirs.eos_token_id, theirs.pad_token_id) == (1, 1, 0)


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_ids_of_random_texts_are_equal(tokenizer, tmp_path):
    from tokenizers import Tokenizer

    run = run_of({"tokenizer": tokenizer})
    theirs = Tokenizer.from_file(str(export(run, tmp_path / "out") / "tokenizer.json"))
    blocks = [range(256), range(0x300, 0x330), range(0x4E00, 0x4E20), range(0x1F600, 0x1F620), [10, 32, 0xFEFF, 0x200D]]
    rng = random.Random(0)
    for _ in range(200):
        text = "".join(chr(rng.choice(rng.choice(blocks))) for _ in range(rng.randint(0, 30)))
        assert theirs.encode(text).ids == [1, *run.artefact.codec.codecs["text"].encode_prefix(text)]


@pytest.mark.parametrize("step", ["nfc", "nfkc", "lines", "control", "space"])
def test_cleaning_leaves_too(step, tmp_path):
    run = run_of({"tokenizer": "byte", "clean": [step]})
    _, theirs = _theirs(export(run, tmp_path / "out"))
    codec = run.artefact.codec.codecs["text"]
    odd = "e\u0301 ﬁ\r\na\rb \t \n\n\n\n  c\x07d\ufeff\x0b\u00a0e  "
    assert codec.encode_prefix(odd) != run_of({"tokenizer": "byte"}).artefact.codec.codecs["text"].encode_prefix(odd)
    assert theirs(odd).input_ids == [1, *codec.encode_prefix(odd)]


def test_generate_draws_from_the_same_distribution(tmp_path):
    run = run_of({"tokenizer": "char"}, n_layers=1)
    model, _ = _theirs(export(run, tmp_path / "out"))
    n = 4000
    torch.manual_seed(0)
    drawn = model.generate(torch.ones(n, 1, dtype=torch.int64), max_new_tokens=1)[:, 1]
    p = logits_of(run.model, torch.tensor([[1]]))[0, 0].double()
    p[0] = -torch.inf
    p = p.softmax(0).numpy()
    count = np.bincount(drawn.numpy(), minlength=len(p))
    assert count[0] == 0
    assert (abs(count - n * p) <= 5 * np.sqrt(n * p * (1 - p)) + 1e-9).all()


@pytest.mark.parametrize("settings", LAYOUTS.values(), ids=LAYOUTS)
def test_what_left_arrives_as_it_was(settings, tmp_path):
    run = run_of({"tokenizer": "bpe"}, **settings)
    again = from_hugging_face(export(run, tmp_path / "out"))
    rows = pa.table({"text": [*TEXTS, *UNSEEN, None]})
    ours, theirs = (torch.cat([batch["text"] for batch in r.encode(rows)]) for r in (run, again))
    shortest = min(ours.shape[1], theirs.shape[1])
    assert torch.equal(ours[:, :shortest], theirs[:, :shortest])
    np.testing.assert_allclose(again.log_prob(rows), run.log_prob(rows), atol=1e-4)
    twice = from_hugging_face(export(again, tmp_path / "again"))
    for name, tensor in again.model.state().items():
        assert torch.equal(tensor, twice.model.state()[name])


def test_a_saved_run_leaves_too(tmp_path):
    run_of().save(tmp_path / "run")
    export(load(tmp_path / "run"), tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        ["config.json", "model.safetensors", "generation_config.json", "tokenizer.json", "tokenizer_config.json"]
    )


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"net": "relu2"}, "net = relu2"),
        ({"has_unit_length": True}, "has_unit_length"),
        ({"positions": "learned"}, "positions = learned"),
        ({"norm": "layer"}, "norm = layer"),
        ({**GPT2, "n_kv_heads": 2}, "n_kv_heads = 2"),
    ],
)
def test_settings_that_no_layout_has(settings, named, tmp_path):
    with pytest.raises(UnsupportedError, match=named):
        export(run_of(**settings), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_runs_that_no_layout_has(tmp_path):
    with pytest.raises(UnsupportedError, match="marginals has no Hugging Face layout"):
        export(fit(customers(), "marginals", judge=False), tmp_path / "out")


def test_several_columns_stay(tmp_path):
    with pytest.raises(UnsupportedError, match=r"text \(text\), label \(category\)"):
        export(two_columns(), tmp_path / "out")


def test_nothing_is_replaced_unasked(tmp_path):
    place = export(run_of(), tmp_path / "out")
    before = {p.name: p.read_bytes() for p in place.iterdir()}
    with pytest.raises(RunError, match="overwrite=True"):
        export(run_of(n_layers=1), place)
    assert {p.name: p.read_bytes() for p in place.iterdir()} == before
    (place / "notes.txt").write_text("mine")
    (place / "model.safetensors.index.json").write_text("{}")
    export(run_of(n_layers=1), place, overwrite=True)
    assert json.loads((place / "config.json").read_text())["num_hidden_layers"] == 1
    assert (place / "notes.txt").read_text() == "mine"
    assert not (place / "model.safetensors.index.json").exists()
    run_of().save(tmp_path / "run")
    with pytest.raises(RunError, match="is no exported model"):
        export(run_of(), tmp_path / "run", overwrite=True)


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    written = []

    def fails(path, content):
        written.append(path)
        if len(written) == 3:
            raise OSError(28, os.strerror(28))
        path.write_bytes(content)

    monkeypatch.setattr("genwright.runs.hugging_face.leave.write_new", fails)
    with pytest.raises(RunError, match="free some space"):
        export(run_of(), tmp_path / "out")
    assert not list(tmp_path.iterdir())
