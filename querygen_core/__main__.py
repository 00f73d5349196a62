"""The entry point. Its first act is to hear SIGTERM, before anything slow is imported."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

_CODES = {signal.SIGTERM: 75, signal.SIGINT: 130}


def _leave(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a handler's signature
    """Nothing has been paid yet, so nothing is lost by going at once. An exception might be caught on its way."""
    os._exit(_CODES[signal.Signals(number)])


def main() -> NoReturn:
    for number in _CODES:
        signal.signal(number, _leave)
    from querygen_core.cli.main import run_command

    sys.exit(run_command(sys.argv[1:]))


if __name__ == "__main__":
    main()
