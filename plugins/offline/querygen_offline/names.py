"""Titles, brands, attributes and categories as somebody would say them in a sentence."""

from __future__ import annotations

import re
from functools import lru_cache

from querygen_offline.vocabulary import DANGLING, MASS, NO_KINDS, NO_TOPICS, PLURALS, PREPOSITIONS, QUALITIES, SPELLED

_MOST_READ = 400
_MOST_WORDS, _MOST_CHARS = 8, 60
_FEWEST_WORDS = 3
"""Of a name, when something is cut off that may be part of it."""

_NOT_SAID = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|\{[{%#].*?[}%#]\}|<[^>]*>|\S*(?:://|www\.|@)\S*")
_UNSPEAKABLE = re.compile(r"[^\w\s&'’.,;:()|/+°%™®×½–—-]")
_CUT = re.compile(r"\s*[,;:]\s+|\s*[(|]\s*|\s+[-–—/]\s+|\s+(?:with|for|including|mit|für|inklusive)\s+", re.IGNORECASE)
_SIZE = re.compile(r"(?: \d[\d.,]*(?: ?[x×] ?\d[\d.,]*)* ?(?:[a-zA-Z]{1,2}|mAh|inch|pcs)\.?)+$")
_MEASURE = re.compile(r"[±≥≤~]?\d[\d.,×x/–-]* ?(?:[^\W\d_]{1,8}(?![^\W\d_])|[%°])(?:[\w/²³µ°.-]*)(?: [\w/.-]+){0,3}")
_LETTER = re.compile(r"[^\W\d_]")
_EDGES = " .,;:'’-–—/&+()"


def name_of(title: str, brand: str) -> str:
    """A title without what sellers stuff into it, with its brand in front unless it is in it; "" if nothing is left."""
    name, maker = _shorten(_sayable(title)), _shorten(_sayable(brand))
    if not _LETTER.search(name):
        return ""
    return name if not maker or _mentions(name, maker) else _shorten(f"{maker} {name}")


def phrase_of(text: str, *, words: int = 4, chars: int = 35) -> str:
    """A short text that can be put into a sentence as it is, or ""."""
    said = _sayable(text).strip(_EDGES)
    awkward = re.search(r"[,;:|()]|\s[-–—/]\s|\. ", said) or not _LETTER.search(said)
    return "" if awkward or len(said) > chars or len(said.split()) > words else said


@lru_cache(maxsize=4096)
def topic_of(attribute: str, *, capitals: bool) -> str:
    """An attribute's name as a noun, or "" if it is none that a shopper would use: `noise_level` → `noise level`."""
    plain = re.split(r"[(\[]|__", attribute.rpartition("~")[2])[0]
    words = phrase_of(re.sub(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])|[_.]+|-(?!\w\b)", " ", plain)).split()
    folded = [word.casefold() for word in words]
    unfit = NO_TOPICS.intersection(folded) or any(word.isdigit() for word in words) or quality_of(" ".join(words))
    if not words or unfit or folded[-1] in PREPOSITIONS or len(max(words, key=len)) < 3:
        return ""
    return " ".join([words[0][0].upper() + words[0][1:], *words[1:]]) if capitals else spoken(" ".join(words))


@lru_cache(maxsize=4096)
def quality_of(attribute: str) -> str:
    """An attribute's name as an adjective, or "": `Dishwasher safe` → `dishwasher safe`."""
    text = phrase_of(attribute.replace("_", " ")).lower()
    return text if QUALITIES.fullmatch(text) else ""


def measure_of(value: str) -> str:
    """A number with its unit and little more, or ""."""
    said = " ".join(value[:_MOST_READ].split())
    has_unit = re.search(r"[^\W\d_xX]|[%°]", said)
    return said if has_unit and len(said) <= 25 and _MEASURE.fullmatch(said) else ""


def kinds_of(name: str, *, capitals: bool) -> str:
    """A category or product type as a plural (or mass) noun, or "" if it says too little: `Kettle` → `kettles`."""
    words = phrase_of(name.replace("&", "und" if capitals else "and")).split()
    if not words or any(char.isdigit() for char in name) or words[-1].casefold() in NO_KINDS:
        return ""
    if capitals:
        return " ".join(words)
    *before, last = spoken(" ".join(words)).split()
    return " ".join([*before, _plural(last)])


def spoken(phrase: str) -> str:
    """An English phrase as it is written inside a sentence: small, but for names and abbreviations."""
    return " ".join(word if _is_name(word) else SPELLED.get(word.casefold(), word.lower()) for word in phrase.split())


def slug_of(phrase: str) -> str:
    return re.sub(r"\W+", "_", phrase.casefold()).strip("_")[:40]


def _sayable(text: str) -> str:
    return " ".join(_UNSPEAKABLE.sub(" ", _NOT_SAID.sub(" ", text[:_MOST_READ])).split())


def _shorten(text: str) -> str:
    heads = (text[: cut.start()] for cut in _CUT.finditer(text))
    text = next((head for head in heads if len(head.split()) >= _FEWEST_WORDS), text)
    words = re.sub(r"[;:()|]|,(?!\d)", " ", text).split()
    whole = len(words)
    while len(words) > _MOST_WORDS or len(" ".join(words)) > _MOST_CHARS:
        words.pop()
    while words and (words[-1].casefold() in DANGLING or (len(words) < whole and words[-1].isdigit())):
        words.pop()
    if words and words[0].casefold() in ("the", "a", "an"):
        words = words[1:]
    name = " ".join(words)
    bare = _SIZE.sub("", name)
    return (bare if len(bare.split()) >= _FEWEST_WORDS else name).strip(_EDGES)


def _mentions(name: str, brand: str) -> bool:
    squeezed = re.sub(r"\W", "", name.casefold())
    return re.sub(r"\W", "", brand.casefold()) in squeezed or _first(brand) == _first(name)


def _first(text: str) -> str:
    return text.split(maxsplit=1)[0].casefold()


def _is_name(word: str) -> bool:
    return sum(char.isupper() for char in word) > 1 or any(char.isdigit() for char in word)


def _plural(word: str) -> str:
    for one, many in PLURALS.items():
        if word.endswith(one):
            return word.removesuffix(one) + many
    if MASS.fullmatch(word) or (word.endswith("s") and not word.endswith("ss")):
        return word
    if word.endswith(("ss", "x", "ch", "sh")):
        return f"{word}es"
    return f"{word[:-1]}ies" if word.endswith("y") and word[-2:-1] not in "aeiou" else f"{word}s"
