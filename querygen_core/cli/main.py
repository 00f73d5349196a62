"""`querygen`: words in, exit code out. Each command's module is imported only when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from querygen_core.cli.parser import build_parser
from querygen_core.errors import ConfigError, Exit, QuerygenError, UsageError


def run_command(words: Sequence[str]) -> int:
    """Run one command. Whatever is the user's to mend is one clear message on stderr, without a traceback."""
    try:
        arguments = build_parser().parse_args(words)
        module, function = arguments.command.split(":")
        return int(getattr(import_module(f"querygen_core.cli.{module}"), function)(arguments))
    except QuerygenError as exc:
        return complain(exc)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at exit once more
        return Exit.DONE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def complain(error: QuerygenError) -> int:
    from querygen_core.masking import mask

    lines = error.problems if isinstance(error, ConfigError) else (str(error),)
    for line in lines:
        print(mask(line), file=sys.stderr)
    if isinstance(error, UsageError):
        print("see: querygen --help", file=sys.stderr)
    return error.exit_code
