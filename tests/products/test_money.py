from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.products.money import read_currency, read_price

PRICES = [
    ("15.00 USD", "15.00", "USD"),
    ("USD 15", "15", "USD"),
    ("1.299,00 €", "1299", "EUR"),
    ("1.299 €", "1299", "EUR"),
    ("€ 12,50", "12.5", "EUR"),
    ("$1,299.00", "1299", "USD"),
    ("£1,299", "1299", "GBP"),
    ("1 299,00 kr", "1299", ""),
    ("1\u00a0299,00 SEK", "1299", "SEK"),
    ("CHF 1'299.-", "1299", "CHF"),
    ("Rp 125.000", "125000", "IDR"),
    ("R$ 1.234,56", "1234.56", "BRL"),
    ("129.99", "129.99", ""),
    ("12.345", "12.345", ""),
    ("0", "0", ""),
    ("10.00 - 20.00 EUR", "10", "EUR"),
    (129.99, "129.99", ""),
    (1299, "1299", ""),
    ({"price": 15, "currency": "USD"}, "15", "USD"),
    ({"isoCurrencyCode": "USD", "price": 10, "salePrice": 8}, "10", "USD"),
    ({"@type": "Offer", "price": "39.99", "priceCurrency": "EUR"}, "39.99", "EUR"),
    ({"@type": "AggregateOffer", "lowPrice": 5, "priceCurrency": "EUR"}, "5", "EUR"),
    ({"@type": "Offer", "priceSpecification": {"price": 7, "priceCurrency": "GBP"}}, "7", "GBP"),
    ([{"price": 1}, {"price": 2}], "1", ""),
    ('{"price": 3, "currency": "EUR"}', "3", "EUR"),
    ("-5.00", None, ""),
    ("- $5", None, "USD"),
    (-5.0, None, ""),
    (float("inf"), None, ""),
    (float("nan"), None, ""),
    ("on request", None, ""),
    ("", None, ""),
    (None, None, ""),
    (True, None, ""),
    ({}, None, ""),
    ([], None, ""),
]


@pytest.mark.parametrize(("value", "amount", "currency"), PRICES)
def test_a_price_is_read(value, amount, currency):
    expected = None if amount is None else Decimal(amount)
    assert read_price(value) == (expected, currency)


def test_a_code_in_the_text_wins_over_the_column_and_that_over_a_symbol():
    assert read_price("5 EUR", "CAD")[1] == "EUR"
    assert read_price("$5", "CAD")[1] == "CAD"


def test_whole_numbers_may_be_cents():
    assert read_price(1795, cents=True)[0] == Decimal("17.95")
    assert read_price("1795", cents=True)[0] == Decimal("17.95")
    assert read_price("17.95", cents=True)[0] == Decimal("17.95")


def test_equal_prices_are_equal_texts():
    assert {str(read_price(value)[0]) for value in ("15", "15.0", "15.00", 15, 15.0)} == {"15.00"}


@pytest.mark.parametrize(("value", "expected"), [("eur", "EUR"), ("€", "EUR"), ("USD", "USD"), ("?", ""), (None, "")])
def test_a_currency_is_a_code(value, expected):
    assert read_currency(value) == expected


@settings(max_examples=100, deadline=None)
@given(st.text("0123456789.,'- €$EURp ", max_size=60))
def test_any_text_is_a_price_or_none(text):
    amount, _ = read_price(text)
    assert amount is None or (amount >= 0 and amount.is_finite())
