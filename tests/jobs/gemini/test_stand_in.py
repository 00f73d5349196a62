"""The stand-in for Gemini with the plugin `offline` behind it, and with the prompts that are shipped."""

from __future__ import annotations

import asyncio
import json

import pytest

from gemini_client import Client
from gemini_fixtures import KEY, ask
from gemini_wire import asking, in_json, path, text_of
from querygen_core.api import Request
from querygen_core.testing import request
from querygen_offline.model import OfflineModel
from querygen_offline.options import OfflineOptions
from tests.golden import schema_of

PROMPT = (
    "Write 4 product questions.\n"
    '<product-0a1b2c3d>{"title": "Garden hose", "locale": "en", "attributes": {"length": "20 m"}}</product-0a1b2c3d>\n'
    '<request-0a1b2c3d>{"query_type": "product", "count": 4, "locale": "en"}</request-0a1b2c3d>'
)
LIST = {"type": "array", "items": {"type": "string"}}
SYSTEM = "You are a buyer."


@pytest.fixture
def client(server):
    server.set_answers(answers="offline", questions=5)
    with Client(server.port, {"x-goog-api-key": KEY}) as client:
        yield client


def test_the_offline_model_answers(client, server):
    config = in_json(type="object", properties={"questions": LIST}, required=["questions"])
    body = {**asking(PROMPT, **config), "systemInstruction": {"parts": [{"text": SYSTEM}]}}
    first, again = (client.send("POST", path(), body) for _ in range(2))
    questions = json.loads(text_of(first))["questions"]
    assert len(set(questions)) == 4
    assert any("hose" in question for question in questions)
    assert text_of(again) == text_of(first)
    assert again.json["responseId"] != first.json["responseId"]
    server.set_answers(answers="offline", seed=1)
    assert text_of(client.send("POST", path(), body)) != text_of(first)


async def answer_of(model, request):
    return (await model.complete(request)).text


def test_the_answer_is_the_offline_models_own(client):
    schema = {"type": "object", "properties": {"questions": LIST}}
    request = Request(model="x", prompt=PROMPT, system=SYSTEM, schema=schema)
    body = {**asking(PROMPT, **in_json(**schema)), "systemInstruction": {"parts": [{"text": SYSTEM}]}}
    want = asyncio.run(answer_of(OfflineModel(OfflineOptions()), request))
    assert text_of(client.send("POST", path(), body)) == want


def test_its_text_is_numbered(client):
    lines = text_of(client.send("POST", path(), asking(PROMPT))).splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["1.", "2.", "3.", "4."]
    assert all(line.endswith("?") for line in lines)


@pytest.mark.parametrize("prompt", ["product", "market"])
@pytest.mark.parametrize(("field", "name"), [("json_schema", "responseJsonSchema"), ("schema", "responseSchema")])
def test_the_shipped_schemas_are_taken_in_both_fields(server, tmp_path, prompt, field, name):
    answer = ask(server, tmp_path, request(schema=schema_of(prompt)), schema_field=field)
    (sent,) = server.requests(last=1)
    assert name in json.loads(sent["body"])["generationConfig"]
    arrays = [texts for texts in json.loads(answer.text).values() if isinstance(texts, list)]
    texts = [text for texts in arrays for text in texts]
    assert texts
    assert all(isinstance(text, str) for text in texts)
