"""The entry point. Signal handlers come first: SIGTERM may arrive while the rest is still being imported."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from querygen_core.contracts.last_resort import is_lack_of_memory, last_resort, leave_out_of_memory

_CODES = {signal.SIGTERM: 75, signal.SIGINT: 130}


def _exit_at_once(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - signature of a signal handler
    """No call has been made yet, so nothing is lost. `os._exit`, because an import could catch an exception."""
    os._exit(_CODES[signal.Signals(number)])


def main() -> NoReturn:
    for number in _CODES:
        signal.signal(number, _exit_at_once)
    try:
        last_resort.start()
        from querygen_core.cli.main import run_command

        code = run_command(sys.argv[1:])
    except Exception as error:
        if is_lack_of_memory(error):  # there was not even enough to import the rest, or to say so
            leave_out_of_memory()
        raise
    sys.exit(code)


if __name__ == "__main__":
    main()
