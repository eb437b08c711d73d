"""`genwright export` and `genwright adopt`: a run leaves and comes back."""

import json
from pathlib import Path

import pandas as pd
import pytest

from genwright.pipeline import load
from tests.cli.conftest import call
from tests.runs.hugging_face.worlds import TEXTS, run_of


@pytest.fixture
def text_run(here: Path) -> Path:
    run_of().save("runs/texts")
    return Path("runs/texts")


def test_there_and_back(text_run: Path) -> None:
    ended = call("export", text_run, "out/model", "--json")
    assert ended.code == 0, ended.err
    told = ended.document
    assert (told["architecture"], told["as"]) == ("LlamaForCausalLM", "hugging_face")
    assert Path(told["folder"]) == Path("out/model").resolve()
    assert set(told["files"]) >= {"config.json", "model.safetensors", "tokenizer.json"}
    assert json.loads(Path("out/model/config.json").read_text())["vocab_size"] == told["vocab_size"]
    ended = call("adopt", "out/model", "--json")
    assert ended.code == 0, ended.err
    assert Path(ended.document["run"]) == Path("runs/model").resolve()
    rows = pd.DataFrame({"text": TEXTS})
    first, second = (load(place).log_prob(rows) for place in (text_run, "runs/model"))
    assert first == pytest.approx(second, abs=1e-4)
    assert call("sample", "runs/model", "-n", 3).code == 0
    assert call("show", "runs/model").code == 0


def test_what_is_printed(text_run: Path) -> None:
    assert call("export", text_run, "model").out.strip() == str(Path("model").resolve())
    ended = call("adopt", "model", "--out", "runs/mine", "--max-length", 5, "--seed", 4)
    assert ended.out.strip().splitlines()[0] == str(Path("runs/mine").resolve())
    run = load("runs/mine")
    assert (run.model.context, run.artefact.seed) == (5, 4)


def test_nothing_is_replaced_unasked(text_run: Path) -> None:
    assert call("export", text_run, "model").code == 0
    ended = call("export", text_run, "model")
    assert (ended.code, "or add --overwrite to replace" in ended.err) == (4, True)
    assert call("export", text_run, "model", "--overwrite").code == 0
    assert call("adopt", "model", "--out", "runs/texts").code == 4
    assert call("adopt", "model", "--out", "runs/texts", "--overwrite").code == 0
    assert call("adopt", "model").code == 0
    assert call("adopt", "model").code == 0
    assert Path("runs/model-2").is_dir()


def test_what_cannot_leave_or_arrive(text_run: Path, run: Path) -> None:
    ended = call("export", run, "model")
    assert (ended.code, "no Hugging Face layout" in ended.err) == (3, True)
    ended = call("export", text_run, "model", "--as", "huging_face")
    assert (ended.code, "did you mean hugging_face?" in ended.err) == (2, True)
    ended = call("adopt", "nothing", "--json")
    assert (ended.code, "config.json is absent" in ended.document["error"]["message"]) == (4, True)
    assert not Path("runs/nothing").exists()
