"""JSON of every kind, good and bad: each record is read, rejected with its line, or the file is refused."""

from __future__ import annotations

import json

import pytest

from files_catalogues import read, said

KETTLE = {"id": "K1", "title": "Kettle"}

DOCUMENTS = {
    "array": ('[{"id": 1, "title": "A"}, {"id": 2, "title": "B"}]', ["1 1 A", "1 2 B"]),
    "array over lines": (
        '\n[\n  {\n   "id": 1,\n "title": "A"\n  },\n  {"id": 2,\n "title": "B"}\n]\n',
        ["3 1 A", "7 2 B"],
    ),
    "one object": ('{\n "id": 1, "title": "A", "tags": [{"x": 1}]\n}', ["1 1 A"]),
    "one object in one line": ('{"id": 1, "title": "A"}', ["1 1 A"]),
    "object with a list": ('{"shop": {"name": "S"}, "n": 2, "products": [\n{"id": 1, "title": "A"}]}', ["2 1 A"]),
    "nested lists": ('{"data": {"products": {"edges": [{"node": {"id": 1, "title": "A"}}]}}}', ["1 1 A"]),
    "search hits": ('{"took": 1, "hits": {"total": 1, "hits": [{"_source": {"id": 1, "title": "A"}}]}}', ["1 1 A"]),
    "json-ld graph": (
        '{"@graph": [{"@type": "WebSite", "name": "W"}, {"@type": "Product", "name": "A"}]}',
        ["1 auto A"],
    ),
    "json-ld list": ('{"@type": "ItemList", "itemListElement": [{"item": {"sku": "1", "name": "A"}}]}', ["1 1 A"]),
    "lists that are not products": ('{"items": ["x"], "tags": [], "products": [{"id": 1, "title": "A"}]}', ["1 1 A"]),
    "missing and superfluous commas": ('[{"id": 1, "title": "A"} {"id": 2, "title": "B"},,]', ["1 1 A", "1 2 B"]),
    "P7 trailing comma": ('[{"id": 1, "title": "A"},]', ["1 1 A"]),
    "P8 trailing garbage": ('[{"id": 1, "title": "A"}]\n garbage', ["1 1 A", "2 !trailing"]),
    "P11 BOM": ('\ufeff[{"id": 1, "title": "A"}]', ["1 1 A"]),
    "P12 UTF-16": ('[{"id": 1, "title": "Ä"}]'.encode("utf-16"), ["1 1 Ä"]),
    "P12 UTF-16 without BOM": ('[{"id": 1, "title": "Ä"}]'.encode("utf-16-le"), ["1 1 Ä"]),
    "P13 lone surrogate": ('[{"id": 1, "title": "A\\ud800B"}]', ["1 1 AB"]),
    "P14 NUL": ('[{"id": 1, "title": "A\\u0000B"}]', ["1 1 AB"]),
    "P15 NaN": ('[{"id": 1, "title": "A", "brand": NaN, "price": Infinity}]', ["1 1 A"]),
    "P16 1e999": ('[{"id": 1, "title": "A", "price": 1e999, "height": -1e999}]', ["1 1 A"]),
    "raw tab in a string": ('[{"id": 1, "title": "A\tB"}]', ["1 1 A B"]),
    "P2 empty object": ("{}", ["1 !no_title"]),
    "P20 missing id": ('[{"title": "A"}]', ["1 auto A"]),
    "P21 same id twice": ('[{"id": 1, "title": "A"}, {"id": 1, "title": "B"}]', ["1 1 A", "1 1 B"]),
    "P25 template": ('[{"id": 1, "title": "{{ 7*7 }} {% for %}"}]', ["1 1 {{ 7*7 }} {% for %}"]),
    "P29 object for a title": ('[{"id": 1, "title": {"x": 1}}]', ["1 !bad_title"]),
}

BROKEN = {  # the middle one of three is broken, the others are read
    "P9 single quotes": "{'id': 2, 'title': 'B'}",
    "P10 comment": '{"id": 2, /* x */ "title": "B"}',
    "no value": '{"id": 2, "title": }',
    "no comma": '{"id": 2 "title": "B"}',
    "no closing brace": '{"id": 2, "title": "B"',
    "no closing quote": '{"id": 2, "title": "B}',
    "no closing bracket": '{"id": 2, "title": "B", "tags": [1, 2}',
    "P17 5000 digits": '{"id": 2, "title": "B", "n": ' + "1" * 5000 + "}",
    "P19 key twice": '{"id": 2, "title": "B", "title": "C"}',
    "bare word": "oops",
    "a number": "12",
    "a string": '"B"',
    "null": "null",
    "a list": '[{"id": 2}]',
    "nested deep": '{"id": 2, "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
}
REASONS = {
    "P17 5000 digits": "bad_json",
    "P19 key twice": "duplicate_key",
    "a number": "not_an_object",
    "a string": "not_an_object",
    "null": "not_an_object",
    "a list": "not_an_object",
    "nested deep": "too_deep",
}

