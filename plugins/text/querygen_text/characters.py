"""Repairs single characters: broken encodings, invisible and control characters, emoji, quotes, widths."""

from __future__ import annotations

import re
import unicodedata

from ftfy import fix_encoding
from ftfy.badness import is_bad

from querygen_core.api import HiddenCharacters
from querygen_text.languages import FULL_WIDTH

_UNREADABLE = HiddenCharacters(HiddenCharacters.CONTROLS_BUT_SPACE + HiddenCharacters.NOT_CHARACTERS)
"""Private use is left for `text/quality` to drop: the character meant something that is lost."""

_ODD_SPACES = [0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]
_QUOTES: dict[str, str | None] = {"‘": "'", "’": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "‟": '"', "ʼ": "'"}
_LIGATURES: dict[str, str | None] = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl"}

_EMOJI_PARTS = (0xFE0E, 0xFE0F, 0x20E3)  # two selectors and the keycap: the emoji itself goes too

_TABLE: dict[int, str | None] = {
    **dict.fromkeys(_ODD_SPACES, " "),
    **dict.fromkeys(_EMOJI_PARTS),
    **str.maketrans(_QUOTES | _LIGATURES),
}
_TO_HALF_WIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}

_ANSI = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
# Pictographs, symbols and arrows that models use as decoration.
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b05-\u2b55\u231a\u231b\u23e9-\u23ff]+")
_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3")


def repair_characters(text: str, language: str) -> str:
    """The text without characters that are invisible, broken or foreign to its script, in NFC.

    Not in NFKC, which would turn m² into m2.
    """
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if not text.isascii():
        return _repair_unicode(text, language)
    return text if text.isprintable() else _UNREADABLE.removed(text)


def _repair_unicode(text: str, language: str) -> str:
    if is_bad(text):
        text = fix_encoding(text)
    text = _EMOJI.sub(" ", _KEYCAP.sub(" ", text))
    text = _UNREADABLE.removed(text).translate(_TABLE)
    if language not in FULL_WIDTH:
        text = text.translate(_TO_HALF_WIDTH)
    return unicodedata.normalize("NFC", text)
