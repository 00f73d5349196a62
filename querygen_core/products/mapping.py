"""Reads one record of any shop as a product."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields as columns
from decimal import Decimal
from typing import Any

from querygen_core.contracts.errors import ConfigError
from querygen_core.contracts.records import Product, Reject, product_key
from querygen_core.products.aliases import words
from querygen_core.products.attributes import attribute_pairs, collect_attributes
from querygen_core.products.field_index import Record
from querygen_core.products.fields import (
    CATEGORIES,
    READERS,
    SPECIFICATIONS,
    first_offer,
    read_category,
    read_review_count,
    read_state,
    read_structured,
    specifications_in,
)
from querygen_core.products.identity import BadId, auto_id, read_id
from querygen_core.products.locales import normal_locale
from querygen_core.products.money import read_currency, read_price
from querygen_core.products.text import LONGEST_LINE, clean_line
from querygen_core.products.values import as_list, as_text
from querygen_core.products.variants import options_of_variants, read_options, variant_list

MAPPABLE = frozenset(column.name for column in columns(Product)) - {"raw_ref", "refs"}
_LONGEST_RAW = 2_000
_NAME_IT = "add one, or name the key that contains it: `fields: {title: …}`"
_OTHER_TYPES = words(
    "organization website webpage collectionpage itempage breadcrumblist person itemlist searchaction imageobject "
    "faqpage localbusiness store webapplication review"
)


class _Unusable(Exception):
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def read_product(
    record: Mapping[str, Any],
    *,
    source: str = "default",
    locale: str = "en",
    fields: Mapping[str, str] | None = None,
    file: str = "",
    line: int | None = None,
) -> Product | Reject:
    """Read one record of any shop as a clean product; return a `Reject` if it cannot be one. No record makes it fail.

    source, locale: for records that do not say theirs. fields: product field → the record's key or a dotted path; a
    mapped field is read from there only. file, line: where the record came from.

    The result does not depend on the order of the record's keys. A record without an id gets `auto-` and a hash of
    brand, title, mpn and gtin. Rejected are: no title, or one of 2,000 characters and more (it is a description); an
    id that is no longer what it was (`1.0E+05`, 12.0, true, negative); records that are not products.

    Raises:
        ConfigError: `fields` names something that a product does not have.
    """
    fields = fields or {}
    for name in fields:
        if name not in MAPPABLE:
            raise ConfigError(f"fields: a product has no field {name!r}; it has {', '.join(sorted(MAPPABLE))}")
    read = Record(record, fields, locale)
    try:
        return _read(read, source, f"{file}:{line}" if line else file)
    except _Unusable as problem:
        key = _key_of(read, source)
        return Reject(reason=problem.reason, message=str(problem), file=file, line=line, raw=_raw(record), key=key)
    except BadId as problem:
        return Reject(reason="bad_id", message=str(problem), file=file, line=line, raw=_raw(record))


def _key_of(record: Record, source: str) -> str:
    """The key that the record's product would have, so that nobody takes it for gone; "" if the record has no id."""
    try:
        record_id = next(filter(None, map(read_id, record.values("product_id"))), "")
    except BadId:
        return ""
    named = READERS["source"](record) if "source" in record else ""
    return product_key(named or source, record_id, _read_locale(record)) if record_id else ""


def _read(record: Record, source: str, raw_ref: str) -> Product:
    if "kind" in record:
        _check_kind(record)
    record.locale = _read_locale(record)
    title = _read_title(record)
    known: dict[str, Any] = {field: READERS[field](record) for field in record if field in READERS}
    known["brand"] = known.get("brand") or known.get("manufacturer", "")  # many shops fill in only one of them
    known["source"] = known.get("source") or source
    known["price"], known["currency"] = _read_money(record)
    if not CATEGORIES.isdisjoint(record):
        # Breadcrumbs end with the product itself.
        known["category_path"] = tuple(level for level in read_category(record) if level != title)
    if "rating" in record:
        known["review_count"] = read_review_count(record)
    if "variants" in record:
        _add_variants(known, record)
    elif "variant_options" in record:
        known["variant_options"] = _read_options(record)
    if "offers" in record:
        _add_offer(known, first_offer(record))
    return Product(
        product_id=_read_id(record, known, title),
        title=title,
        locale=record.locale,
        attributes=_read_attributes(record, title),
        raw_ref=raw_ref,
        **known,
    )


