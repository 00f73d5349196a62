"""Where a secret shows, in clear or in a form that gives it away."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote


def forms(secret: str) -> set[bytes]:
    """In clear, backwards, percent-encoded, escaped for JSON, in hex, and in base64 at each of its three offsets."""
    plain = secret.encode()
    found = {
        plain,
        plain[::-1],
        quote(secret, safe="").encode(),
        quote(secret).encode(),
        plain.hex().encode(),
        json.dumps(secret)[1:-1].encode(),
        secret.encode("utf-16-le"),
    }
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(b"\0" * before + plain)
            found.add(text[4 if before else 0 : -4])  # the ends depend on what is beside it
    return found


def places(secret: str, folder: Path, *texts: str) -> list[str]:
    """Files below `folder`, and numbers of the texts, in which any form of it is."""
    wanted = forms(secret)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    contents = {str(path): path.read_bytes() for path in files}
    contents.update({f"text {number}": text.encode() for number, text in enumerate(texts)})
    return [name for name, content in contents.items() if any(form in content for form in wanted)]
