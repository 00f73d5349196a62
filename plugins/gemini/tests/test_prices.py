from __future__ import annotations

from datetime import date

import pytest

from querygen_core.api import Price, Usage
from querygen_gemini.prices import find_price, load_prices

ENTRIES = [
    {"model": "m", "valid_from": date(2026, 1, 1), "input": 1.0, "output": 10.0, "cached": 0.1},
    {"model": "m", "valid_from": date(2026, 6, 1), "input": 2.0, "output": 20.0},
    {"model": "n", "valid_from": date(2026, 1, 1), "input": 5.0, "output": 5.0},
]


@pytest.mark.parametrize(
    ("day", "price"),
    [
        (date(2025, 12, 31), None),
        (date(2026, 1, 1), Price(input=1, output=10, cached=0.1)),
        (date(2026, 5, 31), Price(input=1, output=10, cached=0.1)),
        (date(2027, 1, 1), Price(input=2, output=20)),
    ],
)
def test_the_newest_price_that_is_valid_counts(day, price):
    assert find_price("m", day, ENTRIES) == price


def test_a_resource_name_is_the_model_s():
    assert find_price("publishers/google/models/n", date(2026, 2, 1), ENTRIES) == Price(input=5, output=5)


def test_an_unknown_model_has_no_price():
    assert find_price("gemini-99", date(2030, 1, 1)) is None


def test_what_is_shipped_is_dated_and_plausible():
    entries = load_prices()
    assert len({(entry["model"], entry["valid_from"]) for entry in entries}) == len(entries) > 5
    for entry in entries:
        assert isinstance(entry["valid_from"], date)
        assert 0 < entry["cached"] < entry["input"] < entry["output"] < 1000, entry


def test_thinking_is_paid_as_output_and_cached_input_by_its_own_price():
    used = Usage(input=1_000_000, output=100_000, thinking=100_000, cached=400_000)
    assert Price(input=1, output=10).of(used) == pytest.approx(1 + 2)
    assert Price(input=1, output=10, cached=0.1).of(used) == pytest.approx(0.6 + 0.04 + 2)
    assert Price(input=1, output=10).of(Usage()) == 0
