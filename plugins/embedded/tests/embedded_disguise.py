"""Run a program as another user: `python embedded_disguise.py DISGUISE… -- COMMAND…`.

- `called:UID`  the same user, but in a user namespace where that is its number
- `sealed`      no further namespace may be made; after `called`
- `capped`      root without the right to give out root's files in a namespace
"""

from __future__ import annotations

import ctypes
import os
import pwd
import subprocess
import sys
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
NEW_USER_NAMESPACE = 0x10000000
DROP_FROM_BOUNDING_SET = 24
SET_FILE_CAPABILITIES = 31
NAMELESS = 54321


def call(uid: int) -> None:
    outer = os.geteuid(), os.getegid()
    if LIBC.unshare(NEW_USER_NAMESPACE):
        raise OSError(ctypes.get_errno(), "no user namespace")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer[0]} 1")
    Path("/proc/self/gid_map").write_text(f"{uid} {outer[1]} 1")


def seal() -> None:
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def cap() -> None:
    if LIBC.prctl(DROP_FROM_BOUNDING_SET, SET_FILE_CAPABILITIES, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the bounding set cannot be changed")


def main(arguments: list[str]) -> None:
    end = arguments.index("--")
    for name in arguments[:end]:
        disguise, _, number = name.partition(":")
        {"called": lambda number=number: call(int(number)), "sealed": seal, "capped": cap}[disguise]()
    os.execv(arguments[end + 1], arguments[end + 1 :])


def disguised(*names: str) -> list[str]:
    """The prefix of a command that is to run in disguise. Skips the test if this system does not allow it."""
    import pytest  # not for the disguised program, which has to start quickly

    prefix = [sys.executable, "-I", __file__, *names, "--"]
    tried = subprocess.run([*prefix, "/bin/true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no disguise here: {tried.stderr.strip().splitlines()[-1]}")
    return prefix


def an_ordinary_user() -> pwd.struct_passwd:
    """A user that this process may become."""
    import pytest

    if os.geteuid():
        pytest.skip("only root can become another user")
    return pwd.getpwnam("daemon")


def python_of(user: pwd.struct_passwd) -> str:
    """A Python of this version that the user can reach, though ours may be in root's home."""
    import pytest

    paths = (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}")
    found = [path for path in paths if Path(path).exists() and _runs(path, user)]
    if not found:
        pytest.skip(f"no Python 3.{sys.version_info.minor} that {user.pw_name} can reach")
    return found[0]


def _runs(path: str, user: pwd.struct_passwd) -> bool:
    try:
        command = [path, "-c", "import querygen_embedded, psycopg"]
        return not subprocess.run(
            command,
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            cwd="/",
            env=reachable_modules(),
            capture_output=True,
            check=False,
        ).returncode
    except PermissionError:
        return False


def reachable_modules() -> dict[str, str]:
    """For a Python that is not of our environment."""
    ours = [path for path in sys.path if path and not path.startswith(sys.base_prefix)]
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(ours), "PYTHONDONTWRITEBYTECODE": "1"}


if __name__ == "__main__":
    main(sys.argv[1:])
