"""A name for a file, folder or object made from a text that may hold any characters, such as a job's id."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

_LONGEST = 200  # bytes; file systems stop at 255 and an ending may follow, S3 at 1,024 for the whole key
_DIGITS = 16


def safe_name(text: str, reserved: tuple[str, ...] = ()) -> str:
    """`text` as percent-encoded ASCII without a slash, at most 217 characters; different texts have different names.

    The name begins neither with a dot nor with one of `reserved`. Where it would be too long, it is cut and ends with a
    hash of the whole.
    """
    name = quote(text, safe="", errors="surrogatepass")
    if name.startswith((".", *reserved)):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}-{hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]}"
    return name
