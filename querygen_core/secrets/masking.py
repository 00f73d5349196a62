"""Makes text safe to print: secrets are masked, and characters that control a terminal or a log are escaped.

Logs, dead letters, reports and messages all use these two functions and the one registry of secrets.
"""

from __future__ import annotations

import base64
import json
import re
from threading import Lock
from urllib.parse import quote, quote_plus, unquote

from querygen_core.contracts.characters import HiddenCharacters

MASK = "***"
_SHORTEST = 4  # masking shorter values would blank out half of every line

_known: set[str] = set()
_known_pattern: re.Pattern[str] | None = None
_lock = Lock()

# What looks like a secret whoever wrote it: keys of Google, AWS and OpenAI, a password in a URL, HTTP's Authorization.
_PATTERNS = re.compile(
    r"AIza[0-9A-Za-z_-]{8,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{12,}"
    r"|\bsk-[0-9A-Za-z_-]{16,}"
    r"|(?<=://)[^/\s:@]*:[^/\s]+(?=@)"
    r"|(?i:(?<=bearer )(?=\S*\d)[0-9a-z._~+/-]{8,}=*)"
    r"|(?i:(?<=authorization: basic )\S+)"
    r"|(?P<key>(?i:password|passwd|passphrase|pwd)\s*=\s*)"
    r"(?:'(?:[^'\\]|\\.)+'|\"(?:[^\"\\]|\\.)+\"|[^\s'\"&]+)"
    r"|(?i:(?<=[?&]key=)[^\s'\"&]+)"
)
_SECRET_FIELD = re.compile(r"pass|pwd|secret|token|key|credential", re.IGNORECASE)
_SECRET_NAME = re.compile(
    r"(?:^|[^a-z])(?:(?:api|access|auth|private|secret)?(?:key|token)|pass[a-z]*|pwd|secret|credentials?)$",
    re.IGNORECASE,
)
_UNREADABLE = HiddenCharacters(
    HiddenCharacters.CONTROLS
    + HiddenCharacters.LINE_SEPARATORS
    + HiddenCharacters.NOT_CHARACTERS
    + HiddenCharacters.PRIVATE_USE
)


def register(value: str) -> None:
    """Mask `value` from now on, also percent-encoded, in Base64, and escaped as in JSON or Python."""
    global _known_pattern  # noqa: PLW0603 - one registry a process, as there is one log
    if len(value) < _SHORTEST:
        return
    with _lock:
        forms = _forms(value)
        if not forms <= _known:
            _known.update(forms)
            # A secret that contains another one must be masked as a whole.
            longest_first = sorted(_known, key=len, reverse=True)
            _known_pattern = re.compile("|".join(map(re.escape, longest_first)))


def register_within(value: str) -> None:
    """Register `value` and, if it is a JSON object as RDS keeps one, its fields with names such as `password`."""
    register(value)
    try:
        members = json.loads(value)
    except (ValueError, RecursionError):
        return
    for name, member in members.items() if isinstance(members, dict) else ():
        if isinstance(member, str) and _SECRET_FIELD.search(name):
            register(member)


def names_secret(name: str) -> bool:
    """Whether an option of this name holds a secret: `api_key` and `password` do, `max_tokens` and `keyed` do not."""
    return bool(_SECRET_NAME.search(name))


def register_passwords(text: str) -> None:
    """Register the passwords in a URL or connection string, so that they are masked alone too."""
    for found in _PATTERNS.finditer(text):
        value = found[0].removeprefix(found["key"] or "").strip("'\"")
        if text[: found.start()].endswith("://"):
            value = value.partition(":")[2]
        register(value)
        register(unquote(value))


def mask(text: str) -> str:
    """`text` with every registered secret, and everything that looks like a key, replaced by `***`."""
    if _known_pattern is not None:
        text = _known_pattern.sub(MASK, text)
    return _PATTERNS.sub(lambda found: f"{found['key'] or ''}{MASK}", text)


def printable(text: str) -> str:
    r"""`text` in one line: hidden characters and those that control a terminal are escaped, as `\n` or `\x1b`."""
    if text.isascii() and text.isprintable():  # as nearly every line is
        return text
    return _UNREADABLE.replaced(text, lambda char: char.encode("unicode_escape").decode())


def _forms(value: str) -> set[str]:
    """All spellings of a secret that are masked. Of a key of several lines, each line is one."""
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
