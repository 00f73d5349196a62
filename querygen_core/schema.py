"""The JSON Schema of a config, for editors: what querygen itself reads and every installed component's options."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from querygen_core.config.settings import DEFAULT_USE, Generator, Item, Model, Runtime, Sink, Step, Top
from querygen_core.registry import Kind, Registered, Registry

_DIALECT = "http://json-schema.org/draft-07/schema#"  # the newest that yaml-language-server knows
_SECTIONS: dict[str, tuple[Kind, type[Item]]] = {
    "input": ("input", Item),
    "preprocessors": ("preprocessor", Step),
    "models": ("provider", Model),
    "generators": ("generator", Generator),
    "postprocessors": ("postprocessor", Step),
    "sinks": ("sink", Sink),
    "observers": ("observer", Step),
    "journal": ("journal", Item),
    "submit": ("submitter", Item),
}
_TOLD = frozenset({"title", "description", "default"})
_FILLED_IN = {"type": "string", "pattern": r"\$\{.+\}"}


def pipeline_schema(registry: Registry) -> dict[str, Any]:
    """Loads every plugin; one that cannot be loaded is left out with a warning."""
    definitions: dict[str, Any] = {}
    schema = _object(Top, "", definitions)
    components = registry.sound_components()
    for section, (kind, item) in _SECTIONS.items():
        choices = [
            _choice(component, item, DEFAULT_USE.get(section) == component.use, definitions)
            for component in components
            if component.kind == kind
        ]
        _put_choices(schema["properties"][section], {"oneOf": choices})
    schema["properties"]["runtime"] = _object(Runtime, "", definitions)
    return {"$schema": _DIALECT, "title": "querygen", **schema, "definitions": definitions}


def _put_choices(section: dict[str, Any], choices: dict[str, Any]) -> None:
    place = {"array": "items", "object": "additionalProperties"}[section["type"]]
    if section.get("additionalProperties") is True:
        section.pop("type")
        section.pop("additionalProperties")
        section.update(choices)
    else:
        section[place] = choices


def _choice(registered: Registered, item: type[Item], is_default: bool, definitions: dict[str, Any]) -> dict[str, Any]:
    use = {"const": registered.use, "description": registered.component.summary}
    own = _object(item, "", definitions)
    options = _object(registered.component.options, f"{registered.use.replace('/', '.')}.", definitions)
    required = [*([] if is_default else ["use"]), *options.get("required", [])]
    properties = {**own["properties"], **options["properties"], "use": use}
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _object(model: type[BaseModel], prefix: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """A model's schema, its nested models under `definitions`; every value may also be a `${…}`."""
    schema = model.model_json_schema(ref_template=f"#/definitions/{prefix}{{model}}")
    for name, nested in schema.pop("$defs", {}).items():
        definitions[f"{prefix}{name}"] = nested
    schema["properties"] = {name: _or_filled_in(given) for name, given in schema.get("properties", {}).items()}
    return schema


def _or_filled_in(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type") in {"string", "array", "object"}:
        return schema
    told = {key: value for key, value in schema.items() if key in _TOLD}
    return {**told, "anyOf": [{key: value for key, value in schema.items() if key not in told}, _FILLED_IN]}
