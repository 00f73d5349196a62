"""Turns HTML into text, since many catalogues hold descriptions with their markup."""

from __future__ import annotations

import re
from html import unescape

_NAMES = (
    "a|abbr|address|article|aside|b|bdi|bdo|big|blockquote|body|br|button|caption|center|cite|code|col|colgroup|dd|del|"
    "details|dfn|div|dl|dt|em|embed|fieldset|figcaption|figure|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|"
    "input|ins|kbd|label|legend|li|link|main|map|mark|menu|meta|nav|noscript|object|ol|option|p|param|picture|pre|q|s|"
    "samp|script|section|select|small|source|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|template|"
    "textarea|tfoot|th|thead|time|title|tr|tt|u|ul|var|video|wbr|o:p"
)
_TAG = re.compile(rf"</?(?:{_NAMES})(?=[\s/>])|<!--|<!doctype|<!\[cdata\[", re.IGNORECASE)
"""Beginnings of tags that HTML knows. `5 < 6` and `x<y` are text."""

_BREAK = re.compile(
    r"</?(?:address|article|aside|blockquote|br|center|dd|div|dl|dt|figcaption|figure|footer|form|h[1-6]|header|hr|li|main|"
    r"menu|nav|ol|option|p|pre|section|summary|table|tr|ul)(?=[\s/>])",
    re.IGNORECASE,
)
_CELL = re.compile(r"<t[dh](?=[\s/>])", re.IGNORECASE)
_WITHOUT_TEXT = ["head", "iframe", "noscript", "object", "script", "style", "svg", "template"]
_PASSES = 4  # markup that was escaped up to three times
_MOST_TAGS = 5_000  # the parser's time grows with the square of the depth
_ANY_TAG = re.compile(r"<[^<>]*>")


def strip_markup(text: str) -> str:
    """`text` without tags and entities, with line breaks where a browser breaks the line.

    Escaped markup is removed too, for feeds often escape it once or twice.
    """
    for _ in range(_PASSES):
        before = text
        text = _strip_tags(text) if _TAG.search(text) else unescape(text)
        if text == before or ("<" not in text and "&" not in text):
            break
    return text


def _strip_tags(html: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    if html.count("<") > _MOST_TAGS:
        return _ANY_TAG.sub("\n", html)
    if _BREAK.search(html):
        html = _BREAK.sub(r"\n\g<0>", " ".join(html.split()))
    tree = LexborHTMLParser(_CELL.sub(r" \g<0>", html.replace("\x00", "")).encode("utf-8", "ignore"))
    tree.strip_tags(_WITHOUT_TEXT)
    return tree.root.text() if tree.root else ""
