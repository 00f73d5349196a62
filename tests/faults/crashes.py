"""A program: runs a small job once for every place where it can be killed, and finishes it each time.

    python crashes.py CONFIG FOLDER [STRIDE]

In a child that is forked for the purpose, the n-th write (a transaction's begin or end, a sync, a rename) kills the
process just before it happens; then another child runs the job to its end. n grows, by STRIDE or one, until a job gets
through. One JSON line for each n: the place, and how the run after it ended. Forking costs a tenth of a new Python.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from querygen_core.cli.main import run_command

_MOST = 500
_LEASE = re.compile(r"\.\d{13,}\.")  # the number of a lease in the name of a file


class Fuse:
    """Counts writes and kills the process at the n-th."""

    def __init__(self, length: int) -> None:
        self.left = length
        self._connect = sqlite3.connect

    def burn(self, place: str) -> None:
        self.left -= 1
        if self.left == 0:
            Path("place").write_text(place)
            os.kill(os.getpid(), signal.SIGKILL)

    def traced(self, statement: str) -> None:
        word = statement.partition(" ")[0]
        if word in ("BEGIN", "COMMIT"):
            self.burn(word)

    def connect(self, *args: Any, **given: Any) -> sqlite3.Connection:
        connection = self._connect(*args, **given)
        connection.set_trace_callback(self.traced)
        return connection

    def before(self, place: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def burning(*args: Any, **given: Any) -> Any:
            self.burn(place)
            return call(*args, **given)

        return burning

    def lay(self) -> None:
        sqlite3.connect = self.connect
        for name in ("fsync", "replace", "rename", "link", "unlink"):
            setattr(os, name, self.before(name, getattr(os, name)))


def in_a_child(work: Callable[[], int]) -> int:
    """Its exit code, negative if it was killed."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = work()
        except BaseException:  # noqa: BLE001 - nothing may get out of the child alive
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def run(fuse: Fuse | None = None) -> int:
    if fuse is not None:
        fuse.lay()
    return run_command(["run", "shop.yaml", "--json", "--log-level", "error"])


def _paid() -> int:
    return Path("bill").stat().st_size if Path("bill").exists() else 0


def main() -> None:
    config, folder = Path(sys.argv[1]), Path(sys.argv[2])
    results = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reports of the runs
    shutil.copytree(config.parent, folder)
    os.chdir(folder)
    run()  # in this process, so that its children have everything imported
    for length in range(1, _MOST, int(sys.argv[3]) if len(sys.argv) > 3 else 1):
        os.chdir(config.parent)
        shutil.rmtree(folder)
        shutil.copytree(config.parent, folder)
        os.chdir(folder)
        first = in_a_child(lambda length=length: run(Fuse(length)))
        place = Path("place").read_text() if first == -signal.SIGKILL else ""
        paid = _paid()
        second = in_a_child(run)
        line = {
            "n": length,
            "place": place,
            "first": first,
            "second": second,
            "paid_before": paid,
            "paid": _paid(),
            "files": sorted(_LEASE.sub(".N.", path.name) for path in Path().iterdir()),
            "outputs": [Path(name).read_text("utf-8") for name in ("out.jsonl", "out.json")],
        }
        os.write(results, f"{json.dumps(line)}\n".encode())
        if not place:
            return


if __name__ == "__main__":
    main()
