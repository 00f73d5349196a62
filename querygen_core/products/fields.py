"""Readers of a product's fields that are more than one line of text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from querygen_core.products.aliases import words
from querygen_core.products.attributes import named_value
from querygen_core.products.field_index import Record
from querygen_core.products.identity import clean_code, read_gtin
from querygen_core.products.text import clean_line, clean_text
from querygen_core.products.values import as_list, as_text, as_texts, parsed

_LEVEL = re.compile(r"\s*(?:>+|»|›|\||::)\s*|\s+/\s+")
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
_LONGEST_NUMBER = 40
_MOST_MEMBERS = 100
_NO_CATEGORY = frozenset({"uncategorized", "uncategorised", "all", "default category"})
_NO_TYPE = frozenset({"simple", "variable", "variation", "configurable", "grouped", "external", "product", "hardgood"})
_NO_BRAND = frozenset({"no brand", "nobrand", "unbranded", "generic", "unknown", "others", "oem"})
_YES = frozenset({"1", "true", "yes"})
_URL_KEYS = ("url", "contentUrl", "src", "imageUrl", "href", "link", "large", "@id")
_STRUCTURED = re.compile(r'^(?:trained_algorithmic_media|default)\s*:\s*"?(.*?)"?$', re.DOTALL)


def read_structured(text: str) -> str:
    """Google's `structured_title` without the prefix that says how it was made."""
    return _STRUCTURED.sub(r"\1", text) if text.startswith(("trained", "default")) else text


def read_brand(record: Record) -> str:
    for value in record.values("brand"):
        name = clean_line(as_text(value, record.locale))
        if name and name.casefold() not in _NO_BRAND:
            return name
    return ""


def read_category(record: Record) -> tuple[str, ...]:
    """The category path from its top.

    The first value that is more than an id; else the product type, if that is a path. Then levels in keys of their own.
    """
    values = [*record.values("category_path"), *(value for value in record.values("product_type") if ">" in str(value))]
    path = next(filter(None, (_path(value, record.locale) for value in values)), [])
    for value in (*record.values("category_levels"), *record.values("subcategory")):
        path += [level for level in _path(value, record.locale) if level not in path]
    return tuple(path)


def read_product_type(record: Record) -> str:
    name = _LEVEL.split(record.line("product_type"))[-1]
    return "" if name.casefold() in _NO_TYPE else name


def read_bullets(record: Record) -> tuple[str, ...]:
    values = (value for value in record.values("bullet_points") if not _is_specification(value))
    texts = (text for value in values for text in as_texts(value, "\n|•", record.locale))
    return _members(line for text in texts for line in clean_text(text).split("\n"))


def specifications_in(record: Record) -> list[Any]:
    """Holders of specifications; `features` is one where its members have names and values.

    WooCommerce has a column for each name and one for each value.
    """
    features = [value for value in record.values("bullet_points") if _is_specification(value)]
    values = record.numbered("attribute_values")
    columns = [{as_text(name): values.get(number)} for number, name in record.numbered("attribute_names").items()]
    return [*record.values("attributes"), *features, *columns]


def read_state(values: Iterable[Any]) -> str:
    """Availability or condition as text: `https://schema.org/InStock` → `InStock`, true → `in stock`."""
    for value in values:
        if isinstance(value, bool):
            return "in stock" if value else "out of stock"
        text = clean_line(as_text(value))
        if text:
            return "in stock" if text.casefold() in _YES else text.rpartition("/")[2] if _is_url(text) else text
    return ""


def read_rating(record: Record) -> float | None:
    values = (_inner(value, "ratingValue", "average", "value", "rate") for value in record.values("rating"))
    return next((number for number in map(_number, values) if number is not None), None)


def read_review_count(record: Record) -> int | None:
    ratings = [value for value in record.values("rating") if isinstance(value, dict)]
    values = [
        *record.values("review_count"),
        *(_inner(rating, "reviewCount", "ratingCount", "count") for rating in ratings),
    ]
    return next((count for count in map(_count, values) if count is not None), None)


