from __future__ import annotations

import json
from collections import Counter

from querygen_core.report.generators import FirstAnswers, generator_report, merge_generators, suggested_ask


def test_a_better_number_to_ask_for_covers_what_95_of_100_answers_lose():
    assert suggested_ask(25, {0: 95, 9: 5}) == 25
    assert suggested_ask(25, {0: 94, 1: 1, 9: 5}) == 26
    assert suggested_ask(25, {3: 1}) == 28
    assert suggested_ask(25, {}) is None


def test_a_generator_that_did_nothing_has_no_suggestion():
    found = generator_report(25, 28, FirstAnswers())
    assert found == {"count": 25, "ask": 28, "products": 0, "one_call": 0, "lost": {}, "suggested_ask": None}


def test_shards_are_judged_together():
    parts = [
        {"a": generator_report(25, 28, FirstAnswers(90, 85, Counter({0: 85, 12: 5})))},
        {
            "a": generator_report(25, 28, FirstAnswers(20, 18, Counter({2: 20}))),
            "b": generator_report(3, 3, FirstAnswers()),
        },
        {},
    ]
    merged = merge_generators(json.loads(json.dumps(parts)))
    assert merged["a"] == {
        "count": 25,
        "ask": 28,
        "products": 110,
        "one_call": 103,
        "lost": {"0": 85, "2": 20, "12": 5},
        "suggested_ask": 27,
    }
    assert merged["b"]["suggested_ask"] is None
