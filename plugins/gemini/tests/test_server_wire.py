"""The stand-in speaks as Google does: it takes what the SDK was seen to send, and refuses what Google refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gemini_server
from gemini_client import Client
from gemini_wire import HEADERS, KEY, asking, error_of, in_json, path, text_of

WIRE = Path(*Path(__file__).parts[:-5], "shared", "wire")  # beside the repository

captured = pytest.mark.skipif(not WIRE.is_dir(), reason="no captured wire here")


@pytest.fixture(scope="module")
def running_server():
    with gemini_server.running(process=False, keys=(KEY,), models=("m",), answers="canned", questions=3) as server:
        yield server


@pytest.fixture
def server(running_server):
    running_server.reset()
    running_server.set_faults()
    running_server.set_keys(**{KEY: "valid"})
    return running_server


@pytest.fixture
def client(server):
    with Client(server.port, HEADERS) as client:
        yield client


def wire(name):
    return json.loads((WIRE / f"{name}.json").read_text())


def keys_of(value):
    return {key: keys_of(item) for key, item in value.items()} if isinstance(value, dict) else type(value).__name__


def names(*patterns):
    return sorted(file.stem for pattern in patterns for file in WIRE.glob(pattern))


@captured
@pytest.mark.parametrize("name", names("gen-*", "mode-*", "err-*", "vertex-*", "countTokens*", "models-list*"))
def test_what_the_sdk_was_seen_to_send_is_accepted(client, name):
    seen = wire(name)["request"]
    headers = {name: value.replace("<REDACTED>", f"Bearer {KEY}") for name, value in seen["headers"].items()}
    headers["x-goog-api-key"] = KEY if "x-goog-api-key" in headers else ""
    body = None if seen["body"] is None else json.dumps(seen["body"])
    headers.pop("Content-Length", None)
    got = client.send(seen["method"], seen["path"], body, headers)
    assert got.status == 200, got.body
    assert got.headers["content-type"] == "application/json; charset=UTF-8"


SHAPES = {
    "gen-cached-003": None,
    "gen-jsonschema-dict-002": None,
    "mode-blocked-007": "blocked_prompt",
    "mode-empty-008": "empty",
    "mode-maxtok-009": "cut",
    "mode-maxtok_nocontent-010": "no_text",
    "mode-safety-011": "safety",
    "mode-newreason-012": "unknown_finish",
    "mode-continuation-013": "continuation",
}


@captured
@pytest.mark.parametrize("name", SHAPES)
def test_an_answer_has_the_captured_shape(client, server, name):
    if SHAPES[name]:
        server.set_faults(script=[{"fault": SHAPES[name]}])
    seen = wire(name)
    got = client.send("POST", seen["request"]["path"], seen["request"]["body"]).json
    want = seen["response"]["body"]
    assert ("candidates" in got) == ("candidates" in want)
    assert set(got) >= {*want} - {"continuationToken"}  # Google has it in the candidate only
    assert set(got["usageMetadata"]) - {"promptTokensDetails", "serviceTier"} <= {*want["usageMetadata"]} | {
        "thoughtsTokenCount"
    }
    for mine, theirs in zip(got.get("candidates", []), want.get("candidates", []), strict=True):
        assert keys_of(mine) == keys_of(theirs)
        assert mine["finishReason"] == theirs["finishReason"]
    assert got.get("promptFeedback", {}).keys() == want.get("promptFeedback", {}).keys()


ERRORS = {
    "err-429-015": {"script": [{"fault": "429_minute"}], "retry_after": 27.5},
    "err-503-019": {"script": [{"fault": "503"}]},
}


@captured
@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_the_captured_one(client, server, name):
    server.set_faults(**ERRORS[name])
    got, want = client.send("POST", path(), asking()), wire(name)["response"]
    assert (got.status, got.json) == (want["status"], want["body"])
    assert got.headers.get("retry-after") == want["headers"].get("Retry-After")


@captured
def test_a_wrong_key_gets_the_captured_error(client):
    got = client.send("POST", path(), asking(), {"x-goog-api-key": "AIzaOTHER"})
    want = wire("err-400key-017")["response"]
    assert (got.status, got.json) == (want["status"], want["body"])


def test_a_key_can_be_revoked_and_suspended_while_it_is_in_use(client, server):
    assert client.send("POST", path(), asking()).status == 200
    server.set_keys(**{KEY: "revoked"})
    assert error_of(client.send("POST", path(), asking()))["details"][0]["reason"] == "API_KEY_INVALID"
    server.set_keys(**{KEY: "suspended"})
    error = error_of(client.send("POST", path(), asking()))
    assert error["message"] == f"Permission denied: Consumer 'api_key:{KEY}' has been suspended."
    assert error["details"][0]["metadata"]["containerInfo"] == f"api_key:{KEY}"
    server.set_keys(**{KEY: "valid"})
    assert client.send("POST", path(), asking()).status == 200
    with pytest.raises(ValueError, match="no such state"):
        server.set_keys(**{KEY: "tired"})


def test_a_key_in_the_url_is_seen(client, server):
    got = client.send("POST", f"{path()}?key={KEY}", asking())
    assert error_of(got)["details"][0]["reason"] == "KEY_IN_URL"
    assert server.stats()["other"] == {"key_in_url": 1}


def test_no_key_at_all(server):
    with Client(server.port) as client:
        assert error_of(client.send("POST", path(), asking()))["status"] == "PERMISSION_DENIED"
        vertex = "/v1beta1/projects/p/locations/l/publishers/google/models/gemini-3.8-flash:generateContent"
        assert error_of(client.send("POST", vertex, asking()))["status"] == "UNAUTHENTICATED"
        assert client.send("POST", vertex, asking(), {"Authorization": "Bearer other"}).status == 401
        assert client.send("POST", vertex, asking(), {"Authorization": f"Bearer {KEY}"}).status == 200


def test_both_ways_of_writing_a_name_are_the_same_request(client, server):
    snake = {
        "contents": [{"parts": [{"text": "x"}]}],
        "system_instruction": {"parts": {"text": "s"}},
        "generation_config": {
            "max_output_tokens": "900",
            "response_mime_type": "application/json",
            "response_schema": {"type": "ARRAY", "min_items": 2, "max_items": 2, "items": {"type": "STRING"}},
            "thinking_config": {"thinking_level": "low"},
        },
    }
    camel = {
        "generationConfig": {
            "thinkingConfig": {"thinkingLevel": "LOW"},
            "maxOutputTokens": 900,
            "responseMimeType": "application/json",
            "responseSchema": {"type": "array", "items": {"type": "string"}, "maxItems": 2, "minItems": 2},
        },
        "systemInstruction": {"parts": [{"text": "s"}]},
        "contents": [{"role": "user", "parts": [{"text": "x"}]}],
    }
    texts = {text_of(client.send("POST", path(), body)) for body in (snake, camel)}
    assert [len(json.loads(text)) for text in texts] == [2]
    assert [account["paid"] for account in server.accounts().values()] == [2]
    client.send("POST", path(), {**camel, "contents": [{"parts": [{"text": "y"}]}]})
    assert len(server.accounts()) == 2


def test_nulls_are_as_if_they_were_not_there(client, server):
    assert client.send("POST", path(), asking(temperature=None, seed=None)).status == 200
    assert client.send("POST", path(), {**asking(), "tools": None}).status == 200
    assert len(server.accounts()) == 1


def test_contents_are_found_wherever_they_are(client, server):
    first, last = (f'"contents": {json.dumps(asking(text)["contents"])}' for text in ("a", "b"))
    config = '"generationConfig": {}'
    for body in (f"{{{last}, {config}}}", f"{{{config}, {last}}}", f"{{{first}, {config}, {last}}}", f"{{ {last}}}"):
        assert client.send("POST", path(), body).status == 200
    assert sorted(account["paid"] for account in server.accounts().values()) == [1, 3]
    schema = {"type": "object", "properties": {"contents": {"type": "string"}}}
    assert "contents" in json.loads(text_of(client.send("POST", path(), asking(**in_json(**schema)))))


UNKNOWN = 'Invalid JSON payload received. Unknown name "{}"{}: Cannot find field.'

WRONG = [
    ({"x": 1}, UNKNOWN.format("x", ""), None),
    ({"labels": {"a": "b"}}, UNKNOWN.format("labels", ""), None),
    ({"generationConfig": {"x": 1}}, UNKNOWN.format("x", " at 'generation_config'"), "generation_config"),
    (
        {"generation_config": {"thinking_config": {"effort": 1}}},
        UNKNOWN.format("effort", " at 'generation_config.thinking_config'"),
        "generation_config.thinking_config",
    ),
    (
        {"contents": [{"parts": [{"text": "x"}, {"txt": "y"}]}]},
        UNKNOWN.format("txt", " at 'contents[0].parts[1]'"),
        "contents[0].parts[1]",
    ),
    (
        {"generationConfig": {"temperature": "hot"}},
        "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\"",
        "generation_config.temperature",
    ),
    (
        {"generationConfig": {"seed": 2**31}},
        "Invalid value at 'generation_config.seed' (TYPE_INT32), 2147483648",
        "generation_config.seed",
    ),
    (
        {"contents": [{"parts": [{"text": {"a": 1}}]}]},
        "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), Starting an object on a scalar field",
        "contents[0].parts[0].text",
    ),
    (
        {"safetySettings": [{"category": "HARM_CATEGORY_RUDE"}]},
        (
            "Invalid value at 'safety_settings[0].category' "
            '(type.googleapis.com/google.ai.generativelanguage.v1.HarmCategory), "HARM_CATEGORY_RUDE"'
        ),
        "safety_settings[0].category",
    ),
    (
        {"generationConfig": {"responseSchema": {"type": ["string", "null"]}}},
        (
            "Invalid JSON payload received. Unknown name \"type\" at 'generation_config.response_schema': "
            "Proto field is not repeating, cannot start list."
        ),
        "generation_config.response_schema",
    ),
]


@pytest.mark.parametrize(("more", "message", "field"), WRONG)
def test_what_proto_json_refuses(client, server, more, message, field):
    got = client.send("POST", path(), {**asking(), **more})
    error = error_of(got)
    assert (got.status, error["status"], error["message"]) == (400, "INVALID_ARGUMENT", message)
    violation = {"field": field, "description": message} if field else {"description": message}
    assert error["details"] == [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}]
    assert server.stats()["by_status"] == {"400": 1}
