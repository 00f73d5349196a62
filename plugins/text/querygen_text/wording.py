"""A question's wording with everything taken off that does not change what is asked: the form that is compared.

Never stored, so it may go further than a repair: NFKC, case, punctuation, articles, courtesies, contractions,
spelling of numbers and units, British and American spelling.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from querygen_text.markup import strip_markup
from querygen_text.patterns import word_set

_TOKEN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|(?:(?<![^\s(])[-−])?\d+(?:[.,]\d+)*|(?<=\d)(?:[\"″]|′′)|[%&+$€£]")
_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]+"
)
_CURRENCY = re.compile(r"([$€£])\s?(\d[\d.,]*)")
_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+")
_STRAIGHT = str.maketrans("‘’“”„", '\'\'"""')
_FRONT = re.compile(r"(?:[\s\"'*_«•]|[-–](?!\d))*(?:[(\[#]?(?:q|question)? ?\d{0,3}[.):\]]\s+)?")
_COURTESIES = 3
_CONTRACTION = re.compile(r"\b(?:(can't|won't|shan't|cannot)|(\w+?)(n't|'(?:re|ve|ll|m|d|s)))\b")
_WHOLE = {"can't": "can not", "won't": "will not", "shan't": "shall not", "cannot": "can not"}
_PARTS = {"n't": " not", "'re": " are", "'ve": " have", "'ll": " will", "'m": " am", "'d": " would"}
_IS = word_set("what who how where when why it that there here which")
_AMERICAN = re.compile(
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
"""How units are written → how they are written here. A word that means a unit is a key of it, made equal or not."""

_SAME = UNITS | {
    "is": "is", "this": "this", "does": "do", "are": "is", "has": "have", "could": "can", "would": "will",
    "which": "what", "you": "i", "we": "i", "versus": "vs", "&": "and", "+": "plus",
    "aluminium": "aluminum", "grey": "gray", "tyre": "tire", "tyres": "tires", "centre": "center", "fibre": "fiber",
    "licence": "license", "jewellery": "jewelry", "pyjamas": "pajamas", "mould": "mold", "programme": "program",
    "catalogue": "catalog", "cosy": "cozy", "defence": "defense", "travelling": "traveling",
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10", "eleven": "11", "twelve": "12", "fifteen": "15", "twenty": "20", "thirty": "30", "forty": "40",
    "fifty": "50", "sixty": "60", "hundred": "100", "zwei": "2", "drei": "3", "vier": "4", "fünf": "5", "zehn": "10",
}  # fmt: skip
_WEIGHTLESS = word_set(
    "the a an my your our really actually exactly please thanks "
    "der die das den dem des ein eine einen einem einer mein meine meinen meinem bitte"
)


def words_of(text: str) -> list[str]:
    """The tokens of a text; words that mean the same are made equal, none is left out."""
    return _tokens(_fold(text))


def question_words(text: str) -> list[str]:
    """`words_of` a question without a list mark or courtesies in front."""
    if "<" in text or "&" in text:
        text = strip_markup(text)
    text = _FRONT.sub("", _fold(text), count=1)
    for _ in range(_COURTESIES):
        courtesy = _COURTESY.match(text)
        if courtesy is None:
            break
        text = text[courtesy.end() :]
    return _tokens(text)


def weighty(words: list[str]) -> list[str]:
    """Without the words that change nothing: articles, possessives, "really"."""
    return [word for word in words if word not in _WEIGHTLESS]


def measures(text: str) -> Iterator[tuple[str, str]]:
    """Every number that is followed by a unit: `12-inch`, `45 minutes`, `€30`."""
    words = words_of(text)
    for number, unit in pairwise(words):
        if number[-1].isdigit() and unit in UNITS:
            yield number, unit


def _fold(text: str) -> str:
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).translate(_STRAIGHT)
    return text.casefold()


def _tokens(text: str) -> list[str]:
    if "'" in text or "cannot" in text:
        text = _CONTRACTION.sub(_write_out, text)
    if "$" in text or "€" in text or "£" in text:
        text = _CURRENCY.sub(r"\2 \1", text)
    return [_SAME.get(word) or _same(word) for word in _TOKEN.findall(text)]


def _same(word: str) -> str:
    if word[-1].isdigit():
        return word.replace(",", "") if _THOUSANDS.fullmatch(word) else word.replace(",", ".").replace("−", "-")
    return _AMERICAN.sub(_americanise, word) if "our" in word or "is" in word else word


def _americanise(found: re.Match[str]) -> str:
    return f"iz{found[1]}" if found[1] is not None else f"or{found[2] or ''}"


def _write_out(found: re.Match[str]) -> str:
    whole, word, ending = found.groups()
    if whole:
        return _WHOLE[whole]
    if ending == "'s":  # "what's" is "what is", "the cot's" is the cot
        return f"{word} is" if word in _IS else word
    return word + _PARTS[ending]
