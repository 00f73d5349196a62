"""Checks that run inside an image. Each returns a list of problems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tests.container.box import boxed
from tests.container.images import ROOT, Image
from tests.pins import read_pins

_TOOLS = ("pip", "uv", "gcc", "cc", "make", "git", "curl", "hatchling", "pytest")
_VOLUMES = {"/var/lib/querygen", "/tmp"}
_OF_DEBIAN = {"/var/tmp", "/run/lock"}
_WRITABLE = "find / -xdev -writable ! -type l ! -path '/proc*' ! -path '/dev*' 2>/dev/null; true"
_INVENTORY = """
import json, os, shutil, sys
from importlib.metadata import distributions
import querygen_core.config, querygen_core.engine.run
library = next(path for path in sys.path if path.endswith("site-packages"))
files = [os.path.join(folder, name) for folder, _, names in os.walk(library) for name in names]
print(json.dumps({
    "distributions": sorted(one.name for one in distributions()),
    "programs": [name for name in sys.argv[1:] if shutil.which(name)],
    "bytes": sum(os.lstat(file).st_size for file in files),
    "sources": [file for file in files if file.endswith(".py") and "/templates/" not in file],
    "compiled": {os.path.join(folder, name): open(os.path.join(folder, name), "rb").read(8)[4]
                 for top in (library, os.path.dirname(os.__file__)) for folder, _, names in os.walk(top)
                 for name in names if name.endswith(".pyc")},
    "loaded": [file for module in list(sys.modules.values())
               if (file := getattr(module, "__file__", None)) and file.endswith(".py")],
    "tag": sys.implementation.cache_tag,
}))
"""


def inventory(image: Image, folder: Path) -> Any:
    with boxed(image, folder) as box:
        return box.run("-c", _INVENTORY, *_TOOLS, program=["python"]).json


def not_needed_or_missing(contents: Any, plugins: set[str], more: set[str]) -> list[str]:
    """Return distributions that differ from the lock's for querygen, these plugins and these further extras."""
    pins = read_pins((ROOT / "requirements.lock").read_text("utf-8"))
    wanted = {pin.name for pin in pins if pin.users & {"core", *plugins, *more} and pin.applies()}
    wanted |= {"querygen", *(f"querygen-{name}" for name in plugins | more)}
    return sorted(wanted ^ {canonicalize_name(name) for name in contents["distributions"]}) + contents["programs"]


def stale_bytecode(contents: Any) -> list[str]:
    """Return sources without bytecode, or with bytecode validated by time: 1 means validated by hash, unchecked."""
    wrong = []
    assert any("asyncio" in file for file in contents["loaded"]), "the check looks at nothing of Python's own"
    for source in map(Path, {*contents["sources"], *contents["loaded"]}):
        compiled = source.parent / "__pycache__" / f"{source.stem}.{contents['tag']}.pyc"
        if contents["compiled"].get(str(compiled)) != 1:
            wrong.append(str(source))
    return wrong


def writable(image: Image, folder: Path) -> list[str]:
    """Return what the image's own user could write, with no read-only mount and no volume."""
    with boxed(image, folder) as box:
        ended = box.run("-c", _WRITABLE, program=["sh"], read_only=False)
    assert set(ended.out.split()) >= _VOLUMES, f"the check looks at nothing: {ended.err}"
    return sorted(set(ended.out.split()) - _VOLUMES - _OF_DEBIAN)
