from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from querygen_core.testing.isolation import (
    empty_home,
    isolated_environment,
    no_secrets_of_other_tests,
    nothing_left_behind,
)

__all__ = ["empty_home", "isolated_environment", "no_secrets_of_other_tests", "nothing_left_behind"]

MEMORY_DISK = Path("/dev/shm")
ROOM = 3 << 30  # bytes that must be free; a whole run leaves less than a third of that behind

settings.register_profile("querygen", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("querygen")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep what tests write on a memory disk where there is one, for most of them wait for a disk above all.

    It is removed at the end. `--basetemp FOLDER` keeps it. TMPDIR stays as it is: built images are cached there.
    """
    if config.option.basetemp is None and is_suitable(MEMORY_DISK):
        folder = Path(tempfile.mkdtemp(prefix="querygen-tests-", dir=MEMORY_DISK))
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        config.option.basetemp = str(folder / "pytest")  # of the workers of pytest-xdist, too
        if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
            # Hundreds of processes would each compile all they import, which is half of what they take to start.
            os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = str(folder / "bytecode")
            sys.dont_write_bytecode = False


def is_suitable(disk: Path) -> bool:
    """Whether tests may write on it, run what they have written, and find room enough."""
    if not (disk.is_dir() and os.access(disk, os.W_OK)):
        return False
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize >= ROOM and not status.f_flag & os.ST_NOEXEC
