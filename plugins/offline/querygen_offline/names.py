"""Rewrites titles, brands, attributes and categories so that they can stand inside a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from querygen_offline.word_lists import DANGLING, MASS, NO_KINDS, NO_TOPICS, PLURALS, PREPOSITIONS, QUALITIES, SPELLED

_MAX_INPUT = 400
"""Characters of a field that are read. Bounds the time of the patterns below on hostile texts."""

_MAX_WORDS, _MAX_CHARS = 8, 60
_MAX_SPOKEN = 3
"""Words that a name has at most when it is spoken."""
_LONGEST_UNIT = 2
"""Letters of a unit that may follow a number in a title: `V`, `cm`."""
_MIN_WORDS = 3
"""Words that a name must keep when something is cut off that may be part of it."""

# Terminal escapes, template code, tags, addresses.
_MARKUP_OR_URL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\{[{%#].*?[}%#]\}|<[^>]*>|\S*(?:://|www\.|@)\S*")
# All but letters, digits and the signs that product names have. No "?": a question has one, at its end.
_UNWANTED = re.compile(r"[^\w\s&'’.,;:()|/+°%™®×½–—-]")
# Where a title goes on with details: after a comma, in brackets, after a dash, after "with" or "for".
_NAME_END = re.compile(
    r"\s*[,;:]\s+|\s*[(|]\s*|\s+[-–—/]\s+|\s+(?:with|for|including|mit|für|inklusive)\s+", re.IGNORECASE
)
# "1.7 l", "20 x 30 cm", "500 g" at the end of a title.
_SIZE_AT_END = re.compile(r"(?: \d[\d.,]*(?: ?[x×] ?\d[\d.,]*)* ?(?:[a-zA-Z]{1,2}|mAh|inch|pcs)\.?)+$")
# A number with a unit and up to three further words: "1200 mAh lithium-ion".
_MEASURE = re.compile(r"[±≥≤~]?\d[\d.,×x/–-]* ?(?:[^\W\d_]{1,8}(?![^\W\d_])|[%°])(?:[\w/²³µ°.-]*)(?: [\w/.-]+){0,3}")
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")
_EDGE_CHARACTERS = " .,;:'’-–—/&+()"


def shorten_title(title: str, brand: str) -> str:
    """A title without the search terms that sellers add to it, and with the brand in front unless it is named already.

    "" if no letter is left.
    """
    name, maker = _shorten(_plain_text(title)), _shorten(_plain_text(brand))
    if not _LETTER.search(name):
        return ""
    return name if not maker or _names_brand(name, maker) else _shorten(f"{maker} {name}")


def spoken_name(name: str, brand: str) -> str:
    """A short name as people say it: `Brassline Tarn X20 Gooseneck Kettle` → `Brassline Tarn X20`, and without a model
    number the kind of thing, which a title ends with: `Brassline Tarn Gooseneck Kettle` → `Brassline Tarn Kettle`.

    Up to the model number behind the brand, or else `_MAX_SPOKEN` words. brand: as `shorten_title` gives it.
    """
    words = name.split()
    start = len(brand.split()) if brand and name.casefold().startswith(brand.casefold()) else 0
    most = max(_MAX_SPOKEN, start + 2)
    for index in range(start + 1, min(most, len(words))):
        if _DIGIT.search(words[index]) and not _is_measure(words[index : index + 2]):
            return " ".join(words[: index + 1])
    kind = words[most - 1 :][-1:]
    spoken = words[:most] if _DIGIT.search("".join(kind)) else [*words[: most - 1], *kind]
    return " ".join(spoken).strip(_EDGE_CHARACTERS)


def short_phrase(text: str, *, words: int = 4, chars: int = 35) -> str:
    """The text if it can be put into a sentence as it is; "" if it is longer than `words` or `chars`, or a list."""
    phrase = _plain_text(text).strip(_EDGE_CHARACTERS)
    is_awkward = re.search(r"[,;:|()]|\s[-–—/]\s|\. ", phrase) or not _LETTER.search(phrase)
    return "" if is_awkward or len(phrase) > chars or len(phrase.split()) > words else phrase


@lru_cache(maxsize=4096)
def to_topic(attribute: str, *, capitals: bool) -> str:
    """An attribute's name as a noun: `noise_level` → `noise level`; "" for a name that no shopper would use.

    capitals: whether nouns keep their capitals, as in German.
    """
    # Exports write `Tenant~Best-Use`, `dimensions__wxdxh_`, `Weight (kg)`.
    plain = re.split(r"[(\[]|__", attribute.rpartition("~")[2])[0]
    words = short_phrase(re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])|[_.]+|-(?!\w\b)", " ", plain)).split()
    folded = [word.casefold() for word in words]
    is_unfit = NO_TOPICS.intersection(folded) or any(word.isdigit() for word in words) or to_adjective(" ".join(words))
    if not words or is_unfit or folded[-1] in PREPOSITIONS or len(max(words, key=len)) < 3:
        return ""
    return " ".join([words[0][0].upper() + words[0][1:], *words[1:]]) if capitals else lowercase_words(" ".join(words))


@lru_cache(maxsize=4096)
def to_adjective(attribute: str) -> str:
    """An attribute's name as an adjective: `Dishwasher safe` → `dishwasher safe`; "" if it is none."""
    text = short_phrase(attribute.replace("_", " ")).lower()
    return text if QUALITIES.fullmatch(text) else ""


