"""Reads prices as shops write them: `15.00 USD`, `1.299,00 €`, `{"price": 15, "currency": "USD"}`, cents."""

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
_MOST = 10**15  # a larger number is no price, and floats are not exact there
_SYMBOLS = {
    "R$": "BRL",
    "C$": "CAD",
    "CA$": "CAD",
    "A$": "AUD",
    "AU$": "AUD",
    "S$": "SGD",
    "HK$": "HKD",
    "NZ$": "NZD",
    "MX$": "MXN",
    "NT$": "TWD",
    "US$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "Rs": "INR",
    "₽": "RUB",
    "₩": "KRW",
    "₺": "TRY",
    "₱": "PHP",
    "฿": "THB",
    "₫": "VND",
    "₴": "UAH",
    "₦": "NGN",
    "₪": "ILS",
    "zł": "PLN",
    "Kč": "CZK",
    "RM": "MYR",
    "Rp": "IDR",
    "Fr.": "CHF",
    "$": "USD",
}
# Currencies of countries that write 1.299 for 1299: with others it is a price with three decimals.
_DOT_FOR_THOUSANDS = frozenset({"EUR", "IDR", "VND", "CLP", "COP", "ARS", "BRL", "TRY", "DKK", "HUF", "PYG", "RUB"})
_PRICE_KEYS = ("price", "amount", "value", "lowPrice", "low", "min", "salePrice", "final_price", "priceSpecification")
_CURRENCY_KEYS = ("priceCurrency", "currency", "currencyCode", "currency_code", "isoCurrencyCode")


def read_price(value: Any, currency: str = "", *, cents: bool = False) -> tuple[Decimal | None, str]:
    """The amount in units of the currency, and the ISO 4217 code ("" if unknown).

    currency: the code if the value has none. cents: whether whole numbers are cents. Of a range or a list, the first
    price is taken. The amount is None if there is no number, or a negative one.
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
            code = next(filter(None, (read_currency(inner.get(name)) for name in _CURRENCY_KEYS)), code)
            inner = next((inner[name] for name in _PRICE_KEYS if name in inner), None)
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
    match = _NUMBER.search(text)
    if match is None or text[: match.start()].rstrip(" $€£").endswith(("-", "−")):
        return None
    number = re.sub(r"[ '’\u00a0\u202f]", "", match[0])
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
    """Write `15` and `15.0` as `15.00`, since they are one price and must not change a hash; keep finer prices."""
    exponent = amount.as_tuple().exponent
    return amount.quantize(_CENT) if isinstance(exponent, int) and exponent > -2 and amount < _MOST else amount
