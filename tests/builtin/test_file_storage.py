"""Local files are read by path and by URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from querygen_core.contracts.errors import InputError, MissingInput
from querygen_core.registry import Registry


def test_the_storage_for_files_reads_paths_and_urls(tmp_path):
    storage = Registry().storage("file", tmp_path / "configs")
    Path("configs").mkdir()
    Path("configs/a b.txt").write_text("one")
    Path("configs/c.txt").write_text("two")
    with storage.open("a b.txt") as file:
        assert file.read() == b"one"
    with storage.open((tmp_path / "configs/a b.txt").as_uri()) as file:
        assert file.read() == b"one"
    assert storage.list("configs") == ["configs/a b.txt", "configs/c.txt"]
    assert storage.list("c.txt") == [str(tmp_path / "configs/c.txt")]
    assert storage.list("gone") == []


def test_the_storage_for_files_says_what_is_wrong():
    storage = Registry().storage("file")
    Path("folder").mkdir()
    with pytest.raises(MissingInput, match="gone: there is no such file"):
        storage.open("gone")
    with pytest.raises(InputError, match="folder: cannot be read: Is a directory"):
        storage.open("folder")
    with pytest.raises(InputError, match="three slashes"):
        storage.open("file://host/path")
