"""What may leave the process: no secret is readable in it, and nothing in it acts on a terminal or a log.

One registry, one function each, used by all exits: logs, dead letters, reports, messages.
"""

from __future__ import annotations

import base64
import json
import re
from threading import Lock
from urllib.parse import quote, quote_plus

MASK = "***"
_SHORTEST = 4  # masking shorter values would blank out half of every line

_known: set[str] = set()
_known_pattern: re.Pattern[str] | None = None
_lock = Lock()

_PATTERNS = re.compile(
    r"AIza[0-9A-Za-z_-]{8,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{12,}"
    r"|\bsk-[0-9A-Za-z_-]{16,}"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
    r"|(?i:(?<=bearer )(?=\S*\d)[0-9a-z._~+/-]{8,}=*)"
    r"|(?i:(?<=authorization: basic )\S+)"
    r"|(?i:(?<=password=)[^\s'\"&]+)"
    r"|(?i:(?<=[?&]key=)[^\s'\"&]+)"
)
_TELLING = re.compile(r"pass|pwd|secret|token|key|credential", re.IGNORECASE)
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def register(value: str) -> None:
    """From now on `value` is masked everywhere, also percent-encoded, in Base64, and escaped as JSON or by Python."""
    global _known_pattern  # noqa: PLW0603 - one registry a process, as there is one log
    if len(value) < _SHORTEST:
        return
    with _lock:
        forms = _forms(value)
        if not forms <= _known:
            _known.update(forms)
            longest_first = sorted(_known, key=len, reverse=True)
            _known_pattern = re.compile("|".join(map(re.escape, longest_first)))


def register_within(value: str) -> None:
    """`value` and, if it is a JSON object as RDS keeps it, what stands in it under a name such as `password`."""
    register(value)
    try:
        members = json.loads(value)
    except (ValueError, RecursionError):
        return
    for name, member in members.items() if isinstance(members, dict) else ():
        if isinstance(member, str) and _TELLING.search(name):
            register(member)


def mask(text: str) -> str:
    """`text` with every registered secret, and whatever looks like a key, replaced by `***`."""
    if _known_pattern is not None:
        text = _known_pattern.sub(MASK, text)
    return _PATTERNS.sub(MASK, text)


def printable(text: str) -> str:
    r"""`text` in one line: whatever would not show, or would act on a terminal, is written out, as `\n` or `\x1b`."""
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _forms(value: str) -> set[str]:
    """How a secret may be written. A key of several lines is also known by each of them."""
    content = value.encode("utf-8", "surrogatepass")
    forms = {
        value,
        quote(content, safe=""),
        quote(content),
        quote_plus(content),
        base64.b64encode(content).decode().rstrip("="),
        base64.urlsafe_b64encode(content).decode().rstrip("="),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        printable(value),
    }
    return forms | {line for line in value.splitlines() if len(line) >= _SHORTEST}
