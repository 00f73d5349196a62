"""Secrets must not be readable in anything that leaves the process. One registry, one function, used by all exits."""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

MASK = "***"
_SHORTEST = 4  # masking shorter values would blank out half of every line

_known: set[str] = set()
_known_pattern: re.Pattern[str] | None = None

_PATTERNS = re.compile(
    r"AIza[0-9A-Za-z_-]{8,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{12,}"
    r"|\bsk-[0-9A-Za-z_-]{16,}"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
    r"|(?i:(?<=bearer )[0-9a-z._~+/-]{8,}=*)"
    r"|(?i:(?<=password=)[^\s'\"&]+)"
)


def register(value: str) -> None:
    """From now on `value` is masked everywhere, also percent-encoded, in Base64 and escaped as JSON."""
    global _known_pattern  # noqa: PLW0603 - one registry a process, as there is one log
    if len(value) < _SHORTEST:
        return
    encoded = base64.b64encode(value.encode("utf-8", "surrogatepass")).decode().rstrip("=")
    forms = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], encoded}
    forms |= {line for line in value.splitlines() if len(line) >= _SHORTEST}
    if not forms <= _known:
        _known.update(forms)
        longest_first = sorted(_known, key=len, reverse=True)
        _known_pattern = re.compile("|".join(map(re.escape, longest_first)))


def mask(text: str) -> str:
    """`text` with every registered secret, and whatever looks like a key, replaced by `***`."""
    if _known_pattern is not None:
        text = _known_pattern.sub(MASK, text)
    return _PATTERNS.sub(MASK, text)
