"""The JSON Schema of a config."""

from __future__ import annotations

import json

from querygen_core.config.json_schema import pipeline_schema
from tests.demo_plugin import KEYS, registry


def test_the_schema_knows_every_key_and_every_component():
    schema = pipeline_schema(registry())
    properties = schema["properties"]
    assert set(properties) == set(KEYS)
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["generators", "sinks"]
    sinks = {one["properties"]["use"]["const"]: one for one in properties["sinks"]["items"]["oneOf"]}
    table = sinks["demo/table"]
    assert set(table["properties"]) == {"use", "name", "required", "dsn", "table", "passwords"}
    assert (table["required"], table["additionalProperties"]) == (["use", "dsn"], False)
    assert table["properties"]["dsn"]["type"] == "string"
    prompt = next(
        one for one in properties["generators"]["items"]["oneOf"] if one["properties"]["use"]["const"] == "core/prompt"
    )
    assert prompt["required"] == ["prompt", "model"]
    assert {"type": "string", "pattern": r"\$\{.+\}"} in prompt["properties"]["count"]["anyOf"]
    assert properties["models"]["additionalProperties"]["oneOf"]
    assert properties["input"]["oneOf"]
    assert properties["runtime"]["properties"]["drain"]["description"]


def test_every_reference_in_the_schema_leads_somewhere():
    schema = pipeline_schema(registry())
    found = {part.split('"')[0] for part in json.dumps(schema).split('"$ref": "#/definitions/')[1:]}
    assert "demo.catalogue.Nested" in found
    assert found <= set(schema["definitions"])
