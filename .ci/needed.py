"""What the image of a config needs, told with nothing but Python, for it is installed before there is any source.

    needed.py plugins CONFIG LOCK   the plugins of this repository, as `querygen extras CONFIG` names them
    needed.py pins LOCK NAME...     the pins with their hashes that these extras need; `core` is querygen itself
    needed.py wheels FOLDER         third-party plugins as requirements: the folder's wheels, and what its *.txt require

A `use` that this overlooks, or that nothing provides, makes the build fail, for `querygen check` misses the plugin.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

_COMMENT = re.compile(r"(?:^|\s)#.*", re.MULTILINE)
_PLUGIN = re.compile(r"""\buse["']?\s*:\s*["']?([a-z0-9-]+)/|(?<!\$)\$\{secret:([a-z0-9-]+)/""")
_INPUT = re.compile(r"""^["']?input["']?\s*:""", re.MULTILINE)
_PIN = re.compile(r"^\S+==.*\n(?:    --hash=.*\n)+    # for (?P<names>.*)\n", re.MULTILINE)


def plugins(config: str) -> list[str]:
    text = _COMMENT.sub("", config)
    found = {match[1] or match[2] for match in _PLUGIN.finditer(text)}
    return sorted((found if _INPUT.search(text) else found | {"files"}) - {"core"})


def extras(lock: str) -> set[str]:
    return {name for block in _PIN.finditer(lock) for name in block["names"].split()}


def pins(lock: str, names: set[str]) -> str:
    if unknown := names - extras(lock):
        sys.exit(f"there is no extra {', '.join(sorted(unknown))}; requirements.lock names those that there are")
    return "".join(block[0] for block in _PIN.finditer(lock) if names & {*block["names"].split()})


def wheels(folder: Path) -> Iterator[str]:
    """Each with a hash: pip wants it of all or of none, also of a file that is here."""
    for file in sorted(folder.iterdir()):
        if file.suffix == ".whl":
            yield f"{file.resolve()} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n"
        elif file.suffix == ".txt":
            yield file.read_text(encoding="utf-8").rstrip("\n") + "\n"
        elif file.name != Path(__file__).name:
            sys.exit(f"{file.name} is neither a wheel nor a requirements.txt")


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


if __name__ == "__main__":
    command, path, *words = sys.argv[1:]
    if command == "plugins":
        sys.stdout.writelines(f"{name}\n" for name in plugins(_read(path)) if name in extras(_read(words[0])))
    elif command == "pins":
        sys.stdout.write(pins(_read(path), {*words}))
    else:
        sys.stdout.writelines(wheels(Path(path)))
