"""What models put around a question: list marks, labels, quotes, pieces of JSON."""

from __future__ import annotations

import re

from querygen_text.questions import would_ask

_BULLET = re.compile(r"(?:[•·▪●◦‣▸►➤→◆■□○*–—-]\s+|[•▪●◦‣▸►➤→◆■]|-(?=[^\W\d]))+")
_NUMBER = re.compile(
    r"(?:[\[(]\d{1,3}[\])][.:]?|\d{1,3}[.)\]]|\d{1,2}:|\#\d{1,3}[.:)]?)(?:\s+|(?=[A-Z][a-z]))"
    r"|\d{1,3}\s+[-–—]\s+(?=[^\W\d])"
    r"|\(?(?:[a-zA-Z]|[ivxIVX]{2,4})\)\s+|[ivx]{1,4}\.\s+"
)
_LABEL = re.compile(
    r"(?:(?:(?:product|market|customer|user|shopper|sample|example|next|follow-?up)[ -])?(?:question|query)"
    r"|faq|frage|pregunta|domanda|vraag|pergunta|pytanie|product|market|customer|shopper)"
    r"\s?(?:\#|no\.?|nr\.?)?\s?\d{0,3}\s?[:.)–—-]\s+"
    r"|q\s?\d{0,3}\s?[:)]\s*|q\s?\d{0,3}\.\s+",
    re.IGNORECASE,
)
_JSON_KEY = re.compile(r"\{?\s*\"(?:text|question|query|q)\"\s*:\s*(?=\")", re.IGNORECASE)
_AFTER_JSON = re.compile(r"(?<=[?\"؟？])\s*[,;}\]]+$")
_ESCAPED = re.compile(r"\\(?=[\"'\\])|\\[nrt](?![a-z])")
_PAIRS = {'"': '"', "'": "'", "`": "`", "«": "»", "»": "«", "‹": "›", "「": "」", "『": "』"}
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")


def unwrap(text: str, language: str) -> str:
    """`text` without what was put around it. Repeated, since a list mark may stand within quotes."""
    if "\\" in text:
        text = _ESCAPED.sub(lambda found: " " if found[0][-1] in "nrt" else "", text)
    for _ in range(10):
        peeled = _without_quotes(_without_front(text, language)).strip()
        if peeled == text:
            break
        text = peeled
    return text


def _without_front(text: str, language: str) -> str:
    for front in (_JSON_KEY, _BULLET, _LABEL):
        found = front.match(text)
        if found is not None and found.end() < len(text):
            return text[found.end() :]
    number = _NUMBER.match(text)
    if number is None or (language == "de" and not would_ask(text[number.end() :], language)):
        return text  # a German "3. Generation" is an ordinal
    return text[number.end() :]


def _without_quotes(text: str) -> str:
    text = _AFTER_JSON.sub("", text)
    opening = text[:1]
    closing = _PAIRS.get(opening)
    if closing is None:
        lone = text.endswith('"') and text.count('"') == 1 and not text[-2:-1].isdigit()  # 12" is inches
        return text[:-1] if lone else text
    inside = _APOSTROPHE.sub("", text[1:])
    if inside.endswith(closing) and opening not in inside[:-1] and closing not in inside[:-1]:
        return text[1:-1]
    if inside[-2:-1] == closing and inside[-1] in "?.!" and opening not in inside[:-2]:
        return text[1:-2].rstrip("?.!") + text[-1]
    return text[1:] if opening != "'" and closing not in inside else text
