"""A method of a contract, run in another process that is killed on the way."""

from __future__ import annotations

import base64
import inspect
import json
import pickle
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress

from querygen_core.testing.contract import Contract

_PATIENCE = 60.0

_PROGRAM = """
import base64, functools, importlib.util, json, pickle, sys
given = json.loads(sys.argv[1])
sys.path[:] = given["path"]
spec = importlib.util.spec_from_file_location(given["module"], given["file"])
sys.modules[given["module"]] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
contract = functools.reduce(getattr, given["name"].split("."), module)()
vars(contract).update(pickle.loads(base64.b64decode(given["attributes"])))
getattr(contract, given["method"])()
"""


def say(line: object) -> None:
    """For the child process: print a line that `kill_while` reads even if the kill comes right after it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def kill_while(contract: Contract, method: str, *, after: float) -> list[str]:
    """Call `method` on a copy of `contract` in a new process; SIGKILL it `after` seconds from its first line.

    The copy has the pickled attributes of `contract`, so `method` finds what a fixture put there. Returns the lines
    that the process printed, without one that was cut.
    """
    command = [sys.executable, "-c", _PROGRAM, _describe(contract, method)]
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints) as child,  # noqa: S603 - our own interpreter
    ):
        assert child.stdout is not None
        impatience = threading.Timer(_PATIENCE, child.kill)
        impatience.start()
        first = child.stdout.readline()
        impatience.cancel()
        with suppress(subprocess.TimeoutExpired):
            child.wait(after)
        ended = not first or child.returncode is not None
        child.kill()
        printed = first + child.stdout.read()
        child.wait()
        complaints.seek(0)
        assert not ended, f"{method} ended before it was killed:\n{complaints.read().decode()}"
    return printed.decode().rpartition("\n")[0].splitlines()


def _describe(contract: Contract, method: str) -> str:
    kind = type(contract)
    assert "<locals>" not in kind.__qualname__, (
        f"define {kind.__name__} at the top level of its module: another process imports it"
    )
    try:
        attributes = pickle.dumps(vars(contract))
    except Exception as exc:
        raise AssertionError(f"attributes of {kind.__name__} go to a new process, so they must be picklable") from exc
    return json.dumps(
        {
            "path": sys.path,
            "module": kind.__module__,
            "file": inspect.getfile(kind),
            "name": kind.__qualname__,
            "attributes": base64.b64encode(attributes).decode(),
            "method": method,
        }
    )
