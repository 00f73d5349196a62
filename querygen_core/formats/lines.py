"""One JSON value on one line, whatever text is in it, and back; and what the lines of a product and a query say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from operator import attrgetter
from typing import Any, BinaryIO

from querygen_core.records import Outcome, Query

LONGEST = 64 * 2**20
"""Bytes of the longest line, or product, that is taken for our own when a file is read back."""

# What some reader takes for the end of a line, what a terminal obeys, and what UTF-8 cannot hold. JSON itself
# escapes everything below U+0020.
_UNSAFE = re.compile(r"[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def to_line(value: object) -> str:
    """`value` as JSON without a line end; keys stay in the order given."""
    line = _encode(value)
    if line.isascii() and "\x7f" not in line:
        return line
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def from_line(line: bytes) -> dict[str, Any]:
    """The object on a line. ValueError if it is anything else."""
    try:
        value = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ValueError("a line is no JSON object")  # noqa: TRY004 - the content is wrong, not the caller
    return value


def text_of(record: dict[str, Any], name: str) -> str:
    """A field that has to be text. ValueError if it is not."""
    value = record.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is missing or no text")  # noqa: TRY004 - as above
    return value


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file that may not be ours: ValueError instead of a line without end."""
    while line := file.readline(LONGEST):
        if not line.endswith(b"\n"):
            raise ValueError("a line does not end")
        yield line


def of_product(outcome: Outcome) -> dict[str, object]:
    """What a product is."""
    source, product_id, locale = outcome.identity
    return {
        "product_key": outcome.product_key,
        "source": source,
        "product_id": product_id,
        "locale": locale,
        "title": outcome.title,
    }


def of_query(query: Query) -> dict[str, object]:
    """What a query is and where it comes from, all but its text."""
    return {**what_it_is(query), **dict(zip(_ORIGIN, _origin_of(query), strict=True))}


def what_it_is(query: Query) -> dict[str, object]:
    return {
        "query_type": query.query_type,
        "sub_type": query.sub_type,
        "labels": dict(sorted(query.labels.items())),
    }


_ORIGIN = ("generator", "provider", "model", "prompt_hash", "request_key", "round")
_origin_of = attrgetter(*_ORIGIN)


def origin_line(query: Query) -> str:
    """Where a query comes from, as an object on a line: the same for all that one answer gave."""
    return _origin_line(*_origin_of(query))


@lru_cache(maxsize=256)
def _origin_line(*values: object) -> str:
    return to_line(dict(zip(_ORIGIN, values, strict=True)))
