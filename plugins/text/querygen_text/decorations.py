"""Strips what models put around a question: list marks, labels, quotes, pieces of JSON."""

from __future__ import annotations

import re

from querygen_text.question_detection import looks_like_question

# "- ", "• ", and a bullet without a space where it cannot be a minus sign.
_BULLET = re.compile(r"(?:[•·▪●◦‣▸►➤→◆■□○*–—-]\s+|[•▪●◦‣▸►➤→◆■]|-(?=[^\W\d]))+")
# "1. ", "(2) ", "3: ", "#4) ", "5 - ", "a) ", "iv. "; never "3 in front" or "2.5 l".
_LIST_NUMBER = re.compile(
    r"(?:[\[(]\d{1,3}[\])][.:]?|\d{1,3}[.)\]]|\d{1,2}:|\#\d{1,3}[.:)]?)(?:\s+|(?=[A-Z][a-z]))"
    r"|\d{1,3}\s+[-–—]\s+(?=[^\W\d])"
    r"|\(?(?:[a-zA-Z]|[ivxIVX]{2,4})\)\s+|[ivx]{1,4}\.\s+"
)
# "Question 3: ", "Product question – ", "Q4. "; the German, Spanish, Italian, … words for "question", too.
_LABEL = re.compile(
    r"(?:(?:(?:product|market|customer|user|shopper|sample|example|next|follow-?up)[ -])?(?:question|query)"
    r"|faq|frage|pregunta|domanda|vraag|pergunta|pytanie|product|market|customer|shopper)"
    r"\s?(?:\#|no\.?|nr\.?)?\s?\d{0,3}\s?[:.)–—-]\s+"
    r"|q\s?\d{0,3}\s?[:)]\s*|q\s?\d{0,3}\.\s+",
    re.IGNORECASE,
)
# {"text": "…" and what follows the question in a JSON list.
_JSON_KEY = re.compile(r"\{?\s*\"(?:text|question|query|q)\"\s*:\s*(?=\")", re.IGNORECASE)
_JSON_END = re.compile(r"(?<=[?\"؟？])\s*[,;}\]]+$")
# Escapes of a JSON string: a backslash before a quote, or before n, r, t unless a word follows.
_ESCAPED = re.compile(r"\\(?=[\"'\\])|\\[nrt](?![a-z])")
_QUOTE_PAIRS = {'"': '"', "'": "'", "`": "`", "«": "»", "»": "«", "‹": "›", "「": "」", "『": "』"}
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")
_MAX_LAYERS = 10


def strip_decorations(text: str, language: str) -> str:
    """The text without list marks, labels, quotes around the whole, and left-over JSON."""
    if "\\" in text:
        text = _ESCAPED.sub(lambda match: " " if match[0][-1] in "nrt" else "", text)
    for _ in range(_MAX_LAYERS):  # a list mark may stand within quotes, and quotes after a list mark
        stripped = _strip_quotes(_strip_front(text, language)).strip()
        if stripped == text:
            break
        text = stripped
    return text


def _strip_front(text: str, language: str) -> str:
    for pattern in (_JSON_KEY, _BULLET, _LABEL):
        match = pattern.match(text)
        if match is not None and match.end() < len(text):
            return text[match.end() :]
    number = _LIST_NUMBER.match(text)
    if number is None or (language == "de" and not looks_like_question(text[number.end() :], language)):
        return text  # a German "3. Generation" is an ordinal, no list number
    return text[number.end() :]


def _strip_quotes(text: str) -> str:
    text = _JSON_END.sub("", text)
    opening = text[:1]
    closing = _QUOTE_PAIRS.get(opening)
    if closing is None:
        is_stray = text.endswith('"') and text.count('"') == 1 and not text[-2:-1].isdigit()  # 12" is inches
        return text[:-1] if is_stray else text
    inside = _APOSTROPHE.sub("", text[1:])
    if inside.endswith(closing) and opening not in inside[:-1] and closing not in inside[:-1]:
        return text[1:-1]
    if inside[-2:-1] == closing and inside[-1] in "?.!" and opening not in inside[:-2]:
        return text[1:-2].rstrip("?.!") + text[-1]
    return text[1:] if opening != "'" and closing not in inside else text
