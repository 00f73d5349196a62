"""Attributes of a product: everything in a record that is not one of its fields, as name → text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from querygen_core.products.ignored_keys import is_commercial, is_irrelevant
from querygen_core.products.text import clean_line
from querygen_core.products.values import UNIT_KEYS, as_text, parsed

_NAME_KEYS = (
    "name",
    "attribute_name",
    "attributeName",
    "attributeFQN",
    "key",
    "label",
    "property",
    "propertyID",
    "title",
)
_VALUE_KEYS = (
    "value",
    "attribute_value",
    "attributeValue",
    "values",
    "text",
    "content",
    "val",
    "options",
    "variations",
)
_DEEPEST = 3  # levels of nested groups; deeper ones are ignored
_LONGEST_NAME = 100
_LONGEST_DETAIL = 20_000  # characters, for the pattern's time grows with them
_URL = re.compile(r"(?:https?:)?//|www\.", re.IGNORECASE)
_DECORATION = re.compile(
    r"^attr_[a-z]_|^[gc]:|^google shopping / |^metafield:|^.*~"  # Icecat, Google, Shopify, Kibo
    r"|\s*\((?:product|variant)\.metafields\.[^)]*\)|\s*\[[a-z_.]+\]$",  # Shopify
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")
_DETAIL = re.compile(r"(?:^|,)\s*(?:[^:,]*:)?([^:,]+):([^:]+?)(?=,[^,:]*:[^,:]*:|$)")
"""Google's `section:name:value,section:name:value`."""

Pair = tuple[str, str]


def attribute_pairs(rest: Iterable[tuple[str, Any]], containers: Iterable[Any], locale: str) -> Iterator[Pair]:
    """Names and texts of unknown keys and of known containers of specifications.

    rest: keys that are no field of a product, with their values. containers: the values of keys such as `specs`.
    """
    for key, value in rest:
        if not is_irrelevant(key) or key.startswith("attr_"):
            yield from _from_value(key, value, locale, _DEEPEST)
    for container in containers:
        yield from container_pairs(container, locale)


def container_pairs(container: Any, locale: str, depth: int = _DEEPEST) -> Iterator[Pair]:
    """Attributes in `{"name": value}`, `[{"name": …, "value": …}]`, groups or JSON of these, or Merchant's text."""
    container = parsed(container)
    if isinstance(container, str):
        yield from (
            (pretty_name(name[:_LONGEST_NAME]), clean_line(value))
            for name, value in _DETAIL.findall(container[:_LONGEST_DETAIL])
        )
    elif isinstance(container, dict):
        pair = named_value(container)
        if pair is not None:
            yield from _from_value(pair[0], pair[1], locale, depth)
        elif depth > 0:
            yield from _from_members(container, locale, depth - 1)
    elif isinstance(container, (list, tuple)) and depth > 0:
        for item in container:
            yield from container_pairs(item, locale, depth - 1)


def collect_attributes(pairs: Iterable[Pair]) -> dict[str, str]:
    """Collect pairs by name. Several values of one name are joined; a plain yes or no gives way to any other value.

    Joined values are sorted: if the result depended on the order of a record's keys, the product's hash would change
    with a reordered export, and all its questions would be paid again.
    """
    texts_by_name: dict[str, list[str]] = {}
    for name, text in pairs:
        if name and text and not is_commercial(name) and not _URL.match(text):
            texts_by_name.setdefault(name, []).append(text)
    return {name: texts[0] if len(texts) == 1 else _join(texts) for name, texts in texts_by_name.items()}


def named_value(item: Mapping[Any, Any]) -> tuple[str, Any] | None:
    """Name and value of `{"name": "Color", "value": "Red"}`, whatever its keys are called; a value keeps its unit."""
    name_key = next((key for key in _NAME_KEYS if isinstance(item.get(key), str)), None)
    value_key = next((key for key in _VALUE_KEYS if key in item and key != name_key), None)
    if name_key is None or value_key is None:
        return None
    unit = next((item[key] for key in UNIT_KEYS if isinstance(item.get(key), str)), None)
    value = item[value_key]
    return item[name_key], value if unit is None or not _is_scalar(value) else {"value": value, "unit": unit}


def _from_members(container: Mapping[Any, Any], locale: str, depth: int) -> Iterator[Pair]:
    for key, value in container.items():
        if key in _VALUE_KEYS:  # a pair without a name says nothing
            continue
        inner = parsed(value)
        is_group = isinstance(inner, (dict, list)) and not _attribute_text(inner, locale)
        yield from container_pairs(inner, locale, depth) if is_group else _from_value(str(key), value, locale, depth)


def _from_value(key: str, value: Any, locale: str, depth: int) -> Iterator[Pair]:
    value = parsed(value)
    text = _attribute_text(value, locale)
    if text:
        yield pretty_name(key[:_LONGEST_NAME]), text
    elif isinstance(value, dict) and depth > 0:
        for inner, member in value.items():
            if not is_irrelevant(str(inner)):
                yield from _from_value(f"{key} {inner}", member, locale, depth - 1)
    elif isinstance(value, list) and depth > 0:
        for pair in filter(None, (named_value(item) for item in value if isinstance(item, dict))):
            yield from _from_value(pair[0], pair[1], locale, depth - 1)


def _attribute_text(value: Any, locale: str, depth: int = _DEEPEST) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        if depth == 0:
            return ""
        if any(isinstance(item, dict) and named_value(item) for item in value):
            return ""
        return ", ".join(filter(None, (_attribute_text(item, locale, depth - 1) for item in value)))
    if isinstance(value, dict) and isinstance(value.get("value"), bool):
        return _attribute_text(value["value"], locale, 0)
    return clean_line(as_text(value, locale))


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


@lru_cache(maxsize=16_384)
def pretty_name(key: str) -> str:
    """A key as a person would write it: `attr_t_printing_colours` → `printing colours`."""
    name = _DECORATION.sub("", key)
    camel = _CAMEL.sub(" ", name)
    name = camel.lower() if camel != name and " " not in name else name
    return clean_line(name.replace("_", " "))


def _join(texts: list[str]) -> str:
    specific = [text for text in texts if text not in {"yes", "no"}] or texts
    return ", ".join(sorted(set(specific)))
