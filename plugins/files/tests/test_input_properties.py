"""Whatever the bytes are, reading ends with products, rejects and at most one clear error."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from files_catalogues import catalogue, read_until_error
from querygen_core.api import Product, Reject

MARKS = list("[]{},:\"\\\n\r \t;'-<>&/\0é\ufeff")
WORDS = [
    "id",
    "title",
    "products",
    '"id": 1',
    '"title": "A"',
    "id,title\n",
    "1,A\n",
    '{"title": "A"}\n',
    '{"products": [',
]
YAML = ["- ", "---\n", "- id: 1\n  title: A\n", "*a", "&a ", "!!x "]
XML = ["<rss>", "<item>", "</item>", "<title>A</title>", "<!--", "-->", "<![CDATA[", "]]>", "<item/>"]
PIECES = st.sampled_from([*MARKS, *WORDS, *YAML, *XML])
TEXTS = st.lists(PIECES, max_size=40).map("".join)
NAMES = st.sampled_from(["shop", "shop.csv", "shop.tsv", "shop.json", "shop.jsonl", "shop.yaml", "shop.xml"])
PER_TEST = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(name, content):
    Path(name).write_bytes(content)
    results, error = read_until_error(catalogue(name))
    assert all(isinstance(result, Product | Reject) for result in results)
    assert error.startswith(name) if error else results
    return results, error


@PER_TEST
@given(NAMES, st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_survived(name, content):
    outcome(name, content)


@settings(PER_TEST, max_examples=100)
@given(NAMES, TEXTS)
@example("shop.json", '[{"title": "A"}, ' + '{"x": [' * 30)
@example("shop", "[}")
@example("shop", "[" + '"' * 9)
@example("shop.yaml", "- - - a")
@example("shop.yaml", "x:\n- &a")
@example("shop.xml", "<item><![CDATA[<item/>")
def test_any_mixture_of_syntax_is_survived(name, content):
    outcome(name, content.encode("utf-8", "surrogatepass"))


RECORDS = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 999).map(str), "title": st.text("abcé\",;\n'<&{[:-# ", min_size=1)}),
    min_size=1,
    max_size=8,
)


def as_csv(records):
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "title"])
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


WRITERS = {
    "shop.jsonl": lambda records: "".join(json.dumps(record) + "\n" for record in records),
    "shop.json": lambda records: json.dumps(records, indent=1, ensure_ascii=False),
    "shop.csv": as_csv,
    "shop.yaml": lambda records: "".join(f"- {json.dumps(record, ensure_ascii=False)}\n" for record in records),
}


@pytest.mark.parametrize("name", WRITERS)
@PER_TEST
@given(RECORDS)
def test_every_record_written_is_accounted_for(name, records):
    results, _ = outcome(name, WRITERS[name](records).encode())
    assert len(results) == len(records)
    ids = [result.product_id if isinstance(result, Product) else None for result in results]
    assert all(found in (None, record["id"]) for found, record in zip(ids, records, strict=True))


@PER_TEST
@given(st.integers(0, 19), st.integers(0, 40), st.sampled_from("{}[]\"',:\\x"))
def test_one_damaged_character_costs_at_most_two_records_or_the_file_is_refused(number, place, character):
    rows = [json.dumps({"id": str(row), "title": f"Kettle {row}"}) for row in range(20)]
    row = rows[number]
    place %= len(row)
    rows[number] = row[:place] + character + row[place + 1 :]
    results, error = outcome("shop.json", ("[\n" + ",\n".join(rows) + "\n]").encode())
    whole = {
        result.product_id for result in results if isinstance(result, Product) and result.title.startswith("Kettle")
    }
    assert error or len(whole & {str(row) for row in range(20)}) >= 18
