from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.container.debian import make_python_image
from tests.container.images import STORAGE, Image, build, copy_context, prune

PROGRAMS = ("buildah", "runc", "mmdebstrap")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """A folder shared by all workers, so that the second finds the layers of the first."""
    with STORAGE.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def python() -> str:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing or os.geteuid():
        pytest.skip(f"needs root and: apt-get install {' '.join(missing or PROGRAMS)}")
    with one_at_a_time():
        prune()
        return make_python_image()


@pytest.fixture(scope="session")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_context(tmp_path_factory.mktemp("context"))


@pytest.fixture(scope="session")
def make(python: str, worker_id: str) -> Callable[..., Image]:
    def make(context: Path, name: str, **arguments: str) -> Image:
        with one_at_a_time():
            return build(context, f"localhost/querygen-tests/{name}:{worker_id}", python, **arguments)

    return make


@pytest.fixture(scope="session")
def prod(make: Callable[..., Image], context: Path) -> Image:
    return make(context, "prod")


@pytest.fixture(scope="session")
def quickstart(make: Callable[..., Image], context: Path) -> Image:
    return make(context, "quickstart", CONFIG="configs/quickstart.yaml", EXTRAS="embedded")
