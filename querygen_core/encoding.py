"""Bytes to text, with the place of the first byte that is none."""

from __future__ import annotations

import re

from querygen_core.errors import ConfigError
from querygen_core.problems import Place, Problem, lines

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOM = "\ufeff"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def decode(content: bytes, name: str) -> str:
    """UTF-8, with or without byte order mark, no control characters.

    Raises:
        ConfigError: one line, `name:line:column: message`.
    """
    if content.startswith(_UTF16) or b"\0" in content[:2]:
        raise ConfigError(lines([Problem(Place(name, 1, 1), "is UTF-16, not UTF-8; save it as UTF-8")]))
    try:
        text = content.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as exc:
        place = _place_after(content[: exc.start].decode("utf-8").removeprefix(_BOM), name)
        message = f"is not UTF-8 (byte 0x{content[exc.start]:02x}); save it as UTF-8"
        raise ConfigError(lines([Problem(place, message)])) from None
    check_characters(text, name)
    return text


def check_characters(text: str, name: str, first_line: int = 1) -> None:
    """Refuse what YAML cannot hold.

    Raises:
        ConfigError: one line, `name:line:column: message`.
    """
    if found := forbidden(text):
        raise ConfigError(lines([Problem(_place_after(text[: found[0]], name, first_line), found[1])]))


def forbidden(text: str) -> tuple[int, str] | None:
    """The index of the first character that YAML cannot hold, and what to say of it."""
    found = _FORBIDDEN.search(text)
    return (found.start(), f"the control character U+{ord(found[0]):04X} is not allowed") if found else None


def _place_after(text: str, name: str, first_line: int = 1) -> Place:
    """Where the character stands that follows `text`."""
    return Place(name, first_line + text.count("\n"), len(text) - text.rfind("\n"))
