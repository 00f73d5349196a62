"""Options of a product (sizes, colours), from lists of options or from its variants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from querygen_core.products.aliases import fold, words
from querygen_core.products.attributes import named_value, pretty_name
from querygen_core.products.text import clean_line
from querygen_core.products.values import as_list, as_text, parsed

_VARYING = words("color colour size material pattern style flavor flavour scent finish length width capacity storage")
_LONGEST_NAME = 100
_PLACEHOLDER = "default title"  # what Shopify calls the only variant of a product without options

Options = dict[str, tuple[str, ...]]


def read_options(value: Any, locale: str) -> Options:
    """Options in `{"Size": ["S", "M"]}` or `[{"name": "Size", "values": […]}]`, whatever their keys are called."""
    value = parsed(value)
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        pair = named_value(value)
        pairs = value.items() if pair is None else (pair,)
    elif isinstance(value, (list, tuple)):
        pairs = filter(None, (named_value(item) for item in value if isinstance(item, dict)))
    return _merged((str(name)[:_LONGEST_NAME], _texts(values, locale)) for name, values in pairs)


def variant_list(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in as_list(value) if isinstance(item, dict)]


def options_of_variants(variants: Sequence[Mapping[str, Any]], varies_by: Any, locale: str) -> Options:
    """The properties in which variants differ: those in schema.org's `variesBy`, else colour, size and the like."""
    named = {fold(text.rpartition("/")[2]) for text in _texts(varies_by, locale)}
    names = named or _VARYING
    options = _merged(
        (key, _texts(value, locale))
        for variant in variants
        for key, value in sorted(variant.items(), key=lambda pair: str(pair[0]))
        if fold(key) in names
    )
    return {name: values for name, values in options.items() if named or len(values) > 1}


def _merged(pairs: Iterable[tuple[str, Iterable[str]]]) -> Options:
    texts_by_name: dict[str, dict[str, None]] = {}  # dicts as ordered sets
    for name, texts in pairs:
        choices = [text for text in texts if text.casefold() != _PLACEHOLDER]
        if choices and pretty_name(name):
            texts_by_name.setdefault(pretty_name(name), {}).update(dict.fromkeys(choices))
    return {name: tuple(texts) for name, texts in texts_by_name.items()}


def _texts(value: Any, locale: str) -> Iterator[str]:
    if value is None:
        return
    yield from filter(None, (clean_line(as_text(item, locale)) for item in as_list(value, locale)))
