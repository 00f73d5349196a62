"""The text of one question: what may be one, and its characters as a person would have typed them."""

from __future__ import annotations

import re

MAX_ITEM = 5_000
"""Characters of one text; a longer one is no question."""

_MARK = "?？؟\u037e՞፧"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # no database, file or log takes these
_ENDS_AS_QUESTION = re.compile(rf"[{_MARK}][?!？！.。]?[\s*_`\"'“”’„«»)\]]*\Z")
_ENDS_AS_STATEMENT = re.compile(r"[.:!。！…;,][\s*_`\"'“”’)]*\Z")
_WORDS = re.compile(r"\S+\s+\S+\s+\S")
_KEY = re.compile(r"(?:text|question|query|question[ _]text|query[ _]text|q)\s?\d{0,3}\s?[:=]\s+", re.IGNORECASE)
_LITERAL = re.compile(r"(?<!\\)\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([/\"'nrt]))")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")  # one character in UTF-16, and so in JSON
_PATH = re.compile(r"\b[A-Za-z]:\\|(?<!\S)\\\\\w|\\\w+\\\w")
_ESCAPE = re.compile(r"\\([\"\\/bfnrt]|u([0-9a-fA-F]{4}))")
_SIGNS = {"n": "\n", "r": "\r", "t": "\t", "b": "", "f": ""}
_WHITE = {"n": "\n", "r": "\n", "t": "\t"}


def clean(text: str) -> str:
    """`text` without escapes that were escaped once too often, characters that nothing can store, and its own key."""
    if "\\" in text:
        text = without_escapes(text)
    if not text.isascii():
        text = storable(text)
    elif "\x00" in text:
        text = text.replace("\x00", "")
    text = text.strip()
    if match := _KEY.match(text):
        text = text[match.end() :]
    return text


def has_only_storable(text: str) -> bool:
    """A quick test on the JSON of many texts: most answers pass, and looking into each text would take longer."""
    return "\\u" not in text and (text.isascii() or _UNSTORABLE.search(text) is None) and "\x00" not in text


def storable(text: str) -> str:
    return _UNSTORABLE.sub("", text)


def without_escapes(text: str) -> str:
    r"""Decode `\u00e9`, `\/`, `\"` and, unless it is a path of Windows, `\n`, as they remain of doubly escaped JSON."""
    is_path = _PATH.search(_LITERAL.sub(lambda match: match[0] if match[3] in _WHITE else "", text)) is not None

    def decoded(match: re.Match[str]) -> str:
        code, byte, sign = match.groups()
        if code or byte:
            return chr(int(code or byte, 16))
        if sign in _WHITE:
            return match[0] if is_path else _WHITE[sign]
        return str(sign)

    return joined(_LITERAL.sub(decoded, text))


def unescaped_once(text: str) -> str:
    """`text` as it was before it was made a string of JSON."""
    return joined(_ESCAPE.sub(_unescaped, text))


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[2], 16)) if escape[2] else _SIGNS.get(escape[1], escape[1])


def joined(text: str) -> str:
    """`text` with each pair of surrogates as the one character that it stands for."""
    return text if text.isascii() else _PAIR.sub(_character, text)


def _character(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")


def is_usable(text: str) -> bool:
    """Whether `text` can be a question where a question is expected: it says something, and is not endless."""
    return 0 < len(text) <= MAX_ITEM and (text[0].isalnum() or any(map(str.isalnum, text)))


def ends_as_question(text: str) -> bool:
    return _ENDS_AS_QUESTION.search(text, max(0, len(text) - 40)) is not None


def asks(text: str) -> bool:
    """Whether `text` is a question beyond doubt, wherever it stands."""
    return is_usable(text) and ends_as_question(text) and (" " in text or not text.isascii())


def looks_like_question(text: str) -> bool:
    """Whether `text` is a question or a search by itself: a label is too short, a remark ends as a statement."""
    return asks(text) or (
        is_usable(text) and _WORDS.match(text) is not None and _ENDS_AS_STATEMENT.search(text[-40:]) is None
    )