def parse_measure(value: str) -> str:
    """The value if it is a number with its unit and little more, else ""."""
    measure = " ".join(value[:_MAX_INPUT].split())
    has_unit = re.search(r"[^\W\d_xX]|[%°]", measure)  # `444 x 114` has none
    return measure if has_unit and len(measure) <= 25 and _MEASURE.fullmatch(measure) else ""


def to_plural_kind(name: str, *, capitals: bool) -> str:
    """A category or product type as a plural or mass noun: `Kettle` → `kettles`; "" if it says too little.

    capitals: whether the language is German, whose patterns take the name as it is.
    """
    words = short_phrase(name.replace("&", "und" if capitals else "and")).split()
    if not words or any(char.isdigit() for char in name) or words[-1].casefold() in NO_KINDS:
        return ""
    if capitals:
        return " ".join(words)
    # Only the last word is inflected: `coffee makers`, not `coffees makers`.
    *before, last = lowercase_words(" ".join(words)).split()
    return " ".join([*before, _pluralise(last)])


def lowercase_words(phrase: str) -> str:
    """An English phrase as written inside a sentence: in lower case, except names and abbreviations."""
    return " ".join(
        word if _is_name_or_code(word) else SPELLED.get(word.casefold(), word.lower()) for word in phrase.split()
    )


def to_slug(phrase: str) -> str:
    return re.sub(r"\W+", "_", phrase.casefold()).strip("_")[:40]


def _plain_text(text: str) -> str:
    return " ".join(_UNWANTED.sub(" ", _MARKUP_OR_URL.sub(" ", text[:_MAX_INPUT])).split())


def _shorten(text: str) -> str:
    beginnings = (text[: match.start()] for match in _NAME_END.finditer(text))
    text = next((beginning for beginning in beginnings if len(beginning.split()) >= _MIN_WORDS), text)
    words = re.sub(r"[;:()|]|,(?!\d)", " ", text).split()
    original_count = len(words)
    while len(words) > _MAX_WORDS or len(" ".join(words)) > _MAX_CHARS:
        words.pop()
    while words and (words[-1].casefold() in DANGLING or (len(words) < original_count and words[-1].isdigit())):
        words.pop()
    if words and words[0].casefold() in ("the", "a", "an"):
        words = words[1:]
    name = " ".join(words)
    without_size = _SIZE_AT_END.sub("", name)
    return (without_size if len(without_size.split()) >= _MIN_WORDS else name).strip(_EDGE_CHARACTERS)


def _is_measure(words: Sequence[str]) -> bool:
    """`18 V`: no model number, unlike `Aria 5` before a longer word."""
    return len(words) > 1 and words[0].replace(".", "").isdecimal() and len(words[1]) <= _LONGEST_UNIT


def _names_brand(name: str, brand: str) -> bool:
    """Also where spaces and signs differ, or only the first word is the same: "ACME Kettle" by "Acme Inc."."""
    name_letters, brand_letters = (re.sub(r"\W", "", text.casefold()) for text in (name, brand))
    return brand_letters in name_letters or _first_word(brand) == _first_word(name)


def _first_word(text: str) -> str:
    return text.split(maxsplit=1)[0].casefold()


def _is_name_or_code(word: str) -> bool:
    return sum(char.isupper() for char in word) > 1 or any(char.isdigit() for char in word)


def _pluralise(word: str) -> str:
    for singular, plural in PLURALS.items():
        if word.endswith(singular):
            return word.removesuffix(singular) + plural
    if MASS.fullmatch(word) or (word.endswith("s") and not word.endswith("ss")):
        return word
    if word.endswith(("ss", "x", "ch", "sh")):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else f"{word}s"
