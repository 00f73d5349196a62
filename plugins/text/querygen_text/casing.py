"""Upper and lower case, changed only where no information is lost."""

from __future__ import annotations

import re

from querygen_text.product_facts import ProductFacts, looks_like_name
from querygen_text.word_patterns import word_set

_WORD = re.compile(r"\w+(?:['’.-]\w+)*")
_FIRST_WORD = re.compile(r"[¿\"'(]?(\w+(?:['’.-]\w+)*)")
# Words that stay in capitals when a text in ALL CAPITALS is lower-cased.
_ACRONYMS = word_set(
    "USB HDMI LED LCD OLED QLED TV AC DC PC UK US USA EU GPS NFC SPF UV BPA ANC AI RGB SD SSD HDD RAM CPU GPU DVD VR "
    "AR FAQ DIY XL XXL XS HEPA PFAS PVC EVA IP ISO EN CE FDA USDA II III IV OK"
)
_MIN_WORDS = 3
"""A shorter text in capitals may be a name."""


def lowercase_all_caps(text: str, facts: ProductFacts) -> str:
    """A text in ALL CAPITALS as a sentence, with names spelled as in the product's data; other texts as they are."""
    if not text.isupper() or sum(len(word) > 1 for word in _WORD.findall(text)) < _MIN_WORDS:
        return text
    lowered = _WORD.sub(lambda match: _lowercase_word(match[0], facts), text)
    return _restore_title(lowered[:1].upper() + lowered[1:], facts)


def capitalise_first_word(text: str, facts: ProductFacts) -> str:
    """The first letter in upper case, unless the first word is a name that begins with a small letter (`iPhone`)."""
    match = _FIRST_WORD.match(text)
    if match is None:
        return text
    word = match[1]
    if not word[0].islower() or looks_like_name(word) or facts.starts_name(word):
        return text
    capital = word[0].upper()
    if len(capital) != 1:  # "ß" would become "SS"
        return text
    return text[: match.start(1)] + capital + text[match.start(1) + 1 :]


def _lowercase_word(word: str, facts: ProductFacts) -> str:
    if word[0].isdigit():  # 12-INCH becomes 12-inch; 5G stays
        return re.sub(r"(?<=-)[A-Z]{3,}", lambda match: match[0].lower(), word)
    if word in _ACRONYMS or any(map(str.isdigit, word)):
        return word
    if word == "I" or word.startswith(("I'", "I’")):
        return "I" + word[1:].lower()
    spelling = facts.spellings.get(word.casefold().removesuffix("'s"))
    return word.lower() if spelling is None else spelling + word[len(spelling) :].lower()


def _restore_title(text: str, facts: ProductFacts) -> str:
    """The longest beginning of the title that the text holds, in the title's spelling."""
    words = facts.title_words
    min_words = max(1, len(facts.brand_words))
    for count in range(len(words), min_words - 1, -1):
        name = " ".join(word.lower() if word[0].isdigit() else word for word in words[:count])
        start = text.casefold().find(name.casefold())
        if start >= 0 and len(name.casefold()) == len(name):  # folding may change the length and shift the positions
            return text[:start] + name + text[start + len(name) :]
    return text
