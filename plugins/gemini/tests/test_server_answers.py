"""What the stand-in answers, what it counts, and what a model refuses."""

from __future__ import annotations

import json

import pytest

import gemini_server
from gemini_client import Client
from gemini_wire import FLASH, HEADERS, LITE, asking, error_of, finish_of, in_json, path, text_of

PROMPT = (
    "Write 4 product questions.\n"
    '<product-0a1b2c3d>{"title": "Garden hose", "locale": "en", "attributes": {"length": "20 m"}}</product-0a1b2c3d>\n'
    '<request-0a1b2c3d>{"query_type": "product", "count": 4, "locale": "en"}</request-0a1b2c3d>'
)
LIST = {"type": "array", "items": {"type": "string"}}
SYSTEM = "You are a buyer."


@pytest.fixture(scope="module")
def server():
    with gemini_server.running(process=False) as server:
        yield server


@pytest.fixture
def client(server):
    server.reset()
    server.set_answers(questions=5)
    with Client(server.port, HEADERS) as client:
        yield client


def test_text_is_numbered(client, server):
    server.set_answers(answers="canned", questions=4)
    lines = text_of(client.send("POST", path(), asking(PROMPT))).splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["1.", "2.", "3.", "4."]
    assert all(line.endswith("?") for line in lines)


def test_a_canned_answer_follows_the_schema(client, server):
    server.set_answers(answers="canned", questions=5)
    schema = {
        "type": "object",
        "properties": {
            "free": LIST,
            "few": {**LIST, "maxItems": 2},
            "many": {**LIST, "minItems": 7},
            "labelled": {"type": "array", "items": {"$ref": "#/$defs/Item"}},
            "note": {"anyOf": [{"type": "null"}, {"type": "string"}]},
            "score": {"type": "integer", "minimum": 3},
        },
        "$defs": {
            "Item": {
                "type": "object",
                "properties": {"text": {"type": "string"}, "kind": {"type": "string", "enum": ["a", "b"]}},
            }
        },
    }
    value = json.loads(text_of(client.send("POST", path(), asking(**in_json(**schema)))))
    assert [len(value[name]) for name in ("free", "few", "many", "labelled")] == [5, 2, 7, 5]
    assert len(set(value["many"])) == 7
    assert [item["kind"] for item in value["labelled"]] == ["a", "b", "a", "b", "a"]
    assert isinstance(value["note"], str)
    assert value["score"] == 3


