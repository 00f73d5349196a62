"""Describes option types in words, from the JSON Schema that pydantic derives from them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from querygen_core.api import ModelRef, PromptRef
from querygen_core.config.options import key_of, mentions

Schema = Mapping[str, Any]

_PLAIN_WORD = re.compile(r"[A-Za-z][\w./-]*")
_SIMPLE_TYPES = {"boolean": "true or false", "null": "nothing", "integer": "whole number", "number": "number"}


@dataclass(frozen=True, slots=True)
class DescribedOption:
    """One option in words."""

    key: str
    """The key that a config uses; `outer.inner` inside a mapping."""
    type: str
    """Type and allowed values: `whole number from 1 to 100 or nothing`."""
    default: str
    """`required`; `optional` if nothing is the default; or `default` and the value as a config would have it."""
    description: str
    """The option's own description, or empty."""

    @property
    def required(self) -> bool:
        return self.default == "required"


def describe_options(options: type[BaseModel]) -> Iterator[DescribedOption]:
    """All options in the order of their declaration; those of a nested mapping follow it."""
    schema = options.model_json_schema()
    definitions = schema.get("$defs", {})
    for name, field in options.model_fields.items():
        key = key_of(name, field)
        option = schema["properties"][key]
        type_ = describe_type(option, definitions)
        # The markers are not part of the JSON Schema: to pydantic these options are plain text.
        if mentions(field, lambda part: isinstance(part, ModelRef)):
            type_ = type_.replace("text", "name of an entry under `models`", 1)
        elif mentions(field, lambda part: isinstance(part, PromptRef)):
            type_ = type_.replace("text", "name or path of a prompt", 1)
        if field.is_required():
            default = "required"
        else:
            value = option["default"] if "default" in option else field.get_default(call_default_factory=True)
            default = _default(value)
        yield DescribedOption(key, type_, default, field.description or "")
        yield from _nested(key, option, definitions)


def describe_type(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    """A JSON Schema in words: `whole number from 1 to 100 or nothing`."""
    if "$ref" in schema:
        return describe_type(_resolve(schema, definitions), definitions)
    if alternatives := schema.get("anyOf", schema.get("oneOf")):
        described = [describe_type(alternative, definitions) for alternative in alternatives]
        return (", or " if any(", " in words for words in described) else " or ").join(dict.fromkeys(described))
    if "const" in schema:
        return _in_config(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(map(_in_config, schema['enum']))}"
    match schema.get("type"):
        case "string":
            return _text(schema)
        case "array":
            return f"list of {describe_type(schema.get('items', {}), definitions)}{_size(schema, 'Items', 'items')}"
        case "object":
            return _mapping(schema, definitions)
        case str() as name:
            return f"{_SIMPLE_TYPES[name]}{_bounds(schema)}"
    return "any value"


def _nested(key: str, schema: Schema, definitions: Mapping[str, Schema]) -> Iterator[DescribedOption]:
    for alternative in schema.get("anyOf", [schema]):
        resolved = _resolve(alternative, definitions)
        for name, inner in resolved.get("properties", {}).items():
            default = "required" if name in resolved.get("required", ()) else _default(inner.get("default"))
            type_ = describe_type(inner, definitions)
            yield DescribedOption(f"{key}.{name}", type_, default, inner.get("description", ""))


def _default(value: Any) -> str:
    return "optional" if value is None else f"default {_in_config(value)}"


def _resolve(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    return definitions[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def _text(schema: Schema) -> str:
    if schema.get("format") == "password":
        return "secret"
    if pattern := schema.get("pattern"):
        return f"text that matches {pattern}"
    if schema.get("minLength") == 1 and "maxLength" not in schema:
        return "non-empty text"
    return f"text{_size(schema, 'Length', 'characters')}"


def _mapping(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    values = schema.get("additionalProperties")
    of = f" of names to {describe_type(values, definitions)}" if isinstance(values, Mapping) and values else ""
    return f"mapping{of}{_size(schema, 'Properties', 'entries')}"


def _size(schema: Schema, measure: str, unit: str) -> str:
    least, most = schema.get(f"min{measure}"), schema.get(f"max{measure}")
    if least is not None and most is not None:
        return f" of {least} to {most} {unit}"
    if least is not None:
        return f" of at least {least} {unit}"
    return "" if most is None else f" of at most {most} {unit}"


def _bounds(schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f" from {_in_config(least)} to {_in_config(most)}"
    bounds = {"at least": least, "above": schema.get("exclusiveMinimum")}
    bounds |= {"at most": most, "below": schema.get("exclusiveMaximum")}
    words = [f"{word} {_in_config(bound)}" for word, bound in bounds.items() if bound is not None]
    return f", {' and '.join(words)}" if words else ""


def _in_config(value: Any) -> str:
    """A value as one would write it in a config; None as `nothing`."""
    if value is None:
        return "nothing"
    if isinstance(value, str) and _PLAIN_WORD.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=False)
