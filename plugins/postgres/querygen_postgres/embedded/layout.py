"""What is where in the server's folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

_TELLING = re.compile(r"(?:FATAL|PANIC|DETAIL|HINT|error):\s.*")
_LONGEST_LOG = 1_000_000


class Layout:
    """The folder is ours: nobody else may look into it. What is above it is not, and is left as it is."""

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
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.folder.stat().st_mode & 0o777 != 0o700:
            self.folder.chmod(0o700)

    def open_log(self) -> int:
        """A descriptor to append to. What has become too long begins anew."""
        file = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        if os.fstat(file).st_size > _LONGEST_LOG:
            os.ftruncate(file, 0)
        return file

    def last_words(self, begin: int = 0) -> str:
        """What the log says last, after `begin`, that explains a failure."""
        try:
            text = self.log.read_bytes()[begin:].decode(errors="replace")
        except OSError:
            return "its log says nothing"
        lines = text.splitlines()
        telling = [match[0] for line in lines if (match := _TELLING.search(line))]
        return " ".join(telling[-3:] or lines[-1:] or ["its log says nothing"])