def _check_kind(record: Record) -> None:
    kinds = [as_text(value).rpartition("/")[2] for value in record.values("kind")]
    if all(kind.casefold() in _OTHER_TYPES for kind in kinds):
        raise _Unusable("not_a_product", f"the record is a schema.org {kinds[0]}, not a product; leave it out")


def _read_locale(record: Record) -> str:
    """The record's own locale, else the config's. `language: English` is no locale, and becomes an attribute."""
    record_locale = ""
    for key, value in record.named("locale"):
        tag = normal_locale(as_text(value))
        record_locale = record_locale or tag
        if not tag:
            record.rest.append((key, value))
    return record_locale or normal_locale(record.locale) or record.locale


def _read_title(record: Record) -> str:
    values = record.values("title")
    for value in values:
        text = as_text(value, record.locale)
        title = clean_line(read_structured(text))
        if len(title) >= LONGEST_LINE:
            raise _Unusable(
                "title_too_long",
                f"the title has {len(text)} characters; name the key of the real one: `fields: {{title: …}}`",
            )
        if title:
            return title
    if any(isinstance(value, (dict, list, bool)) for value in values):
        raise _Unusable("bad_title", f"the title is {_kind_of(values[0])} where text is expected; {_NAME_IT}")
    raise _Unusable("no_title", f"the record has no title; {_NAME_IT}")


def _read_id(record: Record, known: Mapping[str, Any], title: str) -> str:
    record_id = next(filter(None, map(read_id, record.values("product_id"))), "") or known.get("sku", "")
    return record_id or auto_id(known["brand"], title, known.get("mpn", ""), known.get("gtin", ""))


def _read_money(record: Record) -> tuple[Decimal | None, str]:
    currency = next(filter(None, map(read_currency, record.values("currency"))), "")
    for value in (*record.values("price"), *record.values("offers")):
        price, code = read_price(value, currency, cents=record.cents)
        if price is not None:
            return price, code
    return None, currency


def _add_variants(known: dict[str, Any], record: Record) -> None:
    """Add what only the variants hold: the options to choose from, and price and codes of the first variant."""
    variants = [variant for value in record.values("variants") for variant in variant_list(value)]
    varies_by = [name for value in record.values("varies_by") for name in as_list(value)]
    known["variant_options"] = _read_options(record) or options_of_variants(variants, varies_by, record.locale)
    for first in (Record(variant, {}, record.locale) for variant in variants[:1]):
        for field in ("gtin", "mpn", "sku"):
            known[field] = known.get(field) or READERS[field](first)
        if known["price"] is None:
            price, currency = _read_money(first)
            known["price"], known["currency"] = price, currency or known["currency"]


def _add_offer(known: dict[str, Any], offer: Mapping[str, Any]) -> None:
    known["availability"] = known.get("availability") or read_state([offer.get("availability")])
    known["condition"] = known.get("condition") or read_state([offer.get("itemCondition")])


def _read_attributes(record: Record, title: str) -> dict[str, str]:
    """Read as attributes all keys that are no field, and further names that say more than the title."""
    if "attributes" in record.mapped:
        return collect_attributes(attribute_pairs((), record.values("attributes"), record.locale))
    names = () if "title" in record.mapped else record.named("title")
    others = [
        (key, value)
        for key, value in names
        if isinstance(value, str) and clean_line(value).casefold() not in title.casefold()
    ]
    containers = () if SPECIFICATIONS.isdisjoint(record) else specifications_in(record)
    return collect_attributes(attribute_pairs([*others, *record.rest], containers, record.locale))


def _read_options(record: Record) -> dict[str, tuple[str, ...]]:
    options = (read_options(value, record.locale) for value in record.values("variant_options"))
    return next(filter(None, options), {})


def _kind_of(value: Any) -> str:
    return {dict: "an object", list: "a list", bool: "a truth value"}.get(type(value), "something else")


def _raw(record: Mapping[str, Any]) -> str:
    """The beginning of the record as JSON, for its dead letter."""
    try:
        text = json.dumps(record, ensure_ascii=False, default=str, skipkeys=True)
    except (TypeError, ValueError, RecursionError):
        text = ""
    return text[:_LONGEST_RAW].encode("utf-8", "replace").decode()
