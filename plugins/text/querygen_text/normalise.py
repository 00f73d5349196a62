"""Normalises the wording of a question for comparison: what does not change its meaning is removed or made equal.

The result is never stored, so it may go further than a repair: NFKC, case, punctuation, articles, courtesies,
contractions, spelling of numbers and units, British and American spelling.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from querygen_core.api import HiddenCharacters
from querygen_text.markup import strip_markup
from querygen_text.word_patterns import word_set

# A word with its apostrophes, a number with its sign, an inch mark after a number, or a sign that stands for a word.
_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|(?:(?<![^\s(])[-−])?\d+(?:[.,]\d+)*|(?<=\d)(?:[\"″]|′′)|[%&+$€£]")
_HIDDEN = HiddenCharacters()
_CURRENCY = re.compile(r"([$€£])\s?(\d[\d.,]*)")
_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+")
_STRAIGHT = str.maketrans("‘’“”„", '\'\'"""')
# "1. ", "Q3: ", "- ", quotes and emphasis in front; not the minus of a negative number.
_LIST_MARK = re.compile(r"(?:[\s\"'*_«•]|[-–](?!\d))*(?:[(\[#]?(?:q|question)? ?\d{0,3}[.):\]]\s+)?")
_MAX_COURTESIES = 3
_CONTRACTION = re.compile(r"\b(?:(can't|won't|shan't|cannot)|(\w+?)(n't|'(?:re|ve|ll|m|d|s)))\b")
_IRREGULAR_CONTRACTIONS = {"can't": "can not", "won't": "will not", "shan't": "shall not", "cannot": "can not"}
_CONTRACTED_ENDINGS = {"n't": " not", "'re": " are", "'ve": " have", "'ll": " will", "'m": " am", "'d": " would"}
_BEFORE_IS = word_set("what who how where when why it that there here which")
# -ise and -our with their inflections; not "four", and not short words such as "rise".
_BRITISH_ENDING = re.compile(
    r"(?<=[a-z]{3})is(e|es|ed|er|ers|ing|ation|ations)$|(?<=[a-z]{2})(?<!f)our(s|ed|ing|ful|less|able|ite)?$"
)

_COURTESY = re.compile(
    r"(?:(?:just |i'm |i am |i was )*(?:wondering|curious)|out of (?:interest|curiosity)|(?:a )?quick question"
    r"|(?:i'd|i would) (?:like|love) to (?:know|ask)|i want to (?:know|ask)"
    r"|(?:can|could|would) you (?:please )?(?:tell me|let me know)|(?:please )?tell me|do you know|may i ask"
    r"|hi there|hi|hello|hey|excuse me|please|okay|ok|by the way|for my (?:own )?information"
    r"|kurze frage|hallo|bitte|(?:ich )?(?:würde|möchte) (?:gerne? )?wissen|nur aus interesse"
    r"|(?:können|könnten) sie mir (?:bitte )?sagen)(?:\s*[,:;.!–—-]+\s*|\s+)(?:if |whether |ob )?"
)

UNITS = {
    alias: unit
    for unit, aliases in {
        "m": "metre metres meter meters",
        "cm": "centimetre centimetres centimeter centimeters",
        "mm": "millimetre millimetres millimeter millimeters",
        "km": "kilometre kilometres kilometer kilometers",
        "kg": "kilo kilos kilogram kilograms kilogramm",
        "g": "gram grams gramm",
        "lb": "lbs",
        "oz": "ounce ounces",
        "l": "litre litres liter liters",
        "ml": "millilitre millilitres milliliter milliliters",
        "inch": 'inches zoll " ″ ′′',
        "foot": "feet ft",
        "hour": "hours hr hrs h stunde stunden",
        "minute": "minutes min mins minuten",
        "second": "seconds sec secs sekunde sekunden",
        "day": "days tag tage tagen",
        "year": "years yr yrs jahr jahre jahren",
        "watt": "watts w",
        "volt": "volts v",
        "bar": "bars",
        "db": "decibel decibels",
        "usd": "$ dollar dollars",
        "eur": "€ euro euros",
        "gbp": "£",
        "%": "percent prozent",
    }.items()
    for alias in (unit, *aliases.split())
}
"""Every spelling of a unit → the spelling used for comparison, which is a key too."""

