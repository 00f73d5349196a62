"""Rules on what cannot be part of a question: damage, markup, placeholders, addresses, private data."""

from __future__ import annotations

import re

from querygen_text.candidate import Candidate
from querygen_text.patterns import any_of, word_set

_DAMAGED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffd\ud800-\udfff"
    "\ue000-\uf8ff\U000e0000-\U000e007f]"
)
_MARKUP = any_of(
    r"<\s?/?\s?(?:script|style|iframe|img|svg|object|embed|form|input|link|meta|html|body|a|b|i|p|br|div|span|ul|ol|li)\b",
    r"<!--",
    r"javascript:",
    r"\bon(?:error|load|click)\s?=",
    r"\]\([^)\s]{1,400}\)",  # a Markdown link
    r"```|\*\*",
)

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
_STAND_IN = any_of(
    r"\b(?:nan|undefined|null|NaN|NULL|TBD|TODO|X{3,}|XYZ|x{4,}|N/A)(?![\w-])",
    r"\bNone(?![\w-])(?! of\b)",
    r"\b(?:(?:Brand|Product|Competitor|Company) (?:Name|[A-DXYZ])|Model Name)(?![\w-])",
    r"\b(?:PRODUCT|BRAND|MODEL|COMPETITOR|COMPANY)_?(?:NAME|TITLE|TYPE)\b",
    r"\b[Ll]orem ipsum\b|\b(?i:insert (?:\w+ ){1,3}here)\b",
)
_STAND_IN_WORDS = word_set(
    "nan undefined null xyz insert tbd todo n none brand product competitor company model lorem brandname productname "
    "modelname brand_name product_name product_title product_type model_name competitor_name company_name"
)
"""Each stand-in but XXX holds one of them, so most questions need not be searched."""

_TOP_LEVELS = "com|net|org|info|io|co|de|at|ch|fr|es|it|nl|uk|eu|us|shop|store|app|dev|ca|au|se|dk|pl|ie"
_TOP_LEVELS += "|ly|me|be|tv|biz|online|site|link|example"
_URL = any_of(
    r"\b(?:https?|ftp)://",
    r"\bwww\.\w",
    rf"\b[a-z0-9-]{{1,63}}\.(?:{_TOP_LEVELS})(?:\.[a-z]{{2}})?/\w",  # a bare Booking.com is a name
)

_MAIL = re.compile(r"[\w+-]@[\w-]{1,63}\.[a-z]{2,24}\b|[\w+-] ?[(\[]at[)\]] ?[\w-]|(?<!\w)@[a-z]\w{2}")
_NUMBERS = any_of(
    r"(?<![\w.])(?:\+\d{1,3}|\(?0\d{1,4}\)?)[ ./-]?\(?\d{1,4}\)?(?:[ .-]?\d{2,5}){1,4}(?![\w-])(?!\.\d)",  # telephone
    r"(?<![\w.-])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])",  # telephone in North America
    r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])",  # social security in the USA
    r"\b[a-z]{2}\d{2} ?(?:[a-z]{4} ?)?(?:\d{4} ?){2,7}\d{0,4}(?!\w)",  # IBAN
)
_FEWEST_DIGITS = 7
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")


def is_damaged(case: Candidate) -> bool:
    return not (case.text.isascii() and case.text.isprintable()) and _DAMAGED.search(case.text) is not None


def has_markup(case: Candidate) -> bool:
    return case.odd and _MARKUP.search(case.lower) is not None


def has_placeholder(case: Candidate) -> bool:
    """A sign or word that stands in for a missing one, unless the input itself uses it (a null modem cable)."""
    if case.odd and _PLACEHOLDER.search(case.text) is not None:
        return True
    if not case.has_any(_STAND_IN_WORDS) and "xxx" not in case.lower:
        return False
    return any(found[0].lower() not in case.known.said for found in _STAND_IN.finditer(case.text))


def has_url(case: Candidate) -> bool:
    return ("." in case.lower or ":" in case.lower) and _URL.search(case.lower) is not None


def has_private_data(case: Candidate) -> bool:
    """Mail, telephone, card, account or social security numbers, unless the input itself holds them."""
    if case.odd and _MAIL.search(case.lower) is not None:
        return True
    if case.digits < _FEWEST_DIGITS:
        return False
    cards = (found[0] for found in _CARD.finditer(case.lower) if _is_card(found[0]))
    numbers = (found[0].strip() for found in _NUMBERS.finditer(case.lower))
    return any(number not in case.known.said for number in (*cards, *numbers))


def _is_card(number: str) -> bool:
    """Luhn's check, which one in ten arbitrary numbers passes."""
    digits = [int(digit) for digit in reversed(number) if digit.isdigit()]
    return sum(digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits)) % 10 == 0
