"""Upper and lower case, changed only where nothing is lost by it."""

from __future__ import annotations

import re

from querygen_text.names import Known, is_peculiar
from querygen_text.patterns import word_set

_WORD = re.compile(r"\w+(?:['’.-]\w+)*")
_FIRST_WORD = re.compile(r"[¿\"'(]?(\w+(?:['’.-]\w+)*)")
_ACRONYMS = word_set(
    "USB HDMI LED LCD OLED QLED TV AC DC PC UK US USA EU GPS NFC SPF UV BPA ANC AI RGB SD SSD HDD RAM CPU GPU DVD VR "
    "AR FAQ DIY XL XXL XS HEPA PFAS PVC EVA IP ISO EN CE FDA USDA II III IV OK"
)
_FEWEST_WORDS = 3


def lower_capitals(text: str, known: Known) -> str:
    """A text in ALL CAPITALS as a sentence, names written as the product's data writes them."""
    if not text.isupper() or sum(len(word) > 1 for word in _WORD.findall(text)) < _FEWEST_WORDS:
        return text
    lowered = _WORD.sub(lambda found: _lowered(found[0], known), text)
    return _with_name(lowered[:1].upper() + lowered[1:], known)


def raise_first(text: str, known: Known) -> str:
    """The first letter upper-cased, unless the word is a name that begins with a small letter (`iPhone`)."""
    found = _FIRST_WORD.match(text)
    if found is None:
        return text
    word = found[1]
    if not word[0].islower() or is_peculiar(word) or known.writes(word):
        return text
    first = word[0].upper()
    return text if len(first) != 1 else text[: found.start(1)] + first + text[found.start(1) + 1 :]


def _lowered(word: str, known: Known) -> str:
    if word[0].isdigit():  # 12-INCH, but 5G
        return re.sub(r"(?<=-)[A-Z]{3,}", lambda found: found[0].lower(), word)
    if word in _ACRONYMS or any(map(str.isdigit, word)):
        return word
    if word == "I" or word.startswith(("I'", "I’")):
        return "I" + word[1:].lower()
    folded = word.casefold().removesuffix("'s")
    spelling = known.spellings.get(folded)
    return word.lower() if spelling is None else spelling + word[len(spelling) :].lower()


def _with_name(text: str, known: Known) -> str:
    """The longest beginning of the title that is in the text, written as in the title."""
    words = known.title_words
    fewest = max(1, len(known.brand_words))
    for count in range(len(words), fewest - 1, -1):
        name = " ".join(word.lower() if word[0].isdigit() else word for word in words[:count])
        place = text.casefold().find(name.casefold())
        if place >= 0 and len(name.casefold()) == len(name):
            return text[:place] + name + text[place + len(name) :]
    return text
