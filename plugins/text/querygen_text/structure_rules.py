"""Rules on the structure of a question: its length, its ending, whether it asks, and how many things."""

from __future__ import annotations

import re

from querygen_text.languages import LANGUAGES, UNSPACED, question_marks
from querygen_text.parsed_question import ParsedQuestion
from querygen_text.question_detection import contains_question, ends_like_question

_MIN_CHARS_UNSPACED = 5
_QUOTED = re.compile(r'"[^"]{1,200}"')
_VERB = "(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have)"
_SUBJECT = "(?:it|its|they|the|this|these|there|i|you|we|my|your)"
_SECOND_QUESTION = re.compile(
    r"(?:\b(?:and|also|plus|as well as)|;) "
    rf"(?:(?:what|which|who|why|where|when|how)(?: (?!{_SUBJECT}\b|to\b)\w+){{0,2}} {_VERB}|{_VERB} {_SUBJECT})\b"
)
_JOINING_WORDS = frozenset({"and", "also", "plus", "as"})
_ASKS_FOR_OBJECT = re.compile(
    r"\b(?:what|which|who|whom|whose|where|how (?!is|are|do|does|did|can|could|will|would|should)\w+)\b"
)
_BROKEN_END = re.compile(r"(?:[,:;&/(\[–—-]|\.\.\.|…)$")
_ENDS_BEFORE_VERB = re.compile(r"\b(?:ways?|how|able|possible|need|order|going|ought) to$")


def is_too_short(question: ParsedQuestion) -> bool:
    if question.language in UNSPACED:
        return len(question.text) < min(_MIN_CHARS_UNSPACED, question.options.min_chars)
    return len(question.words) < question.options.min_words or len(question.text) < question.options.min_chars


def is_too_long(question: ParsedQuestion) -> bool:
    """Too many words or characters. The full title counts as one character and word: its length is the catalogue's."""
    limits = question.options
    if len(question.text) <= limits.max_chars and len(question.words) <= limits.max_words:
        return False
    title = question.facts.product.title.lower().replace("’", "'")
    text = question.lower.replace(title, "x") if title else question.lower
    if len(text) > limits.max_chars:
        return True
    return question.language not in UNSPACED and len(text.split()) > limits.max_words


def has_repeated_word(question: ParsedQuestion) -> bool:
    words = question.words
    if len(set(words)) > len(words) - 2:  # cheap, and true of most questions
        return False
    triples = zip(words, words[1:], words[2:], strict=False)
    return any(first == second == third and first.isalpha() for first, second, third in triples)


def is_cut_off(question: ParsedQuestion) -> bool:
    text = question.lower.rstrip(" " + question_marks(question.language))
    if _BROKEN_END.search(text[-4:]) or _has_unclosed_bracket(question.text):
        return True
    language = LANGUAGES.get(question.language)
    last_word = question.words[-1] if question.words else ""
    if language is None or not text.endswith(last_word):
        return False
    if last_word in language.stranded:
        return _ASKS_FOR_OBJECT.search(question.lower) is None or _ENDS_BEFORE_VERB.search(text[-20:]) is not None
    return last_word in language.unfinished


def _has_unclosed_bracket(text: str) -> bool:
    return text.count("(") > text.count(")") or text.count("[") > text.count("]")


def has_no_question_mark(question: ParsedQuestion) -> bool:
    return not ends_like_question(question.text, question.language)


def is_not_question(question: ParsedQuestion) -> bool:
    return not contains_question(question.text, question.language)


def asks_several_questions(question: ParsedQuestion) -> bool:
    """Two question marks; or, in English, a question to which "and" adds another one."""
    text = _QUOTED.sub("", question.lower) if '"' in question.lower else question.lower
    if sum(map(text.count, question_marks(question.language))) > 1:
        return True
    if question.language != "en":
        return False
    second = _SECOND_QUESTION.search(text) if ";" in text or question.has_any(_JOINING_WORDS) else None
    return second is not None and contains_question(text[: second.start()], "en")
