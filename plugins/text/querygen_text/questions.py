"""Whether a text asks: strictly, to add a missing mark; leniently, to tell keywords and statements from questions."""

from __future__ import annotations

import re

from querygen_text.languages import LANGUAGES, WITHOUT_MARK, Language, marks
from querygen_text.patterns import word_set

_PIECES = re.compile(r"\w+(?:['’-]\w+)*|[,;:.!?()–—…]|(?<=\s)-(?=\s)")
_WORD = re.compile(r"\w")
_CONNECTORS = word_set("and but or so then also now still hi hello hey please und aber oder also denn hallo bitte")
_RELATIVE = word_set("which who whose where when whether")
_BEFORE_ASKING = word_set(
    "at for in on with to from by until till up about of under over than within through since "
    "bis ab für mit in an auf aus von zu bei seit unter über nach um"
)
_INVERSION = re.compile(r"^(?:[\w'’]+ ){0,8}?[\w'’]+-(?:t-)?(?:il|elle|ils|elles|on|vous|je|ce)\b", re.IGNORECASE)
_INVERTED = re.compile(r"\b(?:can|could|will|would|should|do|does|did) (?:i|you|we|it|this|these|they|the|my|there)\b")
_REACH = 8
"""How many words after "how" the verb may stand ("How many bars of pressure does …")."""


def ends_as_question(text: str, language: str) -> bool:
    """There is a question mark at the end, or the language needs none. Closing quotes and brackets do not count."""
    return text.rstrip("\"')]»”’ 」』").endswith(tuple(marks(language))) or language in WITHOUT_MARK


def holds_question(text: str, language: str) -> bool:
    """Some clause of it asks. True for every text in a language whose question words are not known completely."""
    known = LANGUAGES.get(language)
    if known is None or not known.complete:
        return True
    first, _, _ = text.partition(" ")
    if first.lower() in known.asks or first.lower() in known.verbs:
        return True
    opening = True
    pieces = _PIECES.findall(text.lower().replace("’", "'"))
    for place, piece in enumerate(pieces):
        if piece in known.asks or (opening and (piece in known.verbs or _opens_german(pieces, place, language))):
            return True
        opening = _WORD.match(piece) is None or (piece in _CONNECTORS)
    return language == "en" and _INVERTED.search(text.lower()) is not None


def would_ask(text: str, language: str) -> bool:
    """It has the form of a question, so that a missing mark may be added. False when in doubt."""
    if text.startswith("¿"):
        return True
    known = LANGUAGES.get(language)
    if known is None:
        return False
    pieces = _PIECES.findall(text.lower().replace("’", "'"))
    if not pieces or pieces[-1] in known.unfinished:
        return False
    if language == "fr":
        return pieces[0] in known.asks | known.verbs or _INVERSION.match(text) is not None
    return _clause_asks(pieces, known, language) or _last_clause_asks(pieces, known, language)


def _clause_asks(words: list[str], known: Language, language: str) -> bool:
    first, rest = words[0], words[1 : _REACH + 2]
    second = rest[0] if rest else ""
    if first in known.verbs or _opens_german(words, 0, language):
        return second not in {"not", "nicht", "only"}
    if first in known.asks:
        return _heading_free(first, second, rest, known)
    return first in _BEFORE_ASKING and any(word in known.asks for word in rest[:2])


def _heading_free(first: str, second: str, rest: list[str], known: Language) -> bool:
    if second in known.subjects or not second:
        return False
    if second in known.verbs or second == "to":
        return rest[1:2] != ["why"]
    if known.verbs and first in {"how", "why", "when", "where"}:
        return first == "how" and any(word in known.verbs for word in rest)
    return True


def _last_clause_asks(words: list[str], known: Language, language: str) -> bool:
    for place in range(len(words) - 1, 0, -1):
        if _WORD.match(words[place]) is None:
            clause = words[place + 1 :]
            while clause and clause[0] in _CONNECTORS:
                clause = clause[1:]
            relative = words[place] == "," and clause[:1] and clause[0] in _RELATIVE
            return bool(clause) and not relative and _clause_asks(clause, known, language)
    return False


def _opens_german(words: list[str], place: int, language: str) -> bool:
    """German asks with any verb in front: "Passt der Deckel …", "Riecht das Serum …"."""
    if language != "de" or place + 1 >= len(words):
        return False
    return len(words[place]) > 3 and words[place].endswith(("t", "en", "e")) and words[place + 1] in _GERMAN_AFTER_VERB


_GERMAN_AFTER_VERB = word_set(
    "der die das den dem ein eine einen einem dieser diese dieses diesen diesem man ich du wir ihr sie er es sich mein "
    "meine meinen meinem beide alle auch mir"
)
