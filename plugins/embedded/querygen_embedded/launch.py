"""Starts the supervisor process, which starts the server and outlives this process if others use the server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from querygen_core.api import SinkError
from querygen_embedded.paths import ServerPaths
from querygen_embedded.start_error import StartError

_TIMEOUT = 300.0
"""Seconds. The supervisor's own limits are shorter; this one is for a supervisor that was suspended or starved."""

_SUPERVISOR = Path(__file__).with_name("__main__.py")
_INHERITED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Environment variables that Python may need to start. The supervisor gets no others: some hold keys for models."""


def launch(paths: ServerPaths, binaries: Path) -> None:
    """Start a server and wait until it accepts connections. The caller holds `start.lock`.

    Raises:
        SinkError: it does not start; `retry` if it may another time.
    """
    log_size = paths.log.stat().st_size if paths.log.exists() else 0
    status = _run_supervisor(paths, binaries)
    if status == "up":
        return
    if not status:
        cause = paths.cause_in_log(log_size)
        raise SinkError("retry", f"the server in {paths.folder} was killed while it started: {cause}")
    error = StartError.from_json(status)
    raise SinkError(error.kind, str(error))


def _run_supervisor(paths: ServerPaths, binaries: Path) -> str:
    """Its status line; empty if it was killed before it could print one."""
    log = paths.open_log()
    try:
        with subprocess.Popen(  # noqa: S603  # this Python and a file of this package
            [sys.executable, "-I", "-S", str(_SUPERVISOR), str(paths.folder), str(binaries)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=paths.folder,
            env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            start_new_session=True,  # a Ctrl-C in the terminal is for the run, which then releases the server
            text=True,
        ) as process:
            return process.communicate(timeout=_TIMEOUT)[0]
    except subprocess.TimeoutExpired:
        message = f"the server in {paths.folder} did not start within {_TIMEOUT:.0f} seconds; see {paths.log}"
        raise SinkError("retry", message) from None
    finally:
        os.close(log)
