"""`querygen`: words in, exit code out. Each command's module is imported only when it is called."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from querygen_core.cli.parser import build_parser
from querygen_core.errors import ConfigError, Exit, QuerygenError, UsageError


def run_command(words: Sequence[str]) -> int:
    """Run one command. Whatever goes wrong is one clear message on stderr, without a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # results are UTF-8 wherever they go; what has none is written out
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        arguments = build_parser().parse_args(words)
        module, function = arguments.command.split(":")
        code = int(getattr(import_module(f"querygen_core.cli.{module}"), function)(arguments))
        show("", end="")
    except QuerygenError as exc:
        return complain(exc)
    except BrokenPipeError:
        return Exit.DONE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception as exc:  # noqa: BLE001 - the last place to say anything
        return complain(_bug(exc))
    return code


def show(text: str, end: str = "\n") -> None:
    """Print a result. That nobody reads it any more changes nothing, least of all the exit code."""
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at exit once more


def _bug(error: Exception) -> QuerygenError:
    import logging

    logging.getLogger("querygen").debug("a bug", exc_info=error)
    advice = "please report it, with what --log-level debug shows"
    return QuerygenError(f"a bug in querygen or a plugin: {type(error).__name__}: {error}; {advice}")


def complain(error: QuerygenError) -> int:
    from querygen_core.masking import mask, printable

    lines = error.problems if isinstance(error, ConfigError) else (str(error),)
    for line in lines:
        print(printable(mask(line)), file=sys.stderr)
    if isinstance(error, UsageError):
        print("see: querygen --help", file=sys.stderr)
    return error.exit_code
