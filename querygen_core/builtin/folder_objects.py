"""A folder as an object store, also on a disk that several machines share. Names that begin with a dot are its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from querygen_core.builtin.durable_files import clock_of, durable_file, explained, link, locked, make_folder, modified
from querygen_core.contracts.errors import JournalError
from querygen_core.contracts.records import Entry, StoredObject
from querygen_core.formats.atomic_file import move_into_place, sync_folder

_ATTEMPTS = 8


class FolderObjects:
    """Implements `KeepsObjects`: `create` is a hard link, which fails if there is one; `replace` compares in a lock."""

    def get(self, url: str) -> StoredObject | None:
        with _path(url) as path, suppress(FileNotFoundError), path.open("rb") as file:
            body, written = file.read(), os.fstat(file.fileno()).st_mtime
            return StoredObject(body, _etag(body), max(0.0, clock_of(path.parent) - written))
        return None

    def create(self, url: str, body: bytes) -> StoredObject | None:
        with _path(url) as path, durable_file(path.parent, body) as source:
            for _ in range(_ATTEMPTS):
                if link(source, path):
                    return None
                if existing := self.get(url):
                    return None if existing.body == body else existing
            raise JournalError(f"{path}: is removed again and again while it is written; run again")

    def replace(self, url: str, body: bytes, etag: str) -> str | None:
        with _path(url) as path, durable_file(path.parent, body) as source, locked(path.parent):
            current = self.get(url)
            if current is None or current.etag != etag:
                return None
            move_into_place(source, path)
            return _etag(body)

    def delete(self, url: str) -> None:
        with _path(url) as path, suppress(FileNotFoundError), locked(path.parent):
            path.unlink()  # in the lock, because a `replace` under way would bring it back
            sync_folder(path.parent)

    def entries(self, url: str) -> Iterator[Entry]:
        with _path(url) as path:
            folders = [str(path)]
            while folders:
                with suppress(FileNotFoundError), os.scandir(folders.pop()) as items:
                    for item in items:
                        if item.is_dir():
                            folders.append(item.path)
                        elif not item.name.startswith(".") and (written := modified(item)) is not None:
                            yield Entry(f"file://{item.path}", datetime.fromtimestamp(written, UTC))

    def now(self, url: str) -> datetime:
        with _path(url if url.endswith("/") else url.rpartition("/")[0]) as folder:
            make_folder(folder)
            return datetime.fromtimestamp(clock_of(folder), UTC)


def _etag(body: bytes) -> str:
    """Of the content, because another machine may see inode and time of a file late."""
    return sha256(body).hexdigest()


@contextmanager
def _path(url: str) -> Iterator[Path]:
    if not url.startswith("file:///"):
        raise JournalError(f"{url}: the URL of a folder has three slashes: file:///path/", kind="config")
    path = Path(url.removeprefix("file://"))
    with explained(path):
        yield path
