"""Rules on the form of a question: its length, its end, whether it asks, and how often."""

from __future__ import annotations

import re

from querygen_text.candidate import Candidate
from querygen_text.languages import LANGUAGES, UNCOUNTED, marks
from querygen_text.questions import ends_as_question, holds_question

_FEWEST_UNCOUNTED = 5
_QUOTED = re.compile(r'"[^"]{1,200}"')
_VERB = "(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have)"
_SUBJECT = "(?:it|its|they|the|this|these|there|i|you|we|my|your)"
_SECOND = re.compile(
    r"(?:\b(?:and|also|plus|as well as)|;) "
    rf"(?:(?:what|which|who|why|where|when|how)(?: (?!{_SUBJECT}\b|to\b)\w+){{0,2}} {_VERB}|{_VERB} {_SUBJECT})\b"
)
_ADDING = frozenset({"and", "also", "plus", "as"})
_OBJECT_ASKED = re.compile(
    r"\b(?:what|which|who|whom|whose|where|how (?!is|are|do|does|did|can|could|will|would|should)\w+)\b"
)
_BROKEN_END = re.compile(r"(?:[,:;&/(\[–—-]|\.\.\.|…)$")
_BEFORE_VERB = re.compile(r"\b(?:ways?|how|able|possible|need|order|going|ought) to$")


def is_too_short(case: Candidate) -> bool:
    if case.language in UNCOUNTED:
        return len(case.text) < min(_FEWEST_UNCOUNTED, case.options.min_chars)
    return len(case.words) < case.options.min_words or len(case.text) < case.options.min_chars


def is_too_long(case: Candidate) -> bool:
    if len(case.text) <= case.options.max_chars and len(case.words) <= case.options.max_words:
        return False
    title = case.known.product.title.lower().replace("’", "'")
    text = case.lower.replace(title, "x") if title else case.lower
    if len(text) > case.options.max_chars:
        return True
    return case.language not in UNCOUNTED and len(text.split()) > case.options.max_words


def repeats_itself(case: Candidate) -> bool:
    words = case.words
    if len(set(words)) > len(words) - 2:
        return False
    return any(a == b == c and a.isalpha() for a, b, c in zip(words, words[1:], words[2:], strict=False))


def is_cut_off(case: Candidate) -> bool:
    text = case.lower.rstrip(" " + marks(case.language))
    if _BROKEN_END.search(text[-4:]) or _opens_more(case.text):
        return True
    known = LANGUAGES.get(case.language)
    last = case.words[-1] if case.words else ""
    if known is None or not text.endswith(last):
        return False
    if last in known.stranded:
        return _OBJECT_ASKED.search(case.lower) is None or _BEFORE_VERB.search(text[-20:]) is not None
    return last in known.unfinished


def _opens_more(text: str) -> bool:
    return text.count("(") > text.count(")") or text.count("[") > text.count("]")


def has_no_question_mark(case: Candidate) -> bool:
    return not ends_as_question(case.text, case.language)


def is_no_question(case: Candidate) -> bool:
    return not holds_question(case.text, case.language)


def holds_several(case: Candidate) -> bool:
    """Two marks; or, in English, a question with another one added by "and"."""
    text = _QUOTED.sub("", case.lower) if '"' in case.lower else case.lower
    if sum(map(text.count, marks(case.language))) > 1:
        return True
    if case.language != "en":
        return False
    second = _SECOND.search(text) if ";" in text or case.has_any(_ADDING) else None
    return second is not None and holds_question(text[: second.start()], "en")
