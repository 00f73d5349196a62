"""What a record says beyond the fields of a product, as name → text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from querygen_core.products.noise import is_commerce, is_noise
from querygen_core.products.text import clean_line
from querygen_core.products.values import UNIT_KEYS, as_text, parsed

_NAME_KEYS = (
    "name", "attribute_name", "attributeName", "attributeFQN", "key", "label", "property", "propertyID", "title",
)  # fmt: skip
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
_DEEPEST = 3
_LONGEST_NAME = 100
_LONGEST_DETAIL = 20_000
_URL = re.compile(r"(?:https?:)?//|www\.", re.IGNORECASE)
_WRAPPING = re.compile(
    r"^attr_[a-z]_|^[gc]:|^google shopping / |^metafield:|^.*~"  # Icecat, Google, Shopify, Kibo
    r"|\s*\((?:product|variant)\.metafields\.[^)]*\)|\s*\[[a-z_.]+\]$",  # Shopify
    re.IGNORECASE,
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")
_DETAIL = re.compile(r"(?:^|,)\s*(?:[^:,]*:)?([^:,]+):([^:]+?)(?=,[^,:]*:[^,:]*:|$)")
"""Google's `section:name:value,section:name:value`."""

Pair = tuple[str, str]


def attribute_pairs(rest: Iterable[tuple[str, Any]], containers: Iterable[Any], locale: str) -> Iterator[Pair]:
    """Names and texts of unknown keys (`rest`) and of known holders of specifications, in the order given."""
    for key, value in rest:
        if not is_noise(key) or key.startswith("attr_"):
            yield from _from_value(key, value, locale, _DEEPEST)
    for container in containers:
        yield from container_pairs(container, locale)


def container_pairs(container: Any, locale: str, depth: int = _DEEPEST) -> Iterator[Pair]:
    """From `{"name": value}`, `[{"name": …, "value": …}]`, groups of these, JSON of these, or Merchant's text form."""
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
    """Values of a name that comes twice are joined, plain yes/no giving way to a value that says more.

    The result must not depend on the order of a record's keys, or a reordered export would be paid for again.
    """
    found: dict[str, list[str]] = {}
    for name, text in pairs:
        if name and text and not is_commerce(name) and not _URL.match(text):
            found.setdefault(name, []).append(text)
    return {name: texts[0] if len(texts) == 1 else _join(texts) for name, texts in found.items()}


def named_value(item: Mapping[Any, Any]) -> tuple[str, Any] | None:
    """(name, value) of `{"name": "Color", "value": "Red"}` in any of its spellings; a value keeps its unit."""
    name_key = next((key for key in _NAME_KEYS if isinstance(item.get(key), str)), None)
    value_key = next((key for key in _VALUE_KEYS if key in item and key != name_key), None)
    if name_key is None or value_key is None:
        return None
    unit = next((item[key] for key in UNIT_KEYS if isinstance(item.get(key), str)), None)
    value = item[value_key]
    return item[name_key], value if unit is None or not _is_scalar(value) else {"value": value, "unit": unit}


def _from_members(container: Mapping[Any, Any], locale: str, depth: int) -> Iterator[Pair]:
    for key, value in container.items():
        if key in _VALUE_KEYS:  # of a pair that has no name
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
            if not is_noise(str(inner)):
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
    """`attr_t_printing_colours` as `printing colours`, `packageHeight` as `package height`; others as they are."""
    name = _WRAPPING.sub("", key)
    camel = _CAMEL.sub(" ", name)
    name = camel.lower() if camel != name and " " not in name else name
    return clean_line(name.replace("_", " "))


def _join(texts: list[str]) -> str:
    telling = [text for text in texts if text not in {"yes", "no"}] or texts
    return ", ".join(sorted(set(telling)))
