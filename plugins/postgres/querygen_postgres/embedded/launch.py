"""Start a server, through a keeper that outlives this process no longer than it is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from querygen_core.api import SinkError
from querygen_postgres.embedded.layout import Layout
from querygen_postgres.embedded.refusal import Refusal

_PATIENCE = 300.0
"""The keeper gives up earlier, unless it is stopped or starved."""

_KEEPER = Path(__file__).with_name("__main__.py")
_KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What Python may need to start. Keys for models are none of the keeper's business."""


def launch(layout: Layout, binaries: Path) -> None:
    """The server takes connections, or SinkError. Needs the lock `start`."""
    begin = layout.log.stat().st_size if layout.log.exists() else 0
    said = _run(layout, binaries)
    if said == "up":
        return
    if not said:
        why = layout.last_words(begin)
        raise SinkError("retry", f"the server in {layout.folder} was ended before it was up: {why}")
    refusal = Refusal.from_json(said)
    raise SinkError(refusal.kind, str(refusal))


def _run(layout: Layout, binaries: Path) -> str:
    log = layout.open_log()
    try:
        with subprocess.Popen(  # noqa: S603  # this Python and a file of ours
            [sys.executable, "-I", "-S", str(_KEEPER), str(layout.folder), str(binaries)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=layout.folder,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            start_new_session=True,
            text=True,
        ) as process:
            return process.communicate(timeout=_PATIENCE)[0]
    except subprocess.TimeoutExpired:
        message = f"the server in {layout.folder} is not up after {_PATIENCE:.0f} seconds; see {layout.log}"
        raise SinkError("retry", message) from None
    finally:
        os.close(log)
