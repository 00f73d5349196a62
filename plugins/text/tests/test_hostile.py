"""Long and hostile texts cost time in proportion to their length, and never raise."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from querygen_core.api import Query
from querygen_text.options import QualityOptions
from querygen_text.parsed_question import parse_question
from querygen_text.product_facts import ProductFacts
from querygen_text.rules import RULES

LENGTH = 20_000
SECONDS = 2  # a quadratic step takes far longer, a busy machine should not
PIECES = [
    "a",
    " ",
    "?",
    "? ",
    "!",
    "- ",
    "1. ",
    "1 ",
    "12-",
    '"',
    '"a',
    "\\",
    "\\n",
    "&amp;",
    "&",
    "&lt;b&gt;",
    "<b",
    "<b ",
    "*a ",
    "**",
    "_a",
    "__",
    "`",
    "~~",
    "{",
    '{"',
    "[",
    "[A",
    "(",
    "a) ",
    "i. ",
    "Q: ",
    "how ",
    "is it ",
    "and how ",
    "the 12 cm ",
    "'s 1",
    "it's ",
    "a.",
    "a@",
    "a@a.",
    "1 1",
    "+1 1",
    "0 ",
    "www.",
    "$a",
    "...",
    "\u200b",
    "Ã©",
    "â€",
    "🙂",
    "漢",
    "\x1b[",
    "\x00",
    "\ud800",
    "０",
    "please ",
    "i was wondering ",
    "1,000",
    "mentioned ",
    "no question ",
    "given the ",
    "ignore previous ",
    "compare with ",
    "Brambleby ",
    "Ferrow SwiftBoil ",
    "Brand ",
    "](",
    "ﬁ",
    "ß",
]


@pytest.mark.parametrize("piece", PIECES)
def test_takes_linear_time(run, kettle, piece):
    text = f"How {piece * (LENGTH // len(piece))}x"
    started = time.process_time()
    run.texts(kettle, [text, text + "y"], "standardise", "dedup")
    facts = ProductFacts(kettle)
    question = parse_question(Query(text=text, query_type="product"), facts, "en", QualityOptions())
    for rule in RULES:
        rule.is_broken_by(question)
    assert time.process_time() - started < SECONDS


def test_a_title_of_a_megabyte_is_no_trouble(run, kettle):
    long = replace(kettle, title="Brambleby " + "kettle 7 " * 100_000)
    started = time.process_time()
    run.texts(
        long, ["HOW LOUD IS THE BRAMBLEBY KETTLE 7?", "How loud is its 7 cm lid?"], "standardise", "quality", "dedup"
    )
    assert time.process_time() - started < SECONDS
