"""Rules on what no question may hold: damaged characters, markup, placeholders, addresses, private data."""

from __future__ import annotations

import re

from querygen_core.api import HiddenCharacters
from querygen_text.parsed_question import ParsedQuestion
from querygen_text.word_patterns import any_of, word_set

_DAMAGED = HiddenCharacters(
    HiddenCharacters.CONTROLS_BUT_SPACE
    + HiddenCharacters.RARE_BREAKS
    + HiddenCharacters.NOT_CHARACTERS
    + HiddenCharacters.PRIVATE_USE
    + "\ufffd"  # what a decoder writes for bytes that it cannot read
)
_MARKUP = any_of(
    r"<\s?/?\s?(?:script|style|iframe|img|svg|object|embed|form|input|link|meta|html|body|a|b|i|p|br|div|span|ul|ol|li)\b",
    r"<!--",
    r"javascript:",
    r"\bon(?:error|load|click)\s?=",
    r"\]\([^)\s]{1,400}\)",  # a Markdown link
    r"```|\*\*",
)

# In order: template syntax, [BRAND], [insert …], (brand name), <Product Name>, %s, $VARIABLE, ___.
_PLACEHOLDER = any_of(
    r"\{[^{}]{0,80}\}|\{\{|\}\}|\{%|%\}|\$\{",
    r"\[\s?[A-Z][A-Z0-9 _/-]{1,40}\]",
    r"\[(?i:insert|your|brand|product|name|model|category|competitor|company|item|feature|object|x)\b[^\]]{0,60}\]",
    r"\((?i:brand|product|model|company) name\)",
    r"<\s?/?\s?[A-Za-z][\w .-]{0,40}>",
    r"(?<!\w)%(?:\(\w{1,40}\))?[sdf]\b",
    r"(?<![\w$])\$(?:[A-Z_]{1,40}|[a-z_]{2,40})\b",
    r"_{3,}",
)
_FILLER = any_of(
    r"\b(?:nan|undefined|null|NaN|NULL|TBD|TODO|X{3,}|XYZ|x{4,}|N/A)(?![\w-])",
    r"\bNone(?![\w-])(?! of\b)",
    r"\b(?:(?:Brand|Product|Competitor|Company) (?:Name|[A-DXYZ])|Model Name)(?![\w-])",
    r"\b(?:PRODUCT|BRAND|MODEL|COMPETITOR|COMPANY)_?(?:NAME|TITLE|TYPE)\b",
    r"\b[Ll]orem ipsum\b|\b(?i:insert (?:\w+ ){1,3}here)\b",
)
_FILLER_WORDS = word_set(
    "nan undefined null xyz insert tbd todo n none brand product competitor company model lorem brandname productname "
    "modelname brand_name product_name product_title product_type model_name competitor_name company_name"
)
"""Each filler except XXX contains one of these words, so that most questions need not be searched."""

_TOP_LEVELS = "com|net|org|info|io|co|de|at|ch|fr|es|it|nl|uk|eu|us|shop|store|app|dev|ca|au|se|dk|pl|ie"
_TOP_LEVELS += "|ly|me|be|tv|biz|online|site|link|example"
# The scheme, "www.", or a domain with a path.
_URL = any_of(
    r"\b(?:https?|ftp)://",
    r"\bwww\.\w",
    rf"\b[a-z0-9-]{{1,63}}\.(?:{_TOP_LEVELS})(?:\.[a-z]{{2}})?/\w",  # a bare Booking.com is a name
)

# Also "name (at) shop" and "@handle".
_MAIL = re.compile(r"[\w+-]@[\w-]{1,63}\.[a-z]{2,24}\b|[\w+-] ?[(\[]at[)\]] ?[\w-]|(?<!\w)@[a-z]\w{2}")
_NUMBERS = any_of(
    r"(?<![\w.])(?:\+\d{1,3}|\(?0\d{1,4}\)?)[ ./-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,5}){1,4}(?![\w-])(?!\.\d)",  # telephone
    r"(?<![\w.-])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])",  # telephone in North America
    r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])",  # social security in the USA
    r"\b[a-z]{2}\d{2} ?(?:[a-z]{4} ?)?(?:\d{4} ?){2,7}\d{0,4}(?!\w)",  # IBAN
)
_MIN_DIGITS = 7
# 13 to 19 digits, in groups or not; only a valid checksum makes them a card number.
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")


def is_damaged(question: ParsedQuestion) -> bool:
    return not (question.text.isascii() and question.text.isprintable()) and _DAMAGED.found_in(question.text)


def has_markup(question: ParsedQuestion) -> bool:
    return question.has_unusual and _MARKUP.search(question.lower) is not None


def has_placeholder(question: ParsedQuestion) -> bool:
    """Holds a placeholder or a filler word. A word that the input itself uses is fine (a null modem cable)."""
    if question.has_unusual and _PLACEHOLDER.search(question.text) is not None:
        return True
    if not question.has_any(_FILLER_WORDS) and "xxx" not in question.lower:
        return False
    return any(match[0].lower() not in question.facts.all_text for match in _FILLER.finditer(question.text))


def has_url(question: ParsedQuestion) -> bool:
    return ("." in question.lower or ":" in question.lower) and _URL.search(question.lower) is not None


def has_private_data(question: ParsedQuestion) -> bool:
    """Holds a mail address or a telephone, card, account or social security number. A number of the input is fine."""
    if question.has_unusual and _MAIL.search(question.lower) is not None:
        return True
    if question.digits < _MIN_DIGITS:
        return False
    cards = (match[0] for match in _CARD.finditer(question.lower) if _is_card(match[0]))
    numbers = (match[0].strip() for match in _NUMBERS.finditer(question.lower))
    return any(number not in question.facts.all_text for number in (*cards, *numbers))


def _is_card(number: str) -> bool:
    """Whether the number passes the Luhn check, as every card number does; of arbitrary numbers, one in ten."""
    digits = [int(digit) for digit in reversed(number) if digit.isdigit()]
    checksum = sum(digit if index % 2 == 0 else sum(divmod(2 * digit, 10)) for index, digit in enumerate(digits))
    return checksum % 10 == 0
