"""Fetch a file if it is what it should be: `fetch.py URL SHA256 FILE`. With an empty SHA256 nothing is fetched."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from urllib.request import urlopen


def fetch(url: str, expected: str, file: Path) -> None:
    with urlopen(url, timeout=60) as answer:  # noqa: S310 - what comes is compared with a known hash
        content = answer.read()
    if (found := hashlib.sha256(content).hexdigest()) != expected.lower():
        sys.exit(f"{url} has the SHA-256 {found}, not {expected}")
    file.write_bytes(content)


if __name__ == "__main__":
    if sys.argv[2]:
        fetch(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
