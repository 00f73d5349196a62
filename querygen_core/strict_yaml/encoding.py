"""Decodes UTF-8 strictly, and reports the location of the first byte or character that is not allowed."""

from __future__ import annotations

import re

from querygen_core.contracts.errors import ConfigError
from querygen_core.strict_yaml.diagnostics import Location, Problem, lines

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = "\ufeff"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def decode(content: bytes, name: str) -> str:
    """UTF-8, with or without byte order mark, no control characters.

    Raises:
        ConfigError: one line, `name:line:column: message`.
    """
    if content.startswith(_UTF16) or b"\0" in content[:2]:
        raise ConfigError(lines([Problem(Location(name, 1, 1), "is UTF-16, not UTF-8; save it as UTF-8")]))
    try:
        text = content.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as exc:
        location = _location_after(content[: exc.start].decode("utf-8").removeprefix(_BOM), name)
        message = f"is not UTF-8 (byte 0x{content[exc.start]:02x}); save it as UTF-8"
        raise ConfigError(lines([Problem(location, message)])) from None
    check_characters(text, name)
    return text


def check_characters(text: str, name: str, first_line: int = 1) -> None:
    """Refuse characters that YAML does not allow.

    Raises:
        ConfigError: one line, `name:line:column: message`.
    """
    if problem := forbidden(text):
        index, message = problem
        raise ConfigError(lines([Problem(_location_after(text[:index], name, first_line), message)]))


def forbidden(text: str) -> tuple[int, str] | None:
    """Index of the first character that YAML does not allow, and the message."""
    match = _FORBIDDEN.search(text)
    return (match.start(), f"the control character U+{ord(match[0]):04X} is not allowed; remove it") if match else None


def _location_after(text: str, name: str, first_line: int = 1) -> Location:
    """The location of the character that follows `text`."""
    return Location(name, first_line + text.count("\n"), len(text) - text.rfind("\n"))
