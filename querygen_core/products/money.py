"""Prices as shops write them: `15.00 USD`, `1.299,00 €`, `{"price": 15, "currency": "USD"}`, cents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from querygen_core.products.values import as_text, parsed

_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+|[ '’\u00a0\u202f][0-9]{3}(?![0-9]))*")
_CODE = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
_LONGEST = 80
_CENT = Decimal("0.01")
_MOST = 10**15
_SYMBOLS = {
    "R$": "BRL", "C$": "CAD", "CA$": "CAD", "A$": "AUD", "AU$": "AUD", "S$": "SGD", "HK$": "HKD", "NZ$": "NZD",
    "MX$": "MXN", "NT$": "TWD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "Rs": "INR", "₽": "RUB",
    "₩": "KRW", "₺": "TRY", "₱": "PHP", "฿": "THB", "₫": "VND", "₴": "UAH", "₦": "NGN", "₪": "ILS", "zł": "PLN",
    "Kč": "CZK", "RM": "MYR", "Rp": "IDR", "Fr.": "CHF", "$": "USD",
}  # fmt: skip
_DOT_FOR_THOUSANDS = frozenset({"EUR", "IDR", "VND", "CLP", "COP", "ARS", "BRL", "TRY", "DKK", "HUF", "PYG", "RUB"})
_PRICE_KEYS = ("price", "amount", "value", "lowPrice", "low", "min", "salePrice", "final_price", "priceSpecification")
_CURRENCY_KEYS = ("priceCurrency", "currency", "currencyCode", "currency_code", "isoCurrencyCode")


def read_price(value: Any, currency: str = "", *, cents: bool = False) -> tuple[Decimal | None, str]:
    """Amount in units of the currency, and its ISO 4217 code as far as value or `currency` tell.

    Of a range or a list of offers, the first. None for what holds no number, or a negative one.
    """
    value = parsed(value)
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    if isinstance(value, dict):
        return _read_mapping(value, currency)
    if isinstance(value, float):
        return (_to_cents(Decimal(repr(value))) if 0 <= value < _MOST else None), currency
    text = as_text(value)
    if not text or len(text) > _LONGEST:
        return None, currency
    code = _read_code(text) or currency or _read_symbol(text)
    amount = _read_amount(text, code)
    if amount is not None and cents and text.isdecimal():
        amount /= 100
    return (None if amount is None else _to_cents(amount)), code


def read_currency(value: Any) -> str:
    """`EUR` for `EUR`, `eur` and `€`; "" for anything else."""
    text = as_text(value).strip()[:_LONGEST]
    return _read_code(text.upper()) or _read_symbol(text)


def _read_mapping(value: Mapping[Any, Any], currency: str) -> tuple[Decimal | None, str]:
    code = next(filter(None, (read_currency(value.get(key)) for key in _CURRENCY_KEYS)), currency)
    for key in _PRICE_KEYS:
        inner = value.get(key)
        if isinstance(inner, (list, tuple)):
            inner = inner[0] if inner else None
        if isinstance(inner, dict):  # one level is all that any format has
            code = next(filter(None, (read_currency(inner.get(each)) for each in _CURRENCY_KEYS)), code)
            inner = next((inner[each] for each in _PRICE_KEYS if each in inner), None)
        amount, code = read_price(None if isinstance(inner, (dict, list)) else inner, code)
        if amount is not None:
            return amount, code
    return None, code


def _read_code(text: str) -> str:
    code = _CODE.search(text)
    return code[0] if code else ""


def _read_symbol(text: str) -> str:
    return next((code for symbol, code in _SYMBOLS.items() if symbol in text), "")


def _read_amount(text: str, currency: str) -> Decimal | None:
    found = _NUMBER.search(text)
    if found is None or text[: found.start()].rstrip(" $€£").endswith(("-", "−")):
        return None
    number = re.sub(r"[ '’\u00a0\u202f]", "", found[0])
    dot, comma = number.rfind("."), number.rfind(",")
    if dot >= 0 and comma >= 0:
        thousands = "," if dot > comma else "."
    elif comma >= 0:
        thousands = "," if number.count(",") > 1 or len(number) - comma == len(",000") else ""
    else:
        many = number.count(".") > 1
        thousands = "." if many or (len(number) - dot == len(".000") and currency in _DOT_FOR_THOUSANDS) else ""
    plain = number.replace(thousands, "") if thousands else number
    plain = plain.replace(",", ".")
    return Decimal(plain) if plain.count(".") <= 1 else None


def _to_cents(amount: Decimal) -> Decimal:
    """`15`, `15.0` and `15.00` are one price, so they become one text; finer prices stay as they are."""
    exponent = amount.as_tuple().exponent
    return amount.quantize(_CENT) if isinstance(exponent, int) and exponent > -2 and amount < _MOST else amount
