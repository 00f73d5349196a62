"""Proto-JSON as Google's front end reads it: both spellings of a name, no unknown ones, its words for what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Check = Callable[[Any, str, list["Wrong"]], Any]
"""(value, path, wrong) → the value as it goes into the canonical form; what is wrong with it is added to `wrong`."""

Wrong = tuple[str, str]
"""(path of the field, sentence)."""

_INVALID = "Invalid JSON payload received. "
_RANGES = {"TYPE_INT32": 2**31, "TYPE_INT64": 2**63}
_NOT_REPEATED = "Proto field is not repeating, cannot start list."


class Messages:
    """Messages and enums, compiled. package: the prefix of their names in what Google says.

    messages: name → `field=type …`, a field in snake_case. A type is `string`, `bool`, `int32`, `int64`, `float`,
    `bytes`, `any`, a message, an enum, `[type]` for a list of it, `{type}` for a map to it.
    """

    def __init__(self, package: str, messages: Mapping[str, str], enums: Mapping[str, str]) -> None:
        self._package = package
        self._messages = messages
        self._enums = {name: {word.upper() for word in words.split()} for name, words in enums.items()}
        self._compiled: dict[str, Check] = {}

    def check(self, kind: str, value: object, path: str = "") -> tuple[Any, list[Wrong]]:
        """The value with camelCase names and nulls left out, and what is wrong with it."""
        wrong: list[Wrong] = []
        return self._of(kind)(value, path, wrong), wrong

    def _of(self, kind: str) -> Check:
        check = self._compiled.get(kind)
        if check is None:
            check = self._compiled[kind] = self._compile(kind)
        return check

    def _compile(self, kind: str) -> Check:
        if kind.startswith("["):
            return _list_of(self._later(kind[1:-1]))
        if kind.startswith("{"):
            return _map_of(self._later(kind[1:-1]))
        if kind in self._messages:
            return self._message(kind)
        if kind in self._enums:
            return self._enum(kind)
        return _SCALARS[kind]

    def _later(self, kind: str) -> Check:
        """A message may hold itself, so what it holds is compiled when it is needed."""

        def check(value: Any, path: str, wrong: list[Wrong]) -> Any:
            return self._of(kind)(value, path, wrong)

        return check

    def _message(self, kind: str) -> Check:
        fields: dict[str, tuple[str, str, str]] = {}
        for item in self._messages[kind].split():
            name, _, of = item.partition("=")
            fields[name] = fields[camel(name)] = (camel(name), name, of)
        known = f"type.googleapis.com/{self._package}.{kind}"

        def check(value: Any, path: str, wrong: list[Wrong]) -> Any:
            if type(value) is not dict:
                return _no_message(value, path, known, wrong)
            found = {}
            for name, item in value.items():
                field = fields.get(name)
                if field is None:
                    _unknown(name, path, "Cannot find field.", wrong)
                elif item is not None:
                    found[field[0]] = self._of(field[2])(item, f"{path}.{field[1]}" if path else field[1], wrong)
            return found

        return check

    def _enum(self, kind: str) -> Check:
        words = self._enums[kind]
        known = f"type.googleapis.com/{self._package}.{kind}"

        def check(value: Any, path: str, wrong: list[Wrong]) -> Any:
            if type(value) is str and value.upper() in words:
                return value.upper()
            if type(value) is int and 0 <= value < len(words):
                return value
            return _no_value(value, path, known, wrong)

        return check


def camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def _list_of(check: Check) -> Check:
    def check_list(value: Any, path: str, wrong: list[Wrong]) -> Any:
        items = value if type(value) is list else [value]  # Google takes a single one for a list of it
        return [check(item, f"{path}[{number}]", wrong) for number, item in enumerate(items)]

    return check_list


def _map_of(check: Check) -> Check:
    def check_map(value: Any, path: str, wrong: list[Wrong]) -> Any:
        if type(value) is not dict:
            return _no_value(value, path, "Map", wrong)
        return {
            name: check(item, f"{path}[{number}].value", wrong) for number, (name, item) in enumerate(value.items())
        }

    return check_map


def _unknown(name: str, path: str, why: str, wrong: list[Wrong]) -> None:
    at = f" at '{path}'" if path else ""
    wrong.append((path, f'{_INVALID}Unknown name "{name}"{at}: {why}'))


def _no_message(value: Any, path: str, known: str, wrong: list[Wrong]) -> None:
    if type(value) is list:
        parent, _, name = path.rpartition(".")
        _unknown(camel(name), parent, _NOT_REPEATED, wrong)
    else:
        _no_value(value, path, known, wrong)


def _no_value(value: Any, path: str, known: str, wrong: list[Wrong]) -> None:
    if type(value) is list:
        _no_message(value, path, known, wrong)
        return
    said = "Starting an object on a scalar field" if type(value) is dict else json.dumps(value, ensure_ascii=False)
    wrong.append((path, f"Invalid value at '{path}' ({known}), {said}"))


def _string(value: Any, path: str, wrong: list[Wrong]) -> Any:
    return value if type(value) is str else _no_value(value, path, "TYPE_STRING", wrong)


def _bool(value: Any, path: str, wrong: list[Wrong]) -> Any:
    return value if type(value) is bool else _no_value(value, path, "TYPE_BOOL", wrong)


def _bytes(value: Any, path: str, wrong: list[Wrong]) -> Any:
    fine = type(value) is str and re.fullmatch(r"[A-Za-z0-9+/_-]*={0,2}", value)
    return value if fine else _no_value(value, path, "TYPE_BYTES", wrong)


def _float(value: Any, path: str, wrong: list[Wrong]) -> Any:
    try:
        if type(value) in (int, float, str):
            return float(value)
    except ValueError:
        pass
    return _no_value(value, path, "TYPE_FLOAT", wrong)


def _whole(known: str) -> Check:
    most = _RANGES[known]

    def check(value: Any, path: str, wrong: list[Wrong]) -> Any:
        try:
            number = float(value) if type(value) in (float, str) else value
            if type(number) in (int, float) and number == int(number) and -most <= number < most:
                return int(number)
        except (ValueError, OverflowError):
            pass
        return _no_value(value, path, known, wrong)

    return check


def _any(value: Any, path: str, wrong: list[Wrong]) -> Any:
    return value


_SCALARS: dict[str, Check] = {
    "string": _string,
    "bool": _bool,
    "bytes": _bytes,
    "float": _float,
    "int32": _whole("TYPE_INT32"),
    "int64": _whole("TYPE_INT64"),
    "any": _any,
}