def test_tokens_are_a_function_of_the_request(client):
    body = {**asking("x" * 41, maxOutputTokens=5000), "systemInstruction": {"parts": [{"text": "s" * 8}]}}
    first, again = (client.send("POST", path(), body) for _ in range(2))
    usage = first.json["usageMetadata"]
    assert usage == again.json["usageMetadata"]
    assert usage["promptTokenCount"] == 11 + 2
    assert usage["candidatesTokenCount"] == -(-len(text_of(first)) // 4)
    assert usage["thoughtsTokenCount"] == 64
    counted = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    assert usage["totalTokenCount"] == sum(usage[name] for name in counted)
    cached = client.send("POST", path(), {**body, "cachedContent": "cachedContents/c1"}).json["usageMetadata"]
    assert cached["cachedContentTokenCount"] == 4096
    assert cached["promptTokenCount"] == 4096 + 13


def test_counting_tokens_agrees_with_what_is_billed(client):
    contents = {"contents": asking("x" * 41)["contents"]}
    got = client.send("POST", path(action="countTokens"), contents)
    assert got.json["totalTokens"] == client.send("POST", path(), contents).json["usageMetadata"]["promptTokenCount"]
    with_system = {"contents": contents["contents"], "systemInstruction": {"parts": [{"text": "s" * 8}]}}
    assert client.send("POST", path(action="countTokens"), with_system).status == 400
    whole = {"generateContentRequest": {"model": f"models/{FLASH}", **with_system}}
    assert client.send("POST", path(action="countTokens"), whole).json["totalTokens"] == 13


def test_the_limit_of_output_tokens_is_kept(client):
    whole = text_of(client.send("POST", path(LITE), asking()))
    got = client.send("POST", path(LITE), asking(maxOutputTokens=20))
    assert (text_of(got), finish_of(got)) == (whole[:80], "MAX_TOKENS")
    assert got.json["usageMetadata"]["candidatesTokenCount"] == 20
    enough = client.send("POST", path(LITE), asking(maxOutputTokens=-(-len(whole) // 4)))
    assert (text_of(enough), finish_of(enough)) == (whole, "STOP")


def test_thoughts_count_for_the_limit_and_may_take_all_of_it(client):
    got = client.send("POST", path(), asking(maxOutputTokens=84))  # 64 of them are thoughts
    assert len(text_of(got)) == 80
    eaten = client.send("POST", path(), asking(maxOutputTokens=50))
    assert finish_of(eaten) == "MAX_TOKENS"
    assert "parts" not in eaten.json["candidates"][0]["content"]
    assert eaten.json["usageMetadata"]["thoughtsTokenCount"] == 50


def test_thoughts_are_shown_only_when_asked_for(client):
    hidden = client.send("POST", path(), asking(thinkingConfig={"thinkingLevel": "HIGH"}))
    shown = client.send("POST", path(), asking(thinkingConfig={"thinkingLevel": "HIGH", "includeThoughts": True}))
    assert [part.get("thought") for part in hidden.json["candidates"][0]["content"]["parts"]] == [None]
    assert [part.get("thought") for part in shown.json["candidates"][0]["content"]["parts"]] == [True, None]
    assert shown.json["usageMetadata"]["thoughtsTokenCount"] == 1024


BOTH = {"thinkingLevel": "LOW", "thinkingBudget": 0}

REFUSED = [
    (FLASH, {"thinkingConfig": BOTH}, "You can only set only one of thinking budget and thinking level."),
    (FLASH, {"thinkingConfig": {"thinkingLevel": "MINIMAL"}}, "Thinking level MINIMAL is not supported"),
    ("gemini-2.5-flash", {"thinkingConfig": {"thinkingLevel": "LOW"}}, "Thinking level is not supported"),
    ("gemini-4-argon", {"thinkingConfig": {"thinkingBudget": 5}}, "Thinking budget is not supported"),
    (FLASH, {"temperature": 2.5}, "temperature must be in the range"),
    (FLASH, {"candidateCount": 2}, "Multiple candidates is not enabled"),
    (FLASH, {"maxOutputTokens": -1}, "max_output_tokens must be positive"),
    (FLASH, {"maxOutputTokens": 70_000}, "the supported range is from 1 (inclusive) to 65537 (exclusive)"),
    (FLASH, {"responseJsonSchema": {"type": "object"}}, "response_json_schema: only allowed when"),
    (FLASH, {"responseMimeType": "text/html"}, "allowed mimetypes are"),
    (FLASH, {**in_json(type="object"), "responseSchema": {"type": "OBJECT"}}, "only one of"),
]


@pytest.mark.parametrize(("model", "config", "message"), REFUSED)
def test_what_a_model_refuses(client, model, config, message):
    error = error_of(client.send("POST", path(model), asking(**config)))
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert message in error["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"contents": [}', "Unexpected token"),
        (b'{"contents": [{"parts": [{"text": "x"}]}], "model"', "Unexpected token"),
        (b"[]", "Root element must be a message"),
        (b"{}", "contents is not specified"),
        ({"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, "Please use a valid role: user, model."),
        ({"contents": [{"parts": []}]}, "parts must not be empty"),
        ({"contents": [{"parts": [{}]}]}, "must have one initialized field"),
        (asking("x" * 4_194_400), "exceeds the maximum number of tokens allowed (1048576)"),
    ],
)
def test_bodies_that_are_no_request(client, server, body, message):
    assert message in error_of(client.send("POST", path(), body))["message"]
    assert client.send("POST", path(), asking()).status == 200
    assert server.stats()["by_status"] == {"200": 1, "400": 1}


def test_models_and_the_versions_that_know_them(client):
    unknown = client.send("POST", path("gemini-0", version="v1beta"), asking())
    assert (unknown.status, error_of(unknown)["message"]) == (
        404,
        (
            "models/gemini-0 is not found for API version v1beta, or is not supported for generateContent. Call "
            "ListModels to see the list of available models and their supported methods."
        ),
    )
    latest = "gemini-flash-latest"
    assert client.send("POST", path(latest), asking()).status == 404
    assert client.send("POST", path(latest, version="v1beta"), asking()).json["modelVersion"] == FLASH
    vertex = "/v1beta1/projects/p/locations/l/publishers/google/models/gemini-0:generateContent"
    assert (
        "Publisher Model `projects/p/locations/l/publishers"
        in error_of(client.send("POST", vertex, asking()))["message"]
    )


def test_the_list_of_models(client):
    listed = {model["name"] for model in client.send("GET", "/v1/models").json["models"]}
    beta = {model["name"] for model in client.send("GET", "/v1beta/models?pageSize=50").json["models"]}
    assert f"models/{FLASH}" in listed
    assert beta - listed == {
        "models/gemini-flash-latest",
        "models/gemini-flash-lite-latest",
        "models/gemini-pro-latest",
    }
    one = client.send("GET", f"/v1/models/{FLASH}").json
    assert (one["name"], one["outputTokenLimit"]) == (f"models/{FLASH}", 65536)
    assert "generateContent" in one["supportedGenerationMethods"]
    assert client.send("GET", "/v1/models/gemini-0").status == 404


@pytest.mark.parametrize(
    "what", ["/v1/batches", "/v1/files/f1", "/v1/cachedContents", f"/v1/models/{FLASH}:stream", "/"]
)
def test_what_is_not_there_is_404_in_googles_form(client, what):
    assert error_of(client.send("GET", what))["status"] == "NOT_FOUND"


def test_labels_are_for_vertex(client):
    vertex = f"/v1beta1/publishers/google/models/{FLASH}:generateContent"
    assert client.send("POST", vertex, {**asking(), "labels": {"a": "b"}}).status == 200
    developer = client.send("POST", path(version="v1beta1"), {**asking(), "labels": {"a": "b"}})
    assert 'Unknown name "labels"' in error_of(developer)["message"]
    error = error_of(client.send("POST", vertex, {**asking(), "labels": {"a": 1}, "x": 1}))
    assert "Invalid value at 'labels[0].value' (TYPE_STRING), 1" in error["message"]
