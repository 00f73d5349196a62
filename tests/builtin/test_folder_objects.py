"""A folder as an object store, as several processes and machines use it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from querygen_core import builtin
from querygen_core.builtin import durable_files
from querygen_core.builtin.folder_objects import FolderObjects
from querygen_core.contracts.errors import JournalError
from querygen_core.registry import Registry
from querygen_core.testing import ObjectStoreContract, context

RACE = """
import json, sys
from querygen_core.builtin.folder_objects import FolderObjects
store, (url, number) = FolderObjects(), sys.argv[1:]
lease = store.get(f"{url}lease")
print("ready", flush=True)
sys.stdin.readline()
won = [n for n in range(50) if store.create(f"{url}{n}", f"{n} of {number}".encode()) is None]
print(json.dumps({"won": won, "replaced": bool(store.replace(f"{url}lease", number.encode(), lease.etag))}))
"""


class TestFolder(ObjectStoreContract):
    def objects(self):
        return builtin.build_file_storage(builtin.NoOptions(), context(self.folder))

    def url(self, name):
        return f"file://{self.folder}/store/{name}"


@pytest.fixture
def store() -> FolderObjects:
    return FolderObjects()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"file://{tmp_path}/store/"


def test_the_storage_of_files_is_one():
    assert isinstance(Registry().storage("file"), FolderObjects)


@pytest.mark.slow
def test_of_processes_that_write_at_once_one_wins(store, url):
    store.create(f"{url}lease", b"free")
    command = [sys.executable, "-c", RACE, url]
    racing = [
        subprocess.Popen([*command, str(number)], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in range(6)
    ]
    assert [process.stdout.readline() for process in racing] == ["ready\n"] * 6
    for process in racing:
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [json.loads(process.communicate(timeout=60)[0]) for process in racing]
    assert sorted(name for result in results for name in result["won"]) == list(range(50))
    for number, result in enumerate(results):
        assert all(store.get(f"{url}{name}").body == b"%d of %d" % (name, number) for name in result["won"])
    assert [result["replaced"] for result in results].count(True) == 1


def test_age_is_by_the_disk_s_clock(store, url, tmp_path):
    """Not by this machine's, which may differ: here the disk says that the object is an hour old."""
    store.create(f"{url}a", b"1")
    written = store.now(url).timestamp() - 3600
    os.utime(tmp_path / "store" / "a", (written, written))
    assert 3600 <= store.get(f"{url}a").age < 3700
    (entry,) = store.entries(url)
    assert entry.written.timestamp() == pytest.approx(written)


def test_leaves_nothing_half_written(store, url, tmp_path, monkeypatch):
    """A process that is killed while it writes leaves a file that is in nobody's way."""
    store.create(f"{url}a", b"1")
    (tmp_path / "store" / ".0123.partial").write_bytes(b"half")
    assert [entry.url for entry in store.entries(url)] == [f"{url}a"]

    def full(_file: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(JournalError, match="store/b: No space left on device") as caught:
        store.create(f"{url}b", b"2")
    assert caught.value.exit_code == 75
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == [".0123.partial", "a"]


def test_whoever_holds_the_lock_is_not_waited_for_without_end(store, url, tmp_path, monkeypatch):
    """It may have been stopped in the middle of a write."""
    monkeypatch.setattr(durable_files, "_PATIENCE", 0.1)
    store.create(f"{url}lease", b"1")
    etag = store.get(f"{url}lease").etag
    with (tmp_path / "store" / ".lock").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(JournalError, match=r"another process has locked it for 0\.1 s; run again"):
            store.replace(f"{url}lease", b"2", etag)
        assert store.create(f"{url}other", b"3") is None, "answers go on"
    assert store.replace(f"{url}lease", b"2", etag)


@pytest.mark.parametrize("at", ["file://host/a/", "a/b"])
def test_a_url_without_a_folder_is_refused(store, at):
    with pytest.raises(JournalError, match="three slashes: file:///path/") as caught:
        store.create(at, b"")
    assert caught.value.exit_code == 78


def test_a_file_in_the_place_of_a_folder(store, url, tmp_path):
    (tmp_path / "store").write_bytes(b"")
    for call in (lambda: store.create(f"{url}a", b""), lambda: store.get(f"{url}a"), lambda: list(store.entries(url))):
        with pytest.raises(JournalError, match=r"Not a directory|File exists") as caught:
            call()
        assert caught.value.exit_code == 72
