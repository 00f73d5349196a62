"""What a process is told wrongly by a library that is preloaded into it: a disk whose fsync fails or is slow
(`fsync.c`), a clock that jumps (`clock.c`).
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_FOLDER = Path(__file__).parent


def compile_to(folder: Path, name: str = "fsync") -> Path | None:
    """The library `fsync` or `clock`; None where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    library = folder / f"{name}.so"
    command = [compiler, "-O1", "-shared", "-fPIC", "-o", library, _FOLDER / f"{name}.c", "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library
