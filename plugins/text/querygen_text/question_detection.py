"""Decides whether a text is a question: strictly to add a missing mark, leniently to drop keywords and statements."""

from __future__ import annotations

import re

from querygen_text.languages import LANGUAGES, MARK_OPTIONAL, Language, question_marks
from querygen_text.word_patterns import word_set

_TOKENS = re.compile(r"\w+(?:['’-]\w+)*|[,;:.!?()–—…]|(?<=\s)-(?=\s)")
_WORD = re.compile(r"\w")
_CONNECTORS = word_set("and but or so then also now still hi hello hey please und aber oder also denn hallo bitte")
_RELATIVE_PRONOUNS = word_set("which who whose where when whether")
_PREPOSITIONS = word_set(
    "at for in on with to from by until till up about of under over than within through since "
    "bis ab für mit in an auf aus von zu bei seit unter über nach um"
)
_FRENCH_INVERSION = re.compile(
    r"^(?:[\w'’]+ ){0,8}?[\w'’]+-(?:t-)?(?:il|elle|ils|elles|on|vous|je|ce)\b", re.IGNORECASE
)
_ENGLISH_INVERSION = re.compile(
    r"\b(?:can|could|will|would|should|do|does|did) (?:i|you|we|it|this|these|they|the|my|there)\b"
)
_GERMAN_AFTER_VERB = word_set(
    "der die das den dem ein eine einen einem dieser diese dieses diesen diesem man ich du wir ihr sie er es sich mein "
    "meine meinen meinem beide alle auch mir"
)
_MAX_WORDS_BEFORE_VERB = 8
"""After "how": "How many bars of pressure does …"."""


def ends_like_question(text: str, language: str) -> bool:
    """Whether a question mark is at the end, before closing quotes and brackets, or the language needs none."""
    return text.rstrip("\"')]»”’ 」』").endswith(tuple(question_marks(language))) or language in MARK_OPTIONAL


def contains_question(text: str, language: str) -> bool:
    """Whether some clause of the text is a question; True if in doubt, as in every language with incomplete lists."""
    words = LANGUAGES.get(language)
    if words is None or not words.is_complete:
        return True
    first, _, _ = text.partition(" ")
    if first.lower() in words.question_words or first.lower() in words.opening_verbs:
        return True
    opens_clause = True
    tokens = _tokenise(text)
    for index, token in enumerate(tokens):
        if token in words.question_words:
            return True
        if opens_clause and (token in words.opening_verbs or _is_german_opening_verb(tokens, index, language)):
            return True
        opens_clause = _WORD.match(token) is None or token in _CONNECTORS
    return language == "en" and _ENGLISH_INVERSION.search(text.lower()) is not None


def looks_like_question(text: str, language: str) -> bool:
    """Whether the text is phrased as a question, so that a missing mark may be added; False if in doubt."""
    if text.startswith("¿"):
        return True
    words = LANGUAGES.get(language)
    if words is None:
        return False
    tokens = _tokenise(text)
    if not tokens or tokens[-1] in words.unfinished:
        return False
    if language == "fr":
        return tokens[0] in words.question_words | words.opening_verbs or _FRENCH_INVERSION.match(text) is not None
    return _is_question_clause(tokens, words, language) or _last_clause_asks(tokens, words, language)


def _tokenise(text: str) -> list[str]:
    return _TOKENS.findall(text.lower().replace("’", "'"))


def _is_question_clause(tokens: list[str], words: Language, language: str) -> bool:
    first, rest = tokens[0], tokens[1 : _MAX_WORDS_BEFORE_VERB + 2]
    second = rest[0] if rest else ""
    if first in words.opening_verbs or _is_german_opening_verb(tokens, 0, language):
        return second not in {"not", "nicht", "only"}
    if first in words.question_words:
        return not _is_heading(first, second, rest, words)
    return first in _PREPOSITIONS and any(token in words.question_words for token in rest[:2])


def _is_heading(first: str, second: str, rest: list[str], words: Language) -> bool:
    """Whether a clause that begins with a question word is a heading: "How it works", "Why you need one"."""
    if second in words.subjects or not second:
        return True
    if second in words.opening_verbs or second == "to":
        return rest[1:2] == ["why"]
    if words.opening_verbs and first in {"how", "why", "when", "where"}:
        return first != "how" or not any(token in words.opening_verbs for token in rest)
    return False


def _last_clause_asks(tokens: list[str], words: Language, language: str) -> bool:
    """Whether the clause after the last punctuation mark is a question, and not a relative clause."""
    for index in range(len(tokens) - 1, 0, -1):
        if _WORD.match(tokens[index]) is None:
            clause = tokens[index + 1 :]
            while clause and clause[0] in _CONNECTORS:
                clause = clause[1:]
            is_relative = tokens[index] == "," and clause[:1] and clause[0] in _RELATIVE_PRONOUNS
            return bool(clause) and not is_relative and _is_question_clause(clause, words, language)
    return False


def _is_german_opening_verb(tokens: list[str], index: int, language: str) -> bool:
    """German puts any verb first to ask ("Passt der Deckel …", "Riecht das Serum …"), so its ending has to do."""
    if language != "de" or index + 1 >= len(tokens):
        return False
    has_verb_ending = len(tokens[index]) > 3 and tokens[index].endswith(("t", "en", "e"))
    return has_verb_ending and tokens[index + 1] in _GERMAN_AFTER_VERB