REFUSED = {
    "P1 empty": ("", "empty"),
    "only blanks": (" \n\n ", "empty"),
    "P3 empty array": ("[]", "no product"),
    "P4 null": ("null", "array of products"),
    "P5 string": ('"x"', "array of products"),
    "number": ("17", "array of products"),
    "P6 cut off in a product": (
        '[{"id": 1, "title": "A"},\n{"id": 2, "ti',
        "2: the file ends in the middle of the product",
    ),
    "P6 cut off between products": ('[{"id": 1, "title": "A"},\n', "2: the file ends in the middle of the array"),
    "closed too early": (
        '[{"id": 1, "title": "A"}],\n{"id": 2, "title": "B"}]',
        "1: the array ends here but more objects follow",
    ),
    "never closed": ('[{"id": 1', "so it is incomplete"),
    "one broken object": ('{"id": 1, "title": A}', "none of 1 records can be read"),
    "list of strings": ('["A", "B"]', "none of 2 records can be read"),
    "empty list in an object": ('{"products": []}', "1 !no_title"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_read(name):
    content, expected = DOCUMENTS[name]
    assert said(content, "shop.json") == expected
    assert said(content) == expected  # without an ending to go by


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_item_of_an_array_costs_only_itself(name):
    content = f'[\n{{"id": 1, "title": "A"}},\n{BROKEN[name]},\n{{"id": 3, "title": "C"}}\n]'
    assert said(content) == ["2 1 A", f"3 !{REASONS.get(name, 'bad_json')}", "4 3 C"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_line_costs_only_itself(name):
    content = f'{{"id": 1, "title": "A"}}\n{BROKEN[name]}\n\n{{"id": 3, "title": "C"}}'
    assert said(content, "shop.jsonl") == ["1 1 A", f"2 !{REASONS.get(name, 'bad_json')}", "4 3 C"]


@pytest.mark.parametrize("name", REFUSED)
def test_a_document_without_products_is_refused(name):
    content, expected = REFUSED[name]
    last = said(content, "shop.json")[-1]
    assert expected in last


def test_a_reject_holds_the_line_as_it_was():
    _, reject, _ = read('{"title": "A"}\n{broken "é"}\n{"title": "B"}')
    assert (reject.file, reject.line, reject.raw) == ("shop.dat", 2, '{broken "é"}')
    assert "column" in reject.message


def test_the_raw_text_of_a_reject_is_cut():
    _, reject = read('{"title": "A"}\n{broken ' + "x" * 10_000)
    assert len(reject.raw) == 2_000


def test_a_line_too_long_for_the_memory_is_rejected_and_the_next_one_read():
    long = '{"title": "' + "x" * (9 * 1024 * 1024) + '"}'
    assert said(f'{{"id": 1, "title": "A"}}\n{long}\n{{"id": 3, "title": "C"}}\n', "shop.jsonl") == [
        "1 1 A",
        "2 !too_long",
        "3 3 C",
    ]


def test_blank_lines_and_carriage_returns_are_no_records():
    assert said('\r\n{"id": 1, "title": "A"}\r\n\r\n  \r\n{"id": 2, "title": "B"}\r\n') == ["2 1 A", "5 2 B"]


def test_an_item_may_lie_across_what_is_read_at_once():
    items = [
        {"id": number, "title": f"T{number}", "description": "é" * (number % 7000)} for number in range(0, 60_000, 97)
    ]
    content = json.dumps(items, ensure_ascii=False)
    assert len(content) > 5 * 256 * 1024
    assert [product.product_id for product in read(content)] == [str(item["id"]) for item in items]
    assert [product.product_id for product in read(json.dumps({"items": items}))] == [str(item["id"]) for item in items]


def test_a_large_object_without_a_list_of_products_is_refused():
    content = json.dumps({"title": "A", "numbers": list(range(1_000_000))})
    assert "no list of products" in said(content)[-1]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"id": 1, "title": "A"}\n{"id": 2, "title": "B"}', ["1 1 A", "2 2 B"]),
        ('{"id": 1, broken\n{"id": 2, "title": "B"}', ["1 !bad_json", "2 2 B"]),
        ('{"products": [\n{"id": 2, "title": "B"}]}', ["2 2 B"]),
        ('{\n"products":\n[{"id": 2, "title": "B"}]}', ["3 2 B"]),
        ('{"id": 1, "title": "A"}\n', ["1 1 A"]),
    ],
)
def test_lines_and_documents_are_told_apart_by_their_content(content, expected):
    assert said(content) == expected
