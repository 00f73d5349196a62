"""What is sent, as it arrives."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from gemini_fixtures import KEY, ask
from gemini_server import Gemini
from querygen_core.api import Checkable, CountsTokens, ProviderError, Response, Secret
from querygen_core.testing import context, request
from querygen_gemini import build_api
from querygen_gemini.options import GeminiOptions
from querygen_gemini.requests import request_body

OLDER = GeminiOptions(model="gemini-3.5-flash-lite", api_key=KEY, schema_field="schema")
HINTS = {"max_output_tokens": 9_000, "temperature": 0.5, "unknown": 1}


def sent(server: Gemini) -> dict[str, Any]:
    (last,) = server.requests(last=1)
    return {**last, "body": json.loads(last["body"])}


def test_the_prompt_goes_as_it_is_with_the_schema_and_nothing_else(server, tmp_path):
    asked = request("Ask {{ 7*7 }} <b>", system="You write.")
    ask(server, tmp_path, asked)
    got = sent(server)
    assert got["path"] == "/v1/models/gemini-3.5-flash-lite:generateContent"
    assert got["headers"]["x-goog-api-key"] == KEY
    assert KEY not in got["path"] + json.dumps(got["query"])
    body = got["body"]
    assert body["contents"] == [{"role": "user", "parts": [{"text": "Ask {{ 7*7 }} <b>"}]}]
    assert body["systemInstruction"]["parts"] == [{"text": "You write."}]
    config = body["generationConfig"]
    assert config["responseJsonSchema"] == asked.schema
    assert config["responseMimeType"] == "application/json"
    assert (config["maxOutputTokens"], config["candidateCount"]) == (16_384, 1)
    assert config["thinkingConfig"] == {"thinkingLevel": "LOW"}
    assert body.keys() == {"contents", "systemInstruction", "generationConfig"}
    assert "temperature" not in config


def test_the_prompt_s_hints_count_unless_the_config_says_otherwise(server, tmp_path):
    ask(server, tmp_path, request(parameters=HINTS))
    config = sent(server)["body"]["generationConfig"]
    assert (config["maxOutputTokens"], config["temperature"]) == (9_000, 0.5)
    ask(server, tmp_path, request(parameters=HINTS), max_output_tokens=800, temperature=0, top_p=0.9, seed=7)
    config = sent(server)["body"]["generationConfig"]
    assert (config["maxOutputTokens"], config["temperature"], config["topP"], config["seed"]) == (800, 0, 0.9, 7)


@pytest.mark.parametrize(("thinking", "said"), [("high", {"thinkingLevel": "HIGH"}), (None, None)])
def test_how_much_it_thinks(server, tmp_path, thinking, said):
    ask(server, tmp_path, request(), thinking=thinking)
    assert sent(server)["body"]["generationConfig"].get("thinkingConfig") == said


def test_without_a_schema_none_is_asked_for(server, tmp_path):
    for changes, options in (({"schema": None}, {}), ({}, {"schema_field": "none"})):
        ask(server, tmp_path, request(**changes), **options)
        assert not {"responseMimeType", "responseJsonSchema"} & sent(server)["body"]["generationConfig"].keys()


def test_the_older_field_has_its_own_spelling_of_a_schema():
    part = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"anyOf": [{"type": "integer"}]}}}
    asked = request(schema={"type": "array", "items": part, "maxItems": 2})
    assert request_body(OLDER, asked)["generationConfig"]["responseSchema"] == {
        "type": "ARRAY",
        "maxItems": 2,
        "items": {
            "type": "OBJECT",
            "properties": {"b": {"type": "STRING"}, "a": {"anyOf": [{"type": "INTEGER"}]}},
            "propertyOrdering": ["b", "a"],
        },
    }
    assert asked.schema == {"type": "array", "items": part, "maxItems": 2}, "the request stays as it was"


def test_what_is_no_option_yet_is_merged_into_the_body(server, tmp_path):
    more = {"generationConfig": {"topK": 4, "maxOutputTokens": 77}, "labels": {"team": "search"}}
    for _ in range(2):
        ask(server, tmp_path, request(), extra_body=more, service_tier="flex", backend="vertex")
        body = sent(server)["body"]
        config = body["generationConfig"]
        assert (config["topK"], config["maxOutputTokens"], config["candidateCount"]) == (4, 77, 1)
        assert (body["labels"], body["serviceTier"]) == ({"team": "search"}, "flex")


@pytest.mark.parametrize(
    ("backend", "model", "path"),
    [
        ("ai-studio", "gemini-3.5-flash-lite", "v1/models/gemini-3.5-flash-lite"),
        ("ai-studio", "models/gemini-3.5-flash-lite", "v1/models/gemini-3.5-flash-lite"),
        ("vertex", "gemini-3.5-flash-lite", "v1beta1/publishers/google/models/gemini-3.5-flash-lite"),
        ("vertex", "google/gemini-3.5-flash-lite", "v1beta1/publishers/google/models/gemini-3.5-flash-lite"),
        (
            "vertex",
            "publishers/google/models/gemini-3.5-flash-lite",
            "v1beta1/publishers/google/models/gemini-3.5-flash-lite",
        ),
    ],
)
def test_a_model_has_its_path(server, tmp_path, backend, model, path):
    ask(server, tmp_path, request(), backend=backend, model=model)
    assert sent(server)["path"] == f"/{path}:generateContent"


def test_the_environment_decides_nothing(server, tmp_path, monkeypatch):
    for name, value in {
        "GOOGLE_API_KEY": "another-key",
        "GEMINI_API_KEY": "a-third",
        "GOOGLE_GENAI_USE_VERTEXAI": "true",
        "GOOGLE_GENAI_API_VERSION": "beta",
        "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
        "GOOGLE_CLOUD_PROJECT": "p",
    }.items():
        monkeypatch.setenv(name, value)
    ask(server, tmp_path, request())
    got = sent(server)
    assert (got["path"], got["headers"]["x-goog-api-key"]) == (
        "/v1/models/gemini-3.5-flash-lite:generateContent",
        KEY,
    )


def test_a_key_that_was_rotated_is_fetched_again_once_for_all(server, tmp_path):
    server.set_keys(**{KEY: "revoked", "the-new-key": "valid"})
    fetched = []

    def fetch() -> str:
        fetched.append(1)
        return KEY if len(fetched) == 1 else "the-new-key"

    async def run() -> list[Response]:
        options = GeminiOptions(model="gemini-3.5-flash-lite", api_key=Secret("key", fetch), base_url=server.url)
        model = build_api(options, context(tmp_path))
        try:
            return await asyncio.gather(*(model.complete(request(f"Number {number}")) for number in range(20)))
        finally:
            await model.aclose()

    assert len(asyncio.run(run())) == 20
    assert len(fetched) == 2


@pytest.mark.slow
def test_more_than_a_hundred_at_once_each_have_a_connection_and_keep_it(server, tmp_path):
    server.set_pace(latency="6s")

    async def run() -> None:
        options = GeminiOptions(model="gemini-3.5-flash-lite", api_key=KEY, base_url=server.url)
        model = build_api(options, context(tmp_path))
        await asyncio.gather(*(model.complete(request(f"Number {number}")) for number in range(130)))
        await model.aclose()

    asyncio.run(run())
    assert server.stats()["paid"] == 130
    assert server.stats()["most_at_once"] > 105, "the SDK's own client would stop at 100"


@pytest.mark.parametrize("backend", ["ai-studio", "vertex"])
def test_tokens_are_counted_for_nothing(server, tmp_path, backend):
    """As many as are billed for the same request."""
    asked = request("Ask three questions about a lamp.", system="You write.")
    billed = ask(server, tmp_path, asked, backend=backend).usage.input
    paid = server.stats()["paid"]

    async def count() -> int:
        model = build_api(
            GeminiOptions(model="gemini-3.5-flash-lite", api_key=KEY, base_url=server.url, backend=backend),
            context(tmp_path),
        )
        assert isinstance(model, CountsTokens)
        try:
            return await model.count_tokens(asked)
        finally:
            await model.aclose()

    assert asyncio.run(count()) == billed
    assert server.stats()["paid"] == paid


@pytest.mark.parametrize(("backend", "asked"), [("ai-studio", "GET model"), ("vertex", "POST countTokens")])
@pytest.mark.parametrize("name", ["gemini-3.5-flash-lite", "gemini-0-nothing"])
def test_a_check_finds_a_wrong_name_and_pays_nothing(server, tmp_path, backend, asked, name):
    async def check() -> None:
        options = GeminiOptions(model=name, api_key=KEY, base_url=server.url, backend=backend)
        model = build_api(options, context(tmp_path))
        assert isinstance(model, Checkable)
        try:
            await model.check()
        finally:
            await model.aclose()

    paid, before = server.stats()["paid"], server.stats()["other"].get(asked, 0)
    if name == "gemini-0-nothing":
        with pytest.raises(ProviderError, match="404") as caught:
            asyncio.run(check())
        assert caught.value.kind == "bad_request"
    else:
        asyncio.run(check())
    assert (server.stats()["paid"], server.stats()["other"][asked]) == (paid, before + 1)
