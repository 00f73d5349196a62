"""Looking into options: which of them are secrets, which name a model or a prompt, what they come to as plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, BeforeValidator, PlainValidator, WrapValidator
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from querygen_core.api import NamesAModel, NamesAPrompt
from querygen_core.canonical import canonical_json
from querygen_core.config.pipeline import Part
from querygen_core.interpolation import escape
from querygen_core.problems import Trail
from querygen_core.secrets import Secret

_NUMBERS = frozenset({int, float, Decimal})
_EXACT = 2**53


@cache
def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """The options that can hold a secret, somewhere in them."""
    return frozenset(
        name for name, field in model.model_fields.items() if _mentions(field, lambda part: part is Secret)
    )


@cache
def number_fields(model: type[BaseModel]) -> frozenset[str]:
    """The options that hold numbers and nothing for which `true` could be meant."""
    parts = {key_of(name, field): list(_all_parts(field)) for name, field in model.model_fields.items()}
    return frozenset(
        key
        for key, found in parts.items()
        if any(part in _NUMBERS for part in found if isinstance(part, type))
        and not any(part is bool or part is Any or _is_open(part) for part in found)
    )


def names_in(options: BaseModel, marker: type[NamesAModel | NamesAPrompt]) -> Iterator[tuple[Trail, str]]:
    """The values of all options that are marked as the name of a model or a prompt, and where they are."""
    for name, field in type(options).model_fields.items():
        value = getattr(options, name)
        if _mentions(field, lambda part: isinstance(part, marker)):
            for trail, leaf in leaves(value, (key_of(name, field),)):
                if isinstance(leaf, str):
                    yield trail, leaf


def leaves(value: Any, trail: Trail = ()) -> Iterator[tuple[Trail, Any]]:
    """Everything in a value that is neither a model, a mapping nor a list, and where it is."""
    if isinstance(value, BaseModel):
        for name, item in value:
            yield from leaves(item, (*trail, key_of(name, type(value).model_fields.get(name))))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*trail, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for index, item in enumerate(value):
            yield from leaves(item, (*trail, index))
    else:
        yield trail, value


def keys_at(model: type[BaseModel], trail: Trail) -> set[str]:
    """The keys that a config may have at `trail` inside `model`."""
    models = [model]
    for step in trail:
        if isinstance(step, str):
            fields = [field for known in models for name, field in _keys(known).items() if name == step]
            models = [found for field in fields for found in _models_in(field.annotation)] or models
    return {key for known in models for key in _keys(known)}


def key_of(name: str, field: FieldInfo | None) -> str:
    return field.alias if field is not None and field.alias else name


def as_written(options: BaseModel) -> dict[str, Any]:
    """Options as a config would spell them out: plain JSON, secrets as references, a `${` that is text escaped."""
    written: dict[str, Any] = _plain(options, escape)
    return written


def fingerprint(part: Part) -> dict[str, Any]:
    """What a part's results depend on: its name, its distribution's version, its options without secrets and
    without what its `not_in_key` names.
    """
    return {**identity_of_model(part), "version": part.registered.version}


def identity_of_model(part: Part) -> dict[str, Any]:
    """Like `fingerprint`, without the version: an answer that was paid for stays valid when a provider is upgraded."""
    model = type(part.options)
    hidden = secret_fields(model) | model.not_in_key
    options = {
        key_of(name, field): _plain(getattr(part.options, name), str)
        for name, field in model.model_fields.items()
        if name not in hidden
    }
    return {"use": part.use, "options": comparable(options)}


def comparable(plain: Any) -> Any:
    """Plain JSON in which 1.0 is 1: pydantic turns a given 1 into 1.0 for a number, but leaves a default of 1 alone."""
    if isinstance(plain, dict):
        return {key: comparable(item) for key, item in plain.items()}
    if isinstance(plain, list):
        return [comparable(item) for item in plain]
    return int(plain) if isinstance(plain, float) and plain.is_integer() and abs(plain) < _EXACT else plain


def _plain(value: Any, text: Callable[[str], str]) -> Any:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {key_of(name, fields.get(name)): _plain(item, text) for name, item in value}
    if isinstance(value, Secret):
        return value.reference
    if isinstance(value, Enum):
        return _plain(value.value, text)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {str(_plain(key, str)): _plain(item, text) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(item, text) for item in value), key=canonical_json)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(item, text) for item in value]
    return to_jsonable_python(value)


def _keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {key_of(name, field): field for name, field in model.model_fields.items()}


def _mentions(field: FieldInfo, found: Callable[[Any], bool]) -> bool:
    return any(map(found, _all_parts(field)))


def _all_parts(field: FieldInfo) -> Iterator[Any]:
    yield from field.metadata
    yield from _parts_of(field.annotation, set())


def _is_open(part: Any) -> bool:
    """Whether it decides by itself what it takes."""
    validators = BeforeValidator | PlainValidator | WrapValidator
    return isinstance(part, validators) or (isinstance(part, type) and issubclass(part, BaseModel))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that stand in an annotation itself, not in their fields."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]


def _parts_of(annotation: Any, seen: set[int]) -> Iterator[Any]:
    """An annotation and everything in it, fields of nested models included."""
    yield annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if id(annotation) not in seen:
            seen.add(id(annotation))
            for field in annotation.model_fields.values():
                yield from field.metadata
                yield from _parts_of(field.annotation, seen)
    else:
        for part in get_args(annotation):
            yield from _parts_of(part, seen)
