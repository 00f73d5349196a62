"""Google's own SDK against the stand-in: what it makes of the answers and of the errors. Skipped where it is absent."""

from __future__ import annotations

import json
import warnings

import pytest
from pydantic import BaseModel, Field

import gemini_server
from gemini_wire import KEY, LITE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what it warns of while it is imported is its own business
    genai = pytest.importorskip("google.genai")
    from google.genai import errors, types

pytestmark = pytest.mark.filterwarnings("ignore")


class Questions(BaseModel):
    questions: list[str] = Field(min_length=3, max_length=3)


@pytest.fixture(scope="module")
def server():
    with gemini_server.running(process=False, keys=(KEY,), answers="canned") as server:
        yield server


@pytest.fixture
def make(server):
    server.reset()
    server.set_faults()
    made = []

    def client(key=KEY, **options):
        http = types.HttpOptions(
            base_url=server.url, timeout=10_000, retry_options=types.HttpRetryOptions(attempts=1), **options
        )
        made.append(genai.Client(api_key=key, vertexai=False, http_options=http))
        return made[-1]

    yield client
    for client in made:
        client.close()


def config(**more):
    return types.GenerateContentConfig(
        system_instruction="You are a buyer.",
        response_mime_type="application/json",
        max_output_tokens=2000,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        **more,
    )


SCHEMAS = [
    {"response_json_schema": Questions.model_json_schema()},
    {"response_schema": Questions},
    {"response_schema": Questions.model_json_schema()},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_answer_by_a_schema(make, server, schema):
    level = types.ThinkingConfig(thinking_level="LOW", include_thoughts=True)
    got = make().models.generate_content(model=LITE, contents="A hose", config=config(thinking_config=level, **schema))
    assert len(json.loads(got.text)["questions"]) == 3
    assert got.candidates[0].finish_reason.name == "STOP"
    assert (got.model_version, got.usage_metadata.thoughts_token_count) == (LITE, 64)
    usage = got.usage_metadata
    spent = usage.prompt_token_count + usage.candidates_token_count + usage.thoughts_token_count
    assert usage.total_token_count == spent
    assert got.candidates[0].content.parts[0].thought
    assert server.stats()["paid"] == 1
    assert server.stats()["other"] == {}


def test_an_answer_in_the_event_loop(make):
    import asyncio

    async def ask():
        client = make()
        try:
            return await client.aio.models.generate_content(model=LITE, contents="A hose")
        finally:
            await client.aio.aclose()

    assert asyncio.run(ask()).text.startswith("1. ")


RAISED = [
    ("429_minute", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
    ("429_day", errors.ClientError, 429, "RESOURCE_EXHAUSTED"),
    ("403", errors.ClientError, 403, "PERMISSION_DENIED"),
    ("404", errors.ClientError, 404, "NOT_FOUND"),
    ("400_location", errors.ClientError, 400, "FAILED_PRECONDITION"),
    ("500", errors.ServerError, 500, "INTERNAL"),
    ("503", errors.ServerError, 503, "UNAVAILABLE"),
    ("504", errors.ServerError, 504, "DEADLINE_EXCEEDED"),
    ("429_html", errors.ClientError, 429, "Too Many Requests"),
    ("502", errors.ServerError, 502, "Bad Gateway"),
]


@pytest.mark.parametrize(("fault", "kind", "code", "status"), RAISED)
def test_errors_as_the_sdk_raises_them(make, server, fault, kind, code, status):
    server.set_faults(script=[{"fault": fault}], retry_after=2)
    with pytest.raises(kind) as raised:
        make().models.generate_content(model=LITE, contents="x")
    assert (raised.value.code, raised.value.status) == (code, status)
    assert server.stats()["requests"] == 1
    if fault == "429_minute":
        assert raised.value.response.headers["Retry-After"] == "2"
        assert raised.value.details["error"]["details"][-1]["retryDelay"] == "2s"


def test_a_wrong_key(make):
    with pytest.raises(errors.ClientError) as raised:
        make("AIzaOTHER").models.generate_content(model=LITE, contents="x")
    assert raised.value.code == 400
    assert raised.value.details["error"]["details"][0]["reason"] == "API_KEY_INVALID"


def test_a_200_that_is_no_json(make, server):
    server.set_faults(script=[{"fault": "not_json"}])
    with pytest.raises(json.JSONDecodeError):
        make().models.generate_content(model=LITE, contents="x")


NO_TEXT = ["blocked_prompt", "safety", "empty", "no_text", "other", "malformed_response", "prohibited"]


@pytest.mark.parametrize("fault", NO_TEXT)
def test_answers_without_text(make, server, fault):
    server.set_faults(script=[{"fault": fault}])
    got = make().models.generate_content(model=LITE, contents="x", config=config())
    assert got.text is None
    assert bool(got.candidates) == (fault not in ("blocked_prompt", "empty"))
    assert (got.prompt_feedback is not None) == (fault == "blocked_prompt")


def test_a_finish_reason_that_the_sdk_does_not_know(make, server):
    server.set_faults(script=[{"fault": "unknown_finish"}])
    got = make().models.generate_content(model=LITE, contents="x")
    assert got.candidates[0].finish_reason.value == "BRAND_NEW_REASON"


def test_a_continuation_goes_on_by_itself(make, server):
    whole = make().models.generate_content(model=LITE, contents="x").text
    server.set_faults(script=[{"fault": "continuation"}])
    assert make().models.generate_content(model=LITE, contents="x").text == whole
    assert server.stats()["paid"] == 3


def test_models_and_tokens(make):
    listed = {model.name for model in make().models.list()}
    assert f"models/{LITE}" in listed
    assert "models/gemini-flash-latest" not in listed
    assert "models/gemini-flash-latest" in {model.name for model in make(api_version="v1beta").models.list()}
    assert make().models.get(model=LITE).output_token_limit == 65536
    assert make().models.count_tokens(model=LITE, contents="abcde").total_tokens == 2


def test_vertex_express(server):
    http = types.HttpOptions(base_url=server.url, timeout=10_000)
    with genai.Client(vertexai=True, api_key=KEY, http_options=http) as client:
        got = client.models.generate_content(model=LITE, contents="x", config={"labels": {"a": "b"}})
    assert got.text.startswith("1. ")


@pytest.mark.parametrize("settings", [{"chunked": True}, {"compress": True}])
def test_answers_in_chunks_and_compressed(settings):
    with gemini_server.running(process=False, answers="canned", **settings) as server:
        http = types.HttpOptions(base_url=server.url, timeout=10_000)
        with genai.Client(vertexai=False, api_key=KEY, http_options=http) as client:
            got = client.models.generate_content(model=LITE, contents="x")
    headers = got.sdk_http_response.headers
    assert got.text.startswith("1. ")
    assert ("transfer-encoding" in headers, "content-encoding" in headers) == (
        "chunked" in settings,
        "compress" in settings,
    )
