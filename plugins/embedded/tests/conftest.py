"""Folders to test servers in: new ones, set-up ones, and ones that any user can reach."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded_clients import copy_of, eventually, kill, processes, served
from querygen_core.testing.isolation import (
    empty_home,
    isolated_environment,
    no_secrets_of_other_tests,
    nothing_left_behind,
)
from querygen_embedded.binaries import find_binaries

__all__ = ["empty_home", "isolated_environment", "no_secrets_of_other_tests", "nothing_left_behind"]


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A server's folder, set up and stopped; tests copy it."""
    folder = tmp_path_factory.getbasetemp() / "embedded-server"
    if not folder.exists():
        with served(folder):
            pass
    return folder


@pytest.fixture
def folder(made, tmp_path) -> Iterator[Path]:
    """A set-up one. No process of it outlives the test, even if it fails."""
    folder = copy_of(made, tmp_path / "server")
    yield folder
    _end(folder)


@pytest.fixture
def empty(tmp_path) -> Iterator[Path]:
    folder = tmp_path / "new" / "server"
    yield folder
    _end(folder)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """An empty folder that everybody can reach; pytest's own ones are closed to others.

    Of no use where only root can reach the programs, as in a checkout below its home.
    """
    if os.geteuid() == 0:
        programs, nobody = find_binaries(), pwd.getpwnam("nobody")
        tried = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}
        try:
            subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, **tried)
        except (PermissionError, subprocess.CalledProcessError):
            pytest.skip(f"nobody but root can reach {programs}")
    place = Path(tempfile.mkdtemp(prefix="querygen-"))
    place.chmod(0o755)
    try:
        yield place
        _end(place)
    finally:
        shutil.rmtree(place)


def _end(folder: Path) -> None:
    left = processes(folder)
    kill(*left)
    assert not left, f"the test left behind: {left}"
    assert eventually(lambda: not processes(folder))
