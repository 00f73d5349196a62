"""Text as a prompt may see it: NFC, no markup, nothing invisible, no white space beyond one blank.

Cutting is part of the promise, so that no record can grow a prompt or a journal without bound: a line ends after
2,000 characters, a text after 100,000.
"""

from __future__ import annotations

import re
from unicodedata import normalize

from querygen_core.products.markup import strip_markup

LONGEST_LINE = 2_000
LONGEST_TEXT = 100_000
_MARKUP_FACTOR = 10  # how much longer than its text we let markup be before we stop reading it

_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    "\ud800-\udfff\ue000-\uf8ff\ufeff\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e007f\U000f0000-\U0010ffff]"
)
"""Controls, zero-width and bidi marks, lone surrogates, private use, tag characters. White space is not among them, nor
are the two joiners, which Persian, Hindi and many emoji need."""

_NOTHING = frozenset({"", "-", "--", "–", "—", "null", "none", "n/a", "#n/a", "nan", "undefined", "[]", "{}", "<na>"})
_LONGEST_NOTHING = max(map(len, _NOTHING))


def clean_line(text: str) -> str:
    """One line of at most 2,000 characters; "" for whatever only says that there is nothing (`N/A`, `null`, `-`)."""
    if not _is_clean(text):
        text = " ".join(_readable(text[: LONGEST_LINE * _MARKUP_FACTOR]).split())
    if len(text) > LONGEST_LINE:
        text = text[:LONGEST_LINE].rstrip()
    return "" if len(text) <= _LONGEST_NOTHING and text.casefold() in _NOTHING else text


def clean_text(text: str) -> str:
    """Lines of at most 100,000 characters in all, one for each paragraph, list item or line break; no empty ones."""
    if not _is_clean(text):
        lines = _readable(text[: LONGEST_TEXT * _MARKUP_FACTOR]).splitlines()
        text = "\n".join(filter(None, (" ".join(line.split()) for line in lines)))
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT].rstrip()
    return "" if len(text) <= _LONGEST_NOTHING and text.casefold() in _NOTHING else text


def _is_clean(text: str) -> bool:
    """True only for plain ASCII that cleaning would leave alone: most fields, so it has to be quick."""
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
    if not text.isprintable():
        text = _INVISIBLE.sub("", text)
    return normalize("NFC", text)
