"""One JSON object as a record: lenient where no data is lost, strict where it can be read in two ways."""

from __future__ import annotations

import json
from typing import Any

from querygen_files.formats.records import InvalidRecord


class _DuplicateKey(ValueError):
    pass


def _reject_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        duplicate = next(name for name in names if names.count(name) > 1)
        raise _DuplicateKey(f"the key {duplicate[:80]!r} is given twice; remove one of the two")
    return members


def _to_null(_: str) -> None:
    """The value of NaN and Infinity, which pandas writes for an empty cell."""


DECODER = json.JSONDecoder(object_pairs_hook=_reject_duplicate_keys, parse_constant=_to_null, strict=False)
_TYPE_NAMES = {
    list: "a list",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a truth value",
    type(None): "null",
}


def parse_object(text: str) -> dict[str, Any] | InvalidRecord:
    """The record in a text. Accepts NaN, read as null, and control characters in strings, but no duplicate keys."""
    try:
        return check_object(DECODER.decode(text), text)
    except json.JSONDecodeError as exc:
        place = f"line {exc.lineno} column {exc.colno} of the record"
        return InvalidRecord("bad_json", f"not valid JSON: {exc.msg} at {place}", text)
    except _DuplicateKey as exc:
        return InvalidRecord("duplicate_key", str(exc), text)
    except ValueError:  # Python's limit on the digits of a number
        return InvalidRecord("bad_json", "not valid JSON: a number has thousands of digits", text)
    except RecursionError:
        return InvalidRecord("too_deep", "the record is nested too deeply for a product", text)


def check_object(value: Any, text: str) -> dict[str, Any] | InvalidRecord:
    """The value if it is an object. text: what it was parsed from, for the report."""
    if isinstance(value, dict):
        return value
    message = f'expected a product such as `{{"title": …}}`, but found {_TYPE_NAMES[type(value)]}'
    return InvalidRecord("not_an_object", message, text)
