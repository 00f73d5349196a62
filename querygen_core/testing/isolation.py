"""Fixtures that keep tests apart from the machine and from each other.

Import them in the tests' `conftest.py`:

    from querygen_core.testing.isolation import (
        empty_home,
        isolated_environment,
        no_secrets_of_other_tests,
        nothing_left_behind,
    )

    __all__ = ["empty_home", "isolated_environment", "no_secrets_of_other_tests", "nothing_left_behind"]

They apply to every test by themselves: no key, setting or home of the machine gets in, and a test that leaves a thread
or a process behind fails.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from querygen_core.secrets import masking

__all__ = ["empty_home", "isolated_environment", "no_secrets_of_other_tests", "nothing_left_behind"]

SETTINGS_OF_THE_MACHINE = (
    "AWS_",
    "AZURE_",
    "ANTHROPIC_",
    "GEMINI_",
    "GOOGLE_",
    "OPENAI_",
    "QUERYGEN_",
    "INPUT_S3_",
    "PRODUCTS_JSON",
    "PG",
)
"""Prefixes of environment variables that change what querygen or an SDK does."""

_PATIENCE = 2.0  # seconds for what a test has ended already, but the system has not


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home folder of all tests. Nothing is in it, and nothing may be put there."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def isolated_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, empty_home: Path) -> None:
    """No credentials and no settings, an empty home, and the test's own folder as the current one."""
    for name in list(os.environ):
        if name.startswith(SETTINGS_OF_THE_MACHINE):
            monkeypatch.delenv(name)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(empty_home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test registers as a secret must not be masked in another's messages."""
    monkeypatch.setattr(masking, "_known", set())
    monkeypatch.setattr(masking, "_known_pattern", None)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fails a test that leaves a thread or a child process running."""
    before = running()
    yield
    left = left_running(before, _PATIENCE)
    assert not left, f"the test left behind: {', '.join(sorted(left))}"


def left_running(before: set[str], patience: float) -> set[str]:
    """What has started since `before` and has not ended after `patience` seconds."""
    until = time.monotonic() + patience
    while (left := running() - before) and time.monotonic() < until:
        time.sleep(0.01)
    return left


def running() -> set[str]:
    """Threads that keep the process from ending, and its children, where the system can tell them."""
    threads = {f"thread {thread.name} ({thread.ident})" for thread in threading.enumerate() if not thread.daemon}
    return threads | {f"process {pid}" for pid in children()}


def children() -> set[int]:
    """Process ids of this process's children: an empty set where there is no `/proc`."""
    pids: set[int] = set()
    for file in Path("/proc/self/task").glob("*/children"):
        try:
            pids.update(map(int, file.read_text().split()))
        except (FileNotFoundError, ProcessLookupError):  # the thread has just ended
            continue
    return pids
