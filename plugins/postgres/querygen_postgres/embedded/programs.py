"""The server's programs: as whom, with what they inherit, and how they end."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from querygen_postgres.embedded.identity import Identity
from querygen_postgres.embedded.layout import Layout
from querygen_postgres.embedded.lock import Lock

_SIGNAL_WHEN_PARENT_ENDS = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Programs:
    """They end when the keeper does, be it killed, and all they start holds the server's lock until it has ended.

    Not for threads.
    """

    folder: Path
    layout: Layout
    identity: Identity
    lock: Lock

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        self._hand_over()
        keeper = os.getpid()
        log = self.layout.open_log()
        try:
            return subprocess.Popen(  # noqa: S603  # our own binaries
                [self.folder / name, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=self.layout.folder,
                env={"PATH": "/usr/bin:/bin", "HOME": str(self.layout.folder), "LC_ALL": "C", "TZ": "UTC"},
                pass_fds=(self.lock.file,),
                preexec_fn=lambda: self._become_child_of(keeper),  # noqa: PLW1509  # the keeper has one thread
            )
        finally:
            os.close(log)

    def _become_child_of(self, keeper: int) -> None:
        self.identity.assume()
        if hasattr(_libc, "prctl"):  # after the change of identity, which would undo it
            _libc.prctl(_SIGNAL_WHEN_PARENT_ENDS, signal.SIGINT)
            if os.getppid() != keeper:
                os._exit(1)

    def _hand_over(self) -> None:
        """Give the folder to the identity. Files with a second name are left: that may be a stranger's file."""
        if os.geteuid():
            return
        for folder, _, names in os.walk(self.layout.folder):
            for path in (folder, *(os.path.join(folder, name) for name in names)):  # noqa: PTH118  # a thousand files
                status = os.lstat(path)
                foreign = (status.st_uid, status.st_gid) != (self.identity.uid, self.identity.gid)
                if foreign and (stat.S_ISDIR(status.st_mode) or status.st_nlink == 1):
                    os.chown(path, self.identity.uid, self.identity.gid, follow_symlinks=False)
