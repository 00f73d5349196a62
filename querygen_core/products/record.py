"""A shop's record, sorted by what its keys mean, before anything is cleaned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from querygen_core.products.aliases import WRAPPERS, fold, role_of
from querygen_core.products.attributes import named_value
from querygen_core.products.text import clean_line, clean_text
from querygen_core.products.values import as_text, parsed

_WRAPPERS = frozenset(map(fold, WRAPPERS))
_DEEPEST = 3
_LONGEST_NAME = 200  # a longer one is no name, and must not fill the caches of those that are
_MAPPED = -1
_ICECAT = ("attr_t_", "attr_n_", "attr_b_", "img_")


class Record:
    """Values by the field they are for, best name first; what is for none is in `rest`, in the order given."""

    __slots__ = ("_found", "cents", "locale", "mapped", "rest")

    def __init__(self, record: Mapping[Any, Any], fields: Mapping[str, str], locale: str) -> None:
        self._found: dict[str, list[tuple[int, str, Any]]] = {}
        self.rest: list[tuple[str, Any]] = []
        self.mapped = frozenset(fields)
        self.locale = locale
        self.cents = _is_icecat(record)
        has_title = fields.get("title", "") in record
        self._sort(record if has_title else _unwrap(record), frozenset(fields.values()))
        for field, path in fields.items():
            self._found[field] = [(_MAPPED, path, look_up(record, path))]

    def __contains__(self, field: str) -> bool:
        return field in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def named(self, field: str) -> Sequence[tuple[str, Any]]:
        """(key, value) of every key for `field`. The order depends on the names alone, never on the record's order."""
        return [(key, value) for _, key, value in self._ranked(field)] if field in self._found else ()

    def values(self, field: str) -> Sequence[Any]:
        return [value for _, _, value in self._ranked(field)] if field in self._found else ()

    def numbered(self, field: str) -> dict[int, Any]:
        """Values by the number in their key, of `attribute1_name` and the like."""
        return {rank: value for rank, _, value in self._ranked(field)} if field in self._found else {}

    def line(self, field: str) -> str:
        """The first cleaned line that is not empty."""
        for _, _, value in self._ranked(field):
            line = clean_line(value if isinstance(value, str) else as_text(value, self.locale))
            if line:
                return line
        return ""

    def text(self, field: str) -> str:
        for _, _, value in self._ranked(field):
            text = clean_text(value if isinstance(value, str) else as_text(value, self.locale))
            if text:
                return text
        return ""

    def _ranked(self, field: str) -> Sequence[tuple[int, str, Any]]:
        candidates = self._found.get(field)
        if candidates is None:
            return ()
        if len(candidates) > 1:
            candidates.sort(key=_rank_and_name)
        return candidates

    def _sort(self, record: Mapping[Any, Any], used: frozenset[str]) -> None:
        for key, value in record.items():
            name = key if isinstance(key, str) else str(key)
            if value is None or value == "" or name in used or len(name) > _LONGEST_NAME:
                continue
            role = role_of(name)
            if role is None or (isinstance(value, dict) and role.field != "attributes" and fold(name) in _WRAPPERS):
                self.rest.append((name, value))
            else:
                self._found.setdefault(role.field, []).append((role.rank, name, value))


def look_up(record: Any, path: str) -> Any:
    """The value at a key or, if there is no such key, at a dotted path: names, list indices, names of properties."""
    if isinstance(record, Mapping) and path in record:
        return record[path]
    whole = _step(record, path)
    if whole is not None:
        return whole
    head, dot, tail = path.partition(".")
    return look_up(parsed(_step(record, head)), tail) if dot else None


def _step(record: Any, name: str) -> Any:
    folded = fold(name)
    if isinstance(record, Mapping):
        return next((record[key] for key in sorted(map(str, record)) if fold(key) == folded and key in record), None)
    if not isinstance(record, list):
        return None
    if name.isdecimal():
        return record[int(name)] if len(name) < 9 and int(name) < len(record) else None
    pairs = filter(None, (named_value(item) for item in record if isinstance(item, dict)))
    return next((value for key, value in pairs if fold(key.rpartition("~")[2]) == folded), None)


def _unwrap(record: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """The record with the objects that hold its product opened, if it has no title itself."""
    for _ in range(_DEEPEST):
        if _has_title(record):
            break
        inner = {key: parsed(value) for key, value in record.items() if fold(str(key)) in _WRAPPERS}
        opened = {key: value for key, value in inner.items() if isinstance(value, dict)}
        if not opened:
            break
        outer = {key: value for key, value in record.items() if key not in opened}
        record = {name: value for part in opened.values() for name, value in part.items()} | outer
    return record


def _has_title(record: Mapping[Any, Any]) -> bool:
    for key, value in record.items():
        role = role_of(key) if isinstance(key, str) else None
        if role is not None and role.field == "title" and not isinstance(parsed(value), dict):
            return True
    return False


def _is_icecat(record: Mapping[Any, Any]) -> bool:
    """Icecat's exports count prices in cents and say so nowhere."""
    return "supplier" in record and any(str(key).startswith(_ICECAT) for key in record)


def _rank_and_name(candidate: tuple[int, str, Any]) -> tuple[int, str]:
    return candidate[:2]
