"""Runs one command. The command's module is imported only when it is called, so that `--help` starts fast."""

from __future__ import annotations

import argparse
import errno
import io
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TextIO

from querygen_core.cli.parser import build_parser
from querygen_core.contracts.errors import ConfigError, ErrorKind, Exit, QuerygenError, UsageError, lack_of_memory


class OutputError(QuerygenError):
    """Standard output does not take what a command prints."""

    kind: ErrorKind = "permanent"


def run_command(argv: Sequence[str]) -> int:
    """Run one command and return its exit code. Errors are printed to stderr, without a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # results are UTF-8 in every locale; lone surrogates are escaped
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        code = _call(argv)
        print_result("", end="")  # flushes, so that what cannot be written is noticed here
    except QuerygenError as exc:
        code = report_error(exc)
    except BrokenPipeError:
        code = Exit.DONE
    except KeyboardInterrupt:
        code = Exit.INTERRUPTED
    except Exception as exc:  # noqa: BLE001 - a traceback would be all that the user sees
        code = report_error(lack_of_memory(exc) or _bug(exc))
    _forget_unwritten(sys.stdout)
    _forget_unwritten(sys.stderr)
    return code


def _call(argv: Sequence[str]) -> int:
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as exc:  # --help or --version is printed
        return int(exc.code or 0)
    module, function = arguments.command.split(":")
    return int(getattr(import_module(f"querygen_core.cli.{module}"), function)(arguments))


def configure_logs(arguments: argparse.Namespace) -> None:
    """As the command line wants them."""
    from querygen_core.logs import configure

    configure("error" if arguments.quiet else arguments.log_level, arguments.log_format)


def columns() -> int | None:
    """Of the terminal that results go to; None if they go elsewhere."""
    return max(shutil.get_terminal_size().columns, 40) if sys.stdout.isatty() else None


def print_result(text: str, end: str = "\n") -> None:
    """Print to stdout. A reader that has closed the pipe changes neither the command nor its exit code.

    Raises:
        OutputError: it takes nothing, as on a full disk.
    """
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        _silence(sys.stdout)
    except OSError as exc:
        _silence(sys.stdout)
        why = "it is closed" if exc.errno == errno.EBADF else exc.strerror
        raise OutputError(f"standard output: {why}; not everything could be printed") from None


def _forget_unwritten(stream: TextIO) -> None:
    try:
        stream.flush()
    except OSError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Have a stream that takes nothing take all, or Python reports it again at exit and ends with 120."""
    with suppress(OSError):  # it has no descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _bug(error: Exception) -> QuerygenError:
    import logging

    logging.getLogger("querygen").debug("unexpected error", exc_info=error)
    advice = "please report it, with the output of --log-level debug"
    return QuerygenError(f"a bug in querygen or a plugin: {type(error).__name__}: {error}; {advice}")


def report_error(error: QuerygenError) -> int:
    """Print one line for each problem, secrets masked, and return the exit code."""
    from querygen_core.secrets.masking import mask, printable

    lines = error.problems if isinstance(error, ConfigError) else (str(error),)
    with suppress(OSError):  # nobody reads it
        for line in lines:
            print(printable(mask(line)), file=sys.stderr)
        if isinstance(error, UsageError):
            print("see: querygen --help", file=sys.stderr)
    return error.exit_code
