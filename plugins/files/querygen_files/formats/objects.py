"""One JSON object as a record. Lenient where nothing is lost, strict where two readings are possible."""

from __future__ import annotations

import json
from typing import Any

from querygen_files.formats.rows import Broken


class _Twice(ValueError):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise _Twice(f"the key {double[:80]!r} comes twice; remove the one that is wrong")
    return members


def _nothing(_: str) -> None:
    """NaN and Infinity, which pandas writes for an empty cell."""


DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_nothing, strict=False)
_KINDS = {
    list: "a list",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a truth value",
    type(None): "null",
}


def parse_object(text: str) -> dict[str, Any] | Broken:
    """The record that `text` is. NaN is null; control characters in strings pass; a key given twice does not."""
    try:
        return check_object(DECODER.decode(text), text)
    except json.JSONDecodeError as exc:
        return Broken(
            "bad_json", f"no valid JSON: {exc.msg} at line {exc.lineno} column {exc.colno} of the record", text
        )
    except _Twice as exc:
        return Broken("duplicate_key", str(exc), text)
    except ValueError:
        return Broken("bad_json", "no valid JSON: a number has thousands of digits", text)
    except RecursionError:
        return Broken("too_deep", "the record is nested too deep to be a product", text)


def check_object(value: Any, text: str) -> dict[str, Any] | Broken:
    if isinstance(value, dict):
        return value
    return Broken("not_an_object", f'{_KINDS[type(value)]} where a product is expected, as `{{"title": …}}`', text)
