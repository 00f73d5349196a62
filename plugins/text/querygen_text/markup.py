"""Strips HTML and Markdown from a text."""

from __future__ import annotations

import html
import re

# "&amp;amp;quot;": texts that were escaped more than once.
_AMPERSANDS = re.compile(r"&(?:amp;)+", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,30});")
_INLINE = "b|i|u|s|em|strong|span|code|mark|small|sub|sup|font|q|a|abbr|cite|tt|kbd"
_BLOCK = "p|br|div|li|ul|ol|h[1-6]|hr|section|td|tr|th|table|tbody|blockquote|pre"
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE})(?:\s[^<>]{{0,200}})?/?>", re.IGNORECASE)
_BLOCK_TAG = re.compile(rf"</?(?:{_BLOCK})(?:\s[^<>]{{0,200}})?/?>|<!--[^<>]{{0,200}}-->", re.IGNORECASE)

# Bounded, so that a hostile text with many marks costs no time. Not inside of words: `a*b*c`, `snake_case`.
_EMPHASIS = (
    re.compile(r"(?<![\w*])(\*{1,3})(?=[^\s*])([^*]{1,400}?)(?<=\S)\1(?![\w*])"),
    re.compile(r"(?<![\w_])(_{1,2})(?=[^\s_])([^_]{1,400}?)(?<=\S)\1(?![\w_])"),
    re.compile(r"(?<![\w`])(`{1,3})([^`]{1,400}?)\1(?![\w`])"),
    re.compile(r"(~~)([^~]{1,400}?)\1"),
)
_HEADING = re.compile(r"#{1,6}\s+")
# A mark whose partner was lost when the answer was split into questions.
_STRAY_EMPHASIS = re.compile(r"^(?:\*{2,3}|`{1,3})\s*|\s*(?:\*{2,3}|`{1,3})$")


def strip_markup(text: str) -> str:
    """The text with HTML entities decoded and tags, emphasis and headings removed.

    Only tags that format text are removed: `<script>` and `<product>` stay, since they show that the text is unusable.
    """
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), _AMPERSANDS.sub("&", text))
    if "<" in text:
        text = _BLOCK_TAG.sub(" ", _INLINE_TAG.sub("", text))
    if "*" in text or "_" in text or "`" in text or "~" in text:
        for emphasis in _EMPHASIS:
            text = emphasis.sub(r"\2", text)
        text = _STRAY_EMPHASIS.sub("", text)
    heading = _HEADING.match(text)
    return text[heading.end() :] if heading else text
