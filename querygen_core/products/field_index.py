"""Index of a shop's record by the fields of a product, before anything is cleaned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from querygen_core.products.aliases import WRAPPERS, fold, role_of
from querygen_core.products.attributes import named_value
from querygen_core.products.text import clean_line, clean_text
from querygen_core.products.values import as_text, parsed

_WRAPPERS = frozenset(map(fold, WRAPPERS))
_DEEPEST = 3
_LONGEST_NAME = 200  # a longer key is no name; it would only fill the caches of `role_of` and `pretty_name`
_MAPPED = -1  # rank of a key that the config names: before all others
_ICECAT = ("attr_t_", "attr_n_", "attr_b_", "img_")


class Record:
    """Values by field, best key first.

    rest: keys that are no field, with their values, in the record's order. mapped: fields that the config maps to a
    key. cents: whether prices are in cents.
    """

    __slots__ = ("_by_field", "cents", "locale", "mapped", "rest")

    def __init__(self, record: Mapping[Any, Any], fields: Mapping[str, str], locale: str) -> None:
        self._by_field: dict[str, list[tuple[int, str, Any]]] = {}
        self.rest: list[tuple[str, Any]] = []
        self.mapped = frozenset(fields)
        self.locale = locale
        self.cents = _is_icecat(record)
        has_title = fields.get("title", "") in record
        self._add_all(record if has_title else _unwrap(record), frozenset(fields.values()))
        for field, path in fields.items():
            self._by_field[field] = [(_MAPPED, path, look_up(record, path))]

    def __contains__(self, field: str) -> bool:
        return field in self._by_field

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_field)

    def named(self, field: str) -> Sequence[tuple[str, Any]]:
        """Key and value of every key for a field. Their order depends on the names alone, not on the record's."""
        return [(key, value) for _, key, value in self._ranked(field)] if field in self._by_field else ()

    def values(self, field: str) -> Sequence[Any]:
        return [value for _, _, value in self._ranked(field)] if field in self._by_field else ()

    def numbered(self, field: str) -> dict[int, Any]:
        """Values by the number in their key: 1 for `attribute1_name`."""
        return {rank: value for rank, _, value in self._ranked(field)} if field in self._by_field else {}

    def line(self, field: str) -> str:
        """The first value that is not empty after cleaning, as one line."""
        for _, _, value in self._ranked(field):
            line = clean_line(value if isinstance(value, str) else as_text(value, self.locale))
            if line:
                return line
        return ""

    def text(self, field: str) -> str:
        """Like `line`, with line breaks kept."""
        for _, _, value in self._ranked(field):
            text = clean_text(value if isinstance(value, str) else as_text(value, self.locale))
            if text:
                return text
        return ""

    def _ranked(self, field: str) -> Sequence[tuple[int, str, Any]]:
        candidates = self._by_field.get(field)
        if candidates is None:
            return ()
        if len(candidates) > 1:
            candidates.sort(key=_rank_and_name)
        return candidates

    def _add_all(self, record: Mapping[Any, Any], used: frozenset[str]) -> None:
        for key, value in record.items():
            name = key if isinstance(key, str) else str(key)
            if value is None or value == "" or name in used or len(name) > _LONGEST_NAME:
                continue
            role = role_of(name)
            if role is None or (isinstance(value, dict) and role.field != "attributes" and fold(name) in _WRAPPERS):
                self.rest.append((name, value))
            else:
                self._by_field.setdefault(role.field, []).append((role.rank, name, value))


def look_up(record: Any, path: str) -> Any:
    """The value of a key or, if there is none, at a dotted path of keys, list indices and names of properties."""
    if isinstance(record, Mapping) and path in record:
        return record[path]
    value = _step(record, path)
    if value is not None:
        return value
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
    """A record without a title: the members of the objects that hold its product, in place of these objects."""
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
    """Whether it is from Icecat, whose exports have prices in cents without saying so."""
    return "supplier" in record and any(str(key).startswith(_ICECAT) for key in record)


def _rank_and_name(candidate: tuple[int, str, Any]) -> tuple[int, str]:
    return candidate[:2]
