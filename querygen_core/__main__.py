"""The entry point. Its first act is to hear SIGTERM, before anything slow is imported."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

_TRY_AGAIN = 75


def _leave(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a handler's signature
    """Nothing has been paid yet, so nothing is lost by going at once."""
    sys.exit(_TRY_AGAIN)


def main() -> NoReturn:
    signal.signal(signal.SIGTERM, _leave)
    from querygen_core.cli.main import run_command

    sys.exit(run_command(sys.argv[1:]))


if __name__ == "__main__":
    main()
