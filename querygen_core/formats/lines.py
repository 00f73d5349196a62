"""JSON values on one line each, and the JSON objects of a product and of a query."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import Any, BinaryIO

from querygen_core.contracts.records import Outcome, Query

LONGEST = 64 * 2**20
"""Bytes of a line or product; longer ones cannot be ours, and must not fill the memory when a file is read back."""

# What some reader takes for the end of a line, what a terminal obeys, and what UTF-8 cannot hold. JSON itself
# escapes everything below U+0020.
_UNSAFE = re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def to_line(value: object) -> str:
    """`value` as JSON on one line, without a line end; keys keep their order."""
    line = _encode(value)
    if line.isascii() and "\x7f" not in line:
        return line
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def from_line(line: bytes) -> dict[str, Any]:
    """The JSON object on a line.

    Raises:
        ValueError: it is anything else.
    """
    try:
        value = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ValueError("a line is not a JSON object")  # noqa: TRY004 - the content is wrong, not the caller
    return value


def text_of(record: Mapping[str, Any], name: str) -> str:
    """A field that must be text.

    Raises:
        ValueError: it is missing, or not text.
    """
    value = record.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is missing or not text")  # noqa: TRY004 - as above
    return value


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines of a file that may not be ours.

    Raises:
        ValueError: a line is longer than `LONGEST`, or the last one has no end.
    """
    while line := file.readline(LONGEST):
        if not line.endswith(b"\n"):
            raise ValueError("a line is not terminated")
        yield line


def of_product(outcome: Outcome) -> dict[str, object]:
    """The identity of a product: `product_key source product_id locale title`, and `version` if its source has one."""
    source, product_id, locale = outcome.identity
    fields: dict[str, object] = {
        "product_key": outcome.product_key,
        "source": source,
        "product_id": product_id,
        "locale": locale,
        "title": outcome.title,
    }
    return fields | {"version": outcome.version} if outcome.version else fields


def version_of(product: Mapping[str, Any]) -> int:
    """The version of a product in an earlier text, 0 if it has none.

    Raises:
        ValueError: it is not a number of 63 bits.
    """
    version = product.get("version", 0)
    if not isinstance(version, int) or not 0 <= version < 2**63:
        raise ValueError("version is not a number of 63 bits")
    return version


def of_query(query: Query) -> dict[str, object]:
    """Type and provenance of a query, without its text."""
    return {**type_of_query(query), **dict(zip(_ORIGIN, _origin_of(query), strict=True))}


def type_of_query(query: Query) -> dict[str, object]:
    """`query_type sub_type labels`."""
    return {
        "query_type": query.query_type,
        "sub_type": query.sub_type,
        "labels": dict(sorted(query.labels.items())),
    }


_ORIGIN = ("generator", "provider", "model", "prompt_hash", "request_key", "round")
_origin_of = attrgetter(*_ORIGIN)


def origin_line(query: Query) -> str:
    """The provenance of a query as JSON. Cached, since it is the same for all queries of one answer."""
    return _origin_line(*_origin_of(query))


@lru_cache(maxsize=256)
def _origin_line(*values: object) -> str:
    return to_line(dict(zip(_ORIGIN, values, strict=True)))
