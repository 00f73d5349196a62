"""Repairs of single characters: broken encodings, invisible and control characters, emoji, quotes, widths."""

from __future__ import annotations

import re
import unicodedata

from ftfy import fix_encoding
from ftfy.badness import is_bad

from querygen_text.languages import FULL_WIDTH

_INVISIBLE = [0xAD, 0x34F, 0x61C, 0x180E, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)]
_INVISIBLE += [*range(0xFE00, 0xFE10), 0xFEFF, 0xFFFE, 0xFFFF, 0x20E3, *range(0xE0000, 0xE0080)]
_JOINERS = (0x200C, 0x200D)
_JOINED_SCRIPTS = re.compile(r"[\u0600-\u0fff]")
"""Arabic and Indic scripts, where joiners are spelling."""

_CONTROLS = [code for code in (*range(0x20), *range(0x7F, 0xA0)) if not chr(code).isspace()]
_ODD_SPACES = [0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
_QUOTES: dict[str, str | None] = {"‘": "'", "’": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "‟": '"', "ʼ": "'"}
_LIGATURES: dict[str, str | None] = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl"}

_TABLE: dict[int, str | None] = {
    **dict.fromkeys((*_INVISIBLE, *_CONTROLS, *range(0xD800, 0xE000))),
    **dict.fromkeys(_ODD_SPACES, " "),
    **str.maketrans(_QUOTES | _LIGATURES),
}
_TABLE_JOINED = {code: to for code, to in _TABLE.items() if code not in _JOINERS}
_TO_HALF_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_ANSI = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b05-\u2b55\u231a\u231b\u23e9-\u23ff]+")
_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3")


def repair_characters(text: str, language: str) -> str:
    """Nothing invisible, broken or foreign to the script is left. NFC, never NFKC: m² stays m²."""
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if not text.isascii():
        return _repair_unicode(text, language)
    return _CONTROL.sub("", text)


def _repair_unicode(text: str, language: str) -> str:
    if is_bad(text):
        text = fix_encoding(text)
    text = _EMOJI.sub(" ", _KEYCAP.sub(" ", text))
    text = text.translate(_TABLE_JOINED if _JOINED_SCRIPTS.search(text) else _TABLE)
    if language not in FULL_WIDTH:
        text = text.translate(_TO_HALF_WIDTH)
    return unicodedata.normalize("NFC", text)
