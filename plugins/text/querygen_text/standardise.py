"""Brings each question into the one form in which it is stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from querygen_core.api import Ask, Product, Query
from querygen_text import StandardiseOptions
from querygen_text.casing import lower_capitals, raise_first
from querygen_text.characters import repair_characters
from querygen_text.languages import language_of
from querygen_text.markup import strip_markup
from querygen_text.names import Known
from querygen_text.questions import ends_as_question, would_ask
from querygen_text.wrapping import unwrap

_CLEAN = re.compile(r"[A-Z][a-zß-öø-ÿ]+(?: [A-Za-zß-öø-ÿ0-9'%/-]*[A-Za-zß-öø-ÿ0-9'%],?)+\?")
"""Most questions: nothing in them can be in need of a repair. Keeps the plugin's cost near zero. Broken encodings
always hold a letter or sign outside of it (`Ã`, `â€`).
"""

_REPEATED = re.compile(r"[?？؟!！]{2,}")
_SPACE_BEFORE = re.compile(r" (?=[?？؟,;:!](?: |$))")
_SPACE_BEFORE_COMMA = re.compile(r" (?=, )")
_MARKS = ("?", "？", "؟")
_MAY_END = ('"', ")", "%", "'", "+")
_ROUNDS = 5


class Standardise:
    def __init__(self, options: StandardiseOptions) -> None:
        self._options = options

    async def process(self, product: Product, queries: Sequence[Query], ask: Ask) -> Sequence[Query]:  # noqa: ARG002
        known = Known(product)
        language = language_of(product.locale)
        return [query if query.dropped else self._standard(query, known, language) for query in queries]

    def _standard(self, query: Query, known: Known, language: str) -> Query:
        if _CLEAN.fullmatch(query.text):
            return query
        text = query.text
        for _ in range(_ROUNDS):  # a repair may uncover another: &lt;b&gt; first becomes a tag
            repaired = self._repair(text, known, language)
            if repaired == text:
                break
            text = repaired
        if not any(map(str.isalpha, text)):
            return replace(query, text=text, dropped="standardise/empty")
        return query if text == query.text else replace(query, text=text)

    def _repair(self, text: str, known: Known, language: str) -> str:
        text = " ".join(repair_characters(text, language).split())
        text = " ".join(strip_markup(text).split())
        text = _punctuate(unwrap(text, language), language)
        if self._options.fix_case:
            text = raise_first(lower_capitals(text, known), known)
        if self._options.add_question_mark and not ends_as_question(text, language):
            text = _with_mark(text, language)
        return text


def _punctuate(text: str, language: str) -> str:
    """One question mark, nothing after it, no space before it; French keeps its space."""
    text = _REPEATED.sub(_one_mark, text)
    body = text.rstrip(" !！.")
    if body.endswith(_MARKS):
        text = body
    return (_SPACE_BEFORE_COMMA if language == "fr" else _SPACE_BEFORE).sub("", text)


def _one_mark(found: re.Match[str]) -> str:
    return next((mark for mark in found[0] if mark in _MARKS), found[0][0])


def _with_mark(text: str, language: str) -> str:
    bare = text[:-1].rstrip() if text.endswith(".") and not text.endswith("..") else text
    if bare[-1:].isalnum() or bare.endswith(_MAY_END):
        return f"{bare}?" if would_ask(bare, language) else text
    return text
