"""Inspects options: which hold secrets, which name a model or a prompt; and writes them as plain JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, BeforeValidator, PlainValidator, WrapValidator
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python

from querygen_core.api import ModelRef, PromptRef
from querygen_core.config.interpolation import escape
from querygen_core.config.pipeline import ComponentConfig
from querygen_core.contracts.canonical import canonical_json
from querygen_core.secrets.secret import Secret
from querygen_core.strict_yaml.diagnostics import KeyPath

_NUMBERS = frozenset({int, float, Decimal})
_EXACT = 2**53  # from here on a float does not represent every whole number


@cache
def secret_fields(model: type[BaseModel]) -> frozenset[str]:
    """Names of the options that may contain a secret."""
    return frozenset(name for name, field in model.model_fields.items() if mentions(field, lambda part: part is Secret))


@cache
def number_fields(model: type[BaseModel]) -> frozenset[str]:
    """Keys of the options that contain numbers and for which `true` is certainly wrong."""
    parts = {key_of(name, field): list(_all_parts(field)) for name, field in model.model_fields.items()}
    return frozenset(
        key
        for key, found in parts.items()
        if any(part in _NUMBERS for part in found if isinstance(part, type))
        and not any(part is bool or part is Any or _is_open(part) for part in found)
    )


def names_in(options: BaseModel, marker: type[ModelRef | PromptRef]) -> Iterator[tuple[KeyPath, str]]:
    """Paths and values of all options that are marked as the name of a model or a prompt."""
    for name, field in type(options).model_fields.items():
        value = getattr(options, name)
        if mentions(field, lambda part: isinstance(part, marker)):
            for path, leaf in leaves(value, (key_of(name, field),)):
                if isinstance(leaf, str):
                    yield path, leaf


def leaves(value: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Paths and values of everything in a value that is not itself a model, mapping or list."""
    if isinstance(value, BaseModel):
        for name, item in value:
            yield from leaves(item, (*path, key_of(name, type(value).model_fields.get(name))))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*path, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def keys_at(model: type[BaseModel], path: KeyPath) -> set[str]:
    """The keys that `model` allows in the mapping at `path`."""
    models = [model]
    for step in path:
        if isinstance(step, str):
            fields = [field for known in models for name, field in _keys(known).items() if name == step]
            models = [found for field in fields for found in _models_in(field.annotation)] or models
    return {key for known in models for key in _keys(known)}


def key_of(name: str, field: FieldInfo | None) -> str:
    return field.alias if field is not None and field.alias else name


def as_written(options: BaseModel, kept: Mapping[KeyPath, str] = MappingProxyType({})) -> dict[str, Any]:
    """Options as a config would have them: plain JSON, secrets as references, literal `${` escaped.

    kept: see `ComponentConfig`.
    """
    written: dict[str, Any] = _plain(options, escape)
    for path, text in kept.items():
        around: Any = written
        for step in path[:-1]:
            around = around[step]
        around[path[-1]] = text
    return written


def fingerprint(component: ComponentConfig) -> dict[str, Any]:
    """What a component's results depend on: its name, its distribution's version, and its options without secrets and
    without those in `not_in_key`.
    """
    return {**identity_of_model(component), "version": component.registered.version}


def identity_of_model(component: ComponentConfig) -> dict[str, Any]:
    """Like `fingerprint` without the version, so that upgrading a provider does not invalidate paid answers.

    Options that are not set (None) are left out: a release that adds one must not change any key.
    """
    model = type(component.options)
    hidden = secret_fields(model) | model.not_in_key
    options = {
        key_of(name, field): _plain(getattr(component.options, name), str)
        for name, field in model.model_fields.items()
        if name not in hidden and getattr(component.options, name) is not None
    }
    return {"use": component.use, "options": comparable(options)}


def comparable(plain: Any) -> Any:
    """Plain JSON with 1 for 1.0, because pydantic converts a 1 from the config to 1.0, but not a default of 1."""
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


def mentions(field: FieldInfo, condition: Callable[[Any], bool]) -> bool:
    """Whether the condition holds for any type or marker in a field's annotation, nested models included."""
    return any(map(condition, _all_parts(field)))


def _all_parts(field: FieldInfo) -> Iterator[Any]:
    yield from field.metadata
    yield from _parts_of(field.annotation, set())


def _is_open(part: Any) -> bool:
    """Whether a type or marker has its own rules for what it accepts."""
    validators = BeforeValidator | PlainValidator | WrapValidator
    return isinstance(part, validators) or (isinstance(part, type) and issubclass(part, BaseModel))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models in an annotation, without those in their fields."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]


def _parts_of(annotation: Any, seen: set[int]) -> Iterator[Any]:
    """An annotation and all its arguments, fields of nested models included."""
    yield annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        # A model may contain itself.
        if id(annotation) not in seen:
            seen.add(id(annotation))
            for field in annotation.model_fields.values():
                yield from field.metadata
                yield from _parts_of(field.annotation, seen)
    else:
        for part in get_args(annotation):
            yield from _parts_of(part, seen)
