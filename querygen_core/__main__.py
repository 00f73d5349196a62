"""The entry point. Signal handlers come first: SIGTERM may arrive while the rest is still being imported."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from querygen_core.contracts.early_exit import heed_signals
from querygen_core.contracts.last_resort import is_lack_of_memory, last_resort, leave_out_of_memory


def main() -> NoReturn:
    heed_signals()
    _open_missing()
    try:
        last_resort.start()
        from querygen_core.cli.main import run_command

        code = run_command(sys.argv[1:])
    except Exception as error:
        if is_lack_of_memory(error):  # there was not even enough to import the rest, or to say so
            leave_out_of_memory()
        raise
    sys.exit(code)


def _open_missing() -> None:
    """Occupy the standard descriptors that are closed: else the next file that is opened gets what is printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR if number == 2 else os.O_RDONLY)  # what is written to 1 fails, as it should
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)


if __name__ == "__main__":
    main()
