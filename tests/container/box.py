"""Runs a container as AWS Batch does: read-only root, no capabilities, no network, its volumes and /tmp.

It uses runc, like Docker; process 1 is the image's entry point.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.cli.process import Ended
from tests.container.images import Image, buildah

LIMIT = 180.0  # seconds; reached only by a process that hangs
_NOT_A_VOLUME = "/tmp"  # as the job definition says: a file system in memory
_SYSTEM = (
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev"]},
    {"destination": _NOT_A_VOLUME, "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "noexec", "mode=1777"]},
)


@dataclass(frozen=True, slots=True)
class Box:
    """One container. folder: its bundle, with the volumes in `volumes/`, readable from outside."""

    name: str
    folder: Path
    image: Image
    root: str

    def run(self, *words: str, program: Sequence[str] | None = None, read_only: bool = True) -> Ended:
        with self.running(*words, program=program, read_only=read_only) as process:
            return self.end(process)

    @contextmanager
    def running(
        self, *words: str, program: Sequence[str] | None = None, read_only: bool = True
    ) -> Iterator[subprocess.Popen[bytes]]:
        """program: replaces the image's entry point."""
        spec = self._spec([*(program or self.image.config["Entrypoint"]), *words], read_only=read_only)
        (self.folder / "config.json").write_text(json.dumps(spec), encoding="utf-8")
        with (self.folder / "out").open("w") as out, (self.folder / "err").open("w") as err:
            command = ["runc", "run", "--bundle", self.folder, self.name]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        try:
            yield process
        finally:
            subprocess.run(["runc", "delete", "--force", self.name], capture_output=True, check=False)
            process.wait(timeout=LIMIT)

    def end(self, process: subprocess.Popen[bytes], limit: float = LIMIT) -> Ended:
        code = process.wait(timeout=limit)
        return Ended(code, *((self.folder / name).read_text("utf-8") for name in ("out", "err")))

    def send(self, signal: str) -> None:
        """Send a signal to process 1, as the container agent does."""
        subprocess.run(["runc", "kill", self.name, signal], check=True)

    def processes(self) -> list[list[str]]:
        """Return the command lines of all processes, process 1 first."""
        command = ["runc", "ps", "--format", "json", self.name]
        pids = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return [Path(f"/proc/{pid}/cmdline").read_text("utf-8").split("\0")[:-1] for pid in pids]

    def wait_for(self, words: str) -> None:
        """Wait until the container has logged `words`."""
        until = time.monotonic() + LIMIT
        while words not in (self.folder / "err").read_text("utf-8"):
            assert time.monotonic() < until, f"it never logged {words}"
            time.sleep(0.05)

    def _spec(self, words: list[str], *, read_only: bool) -> dict[str, Any]:
        config = self.image.config
        user, group = map(int, config["User"].split(":"))
        return {
            "ociVersion": "1.0.2",
            "process": {
                "args": words,
                "cwd": config["WorkingDir"],
                "env": config["Env"],
                "user": {"uid": user, "gid": group},
                "noNewPrivileges": True,
                "capabilities": {},
            },
            "root": {"path": self.root, "readonly": read_only},
            "hostname": "querygen",
            "mounts": [*_SYSTEM, *self._volumes(user, group)],
            "linux": {"namespaces": [{"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount")]},
        }

    def _volumes(self, user: int, group: int) -> Iterator[dict[str, Any]]:
        """Create an empty volume with the owner of the image's folder, as Docker and ECS do."""
        for place in self.image.config["Volumes"].keys() - {_NOT_A_VOLUME}:
            folder = self.folder / "volumes" / place.lstrip("/")
            if not folder.exists():
                folder.mkdir(parents=True)
                owner = Path(f"{self.root}{place}").stat()
                os.chown(folder, owner.st_uid, owner.st_gid)
            yield {"destination": place, "type": "bind", "source": str(folder), "options": ["rbind", "rw"]}


@contextmanager
def boxed(image: Image, folder: Path) -> Iterator[Box]:
    container = buildah("from", "--pull-never", image.name)
    try:
        yield Box(f"querygen-{uuid4().hex[:12]}", folder, image, buildah("mount", container))
    finally:
        buildah("umount", container)
        buildah("rm", container)
