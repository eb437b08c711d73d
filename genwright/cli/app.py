"""The command line as a whole: every file of this folder that has a function `command` is a command of that name.

A command's first docstring line is its line in `genwright --help`, and is read without importing the file; only the
file of the command that is run is imported, and commands import heavy packages when they are called.

A function `command(screen, ...)` has typer's annotations on all of its parameters but `screen`. What it prints goes
through the screen; what it returns is the document that `--json` prints. The options in `COMMON` belong to every
command and are not seen by it, unless it has a parameter of that name.
"""

import ast
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import genwright
from genwright.cli.terminal.failures import PipeClosed, Stopped, Told, error_document, guarded
from genwright.cli.terminal.screen import Screen
from genwright.core.errors import UnknownNameError
from genwright.training.config import MOST_THREADS
from genwright.training.processes import is_main

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print results and warnings only; no bars, no hints.")]
Debug = Annotated[bool, typer.Option("--debug", help="When something fails, show where.")]
Threads = Annotated[
    int | None,
    typer.Option("--threads", metavar="N", min=1, max=MOST_THREADS, help="CPU threads to use; 1 without it."),
]

COMMON: dict[str, Any] = {"json": Json, "quiet": Quiet, "debug": Debug, "threads": Threads}
NAME = "genwright"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class Commands(TyperGroup):
    """The files of this folder as commands."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return list(summaries())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command as its line in a list; nothing is imported."""
        line = summaries().get(cmd_name)
        return None if line is None else _as_typer(cmd_name, _nothing, line)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called, imported."""
        name = args[0]
        if name in summaries():
            return name, load(name), args[1:]
        if ctx.resilient_parsing:  # the shell completes a half-written line
            return None, None, args[1:]
        raise UnknownNameError(name, summaries(), "the commands of genwright")

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs a command line and ends with its exit code, whatever happens."""
        _open_streams()
        _come_back()
        words = list(sys.argv[1:] if args is None else args)
        flags = words[: words.index("--")] if "--" in words else words
        work = partial(super().main, words, prog_name or NAME, complete_var, False, windows_expand_args, **extra)
        code = guarded(work, is_json="--json" in flags, is_debug="--debug" in flags)
        if standalone_mode:
            sys.exit(code)
        return code


app = typer.Typer(
    name=NAME,
    cls=Commands,
    rich_markup_mode=None,  # plain help starts twice as fast and is the same in a pipe
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def start(
    ctx: typer.Context,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
    threads: Threads = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Learn from your data, generate its likeness, prove it.

    \b
    genwright fit customers.csv
    genwright sample runs/customers -n 1000 -o synthetic.csv

    Exit codes: 0 done, 1 unexpected, 2 the command line or the data are wrong, 3 the fit failed or the model cannot do
    it, 4 a run cannot be written or read, 130 stopped by Ctrl-C.
    """
    ctx.obj = {"json": json, "quiet": quiet, "debug": debug, "threads": threads}
    if version:
        screen = Screen(is_json=json)
        screen.result(f"{NAME} {genwright.__version__}")
        screen.document({"version": genwright.__version__})
    elif ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@cache
def summaries() -> Mapping[str, str]:
    """Command → the first line of its file's docstring, without importing it."""
    found = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "command" for node in tree.body):
            found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def load(name: str) -> Any:
    """A command with its options."""
    module = import_module(f"genwright.cli.{name}")
    doc = inspect.cleandoc(module.__doc__ or "")
    return _as_typer(name, with_common(module.command), doc)


def with_common(command: Callable[..., Any]) -> Callable[..., None]:
    """The command with the options of every command."""
    every = list(inspect.signature(command).parameters.values())[1:]  # without screen
    own, seen = [p for p in every if p.name not in COMMON], [p.name for p in every if p.name in COMMON]

    def run(ctx: typer.Context, **values: Any) -> None:
        before = ctx.obj if isinstance(ctx.obj, dict) else {}  # options in front of the command's name count too
        common = {name: values.pop(name) or before.get(name) for name in COMMON}
        asked: dict[str, Any] = {f"is_{name}": bool(common[name]) for name in ("json", "quiet", "debug")}
        screen = Screen(**asked) if is_main() else Screen(is_quiet=True, is_mute=True)
        _use_threads(common["threads"] or 1)
        _call(partial(command, screen, **values, **{name: common[name] for name in seen}), screen)

    keyword = inspect.Parameter.KEYWORD_ONLY
    context = inspect.Parameter("ctx", keyword, annotation=typer.Context)
    shared = [
        inspect.Parameter(name, keyword, annotation=kind, default=None if name == "threads" else False)
        for name, kind in COMMON.items()
    ]
    parameters = [context, *(p.replace(kind=keyword) for p in own), *shared]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def _call(command: Callable[[], Any], screen: Screen) -> None:
    try:
        with screen.listening(), warnings.catch_warnings():
            if not screen.is_debug:
                warnings.simplefilter("ignore")  # of other packages; our own go through the log
            here = os.stat(".")
            document = command()
            if not os.path.samestat(here, os.stat(".")):
                screen.note('the run that you are in was written anew: cd "$PWD" shows its files')
        screen.document(document or {})
    except BrokenPipeError:
        raise PipeClosed from None
    except KeyboardInterrupt:
        raise _told(screen, Stopped(screen.kept)) from None
    except Exception as error:
        if screen.has_kept:
            error.add_note(screen.kept)
        if screen.has_begun:
            raise _told(screen, error) from error
        raise


def _told(screen: Screen, failure: Exception) -> Exception:
    """The failure, as the end of the document where that has begun."""
    if not screen.has_begun:
        return failure
    try:
        screen.document(error_document(failure))
    except OSError:  # nothing more can be written there
        return failure
    return Told(failure)


def _as_typer(name: str, function: Callable[..., Any], doc: str) -> Any:
    """A function as one of typer's commands."""
    one = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    one.command(name, help=doc, short_help=doc.partition("\n")[0])(function)
    return typer.main.get_command(one)


def _nothing() -> None:
    """Stands in for a command in a list."""


def _open_streams() -> None:
    """Streams that were closed before the start, as by `>&-`, lead nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # until the end


def _come_back() -> None:
    """In a shell that stands in a folder whose place another one has taken, work goes on in that one."""
    try:
        os.getcwd()
    except OSError:
        with suppress(OSError):
            os.chdir(os.environ.get("PWD", "."))


def _use_threads(n: int) -> None:
    """Threads of torch and of the libraries beneath NumPy, whether they are imported yet or not."""
    os.environ.update(dict.fromkeys(_THREADS, str(n)))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(n)


def main() -> None:
    """The program `genwright`."""
    app()


if __name__ == "__main__":
    main()
