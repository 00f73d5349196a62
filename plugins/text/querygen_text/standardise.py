"""`text/standardise`: repairs each question and brings it into the form in which it is stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from querygen_core.api import Ask, Product, Query
from querygen_text.casing import capitalise_first_word, lowercase_all_caps
from querygen_text.characters import repair_characters
from querygen_text.decorations import strip_decorations
from querygen_text.labels import Labeller
from querygen_text.languages import parse_language
from querygen_text.markup import strip_markup
from querygen_text.options import StandardiseOptions
from querygen_text.product_facts import ProductFacts
from querygen_text.question_detection import ends_like_question, looks_like_question

_NEEDS_NO_REPAIR = re.compile(r"[A-Z][a-zß-öø-ÿ]+(?: [A-Za-zß-öø-ÿ0-9'%/-]*[A-Za-zß-öø-ÿ0-9'%],?)+\?")
"""Matches most questions, so that they cost next to nothing. A broken encoding never matches: it always holds a
character outside of these (`Ã`, `â€`).
"""

_REPEATED_MARKS = re.compile(r"[?？؟!！]{2,}")
_SPACE_BEFORE = re.compile(r" (?=[?？؟,;:!](?: |$))")
_SPACE_BEFORE_COMMA = re.compile(r" (?=, )")
_QUESTION_MARKS = ("?", "？", "؟")
_ENDINGS_BEFORE_MARK = ('"', ")", "%", "'", "+")
_MAX_PASSES = 5


class Standardise:
    """Changes texts and adds labels. Drops only texts without a letter: `standardise/empty`."""

    def __init__(self, options: StandardiseOptions) -> None:
        self._options = options

    async def process(self, product: Product, queries: Sequence[Query], ask: Ask) -> Sequence[Query]:  # noqa: ARG002
        facts = ProductFacts(product)
        language = parse_language(product.locale)
        repaired = [query if query.dropped else self._standardise(query, facts, language) for query in queries]
        if not self._options.labels:
            return repaired
        labeller = Labeller(product, language)
        return [query if query.dropped else _labelled(query, labeller) for query in repaired]

    def _standardise(self, query: Query, facts: ProductFacts, language: str) -> Query:
        if _NEEDS_NO_REPAIR.fullmatch(query.text):
            return query
        text = query.text
        for _ in range(_MAX_PASSES):  # one repair may uncover another: &lt;b&gt; first becomes a tag
            repaired = self._repair(text, facts, language)
            if repaired == text:
                break
            text = repaired
        if not any(map(str.isalpha, text)):
            return replace(query, text=text, dropped="standardise/empty")
        return query if text == query.text else replace(query, text=text)

    def _repair(self, text: str, facts: ProductFacts, language: str) -> str:
        text = " ".join(repair_characters(text, language).split())
        text = " ".join(strip_markup(text).split())
        text = _punctuate(strip_decorations(text, language), language)
        if self._options.fix_case:
            text = capitalise_first_word(lowercase_all_caps(text, facts), facts)
        if self._options.add_question_mark and not ends_like_question(text, language):
            text = _add_question_mark(text, language)
        return text


def _labelled(query: Query, labeller: Labeller) -> Query:
    """A label that the model gave stays: `text/quality` checks what it claims."""
    labels = {**labeller.labels(query.text), **query.labels}
    return query if labels == query.labels else replace(query, labels=labels)


def _punctuate(text: str, language: str) -> str:
    """One question mark, nothing after it, and no space before it except in French."""
    text = _REPEATED_MARKS.sub(_single_mark, text)
    body = text.rstrip(" !！.")
    if body.endswith(_QUESTION_MARKS):
        text = body
    return (_SPACE_BEFORE_COMMA if language == "fr" else _SPACE_BEFORE).sub("", text)


def _single_mark(match: re.Match[str]) -> str:
    """The first question mark of several marks, or the first mark if there is no question mark."""
    return next((mark for mark in match[0] if mark in _QUESTION_MARKS), match[0][0])


def _add_question_mark(text: str, language: str) -> str:
    without_stop = text[:-1].rstrip() if text.endswith(".") and not text.endswith("..") else text
    if without_stop[-1:].isalnum() or without_stop.endswith(_ENDINGS_BEFORE_MARK):
        return f"{without_stop}?" if looks_like_question(without_stop, language) else text
    return text
