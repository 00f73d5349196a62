"""No statement reads a whole table, whatever the sink has to do."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from postgres_plans import Explained, Plan
from postgres_shop import Shop, lamp
from querygen_core.api import Outcome

TABLES = ("queries", "products", "delivery", "product")
LARGE = {"products": 100_000, "queries": 5_000_000}

SENT = {
    "look": "AS is_equal",
    "claim": 'INSERT INTO "querygen"."delivery"',
    "lock": 'INSERT INTO "querygen"."product_lock"',
    "read": "query_ids, retired_ids, hidden_ids FROM",
    "rows": "WITH claimed AS",
    "rows of others": "query_id = ANY($1::bigint[])\n",
    "switch": "SET is_active = ",
    "held": "SELECT product_id, query_type::text, query_text::text FROM",
    "by hash": "p.product_hash = w.hash",
    "by key": "m.product_key = w.key",
    "by id": "'sku') = w.id",
    "by title": "md5(lower(w.title))",
    "change": 'UPDATE "public"."products"',
    "remember": 'INSERT INTO "querygen"."product"',
    "foreign key": "FOR KEY SHARE",
}
"""Of each statement a part by which it is known. All of them have to be seen, or the test proves nothing."""


def outcomes(count: int, questions: int, word: str = "bright", **changes: object) -> list[Outcome]:
    made = range(1, count + 1)
    return [lamp(one, *(f"Is lamp {one} {word}, {n}?" for n in range(questions)), **changes) for one in made]


def do_everything(shop: Shop, count: int, questions: int) -> None:
    """Each way of finding a product, and each thing that is done with its questions."""
    old, new = outcomes(count, questions), outcomes(count, questions, "cheap")
    total = count * questions
    assert shop.deliver(*old) == (total, 0, 0)
    assert shop.deliver(*old) == (0, total, 0)
    assert shop.deliver(*new) == (total, 0, total)
    assert shop.deliver(*old) == (total, 0, total)
    described = [replace(one, content_hash=f"new {one.product_key}") for one in new]
    assert shop.deliver(*described) == (total, 0, total)
    twins = [replace(one, product_key=f"{one.product_key}-GB") for one in described]
    assert shop.deliver(*twins) == (0, total, 0)
    assert shop.deliver(*new, job="winter", previous_jobs="deactivate") == (total, 0, 0)
    assert shop.deliver(*new, job="winter", previous_jobs="deactivate") == (0, total, 0)
    for data, number in (('{"sku": "L-%d"}', 2_000_000), ('{"name": "Lamp %d"}', 3_000_000)):
        row = shop.product(data % number)
        shop.deliver(lamp(number, "a"))
        assert (
            shop.database.value("SELECT product_id FROM querygen.product WHERE product_key = %s", f"shop:L-{number}:en")
            == row
        )
    assert shop.deliver(*outcomes(count, questions, "new"), ledger="off") == (total, 0, 0)
    assert shop.deliver(*outcomes(count, questions, "new"), ledger="off") == (0, total, 0)


def scans(plans: Sequence[Plan], tables: Sequence[str]) -> Mapping[str, str]:
    """The statements that read a whole table, by table."""
    return {table: plan.statement for plan in plans for table in tables if "Seq Scan" in plan.reads(table)}


def unseen(plans: Sequence[Plan]) -> set[str]:
    return {name for name, part in SENT.items() if not any(part in plan.statement for plan in plans)}


@pytest.fixture
def explained(ready) -> Explained:
    return Explained(ready, seqscan=False)


def test_every_statement_has_an_index_that_serves_it(ready, explained, tmp_path):
    do_everything(Shop(ready, tmp_path, given={"dsn": explained.dsn}), 5, 3)
    plans = explained.plans()
    assert unseen(plans) == set()
    assert scans(plans, TABLES) == {}
    assert {way for plan in plans for way in plan.reads("queries")} & {"Index Scan", "Bitmap Heap Scan"}


def test_one_that_has_none_is_found_out(ready, explained, tmp_path):
    ready.rows("DROP INDEX queries_product_id")
    Shop(ready, tmp_path, given={"dsn": explained.dsn}).deliver(lamp(1, "a"), ledger="off")
    assert "query_text::text" in scans(explained.plans(), TABLES)["queries"]


def fill(shop: Shop) -> None:
    rows = shop.database.rows
    rows(
        "INSERT INTO products (product_data, brand_name, product_hash) SELECT jsonb_build_object('product_id', n::text,"
        " 'source', 'shop', 'locale', 'en', 'title', 'Kettle ' || n), 'Brassline', md5(n::text) || md5(n::text)"
        " FROM generate_series(1, %s) AS n",
        LARGE["products"],
    )
    rows("DROP INDEX queries_product_id")
    rows(
        "INSERT INTO queries (product_id, query_text, query_type) SELECT 1 + n %% %s, 'How good is kettle ' || n || ?,"
        " CASE n %% 2 WHEN 0 THEN 'product' ELSE 'market' END FROM generate_series(1, %s) AS n".replace("?", "'?'"),
        LARGE["products"],
        LARGE["queries"],
    )
    rows("CREATE INDEX queries_product_id ON queries (product_id)")
    rows("INSERT INTO querygen.product SELECT 'shop:' || product_id || ':en', product_id FROM products")
    rows(
        "INSERT INTO querygen.delivery (job_id, product_key, product_id, digest, query_ids)"
        " SELECT 'spring', 'shop:' || product_id || ':en', product_id, '\\x00', array_agg(query_id)"
        " FROM queries GROUP BY product_id"
    )
    for table in ("products", "queries", "querygen.product", "querygen.delivery"):
        rows(f"VACUUM ANALYZE {table}")


@pytest.mark.skipif("QUERYGEN_LARGE" not in os.environ, reason="QUERYGEN_LARGE is not set: it takes minutes")
@pytest.mark.timeout(3600)
def test_with_millions_of_questions_the_server_chooses_the_indexes(ready, tmp_path):
    """5000 queries a transaction, 50 a product."""
    explained = Explained(ready, seqscan=True)
    shop = Shop(ready, tmp_path, given={"dsn": explained.dsn, "statement_timeout": 600})
    fill(Shop(ready, tmp_path))
    do_everything(shop, 200, 50)
    plans = explained.plans()
    assert unseen(plans) == set()
    assert scans(plans, TABLES) == {}
    for name, part in SENT.items():
        same = [plan for plan in plans if part in plan.statement]
        ways = {f"{way} of {table}" for plan in same for table in TABLES for way in plan.reads(table)}
        slowest = max(plan.milliseconds for plan in same)
        print(f"{name}: {len(same)} times, at most {slowest:.1f} ms, {', '.join(sorted(ways))}")
