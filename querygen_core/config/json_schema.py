"""The JSON Schema of a config, for editors: querygen's own keys and the options of every installed component."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from querygen_core.config.models import DEFAULT_USE, SECTIONS, ComponentEntry, ConfigFile, Journal, Runtime
from querygen_core.registry import Registered, Registry

_DIALECT = "http://json-schema.org/draft-07/schema#"  # the newest that yaml-language-server knows
_ANNOTATIONS = frozenset({"title", "description", "default"})
_INTERPOLATED = {"type": "string", "pattern": r"\$\{.+\}"}


def pipeline_schema(registry: Registry) -> dict[str, Any]:
    """The schema of all sections. Loads every plugin; one that cannot be loaded is left out with a warning."""
    definitions: dict[str, Any] = {}
    schema = _object(ConfigFile, "", definitions)
    components = registry.sound_components()
    for section, (kind, item) in SECTIONS.items():
        choices = [
            _choice(component, item, DEFAULT_USE.get(section) == component.use, definitions)
            for component in components
            if component.kind == kind
        ]
        _put_choices(schema["properties"][section], {"oneOf": choices})
    schema["properties"]["journal"] = _object(Journal, "", definitions)
    schema["properties"]["runtime"] = _object(Runtime, "", definitions)
    return {"$schema": _DIALECT, "title": "querygen", **schema, "definitions": definitions}


def _put_choices(section: dict[str, Any], choices: dict[str, Any]) -> None:
    """Replace the section's open mappings by the given choices: the section itself, its items or its values."""
    place = {"array": "items", "object": "additionalProperties"}[section["type"]]
    if section.get("additionalProperties") is True:
        section.pop("type")
        section.pop("additionalProperties")
        section.update(choices)
    else:
        section[place] = choices


def _choice(
    registered: Registered, item: type[ComponentEntry], is_default: bool, definitions: dict[str, Any]
) -> dict[str, Any]:
    use = {"const": registered.use, "description": registered.component.summary}
    common = _object(item, "", definitions)
    options = _object(registered.component.options, f"{registered.use.replace('/', '.')}.", definitions)
    required = [*([] if is_default else ["use"]), *options.get("required", [])]
    properties = {**common["properties"], **options["properties"], "use": use}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _object(model: type[BaseModel], prefix: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """A model's schema, its nested models under `definitions`; every value may also be a `${…}`."""
    schema = model.model_json_schema(ref_template=f"#/definitions/{prefix}{{model}}")
    for name, nested in schema.pop("$defs", {}).items():
        definitions[f"{prefix}{name}"] = nested
    schema["properties"] = {name: _or_interpolated(given) for name, given in schema.get("properties", {}).items()}
    return schema


def _or_interpolated(schema: dict[str, Any]) -> dict[str, Any]:
    # A plain string already admits `${…}`; lists and mappings are never written as one.
    if schema.get("type") in {"string", "array", "object"}:
        return schema
    annotations = {key: value for key, value in schema.items() if key in _ANNOTATIONS}
    return {
        **annotations,
        "anyOf": [{key: value for key, value in schema.items() if key not in annotations}, _INTERPOLATED],
    }
