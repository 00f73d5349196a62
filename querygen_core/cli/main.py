"""Runs one command. The command's module is imported only when it is called, so that `--help` starts fast."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from querygen_core.cli.parser import build_parser
from querygen_core.contracts.errors import ConfigError, Exit, QuerygenError, UsageError, lack_of_memory


def run_command(argv: Sequence[str]) -> int:
    """Run one command and return its exit code. Errors are printed to stderr, without a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # results are UTF-8 in every locale; lone surrogates are escaped
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        arguments = build_parser().parse_args(argv)
        module, function = arguments.command.split(":")
        code = int(getattr(import_module(f"querygen_core.cli.{module}"), function)(arguments))
        print_result("", end="")  # flushes, so that a closed pipe is noticed here
    except QuerygenError as exc:
        return report_error(exc)
    except BrokenPipeError:
        return Exit.DONE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception as exc:  # noqa: BLE001 - a traceback would be all that the user sees
        return report_error(lack_of_memory(exc) or _bug(exc))
    return code


def print_result(text: str, end: str = "\n") -> None:
    """Print to stdout. A reader that has closed the pipe changes neither the command nor its exit code."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python reports it again at exit


def _bug(error: Exception) -> QuerygenError:
    import logging

    logging.getLogger("querygen").debug("unexpected error", exc_info=error)
    advice = "please report it, with the output of --log-level debug"
    return QuerygenError(f"a bug in querygen or a plugin: {type(error).__name__}: {error}; {advice}")


def report_error(error: QuerygenError) -> int:
    """Print one line for each problem, secrets masked, and return the exit code."""
    from querygen_core.secrets.masking import mask, printable

    lines = error.problems if isinstance(error, ConfigError) else (str(error),)
    for line in lines:
        print(printable(mask(line)), file=sys.stderr)
    if isinstance(error, UsageError):
        print("see: querygen --help", file=sys.stderr)
    return error.exit_code
