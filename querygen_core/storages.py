"""Local files as a storage like any other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

from querygen_core.api import Context
from querygen_core.errors import InputError, MissingInput


class FileStorage:
    """Takes `file:///path` and plain paths; relative ones from the current folder, else from beside the config."""

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

    def etag(self, url: str) -> str | None:
        try:
            stat = self._path(url).stat()
        except (OSError, ValueError):
            return None
        return f"{stat.st_ino:x}-{stat.st_size:x}-{stat.st_mtime_ns:x}"

    def list(self, url: str) -> Iterable[str]:
        path = self._path(url)
        found = sorted(file for file in (path.rglob("*") if path.is_dir() else (path,)) if file.is_file())
        return [file.absolute().as_uri() if url.startswith("file:") else str(file) for file in found]

    def _path(self, url: str) -> Path:
        if not url.startswith("file:"):
            return self._context.find(url)
        parts = urlsplit(url)
        if parts.netloc not in {"", "localhost"}:
            raise InputError(f"{url}: a file URL has three slashes: file:///path")
        return Path(url2pathname(parts.path))
