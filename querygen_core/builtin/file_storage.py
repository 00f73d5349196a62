"""The storage for local files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

from querygen_core.api import Context
from querygen_core.builtin.folder_objects import FolderObjects
from querygen_core.contracts.errors import InputError, MissingInput


class FileStorage(FolderObjects):
    """Reads `file:///path`, percent-encoded, and plain paths; relative ones from the current folder, else from beside
    the config. As an object store (`KeepsObjects`) it takes what stands behind `file://` literally.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def open(self, url: str) -> BinaryIO:
        path = self._path(url)
        try:
            return path.open("rb")
        except FileNotFoundError:
            raise MissingInput(f"{path}: there is no such file") from None
        except (OSError, ValueError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else str(exc)
            raise InputError(f"{path}: cannot be read: {reason}") from None

    def list(self, url: str) -> Iterable[str]:
        path = self._path(url)
        files = sorted(file for file in (path.rglob("*") if path.is_dir() else (path,)) if file.is_file())
        return [file.absolute().as_uri() if url.startswith("file:") else str(file) for file in files]

    def _path(self, url: str) -> Path:
        if not url.startswith("file:"):
            return self._context.find(url)
        parts = urlsplit(url)
        if parts.netloc not in {"", "localhost"}:
            raise InputError(f"{url}: a file URL has three slashes: file:///path")
        return Path(url2pathname(parts.path))