_EQUIVALENT_WORDS = UNITS | {
    "is": "is",
    "this": "this",
    "does": "do",
    "are": "is",
    "has": "have",
    "could": "can",
    "would": "will",
    "which": "what",
    "you": "i",
    "we": "i",
    "versus": "vs",
    "&": "and",
    "+": "plus",
    "aluminium": "aluminum",
    "grey": "gray",
    "tyre": "tire",
    "tyres": "tires",
    "centre": "center",
    "fibre": "fiber",
    "licence": "license",
    "jewellery": "jewelry",
    "pyjamas": "pajamas",
    "mould": "mold",
    "programme": "program",
    "catalogue": "catalog",
    "cosy": "cozy",
    "defence": "defense",
    "travelling": "traveling",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "fifteen": "15",
    "twenty": "20",
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "hundred": "100",
    "zwei": "2",
    "drei": "3",
    "vier": "4",
    "fünf": "5",
    "zehn": "10",
}
_STOP_WORDS = word_set(
    "the a an my your our really actually exactly please thanks "
    "der die das den dem des ein eine einen einem einer mein meine meinen meinem bitte"
)


def tokenise(text: str) -> list[str]:
    """The words of a text; those that mean the same are made equal, none is left out."""
    return _tokens(_fold(text))


def tokenise_question(text: str) -> list[str]:
    """The words of a question, without a list mark or courtesies in front."""
    if "<" in text or "&" in text:
        text = strip_markup(text)
    text = _LIST_MARK.sub("", _fold(text), count=1)
    for _ in range(_MAX_COURTESIES):
        courtesy = _COURTESY.match(text)
        if courtesy is None:
            break
        text = text[courtesy.end() :]
    return _tokens(text)


def drop_stop_words(words: list[str]) -> list[str]:
    """The words without those that do not change what is asked: articles, possessives, "really"."""
    return [word for word in words if word not in _STOP_WORDS]


def find_measures(text: str) -> Iterator[tuple[str, str]]:
    """(number, unit) of every number that is followed by a unit: `12-inch`, `45 minutes`, `€30`."""
    words = tokenise(text)
    for number, unit in pairwise(words):
        if number[-1].isdigit() and unit in UNITS:
            yield number, unit


def _fold(text: str) -> str:
    if not text.isascii():
        text = _HIDDEN.removed_everywhere(unicodedata.normalize("NFKC", text)).translate(_STRAIGHT)
    return text.casefold()


def _tokens(text: str) -> list[str]:
    if "'" in text or "cannot" in text:
        text = _CONTRACTION.sub(_expand_contraction, text)
    if "$" in text or "€" in text or "£" in text:
        text = _CURRENCY.sub(r"\2 \1", text)
    return [_EQUIVALENT_WORDS.get(word) or _normalise_word(word) for word in _TOKEN.findall(text)]


def _normalise_word(word: str) -> str:
    if word[-1].isdigit():
        return word.replace(",", "") if _THOUSANDS.fullmatch(word) else word.replace(",", ".").replace("−", "-")
    return _BRITISH_ENDING.sub(_americanise, word) if "our" in word or "is" in word else word


def _americanise(match: re.Match[str]) -> str:
    return f"iz{match[1]}" if match[1] is not None else f"or{match[2] or ''}"


def _expand_contraction(match: re.Match[str]) -> str:
    irregular, word, ending = match.groups()
    if irregular:
        return _IRREGULAR_CONTRACTIONS[irregular]
    if ending == "'s":  # "what's" is "what is", but "the cot's" is a possessive
        return f"{word} is" if word in _BEFORE_IS else word
    return word + _CONTRACTED_ENDINGS[ending]
