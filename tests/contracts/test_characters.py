"""Hidden characters: gone wherever text is cleaned, shown or compared, and left where they are spelling."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.contracts.characters import HiddenCharacters
from querygen_core.products.text import clean_line
from querygen_core.prompts.untrusted import clean
from querygen_core.secrets.masking import printable
from querygen_core.strict_yaml.diagnostics import one_line
from querygen_core.testing import product, query
from querygen_text.characters import repair_characters
from querygen_text.content_rules import is_damaged
from querygen_text.normalise import tokenise_question
from querygen_text.options import QualityOptions
from querygen_text.parsed_question import parse_question
from querygen_text.product_facts import ProductFacts

HIDDEN = [
    *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0x200B, 0x2010)),
    *(*range(0x202A, 0x202F), *range(0x2060, 0x2070), 0x3164, *range(0xFE00, 0xFE10), 0xFEFF, 0xFFA0),
    *(*range(0xFFF9, 0xFFFC), *range(0x1D173, 0x1D17B), 0xE0001, *range(0xE0020, 0xE0080), *range(0xE0100, 0xE01F0)),
]
SPELLING = [
    "می\u200cخواهم",
    "क्\u200dष",
    "അവന്\u200d വന്നു",
    "ශ්\u200dරී",
    "\u182d\u1820\u180b\u1828",  # Mongolian
    "Größe 5 m²",
    "日本語",
    "한국어",
    "naïve café",
]
EMOJI = ["👨\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "👩🏽\u200d🚀", "☎\ufe0e", "5\ufe0f\u20e3", "™\ufe0f"]


def quality_keeps(text: str) -> str:
    """The text, or nothing where `text/quality` calls it damaged."""
    question = parse_question(query(text), ProductFacts(product()), "en", QualityOptions())
    return "" if is_damaged(question) else text


STORED_OR_SHOWN: dict[str, Callable[[str], str]] = {
    "a product's field": clean_line,
    "data in a prompt": clean,
    "text/standardise": lambda text: repair_characters(text, "en"),
    "text/quality": quality_keeps,
    "a log line": printable,
    "a message on a config": one_line,
}


@pytest.mark.parametrize("user", STORED_OR_SHOWN)
def test_no_user_of_the_class_lets_a_hidden_character_through(user: str) -> None:
    passed = [
        f"U+{code:04X}" for code in HIDDEN if chr(code) in STORED_OR_SHOWN[user](f"How loud{chr(code)} is the kettle?")
    ]
    assert passed == []


def test_hidden_characters_make_no_difference_to_a_comparison() -> None:
    plain = tokenise_question("How loud is the kettle?")
    different = [
        f"U+{code:04X}" for code in HIDDEN if tokenise_question(f"How lo{chr(code)}ud is the kettle?") != plain
    ]
    assert different == []


@pytest.mark.parametrize("text", SPELLING)
@pytest.mark.parametrize("user", [user for user in STORED_OR_SHOWN if user != "a message on a config"])
def test_what_is_spelling_stays(user: str, text: str) -> None:
    assert STORED_OR_SHOWN[user](text) == text


@pytest.mark.parametrize("text", EMOJI)
@pytest.mark.parametrize("user", ["a product's field", "data in a prompt", "text/quality", "a log line"])
def test_what_an_emoji_is_made_of_stays(user: str, text: str) -> None:
    assert STORED_OR_SHOWN[user](text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("\u200d", "a\u200db", "é\u200dé", "م\u200d", "\u200cم", "م\u200c\u200cم", "日\u200d本"),
        *("x\ufe0f\u200d🌈", "👩\u200d"),
        *("\ufe0f", "5\ufe0f", "\ufe0f\u20e3", "☎\ufe0f\ufe0f", "a\u180b", "\u180bᠨ"),
    ],
)
def test_a_joiner_or_selector_that_has_nothing_to_do_is_hidden(text: str) -> None:
    hidden = HiddenCharacters()
    assert hidden.found_in(text)
    assert not hidden.found_in(hidden.removed(text))


SAMPLE = "a5é م خक\u094d日☎👩🏽\u200c\u200d\ufe0e\ufe0f\u20e3\u180b\u1820\u200b\U000e0100\n\ue000"


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from(SAMPLE)))
def test_removing_is_done_at_once_and_takes_nothing_else(text: str) -> None:
    hidden = HiddenCharacters(also=HiddenCharacters.PRIVATE_USE)
    removed = hidden.removed(text)
    assert hidden.removed(removed) == removed
    assert hidden.found_in(text) == (removed != text)
    assert hidden.removed_everywhere(text) == hidden.removed_everywhere(removed)
    assert [char for char in text if char.isalnum()] == [char for char in removed if char.isalnum()]


def test_the_class_holds_every_format_character_but_those_that_show() -> None:
    """Category Cf of this Python's Unicode: marks that show, such as the Arabic number sign, are no part of it."""
    hidden = HiddenCharacters()
    shown = {code for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf"} - {
        code for code in range(0x110000) if hidden.found_in(chr(code))
    }
    names = {unicodedata.name(chr(code), "").partition(" ")[0] for code in shown}
    assert names <= {"ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN"}
