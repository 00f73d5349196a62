"""Cleans text for prompts: NFC, without markup and hidden characters, with single spaces.

Lines are cut after 2,000 characters and texts after 100,000, so that no record can grow a prompt or a journal without
bound.
"""

from __future__ import annotations

from unicodedata import normalize

from querygen_core.contracts.characters import HiddenCharacters
from querygen_core.products.markup import strip_markup

LONGEST_LINE = 2_000
LONGEST_TEXT = 100_000
_MARKUP_FACTOR = 10  # markup is read up to this many times the length of the longest text

_UNREADABLE = HiddenCharacters(
    HiddenCharacters.CONTROLS_BUT_SPACE + HiddenCharacters.NOT_CHARACTERS + HiddenCharacters.PRIVATE_USE
)

_PLACEHOLDERS = frozenset(
    {"", "-", "--", "–", "—", "null", "none", "n/a", "#n/a", "nan", "undefined", "[]", "{}", "<na>"}
)
_LONGEST_PLACEHOLDER = max(map(len, _PLACEHOLDERS))


def clean_line(text: str) -> str:
    """One line of at most 2,000 characters; "" for a placeholder such as `N/A`, `null` or `-`."""
    if not _is_clean(text):
        text = " ".join(_readable(text[: LONGEST_LINE * _MARKUP_FACTOR]).split())
    if len(text) > LONGEST_LINE:
        text = text[:LONGEST_LINE].rstrip()
    return "" if len(text) <= _LONGEST_PLACEHOLDER and text.casefold() in _PLACEHOLDERS else text


def clean_text(text: str) -> str:
    """At most 100,000 characters, with one line per paragraph, list item or line break and no empty lines."""
    if not _is_clean(text):
        lines = _readable(text[: LONGEST_TEXT * _MARKUP_FACTOR]).splitlines()
        text = "\n".join(filter(None, (" ".join(line.split()) for line in lines)))
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT].rstrip()
    return "" if len(text) <= _LONGEST_PLACEHOLDER and text.casefold() in _PLACEHOLDERS else text


def _is_clean(text: str) -> bool:
    """Whether cleaning would change nothing; False for all that is not ASCII. Most fields are clean, so it is fast."""
    return (
        text.isascii()
        and text.isprintable()
        and "<" not in text
        and "&" not in text
        and "  " not in text
        and text[:1] != " "
        and text[-1:] != " "
    )


def _readable(text: str) -> str:
    if "<" in text or "&" in text:
        text = strip_markup(text)
    if not (text.isascii() and text.isprintable()):
        text = _UNREADABLE.removed(text)
    return normalize("NFC", text)
