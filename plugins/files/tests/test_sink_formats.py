"""The bytes of the two formats, spelt out: readers of these files depend on them."""

from __future__ import annotations

import json

from files_snapshots import deliver, outcome
from querygen_core.api import Query

QUERIES = (
    Query(
        text="Wie hell ist die Lampe?\u2028",
        query_type="product",
        sub_type="features",
        labels={"persona": "reader", "facet": "brightness"},
        generator="product",
        provider="offline",
        model="offline-1",
        prompt_hash="p1",
        request_key="r1",
        round=1,
    ),
    Query(text='Is "Lux" 💡 liked?', query_type="market"),
)
DROPPED = (
    Query(text="Is it?", query_type="product", dropped="text/quality"),
    Query(text="Is Lux liked?", query_type="market", dropped="text/dedup"),
)

LAMP = outcome(
    7,
    (),
    product_key="my%3Ashop:7:de",
    title="Lämpchen",
    queries=QUERIES,
    dropped=DROPPED,
    state="short",
    reasons={"product": "facts"},
)

JSONL = (
    '{"job_id":"autumn","ordinal":7,"product_key":"my%3Ashop:7:de","source":"my:shop","product_id":"7","locale":"de",'
    '"title":"Lämpchen","position":1,"query_text":"Wie hell ist die Lampe?\\u2028","query_type":"product",'
    '"sub_type":"features","labels":{"facet":"brightness","persona":"reader"},"generator":"product",'
    '"provider":"offline","model":"offline-1","prompt_hash":"p1","request_key":"r1","round":1}\n'
    '{"job_id":"autumn","ordinal":7,"product_key":"my%3Ashop:7:de","source":"my:shop","product_id":"7","locale":"de",'
    '"title":"Lämpchen","position":2,"query_text":"Is \\"Lux\\" 💡 liked?","query_type":"market",'
    '"sub_type":"","labels":{},"generator":"","provider":"","model":"","prompt_hash":"","request_key":"","round":0}\n'
)

DOCUMENT = (
    '{"job_id":"autumn","format":"querygen/1","products":[\n'
    '{"product_key":"my%3Ashop:7:de","source":"my:shop","product_id":"7","locale":"de","title":"Lämpchen",'
    '"state":"short","reasons":{"product":"facts"},"queries":[\n'
    '{"text":"Wie hell ist die Lampe?\\u2028","query_type":"product","sub_type":"features",'
    '"labels":{"facet":"brightness","persona":"reader"},"generator":"product","provider":"offline",'
    '"model":"offline-1","prompt_hash":"p1","request_key":"r1","round":1},\n'
    '{"text":"Is \\"Lux\\" 💡 liked?","query_type":"market","sub_type":"","labels":{},"generator":"","provider":"",'
    '"model":"","prompt_hash":"","request_key":"","round":0}\n'
    '],"dropped":[\n'
    '{"text":"Is it?","query_type":"product","reason":"text/quality"},\n'
    '{"text":"Is Lux liked?","query_type":"market","reason":"text/dedup"}\n'
    "]},\n"
    '{"product_key":"shop:8:en","source":"shop","product_id":"8","locale":"en","title":"Lamp 8",'
    '"state":"done","reasons":{},"queries":[\n'
    '],"dropped":[\n'
    "]}\n"
    '],"summary":{"products":2,"queries":2,"states":{"done":1,"short":1},"query_types":{"market":1,"product":1},'
    '"dropped":{"text/dedup":1,"text/quality":1}}}\n'
)


def test_jsonl(tmp_path):
    path = tmp_path / "queries.jsonl"
    deliver(path, [LAMP, outcome(8, ())])
    assert path.read_bytes() == JSONL.encode()


def test_document(tmp_path):
    path = tmp_path / "queries.json"
    deliver(path, [LAMP, outcome(8, ())])
    assert path.read_bytes() == DOCUMENT.encode()


def test_a_document_without_products(tmp_path):
    path = tmp_path / "queries.json"
    deliver(path, [])
    assert json.loads(path.read_bytes()) == {
        "job_id": "autumn",
        "format": "querygen/1",
        "products": [],
        "summary": {"products": 0, "queries": 0, "states": {}, "query_types": {}, "dropped": {}},
    }
