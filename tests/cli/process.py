"""querygen as a user has it: a process of its own, in a folder of its own, with plugins that are installed for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LIMIT = 120.0  # seconds; only a process that hangs needs them
_LAB = Path(__file__).with_name("querygen_lab.py")


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def install(folder: Path, name: str, source: str) -> Path:
    """A distribution `querygen-<name>` of one module with this source, for PYTHONPATH."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"querygen_{name}.py").write_text(source, encoding="utf-8")
    metadata = folder / f"querygen_{name}-1.0.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: querygen-{name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[querygen]\n{name} = querygen_{name}\n")
    return folder


def install_lab(folder: Path) -> Path:
    return install(folder, "lab", _LAB.read_text("utf-8"))


def environment(given: Mapping[str, str], path: Sequence[Path] = ()) -> dict[str, str]:
    """The test's own, with plugins to be found in `path`. Fatal errors of C code show where they happened."""
    here = os.environ.get("PYTHONPATH", "")
    paths = [*map(str, path), *([here] if here else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONFAULTHANDLER": "1", **given}


def start(*words: str, cwd: Path, path: Sequence[Path] = (), **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "querygen_core", *words],
        cwd=cwd,
        env=environment(environ, path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def end(process: subprocess.Popen[str], limit: float = LIMIT) -> Ended:
    """Wait for it; one that hangs is killed, and the test fails."""
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it hangs: {process.args}\n{out[-2000:]}\n{err[-2000:]}") from None
    return Ended(process.returncode, out, err)


def wait_for(process: subprocess.Popen[str], reached: Callable[[], bool]) -> bool:
    """Until it is so (True) or the process has ended by itself (False)."""
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        if process.poll() is not None:
            return False
        if reached():
            return True
        time.sleep(0.01)
    process.kill()
    raise AssertionError("it was never so")


def querygen(*words: str, cwd: Path, path: Sequence[Path] = (), **environ: str) -> Ended:
    return end(start(*words, cwd=cwd, path=path, **environ))


def write_config(file: Path, **sections: Any) -> Path:
    """JSON is YAML."""
    file.write_text(json.dumps(sections, ensure_ascii=False, indent=1), encoding="utf-8")
    return file


def write_catalogue(file: Path, records: Sequence[Mapping[str, Any]]) -> Path:
    file.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return file
