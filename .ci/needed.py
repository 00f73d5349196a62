"""What the image of a config needs, told with nothing but Python, for it is installed before there is any source.

    needed.py plugins CONFIG        the plugins, as `querygen extras CONFIG` names them
    needed.py pins LOCK NAME...     the pins with their hashes that these extras need; `core` is querygen itself

A `use` that this overlooks makes the build fail, for `querygen check` misses the plugin.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_COMMENT = re.compile(r"(?:^|\s)#.*", re.MULTILINE)
_PLUGIN = re.compile(r"""\buse["']?\s*:\s*["']?([a-z0-9-]+)/|(?<!\$)\$\{secret:([a-z0-9-]+)/""")
_INPUT = re.compile(r"""^["']?input["']?\s*:""", re.MULTILINE)
_PIN = re.compile(r"^\S+==.*\n(?:    --hash=.*\n)+    # for (?P<names>.*)\n", re.MULTILINE)


def plugins(config: str) -> list[str]:
    text = _COMMENT.sub("", config)
    found = {match[1] or match[2] for match in _PLUGIN.finditer(text)}
    return sorted((found if _INPUT.search(text) else found | {"files"}) - {"core"})


def pins(lock: str, names: set[str]) -> str:
    blocks = list(_PIN.finditer(lock))
    if unknown := names - {name for block in blocks for name in block["names"].split()}:
        sys.exit(f"there is no extra {', '.join(sorted(unknown))}; requirements.lock names those that there are")
    return "".join(block[0] for block in blocks if names & {*block["names"].split()})


if __name__ == "__main__":
    command, path, *words = sys.argv[1:]
    given = Path(path).read_text(encoding="utf-8")
    sys.stdout.write(pins(given, {*words}) if command == "pins" else "".join(f"{name}\n" for name in plugins(given)))
