"""Creates, builds, installs and tests a plugin of every kind as an author does, from wheels alone.

uv run python -m tests.scaffolds
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from querygen_core.cli.parser import KINDS

ROOT = Path(__file__).parents[1]
ENVIRON = dict(os.environ)
"""As it was before tests were isolated: uv's cache is in the home."""


@dataclass(frozen=True)
class Scaffold:
    kind: str

    package_lines: int
    """Lines of the package that are not empty."""

    test_lines: int

    passed: int
    """Tests that passed; all others were skipped."""


def scaffolds(folder: Path) -> Iterator[Scaffold]:
    """Each kind, in an environment in `folder` that has the wheels of querygen and of the scaffolds and no source.

    Raises:
        RuntimeError: a command failed; with what it printed.
    """
    wheels, env = folder / "wheels", folder / "env"
    _build(ROOT, wheels)
    _uv("venv", "--python", sys.executable, env, cwd=folder)
    (querygen,) = wheels.glob("querygen-*.whl")
    _install(env, f"querygen[testing] @ {querygen.as_uri()}")
    for kind in KINDS:
        target = folder / kind
        _call(env / "bin/querygen", "plugins", "new", f"my-{kind}", "--kind", kind, "--folder", target, cwd=folder)
        _build(target, wheels)
    _install(env, *(f"{_name(wheel)} @ {wheel.as_uri()}" for wheel in wheels.glob("querygen_my_*.whl")))
    for kind in KINDS:
        target = folder / kind
        words = ("-q", "-p", "no:cacheprovider", "-W", "error")
        passed = re.search(r"(\d+) passed", _call(env / "bin/pytest", *words, cwd=target))
        yield Scaffold(
            kind,
            package_lines=_lines(target / f"querygen_my_{kind}"),
            test_lines=_lines(target / "tests"),
            passed=int(passed[1]) if passed else 0,
        )


def _build(project: Path, wheels: Path) -> None:
    """With the builder that is here, for a new environment for each of them takes a minute in all."""
    _call(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels, cwd=project)


def _name(wheel: Path) -> str:
    return wheel.name.partition("-")[0].replace("_", "-")


def _install(env: Path, *requirements: str) -> None:
    """From wheels by their address: nobody else's `querygen-…` may get in."""
    _uv("pip", "install", "--python", env, *requirements, cwd=env)


def _uv(*words: str | Path, cwd: Path) -> None:
    _call(ENVIRON.get("UV", "uv"), *words, "--quiet", cwd=cwd)


def _call(*words: str | Path, cwd: Path) -> str:
    command = list(map(str, words))
    done = subprocess.run(command, cwd=cwd, env=ENVIRON, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _lines(folder: Path) -> int:
    texts = (path.read_text("utf-8") for path in folder.rglob("*.py"))
    return sum(bool(line.strip()) for text in texts for line in text.splitlines())


def main() -> None:
    print("| kind | lines of the package | lines of its tests | tests passed |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for made in scaffolds(Path(folder)):
            print(f"| {made.kind} | {made.package_lines} | {made.test_lines} | {made.passed} |", flush=True)


if __name__ == "__main__":
    main()
