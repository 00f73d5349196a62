"""The files of a server."""

from __future__ import annotations

import os
import re
from pathlib import Path

_CAUSE = re.compile(r"(?:FATAL|PANIC|DETAIL|HINT|error):\s.*")
_MAX_LOG_SIZE = 1_000_000  # bytes


class ServerPaths:
    """All files are in one folder, which only its owner may read. The folders above it are left as they are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.partial = self.folder / "data.partial"
        self.password = self.folder / "password"
        self.log = self.folder / "log"
        self.users = self.folder / "users.lock"
        self.start = self.folder / "start.lock"
        self.server = self.folder / "server.lock"

    def prepare(self) -> None:
        """Create the folder, closed to others."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.folder.stat().st_mode & 0o777 != 0o700:
            self.folder.chmod(0o700)

    def open_log(self) -> int:
        """A file descriptor that appends to the log. A log that has become too long is emptied first."""
        file = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if os.fstat(file).st_size > _MAX_LOG_SIZE:
            os.ftruncate(file, 0)
        return file

    def cause_in_log(self, offset: int = 0) -> str:
        """The last lines of the log, from byte `offset` on, that explain a failure, as one line."""
        try:
            text = self.log.read_bytes()[offset:].decode(errors="replace")
        except OSError:
            return "its log is empty"
        lines = text.splitlines()
        causes = [match[0] for line in lines if (match := _CAUSE.search(line))]
        return " ".join(causes[-3:] or lines[-1:] or ["its log is empty"])
