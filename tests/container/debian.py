"""A stand-in for the official Python image, which needs no registry: Debian slim with this Python in /usr/local.

Steps and permissions are those of the official image; its own files are not tested.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.container.images import buildah, exists

_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
NAME = f"localhost/querygen-tests/python:{sys.version.split()[0]}-slim-bookworm"
_PACKAGES = (
    "ca-certificates",
    "netbase",
    "tzdata",
    "libbz2-1.0",
    "libffi8",
    "liblzma5",
    "libncursesw6",
    "libreadline8",
    "libsqlite3-0",
    "libssl3",
    "libuuid1",
    "zlib1g",
)
_LEFT_OUT = ("__pycache__", "test", "idlelib", "tkinter", "site-packages", "config-*")
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def make_python_image() -> str:
    """Return its name. It is built once per machine, in half a minute, and kept."""
    if not exists(NAME):
        with TemporaryDirectory(prefix="querygen-tests-") as folder:
            root = Path(folder) / "root"
            _make_debian(root)
            _add_python(root)
            _commit(root)
    return NAME


def _make_debian(root: Path) -> None:
    include = f"--include={','.join(_PACKAGES)}"
    environ = {**os.environ, "TMPDIR": str(root.parent)}
    subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", include, "bookworm", root], env=environ, check=True)
    if (ours := ssl.get_default_verify_paths().cafile) and os.environ.get("SSL_CERT_FILE"):
        shutil.copyfile(ours, f"{root}{_CERTIFICATES}")  # what the machine's way to the package index is signed by


def _add_python(root: Path) -> None:
    local = root / "usr" / "local"
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(
        library,
        local / "lib" / library.name,
        ignore=shutil.ignore_patterns(*_LEFT_OUT),
        symlinks=True,
    )
    for shared in library.parent.glob(f"libpython{_VERSION}.so*"):
        shutil.copy(shared, local / "lib", follow_symlinks=False)
    shutil.copy(Path(sys.base_prefix) / "bin" / f"python{_VERSION}", local / "bin")
    for name in ("python", "python3"):
        (local / "bin" / name).symlink_to(f"python{_VERSION}")
    subprocess.run(["chroot", root, "/sbin/ldconfig"], check=True)
    ensure = ["chroot", root, f"/usr/local/bin/python{_VERSION}", "-m", "ensurepip"]
    subprocess.run(ensure, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _commit(root: Path) -> None:
    container = buildah("from", "scratch")
    try:
        buildah("copy", "--quiet", container, str(root), "/")
        environ = {
            "PATH": "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "PIP_CERT": _CERTIFICATES,
        }
        settings = [word for name, value in environ.items() for word in ("--env", f"{name}={value}")]
        buildah("config", *settings, "--cmd", "python3", container)
        buildah("commit", "--quiet", container, NAME)
    finally:
        buildah("rm", container)
