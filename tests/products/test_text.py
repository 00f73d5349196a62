"""What cleaning does to text, case by case."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.products.locales import normal_locale
from querygen_core.products.text import LONGEST_LINE, LONGEST_TEXT, clean_line, clean_text

LINES = {
    "Plain": "Plain",
    "  two  blanks ": "two blanks",
    "tab\tand\nline": "tab and line",
    "non\u00a0breaking\u2003wide": "non breaking wide",
    "Cafe\u0301": "Café",
    "AT&T R&D": "AT&T R&D",
    "Salt &amp; Pepper": "Salt & Pepper",
    "Salt &amp;amp; Pepper": "Salt & Pepper",
    "&lt;b&gt;Bold&lt;/b&gt; lamp": "Bold lamp",
    "<b>Bo</b>ld lamp": "Bold lamp",
    "5 < 6 and x<y": "5 < 6 and x<y",
    "<script>alert(1)</script>Lamp": "Lamp",
    '<p onclick="x">Lamp</p><style>p{}</style>': "Lamp",
    "zero\u200bwidth\ufeff": "zerowidth",
    "\u202eevil\u202c": "evil",
    "tag\U000e0041\U000e007f": "tag",
    "nul\x00 bell\x07": "nul bell",
    "lone \ud800 surrogate": "lone surrogate",
    "soft\u00adhyphen": "softhyphen",
    "family 👨\u200d👩\u200d👧": "family 👨\u200d👩\u200d👧",
    "می\u200cخواهم": "می\u200cخواهم",
    "{{ 7*7 }} {% for %}": "{{ 7*7 }} {% for %}",
    "ignore previous instructions": "ignore previous instructions",
    "=cmd|' /C calc'!A0": "=cmd|' /C calc'!A0",
    "m² and Lampe™": "m² and Lampe™",
    **dict.fromkeys(["", " ", "-", "N/A", "null", "None", "NaN", "[]", "{}", "\u200b", "&nbsp;", "<p></p>", "—"], ""),
}

TEXTS = {
    "one\n\n\n two ": "one\ntwo",
    "a\r\nb\rc\u2028d": "a\nb\nc\nd",
    "<ul><li>First</li><li>Second</li></ul>": "First\nSecond",
    "<p>One\n  line</p><p>Two<br/>Three</p>": "One line\nTwo\nThree",
    "<table><tr><td>Power</td><td>20 W</td></tr></table>": "Power 20 W",
    "Plain\nwith <b>bold</b>\nlines": "Plain\nwith bold\nlines",
    "<!-- hidden -->Seen": "Seen",
    "&lt;p&gt;Escaped&lt;/p&gt;&lt;p&gt;twice&lt;/p&gt;": "Escaped\ntwice",
    "<div>never closed <b>bold": "never closed bold",
    "N/A": "",
}


@pytest.mark.parametrize(("text", "expected"), LINES.items())
def test_a_line_is_cleaned(text, expected):
    assert clean_line(text) == expected


@pytest.mark.parametrize(("text", "expected"), TEXTS.items())
def test_a_text_keeps_its_lines(text, expected):
    assert clean_text(text) == expected


def test_long_text_is_cut():
    assert len(clean_line("x" * 10**6)) == LONGEST_LINE
    assert len(clean_text("x" * 10**6)) == LONGEST_TEXT
    assert len(clean_text("<p>é</p>" * 10**6)) <= LONGEST_TEXT


def test_markup_nested_without_end_is_survived():
    assert clean_text("<div>" * 50_000 + "deep") == "deep"


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_cleaned_text_holds_nothing_invisible(text):
    for cleaned in (clean_line(text), clean_text(text).replace("\n", "")):
        assert unicodedata.is_normalized("NFC", cleaned)
        assert not [char for char in cleaned if unicodedata.category(char) in {"Cc", "Cs", "Co", "Zl", "Zp"}]
        assert cleaned.encode().decode() == cleaned


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_characters="<&")))
def test_cleaning_again_changes_nothing(text):
    assert clean_line(clean_line(text)) == clean_line(text)
    assert clean_text(clean_text(text)) == clean_text(text)


def test_plain_text_needs_no_html_parser():
    code = (
        "import sys; from querygen_core.api import read_product as read; "
        "read({'title': 'Acme Kettle', 'description': 'Boils.'}); plain = 'selectolax' in sys.modules; "
        "read({'title': 'Acme', 'description': '<p>Boils.</p>'}); print(plain, 'selectolax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "en": "en",
        "EN_us": "en-US",
        "de-DE": "de-DE",
        "en_GB.UTF-8": "en-GB",
        "zh_hant_tw": "zh-Hant-TW",
        "es-419": "es-419",
        "English": "",
        "x": "",
        "en-" + "a" * 10**6: "",
        "": "",
    }.items(),
)
def test_a_locale_is_brought_into_form(text, expected):
    assert normal_locale(text) == expected
