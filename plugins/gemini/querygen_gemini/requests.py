"""What is sent: field by field as in Google's reference of `models.generateContent`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from querygen_core.api import Request
from querygen_gemini.options import GeminiOptions

_MAX_OUTPUT = 16_384
_HINTS = {"temperature": "temperature", "top_p": "topP", "max_output_tokens": "maxOutputTokens", "seed": "seed"}
_RESOURCES = {"ai-studio": ("models/", "tunedModels/"), "vertex": ("models/", "publishers/", "projects/")}


def resource_of(options: GeminiOptions) -> str:
    """The model's name in a URL. One that is a resource's name already stays as it is."""
    name = options.model
    if name.startswith(_RESOURCES[options.backend]):
        return name
    if options.backend == "ai-studio":
        return f"models/{name}"
    publisher, _, model = name.rpartition("/")
    return f"publishers/{publisher or 'google'}/models/{model}"


def request_body(options: GeminiOptions, request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {
        "contents": [{"role": "user", "parts": [{"text": request.prompt}]}],
        "generationConfig": _config(options, request),
    }
    if request.system:
        body["systemInstruction"] = {"role": "user", "parts": [{"text": request.system}]}
    if options.service_tier:
        body["serviceTier"] = options.service_tier
    return _merged(body, options.extra_body)


def _config(options: GeminiOptions, request: Request) -> dict[str, Any]:
    config: dict[str, Any] = {"maxOutputTokens": _MAX_OUTPUT, "candidateCount": 1}
    for name, field in _HINTS.items():
        own = getattr(options, name)
        if (given := request.parameters.get(name) if own is None else own) is not None:
            config[field] = given
    if request.schema is not None and options.schema_field != "none":
        config["responseMimeType"] = "application/json"
        if options.schema_field == "json_schema":
            config["responseJsonSchema"] = request.schema
        else:
            config["responseSchema"] = _in_capitals(request.schema)
    if isinstance(options.thinking, int):
        config["thinkingConfig"] = {"thinkingBudget": options.thinking}
    elif options.thinking is not None:
        config["thinkingConfig"] = {"thinkingLevel": options.thinking.upper()}
    return config


def _in_capitals(schema: Any) -> Any:
    """A JSON schema as the older field has it: types in capitals, and the order of properties said."""
    if isinstance(schema, list):
        return [_in_capitals(one) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    google = dict(schema)
    if isinstance(kind := schema.get("type"), str):
        google["type"] = kind.upper()
    for inner in ("items", "anyOf"):
        if inner in schema:
            google[inner] = _in_capitals(schema[inner])
    if isinstance(properties := schema.get("properties"), Mapping):
        google["properties"] = {name: _in_capitals(one) for name, one in properties.items()}
        google["propertyOrdering"] = list(properties)
    return google


def _merged(body: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """`body` with `more` on top, object by object."""
    merged = dict(body)
    for name, value in more.items():
        inner = merged.get(name)
        merged[name] = _merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return merged
