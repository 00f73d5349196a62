"""Builds the body of a `models.generateContent` request, with the field names of Google's API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from querygen_core.api import Request
from querygen_gemini.options import GeminiOptions

_DEFAULT_MAX_OUTPUT = 16_384
_PARAMETERS = {"temperature": "temperature", "top_p": "topP", "max_output_tokens": "maxOutputTokens", "seed": "seed"}
_COUNTED_BY_VERTEX = ("contents", "systemInstruction", "tools", "generationConfig")
_RESOURCE_PREFIXES = {"ai-studio": ("models/", "tunedModels/"), "vertex": ("models/", "publishers/", "projects/")}


def resource_name(options: GeminiOptions) -> str:
    """The model as a resource name for the URL: `models/…`, `publishers/google/models/…`."""
    name = options.model
    if name.startswith(_RESOURCE_PREFIXES[options.backend]):
        return name
    if options.backend == "ai-studio":
        return f"models/{name}"
    publisher, _, model = name.rpartition("/")
    return f"publishers/{publisher or 'google'}/models/{model}"


def request_body(options: GeminiOptions, request: Request) -> dict[str, Any]:
    """The JSON body. `extra_body` is merged last and wins over everything else."""
    body: dict[str, Any] = {
        "contents": [{"role": "user", "parts": [{"text": request.prompt}]}],
        "generationConfig": _generation_config(options, request),
    }
    if request.system:
        body["systemInstruction"] = {"role": "user", "parts": [{"text": request.system}]}
    if options.service_tier:
        body["serviceTier"] = options.service_tier
    return _merge(body, options.extra_body)


def count_body(resource: str, body: Mapping[str, Any], *, vertex: bool) -> dict[str, Any]:
    """The JSON body of a `models.countTokens` request for a `models.generateContent` request."""
    if not vertex:
        return {"generateContentRequest": {"model": resource, **body}}
    return {name: value for name, value in body.items() if name in _COUNTED_BY_VERTEX}


def max_output(options: GeminiOptions) -> int | None:
    """The limit that every request gets, whatever its prompt says; None if the options set none."""
    extra = options.extra_body.get("generationConfig")
    named = extra.get("maxOutputTokens") if isinstance(extra, Mapping) else None
    return named if isinstance(named, int) else options.max_output_tokens


def _generation_config(options: GeminiOptions, request: Request) -> dict[str, Any]:
    config: dict[str, Any] = {"maxOutputTokens": _DEFAULT_MAX_OUTPUT, "candidateCount": 1}
    for name, field in _PARAMETERS.items():
        option = getattr(options, name)
        value = request.parameters.get(name) if option is None else option  # the config wins over the prompt
        if value is not None:
            config[field] = value
    if request.schema is not None and options.schema_field != "none":
        config["responseMimeType"] = "application/json"
        if options.schema_field == "json_schema":
            config["responseJsonSchema"] = request.schema
        else:
            config["responseSchema"] = _to_openapi_schema(request.schema)
    if isinstance(options.thinking, int):
        config["thinkingConfig"] = {"thinkingBudget": options.thinking}
    elif options.thinking is not None:
        config["thinkingConfig"] = {"thinkingLevel": options.thinking.upper()}
    return config


def _to_openapi_schema(schema: Any) -> Any:
    """A JSON Schema in the dialect of `responseSchema`: upper-case types and an explicit order of properties."""
    if isinstance(schema, list):
        return [_to_openapi_schema(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    converted = dict(schema)
    if isinstance(type_name := schema.get("type"), str):
        converted["type"] = type_name.upper()
    for keyword in ("items", "anyOf"):
        if keyword in schema:
            converted[keyword] = _to_openapi_schema(schema[keyword])
    if isinstance(properties := schema.get("properties"), Mapping):
        converted["properties"] = {name: _to_openapi_schema(subschema) for name, subschema in properties.items()}
        converted["propertyOrdering"] = list(properties)
    return converted


def _merge(body: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `body` with `overrides` merged in, object by object; lists and other values are replaced."""
    merged = dict(body)
    for name, value in overrides.items():
        current = merged.get(name)
        merged[name] = _merge(current, value) if isinstance(current, Mapping) and isinstance(value, Mapping) else value
    return merged
