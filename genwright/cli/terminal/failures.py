"""How a command ends: exit codes, and a failure as one screen or as one JSON document.

0    done
1    something unexpected; the traceback is shown with --debug
2    the command line, the data, a setting or a condition is wrong
3    the fit failed, or the model cannot do what was asked
4    a run cannot be written, read or trusted
130  stopped by Ctrl-C
141  the reader of standard output went away
"""

import errno
import json
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from genwright.cli.terminal.ink import fitted, paint, printable
from genwright.core.errors import (
    ConfigError,
    DataError,
    FitError,
    GenwrightError,
    GivenError,
    RunError,
    SchemaError,
    SpaceMismatchError,
    UnknownNameError,
    UnsupportedError,
)

MOST_LINES, LONGEST = 12, 2_000  # of a message that is shown
UNEXPECTED, WRONG, FAILED, BAD_RUN, STOPPED, PIPE_CLOSED = 1, 2, 3, 4, 130, 141

_CODES: dict[type[GenwrightError], int] = {
    DataError: WRONG,
    SchemaError: WRONG,
    SpaceMismatchError: WRONG,
    ConfigError: WRONG,
    UnknownNameError: WRONG,
    GivenError: WRONG,
    FitError: FAILED,
    UnsupportedError: FAILED,
    RunError: BAD_RUN,
}
_NEXT: dict[type[GenwrightError], str] = {  # where a message does not say it
    DataError: "see how data are read: genwright show DATA",
    SchemaError: "write the schema of the data as a start: genwright show DATA --json",
    SpaceMismatchError: "see the run's columns: genwright show RUN",
    ConfigError: "see the options: genwright COMMAND --help; a model's settings: genwright list models NAME",
    GivenError: "see the run's columns: genwright show RUN",
    FitError: "see how data are read: genwright show DATA; try another family: genwright list models",
    UnsupportedError: "see the families: genwright list models",
    RunError: "see the runs that are here: genwright list runs",
}


class Stopped(Exception):
    """Ctrl-C; the message says what was kept."""


class Told(Exception):
    """A failure that stands in the document already, which had begun when it happened."""

    def __init__(self, failure: Exception):
        super().__init__(str(failure))
        self.failure = failure


class PipeClosed(Exception):
    """Nobody reads standard output any more."""


def exit_code(error: BaseException) -> int:
    """The exit code that an error ends with."""
    if isinstance(error, Told):
        return exit_code(error.failure)
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code
    if _is_usage(error):
        return WRONG
    return STOPPED if isinstance(error, (Stopped, KeyboardInterrupt)) else UNEXPECTED


def guarded(work: Callable[[], Any], is_json: bool = False, is_debug: bool = False) -> int:
    """The exit code of some work; whatever fails is told here and nowhere else."""
    try:
        code = work()
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (PipeClosed, BrokenPipeError):
        _forget_output()
        return PIPE_CLOSED
    except (Exception, KeyboardInterrupt) as error:
        with suppress(BrokenPipeError):
            _tell(error, is_json, is_debug)
        try:
            sys.stdout.flush()
        except OSError:  # what is still waiting cannot be written either, and must not change the exit code
            _forget_output()
        return exit_code(error)


def _tell(error: BaseException, is_json: bool, is_debug: bool) -> None:
    if is_debug:
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, Told):
        return
    if is_json:
        with suppress(OSError):  # nothing can be written there, so it is told as it is without --json
            sys.stdout.write(json.dumps(error_document(error), indent=2) + "\n")
            sys.stdout.flush()
            return
    _, message, hint = _explain(error)
    lines = [f"{paint('error:', 'red', sys.stderr)} {message}"] + ([f"  {hint}"] if hint else [])
    sys.stderr.write(fitted("\n".join(lines), sys.stderr) + "\n")
    sys.stderr.flush()


def error_document(error: BaseException) -> dict[str, Any]:
    """A failure for a program."""
    name, message, _ = _explain(error)
    return {"error": {"type": name, "message": message}}


def _explain(error: BaseException) -> tuple[str, str, str]:
    """Type, message and next step."""
    name, message = type(error).__name__, _lines(error)
    if isinstance(error, GenwrightError):
        message = message.replace("pass overwrite=True", "add --overwrite")
        hint = next((line for kind, line in _NEXT.items() if isinstance(error, kind)), "")
        return name, message, "" if ";" in message else hint
    if _is_usage(error):
        context = getattr(error, "ctx", None)
        said = error.format_message()  # type: ignore[attr-defined]  # of the parser's errors
        return "UsageError", _lines(said), f"see: {context.command_path} --help" if context else ""
    if isinstance(error, (Stopped, KeyboardInterrupt)) or name == "Abort":
        return "Stopped", f"stopped; {message}" if isinstance(error, Stopped) else "stopped", ""
    if isinstance(error, MemoryError):
        return name, "there is not enough memory for this", "ask for fewer rows at a time"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return name, "the disk is full", "free some space or write elsewhere; run again with --debug to see where"
    kept = "".join(f"; {note}" for note in getattr(error, "__notes__", ()))
    return name, f"unexpected {name}: {message}"[:500].rstrip(": "), f"run again with --debug to see where{kept}"


def _lines(message: object) -> str:
    """The message, its lines kept, without characters that steer a terminal, and no more than a screen of it."""
    return "\n".join(printable(line[:LONGEST]) for line in str(message).splitlines()[:MOST_LINES])


def _is_usage(error: BaseException) -> bool:
    """Whether the parser of the command line raised it."""
    return callable(getattr(error, "format_message", None)) and getattr(error, "exit_code", None) == WRONG


def _forget_output() -> None:
    """What is still buffered goes nowhere, in silence."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
