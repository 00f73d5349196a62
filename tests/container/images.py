"""Builds images with buildah, which needs no daemon and no registry."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir
from typing import Any

ROOT = Path(__file__).parents[2]
STORAGE = Path(gettempdir()) / "querygen-tests-images"
"""Storage apart from the machine's own images. Layers are kept for the next run; the oldest are removed."""

_MAX_IMAGES = 200  # one or two gigabytes; a run after a change makes some 40

_CONTEXT = (
    ".ci",
    "configs",
    "plugins",
    "prompts",
    "querygen_core",
    ".dockerignore",
    "Dockerfile",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "requirements.lock",
)
_STEP = re.compile(r"^\[\d/\d\] STEP \d+/\d+: (.*)", re.MULTILINE)


class BuildError(Exception):
    """The build failed; the message holds its output."""


@dataclass(frozen=True, slots=True)
class Image:
    name: str
    log: str

    @property
    def config(self) -> dict[str, Any]:
        return self._described["config"]

    @property
    def layers(self) -> list[str]:
        return self._described["rootfs"]["diff_ids"]

    @property
    def _described(self) -> Any:
        return json.loads(buildah("inspect", "--type", "image", self.name))["OCIv1"]

    @property
    def made_anew(self) -> list[str]:
        """Return the steps whose layer was not cached."""
        steps = [*_STEP.finditer(self.log)]
        ends = [*(step.start() for step in steps[1:]), len(self.log)]
        return [
            step[1]
            for step, end in zip(steps, ends, strict=True)
            if not step[1].startswith("FROM") and "Using cache" not in self.log[step.end() : end]
        ]


def buildah(*words: str) -> str:
    where = ["--root", STORAGE / "storage", "--runroot", STORAGE / "run"]
    done = subprocess.run(["buildah", *where, *words], env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"buildah {' '.join(words)}\n{done.stdout}\n{done.stderr}")
    return done.stdout.strip()


def prune() -> None:
    """Remove old images; takes a minute when there are too many."""
    if len(buildah("images", "--all", "--quiet").splitlines()) > _MAX_IMAGES:
        buildah("rmi", "--all", "--force")


def exists(name: str) -> bool:
    return bool(buildah("images", "--quiet", "--filter", f"reference={name}"))


def build(context: Path, name: str, python: str, **arguments: str) -> Image:
    build_args = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    settings = ("--layers", "--force-rm", "--pull-never", "--build-arg", f"PYTHON_IMAGE={python}", *build_args)
    return Image(name, buildah("bud", *settings, "--tag", name, str(context)))


def copy_context(folder: Path) -> Path:
    """Copy the build context, so that a test may change it."""
    for name in _CONTEXT:
        if (ROOT / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".*cache", "node_modules")
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy2(ROOT / name, folder / name)  # with its times, which a layer holds
    return folder


def _environment() -> dict[str, str]:
    return {**os.environ, "BUILDAH_ISOLATION": "chroot"}
