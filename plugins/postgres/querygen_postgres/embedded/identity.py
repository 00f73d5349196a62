"""As whom the server runs: PostgreSQL refuses root, and a user that has no name."""

from __future__ import annotations

import ctypes
import os
import pwd
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

_NEW_USER_NAMESPACE = 0x10000000
_PLAIN_USERS = ("daemon", "bin", "nobody")
"""One of them is in every `/etc/passwd`. `nobody` last: in a namespace, all strangers' files look like its own."""

_libc = ctypes.CDLL(None, use_errno=True)


class Identity(Protocol):
    """`uid` and `gid` own the server's files, seen from outside."""

    uid: int
    gid: int

    def __str__(self) -> str: ...

    @abstractmethod
    def assume(self) -> None:
        """For a child process before its program. OSError: it is not to be had here."""


class Oneself(Identity):
    def __init__(self) -> None:
        self.uid, self.gid = os.geteuid(), os.getegid()

    def __str__(self) -> str:
        return f"as user {self.uid}"

    def assume(self) -> None:
        pass


class Renamed(Identity):
    """The same user with the same rights to files, in a user namespace where it is called otherwise."""

    def __init__(self) -> None:
        self.uid, self.gid = os.geteuid(), os.getegid()
        self._user = next(filter(None, map(_user_called, _PLAIN_USERS)), None)

    def __str__(self) -> str:
        return "in a user namespace"

    def assume(self) -> None:
        if self._user is None:
            raise OSError("no user but root is in /etc/passwd")
        if not hasattr(_libc, "unshare"):
            raise OSError("this system has none")
        if _libc.unshare(_NEW_USER_NAMESPACE):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{self._user.pw_uid} {self.uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{self._user.pw_gid} {self.gid} 1", encoding="ascii")


class Other(Identity):
    """Another user, who sees less than root."""

    def __init__(self, user: pwd.struct_passwd) -> None:
        self.uid, self.gid = user.pw_uid, user.pw_gid
        self._name = user.pw_name

    def __str__(self) -> str:
        return f"as {self._name}"

    def assume(self) -> None:
        os.setgroups([])
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)


def identities(folder: Path) -> Iterator[Identity]:
    """Those to try, best first. The owner of the folder before all: then a root's run leaves it to its owner.

    For root in somebody's home, which nobody else may enter, it is the owner of a folder above.
    """
    if os.geteuid():
        yield Oneself() if _user_of(os.geteuid()) else Renamed()
        return
    owners = [path.stat().st_uid for path in (folder, *folder.parents)]
    if owners[0]:
        yield from map(Other, filter(None, [_user_of(owners[0])]))
    yield Renamed()
    above = next(filter(None, owners[1:]), 0)
    users = [_user_of(above) if above else None, _user_called("nobody")]
    yield from map(Other, filter(None, users))


def _user_of(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _user_called(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
