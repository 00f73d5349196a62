"""Prints the certificates that an image trusts: `certificates.py STORE FOLDER URL SHA256`.

They are those of STORE, a file of the system; of each file in FOLDER; and of the file at URL, if it has that SHA-256.
With an empty SHA256 nothing is fetched.
"""

from __future__ import annotations

import hashlib
import re
import ssl
import sys
from pathlib import Path
from urllib.request import urlopen

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n.+?\n-----END CERTIFICATE-----", re.DOTALL)


def certificates(text: str, name: str) -> str:
    """The certificates alone: a file may say more, and a private key must not get into an image."""
    found = _CERTIFICATE.findall(text.replace("\r\n", "\n"))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata="\n".join(found))
    except (ssl.SSLError, ValueError) as error:
        sys.exit(f"{name} holds no certificates in PEM format: {error}")
    return "".join(f"{one}\n" for one in found)


def fetch(url: str, expected: str) -> str:
    with urlopen(url, timeout=60) as answer:  # noqa: S310 - what comes is compared with a known hash
        content: bytes = answer.read()
    if (found := hashlib.sha256(content).hexdigest()) != expected.lower():
        sys.exit(f"{url} has the SHA-256 {found}, not {expected}")
    return content.decode(errors="replace")


if __name__ == "__main__":
    store, folder, url, expected = sys.argv[1:]
    for file in (Path(store), *sorted(Path(folder).iterdir())):
        if file.name != Path(__file__).name:
            sys.stdout.write(certificates(file.read_text(encoding="utf-8", errors="replace"), file.name))
    if expected:
        sys.stdout.write(certificates(fetch(url, expected), url))
