"""The command line as a whole: found by the folder, documented, light, and forgiving."""

import inspect
import json
import subprocess
import sys

import pytest

import genwright
from genwright.cli.app import COMMON, app, load, summaries
from genwright.core.registry import JUDGES, MODELS
from tests.cli.conftest import call

COMMANDS = [
    "adopt",
    "augment",
    "choose",
    "classify",
    "compare",
    "download",
    "draw",
    "edit",
    "export",
    "fit",
    "impute",
    "inpaint",
    "interpolate",
    "judge",
    "list",
    "predict",
    "query",
    "reconstruct",
    "report",
    "sample",
    "segment",
    "show",
    "tag",
    "traverse",
]


def test_every_file_with_a_command_is_one_and_helpers_are_not() -> None:
    assert list(summaries()) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_line_and_every_parameter_a_help_text(name: str) -> None:
    assert summaries()[name].endswith(".")
    parameters = [p for p in load(name).params if p.name != "help"]
    assert set(COMMON) < {p.name for p in parameters}
    assert [p.name for p in parameters if not (p.help or "").strip()] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_shows_all_its_options(name: str) -> None:
    ended = call(name, "--help")
    assert ended.code == 0
    assert ended.err == ""
    for parameter in load(name).params:
        for option in (o for o in parameter.opts if o.startswith("--")):
            assert option in ended.out


def test_help_of_the_whole_lists_every_command_with_its_line() -> None:
    ended = call("--help")
    shown = " ".join(ended.out.split())
    assert ended.code == 0
    for name, line in summaries().items():
        assert f"{name} {' '.join(line.split())}"[:60] in shown
    assert call().out == ended.out


def test_every_command_takes_the_screen_first_and_tells_what_it_does() -> None:
    for name in COMMANDS:
        module = __import__(f"genwright.cli.{name}", fromlist=["command"])
        assert next(iter(inspect.signature(module.command).parameters)) == "screen"
        assert module.command.__doc__


def test_version() -> None:
    assert call("--version").out == f"genwright {genwright.__version__}\n"
    assert call("--json", "--version").document == {"version": genwright.__version__}


@pytest.mark.parametrize("words", [["--help"], ["fit", "--help"], ["list", "models"], ["smaple"], ["fit", "x", "--no"]])
def test_nothing_heavy_is_imported_for_help_lists_and_typos(words: list[str]) -> None:
    code = f"""
import sys
import genwright.cli.app
assert not heavy & set(sys.modules), "importing the app"
try:
    genwright.cli.app.app({words!r})
except SystemExit:
    pass
found = heavy & set(sys.modules)
assert not found, found
"""
    heavy = 'heavy = {"torch", "numpy", "pandas", "pyarrow", "sklearn", "matplotlib", "duckdb"}\n'
    done = subprocess.run([sys.executable, "-c", heavy + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_the_called_command_is_imported() -> None:
    code = "import sys, genwright.cli.app as a\ntry:\n a.app(['list'])\nexcept SystemExit: pass\n"
    code += "print(sorted(m for m in sys.modules if m.startswith('genwright.cli.')), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "genwright.cli.list" in done.stderr
    assert "genwright.cli.fit" not in done.stderr


@pytest.mark.parametrize(("typo", "meant"), [("smaple", "sample"), ("fot", "fit"), ("reprot", "report")])
def test_a_typo_of_a_command_offers_the_nearest(typo: str, meant: str) -> None:
    ended = call(typo)
    assert ended.code == 2
    assert f"did you mean {meant}?" in ended.err
    assert ended.out == ""


def test_a_typo_of_a_model_offers_the_nearest_before_any_data_are_read() -> None:
    ended = call("fit", "absent.csv", "--model", "marginalz")
    assert ended.code == 2
    assert "did you mean marginals?" in ended.err


def test_unknown_option_and_missing_argument_are_usage_errors() -> None:
    for words in (
        ["fit", "--modle", "x"],
        ["fit"],
        ["sample", "x", "--seed", "one"],
        ["list", "--threads", "0"],
        ["list", "--threads", "5000"],
    ):
        ended = call(*words)
        assert ended.code == 2, words
        assert ended.err.startswith("error: ")
        assert f"see: genwright {words[0]} --help" in ended.err


@pytest.mark.parametrize("words", [["list", "models", "--json"], ["--json", "list", "models"]])
def test_common_options_work_before_and_behind_the_command(words: list[str]) -> None:
    found = call(*words).document
    assert [m["name"] for m in found["models"]] == MODELS.names()


def test_completion_offers_commands_models_and_judges() -> None:
    def completed(line: str) -> list[str]:
        words = line.split(" ")
        env = {"_GENWRIGHT_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        return call(env=env).out.split()

    assert completed("genwright s") == ["sample", "segment", "show"]
    assert completed("genwright fit --model m") == [n for n in MODELS.names() if n.startswith("m")]
    assert completed("genwright judge --judge ") == JUDGES.names()


def test_list_names_all_there_is_with_a_line_each() -> None:
    ended = call("list")
    for name in [*MODELS.names(), *JUDGES.names()]:
        assert name in ended.out
    whole = call("list", "--json").document
    assert list(whole) == ["models", "codecs", "judges", "classifiers", "runs"]
    assert all(entry["summary"] for word in whole if word != "runs" for entry in whole[word])


def test_list_shows_the_settings_of_a_model_as_the_source_explains_them() -> None:
    found = call("list", "models", "marginals", "--json").document
    assert found["settings"][0] == {
        "name": "pseudo_count",
        "type": "float",
        "default": 0.5,
        "meaning": "added to every cell's count",
    }
    assert "pseudo_count" in call("list", "models", "marginals").out


def test_list_shows_how_a_network_is_trained_with_its_own_defaults() -> None:
    found = {s["name"]: s for s in call("list", "models", "gpt", "--json").document["training"]}
    assert (found["optimizer"]["default"], found["batch_size"]["type"]) == ("muon", "int")
    assert "Of its training" in call("list", "models", "vae").out
    assert "training" not in call("list", "models", "ngram", "--json").document


def test_list_rejects_what_it_does_not_know() -> None:
    assert "did you mean models?" in call("list", "modells").err
    assert "did you mean marginals?" in call("list", "models", "marginal").err


def test_threads_reach_torch_and_one_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    found: list[int] = []
    monkeypatch.setattr("genwright.cli.list._entries", lambda registry: found.append(torch.get_num_threads()) or [])
    for words in (["list", "codecs", "--threads", "2"], ["--threads", "2", "list", "codecs"], ["list", "codecs"]):
        assert call(*words).code == 0
    assert found == [2, 2, 1]


def test_app_is_callable_without_ending_the_process() -> None:
    assert app(["list", "codecs", "--quiet"], standalone_mode=False) == 0
    assert app(["lost"], standalone_mode=False) == 2


def test_json_is_plain_where_numbers_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    from genwright.cli.terminal.screen import Screen

    Screen(is_json=True).document({"a": float("nan"), "b": (1, float("inf")), "c": {1: b"x"}})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [1, None], "c": {"1": "b'x'"}}
