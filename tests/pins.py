"""Exact versions of everything that is installed: `uv run python -m tests.pins`.

    (no option)   pin what is required now, keeping the versions that are pinned already
    --upgrade     pin the newest versions that fit
    --check       change nothing; say what is not current. Needs no network

The pins are the `constraint-dependencies` of pyproject.toml, which `uv` obeys, and the same with hashes in
requirements.lock, for pip. `uv.lock` would serve both but for the addresses in it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]

COMMAND = "uv run python -m tests.pins"
HEADER = f"""\
# Exact versions and hashes of all that querygen, its plugins and its tests need from elsewhere.
# Written by: {COMMAND}
# Install with: pip install --require-hashes -r requirements.lock
# `for` names the extras that need a pin; `core` is querygen with none, `build` makes the wheels. Tests need all.
"""
_EXPORT = (
    "export",
    "--frozen",
    "--all-packages",
    "--all-extras",
    "--all-groups",
    "--no-emit-workspace",
    "--no-annotate",
    "--no-header",
    "--quiet",
)
_CLOSURE = ("export", "--frozen", "--no-emit-workspace", "--no-annotate", "--no-header", "--no-hashes", "--quiet")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
_USERS = re.compile(r"    # for (?P<names>[a-z0-9-]+(?: [a-z0-9-]+)*)")
_PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\]+?))? *\\?")
_BLOCK = re.compile(r"^constraint-dependencies = \[\n.*?^\]\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pin:
    """marker: on which systems it is needed, "" for all. users: the extras that need it."""

    name: str
    version: str
    marker: str
    users: frozenset[str] = frozenset()

    def applies(self) -> bool:
        return not self.marker or Marker(self.marker).evaluate()


def read_pins(lock: str) -> list[Pin]:
    found: list[Pin] = []
    for line in lock.splitlines():
        if match := _PIN.fullmatch(line):
            found.append(Pin(match["name"], match["version"], match["marker"] or ""))
        elif found and (match := _USERS.fullmatch(line)):
            found[-1] = replace(found[-1], users=frozenset(match["names"].split()))
    return found


def with_users(exported: str, closures: Mapping[str, list[Pin]]) -> str:
    """The lock with a comment below each pin that an extra needs: closures[extra] holds it."""
    blocks: list[list[str]] = []
    for line in exported.splitlines():
        if _PIN.fullmatch(line):
            blocks.append([])
        blocks[-1].append(line)
    for block, pin in zip(blocks, read_pins(exported), strict=True):
        if users := sorted(user for user, closure in closures.items() if pin.name in {one.name for one in closure}):
            block.append(f"    # for {' '.join(users)}")
    return "".join(f"{line}\n" for block in blocks for line in block)


def options_of(given: Mapping[str, Any]) -> dict[str, list[str]]:
    """What uv has to be told to see the closure of each extra of a pyproject.toml."""
    extras = [name for name in given["project"].get("optional-dependencies", {}) if name != "all"]
    options = {name: ["--no-dev", "--extra", name] for name in extras}
    return {**options, "core": ["--no-dev"], "build": ["--only-group", "build"]}


def constraints(pins: list[Pin]) -> list[str]:
    """One a pin; the marker only where a package has several versions, so that a pin holds wherever it is needed."""
    times = Counter(pin.name for pin in pins)
    return sorted(
        f"{pin.name}=={pin.version} ; {pin.marker}" if times[pin.name] > 1 else f"{pin.name}=={pin.version}"
        for pin in pins
    )


def with_constraints(pyproject: str, lines: list[str]) -> str:
    block = "constraint-dependencies = [\n" + "".join(f'  "{line}",\n' for line in lines) + "]\n"
    if _BLOCK.search(pyproject):
        return _BLOCK.sub(lambda _: block, pyproject, count=1)
    table = f"[tool.uv]\n# Written, as is requirements.lock, by: {COMMAND}\n{block}\n"
    return pyproject.replace("[tool.uv.workspace]", f"{table}[tool.uv.workspace]", 1)


def write(root: Path, *, upgrade: bool) -> None:
    """Resolve in a copy of the project files, so that nothing here changes unless all goes well."""
    pyproject = (root / "pyproject.toml").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for file in (root / "pyproject.toml", *root.glob("plugins/*/pyproject.toml")):
            target = copy / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        if upgrade:
            (copy / "pyproject.toml").write_text(with_constraints(pyproject, []), encoding="utf-8")
        run_uv(copy, "lock", "--quiet")
        closures = {
            name: read_pins(run_uv(copy, *_CLOSURE, *options))
            for name, options in options_of(tomllib.loads(pyproject)).items()
        }
        exported = with_users(run_uv(copy, *_EXPORT), closures)
    (root / "requirements.lock").write_text(HEADER + exported, encoding="utf-8")
    pinned = with_constraints(pyproject, constraints(read_pins(exported)))
    (root / "pyproject.toml").write_text(pinned, encoding="utf-8")


def run_uv(folder: Path, *arguments: str) -> str:
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        sys.exit(f"uv is not installed; try: pip install uv && {COMMAND}")
    done = subprocess.run([uv, *arguments], cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"the requirements cannot be met; if a pin is in the way, try: {COMMAND} --upgrade")
    return done.stdout


def problems(root: Path) -> Iterator[str]:
    """What is not current, one line each; without a network."""
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    pins = read_pins(lock)
    yield from _unclean(lock)
    given = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    pinned = given["tool"].get("uv", {}).get("constraint-dependencies", [])
    for line in sorted({*pinned} ^ {*constraints(pins)}):
        where, other = (
            ("pyproject.toml", "requirements.lock") if line in pinned else ("requirements.lock", "pyproject.toml")
        )
        yield f"{line} is in {where}, not in {other}"
    for where, requirement in _required(root):
        versions = [pin.version for pin in pins if pin.name == canonicalize_name(requirement.name)]
        if not versions or not all(requirement.specifier.contains(version, prereleases=True) for version in versions):
            yield f"{where} requires {requirement}, pinned is {' and '.join(versions) or 'no version'}"
    yield from _wrong_here(root, pins)
    yield from _wrong_users(given, pins)


def _unclean(lock: str) -> Iterator[str]:
    """Lines of a lock file that are neither a pin, a hash of it nor a comment: addresses, options."""
    lines = lock.splitlines()
    if not lock.startswith(HEADER):
        yield "requirements.lock does not begin with its own header"
    for number, line in enumerate(lines, start=1):
        if line.startswith("#") or _HASH.fullmatch(line) or _USERS.fullmatch(line):
            continue
        if not _PIN.fullmatch(line):
            yield f"requirements.lock:{number}: neither a pin nor a hash: {line}"
        elif not lines[number : number + 1] or not lines[number].startswith("    --hash="):
            yield f"requirements.lock:{number}: no hash: {line}"


def _required(root: Path) -> Iterator[tuple[str, Requirement]]:
    """What the distributions of this tree ask for from elsewhere, and which file says so."""
    files = [root / "pyproject.toml", *sorted(root.glob("plugins/*/pyproject.toml"))]
    given = {file: tomllib.loads(file.read_text(encoding="utf-8")) for file in files}
    ours = {project["project"]["name"] for project in given.values()}
    for file, project in given.items():
        for line in _lines(project):
            requirement = Requirement(line)
            if requirement.name not in ours:
                yield str(file.relative_to(root)), requirement


def _lines(given: dict[str, Any]) -> Iterator[str]:
    yield from given["project"].get("dependencies", [])
    for group in (given["project"].get("optional-dependencies", {}), given.get("dependency-groups", {})):
        for lines in group.values():
            yield from (line for line in lines if isinstance(line, str))


def _wrong_here(root: Path, pins: list[Pin]) -> Iterator[str]:
    """Where this environment differs from the pins, needs what is not pinned, or does without what is."""
    names = {pin.name for pin in pins}
    needed = _needed([requirement for _, requirement in _required(root)])
    yield from (f"{name} is needed, but not pinned" for name in sorted(needed - names))
    installed = {name: found.version for name in names | needed if (found := _installed(name))}
    for pin in filter(Pin.applies, pins):
        if installed.get(pin.name, pin.version) != pin.version:
            yield f"{pin.name} {installed[pin.name]} is installed, pinned is {pin.version}"
        if pin.name not in needed and needed <= installed.keys():
            yield f"{pin.name} is pinned, but nothing needs it"


def _wrong_users(given: Mapping[str, Any], pins: list[Pin]) -> Iterator[str]:
    """Where the lock's `for` differs from what is installed, for extras that are installed whole."""
    here = list(filter(Pin.applies, pins))
    for extra in options_of(given):
        roots = given["dependency-groups"]["build"] if extra == "build" else [f"querygen[{extra.replace('core', '')}]"]
        needed = _needed([Requirement(root) for root in roots])
        if not all(map(_installed, needed)):
            continue
        for pin in here:
            if (pin.name in needed) != (extra in pin.users):
                yield f"{pin.name} is {'not said to be ' if pin.name in needed else 'wrongly said to be '}for {extra}"


def _needed(requirements: list[Requirement]) -> set[str]:
    """Names of all that these bring in on this system, as far as it is installed."""
    pending, seen = list(requirements), set()
    while pending:
        requirement = pending.pop()
        key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
        found = _installed(key[0])
        if key in seen:
            continue
        seen.add(key)
        for line in (found and found.requires) or []:
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *key[1])):
                pending.append(inner)
    return {name for name, _ in seen}


@cache
def _installed(name: str) -> Distribution | None:
    return next(iter(Distribution.discover(name=name)), None)


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Pin all that is installed.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--upgrade", action="store_true", help="pin the newest versions that fit")
    choice.add_argument("--check", action="store_true", help="change nothing; say what is not current")
    given = parser.parse_args()
    if not given.check:
        write(ROOT, upgrade=given.upgrade)
        return 0
    found = list(problems(ROOT))
    for line in found:
        print(line)
    print(f"not current; run: {COMMAND}" if found else "the pins are current")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
