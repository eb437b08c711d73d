"""Every failure ends with its exit code and one screen, or one JSON document; never with a traceback unasked."""

import json
import logging

import pytest

from genwright.cli import list as listing
from genwright.cli.terminal.failures import Stopped, exit_code
from genwright.core import errors
from tests.cli.conftest import call

CODES = {
    errors.DataError("a.csv: line 3 has 4 fields"): 2,
    errors.CellError(2, "is no picture", "photo"): 2,
    errors.ConfigError("min_leaf = 'x': expected a whole number"): 2,
    errors.UnknownNameError("relnvp", ["realnvp"], "genwright.models"): 2,
    errors.GivenError("column city has no value 'Rom'"): 2,
    errors.SchemaError("not a schema"): 2,
    errors.SpaceMismatchError("column age is absent"): 2,
    errors.FitError("3 rows are too few"): 3,
    errors.UnsupportedError("hmm cannot fill cells"): 3,
    errors.RunError("runs/x: manifest.json is absent"): 4,
    RuntimeError("boom"): 1,
    ZeroDivisionError(): 1,
    MemoryError(): 1,
    OSError(28, "No space left on device"): 1,
}


def _failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(word: object) -> None:
        raise error

    monkeypatch.setattr(listing, "_entries", fail)


def test_every_error_class_has_a_code() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.GenwrightError)]
    assert {type(e) for e in CODES} > set(kinds) - {errors.GenwrightError}


@pytest.mark.parametrize("error", CODES, ids=lambda e: type(e).__name__)
def test_codes_and_one_screen(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    _failing(monkeypatch, error)
    ended = call("list", "models")
    assert ended.code == CODES[error] == exit_code(error)
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert 1 <= len(ended.err.splitlines()) <= 3
    assert "Traceback" not in ended.err
    if isinstance(error, errors.GenwrightError):
        assert str(error) in ended.err
    elif not isinstance(error, MemoryError):
        assert "--debug" in ended.err


@pytest.mark.parametrize("error", CODES, ids=lambda e: type(e).__name__)
def test_the_same_as_json(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    _failing(monkeypatch, error)
    ended = call("list", "models", "--json")
    assert ended.code == CODES[error]
    assert ended.err == ""
    assert set(ended.document["error"]) == {"type", "message"}
    assert ended.document["error"]["type"] == type(error).__name__


def test_usage_errors_as_json() -> None:
    ended = call("list", "--wrong", "--json")
    assert ended.code == 2
    assert ended.document["error"]["type"] == "UsageError"
    assert call("lost", "--json").document["error"]["type"] == "UnknownNameError"


def test_a_value_that_looks_like_an_option_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = call("list", "--", "--json")
    assert ended.code == 2
    assert ended.err.startswith("error: no --json")


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    _failing(monkeypatch, RuntimeError("boom"))
    ended = call("list", "models", "--debug")
    assert ended.code == 1
    assert "Traceback" in ended.err
    assert "in fail" in ended.err


def test_ctrl_c_says_what_was_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    _failing(monkeypatch, KeyboardInterrupt())
    ended = call("list", "models")
    assert ended.code == 130
    assert ended.err == "error: stopped; nothing was saved\n"
    document = call("list", "models", "--json").document
    assert document == {"error": {"type": "Stopped", "message": "stopped; nothing was saved"}}


def test_stopped_has_its_own_code() -> None:
    assert exit_code(Stopped("x")) == exit_code(KeyboardInterrupt()) == 130


def test_untrusted_words_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    _failing(monkeypatch, errors.DataError("column '\x1b[2J\x07[red]x' \u202e"))
    err = call("list", "models").err
    assert "\x1b" not in err
    assert "\x07" not in err
    assert "\u202e" not in err
    assert "[red]x" in err


def test_warnings_of_the_library_are_told_once_on_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(registry: object) -> list[dict[str, str]]:
        logging.getLogger("genwright").warning("file %s has changed", "a.csv")
        logging.getLogger("genwright").info("delimiter is ;")
        return []

    monkeypatch.setattr(listing, "_entries", warn)
    loud, quiet, as_json = (call("list", "models", *option) for option in ([], ["--quiet"], ["--json"]))
    assert loud.err == "warning: file a.csv has changed\nnote: delimiter is ;\n"
    assert quiet.err == as_json.err == "warning: file a.csv has changed\n"
    assert as_json.document["notes"] == ["file a.csv has changed", "delimiter is ;"]


def test_logging_is_left_as_it_was() -> None:
    logger = logging.getLogger("genwright")
    before = list(logger.handlers), logger.level, logger.propagate
    call("list", "codecs")
    assert (list(logger.handlers), logger.level, logger.propagate) == before


def test_error_documents_are_json_for_any_message(monkeypatch: pytest.MonkeyPatch) -> None:
    _failing(monkeypatch, errors.DataError('quote " backslash \\ newline \n and 字'))
    assert json.loads(call("list", "models", "--json").out)["error"]["message"].startswith('quote " backslash \\')