def read_urls(record: Record, field: str = "image_urls") -> tuple[str, ...]:
    urls = (_url(item) for value in record.values(field) for item in as_list(value))
    return _members(clean_line(part) for url in urls for part in re.split(r"[,|]\s*(?=http)", url))


def first_offer(record: Record) -> Mapping[str, Any]:
    """The first of schema.org's `offers`, which hold availability and condition; empty if there is none."""
    for value in record.values("offers"):
        offer = value[0] if isinstance(value, list) and value else value
        if isinstance(offer, dict):
            return offer
    return {}


def _list_reader(field: str) -> Callable[[Record], tuple[str, ...]]:
    def read(record: Record) -> tuple[str, ...]:
        texts = (text for value in record.values(field) for text in as_texts(value, ",;|", record.locale))
        return _members(map(clean_line, texts))

    return read


def _first(field: str, read: Callable[[Any], str]) -> Callable[[Record], str]:
    return lambda record: next(filter(None, map(read, record.values(field))), "")


CATEGORIES = words("category_path product_type category_levels subcategory")
SPECIFICATIONS = words("attributes bullet_points attribute_names")
"""Fields that `read_category` and `specifications_in` read."""

READERS: Mapping[str, Callable[[Record], Any]] = {
    "source": lambda record: record.line("source"),
    "description": lambda record: read_structured(record.text("description")),
    "brand": read_brand,
    "manufacturer": lambda record: record.line("manufacturer"),
    "product_type": read_product_type,
    "gtin": _first("gtin", read_gtin),
    "mpn": _first("mpn", clean_code),
    "sku": _first("sku", clean_code),
    "bullet_points": read_bullets,
    "tags": _list_reader("tags"),
    "audience": lambda record: record.line("audience"),
    "competitors": _list_reader("competitors"),
    "availability": lambda record: read_state(record.values("availability")),
    "condition": lambda record: read_state(record.values("condition")),
    "rating": read_rating,
    "review_count": read_review_count,
    "url": lambda record: next(iter(read_urls(record, "url")), ""),
    "image_urls": read_urls,
}
"""Readers of fields that depend only on their own keys. Called only if the record has such a key."""


def _is_specification(value: Any) -> bool:
    value = parsed(value)
    if isinstance(value, dict):
        return "itemListElement" not in value
    return isinstance(value, list) and any(isinstance(item, dict) and named_value(item) for item in value)


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _members(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts)))[:_MOST_MEMBERS]


def _path(value: Any, locale: str) -> list[str]:
    if isinstance(value, str) and value[:1] not in ("[", "{"):
        texts = [clean_line(value)]
    else:
        items = (item.get("item", item) if isinstance(item, dict) else item for item in as_list(value, locale))
        texts = [clean_line(as_text(item, locale)) for item in items]
    path = next((text for text in texts if _LEVEL.search(text)), None)  # as one text
    levels = texts if path is None else _LEVEL.split(path)
    named = (level for level in levels if level and not level.isdecimal() and level.casefold() not in _NO_CATEGORY)
    return list(_members(named))


def _url(value: Any) -> str:
    if isinstance(value, dict):
        value = next((value[key] for key in _URL_KEYS if isinstance(value.get(key), str)), "")
    return value if isinstance(value, str) else ""


def _inner(value: Any, *keys: str) -> Any:
    return next((value[key] for key in keys if key in value), None) if isinstance(value, dict) else value


def _number(value: Any) -> float | None:
    match = _NUMBER.match(as_text(value).strip()[:_LONGEST_NUMBER])
    text = match[0].replace(",", ".") if match else ""
    return float(text) if text and text.count(".") <= 1 else None


def _count(value: Any) -> int | None:
    if isinstance(value, list):
        return len(value)
    match = _NUMBER.match(as_text(value).strip()[:_LONGEST_NUMBER])
    return int(re.sub("[.,]", "", match[0])) if match else None
