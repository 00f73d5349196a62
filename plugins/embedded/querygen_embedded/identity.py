"""The OS users that the server can run as: PostgreSQL refuses root, and a user without an entry in /etc/passwd."""

from __future__ import annotations

import ctypes
import os
import pwd
from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

_NEW_USER_NAMESPACE = 0x10000000
_ORDINARY_USERS = ("daemon", "bin", "nobody")
"""One of them is in every `/etc/passwd`. `nobody` is last: in a user namespace it seems to own all strangers' files."""

_libc = ctypes.CDLL(None, use_errno=True)


class Identity(Protocol):
    """A user to run the server as. `str` of it completes a message: "as nobody"."""

    uid: int
    """Owner of the server's files, as seen outside any user namespace."""

    gid: int
    """Group of the server's files, as seen outside any user namespace."""

    def __str__(self) -> str: ...

    @abstractmethod
    def assume(self) -> None:
        """Become this user; called in a child process before it executes a program.

        Raises:
            OSError: this system does not allow it.
        """


class CurrentUser(Identity):
    def __init__(self) -> None:
        self.uid, self.gid = os.geteuid(), os.getegid()

    def __str__(self) -> str:
        return f"as user {self.uid}"

    def assume(self) -> None:
        pass


class NamespaceUser(Identity):
    """The current user, shown under an ordinary user's name by a user namespace; its rights to files are unchanged."""

    def __init__(self) -> None:
        self.uid, self.gid = os.geteuid(), os.getegid()
        self._shown_as = next(filter(None, map(_user_named, _ORDINARY_USERS)), None)

    def __str__(self) -> str:
        return "in a user namespace"

    def assume(self) -> None:
        if self._shown_as is None:
            raise OSError("no user but root is in /etc/passwd")
        if not hasattr(_libc, "unshare"):
            raise OSError("this system has none")
        if _libc.unshare(_NEW_USER_NAMESPACE):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        # Without this the kernel refuses an unprivileged process its group map; see user_namespaces(7).
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{self._shown_as.pw_uid} {self.uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{self._shown_as.pw_gid} {self.gid} 1", encoding="ascii")


class OtherUser(Identity):
    """Another user of this system; only root can become one, and it can reach fewer files than root."""

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
    """The identities to try, best first.

    For root the folder's owner comes first, so that a run as root leaves a user's files to that user. Where the folder
    is in a home that only its owner may enter, that owner is found further up.
    """
    if os.geteuid():
        yield CurrentUser() if _user_with(os.geteuid()) else NamespaceUser()
        return
    owners = [path.stat().st_uid for path in (folder, *folder.parents)]
    if owners[0]:
        yield from map(OtherUser, filter(None, [_user_with(owners[0])]))
    yield NamespaceUser()
    owner_above = next(filter(None, owners[1:]), 0)
    users = [_user_with(owner_above) if owner_above else None, _user_named("nobody")]
    yield from map(OtherUser, filter(None, users))


def _user_with(uid: int) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        return None


def _user_named(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
