"""`querygen db`: what is missing is made once, what could be better is said, and a question changes nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from postgres_shop import Shop, lamp, texts
from querygen_core.api import Finding, SinkError, UsageError

ALL = [
    "table public.products",
    "index public.products_own_id",
    "index public.products_title",
    "table public.queries",
    "index public.queries_product_id",
    "table public.jobselectedproducts",
    "schema querygen",
    "table querygen.layout",
    "table querygen.delivery",
    "index querygen.delivery_product_id",
    "table querygen.product_lock",
    "table querygen.fence",
    "table querygen.product",
    "index querygen.product_product_id",
    "view querygen.active_queries",
]
INIT = """
import asyncio, sys
from pathlib import Path
from querygen_core.testing import context
from querygen_postgres import build_queries
from querygen_postgres.options import QueriesOptions
sink = build_queries(QueriesOptions(dsn=sys.argv[1]), context(Path(sys.argv[2])))
sys.stdout.writelines(f"{line}\\n" for line in asyncio.run(sink.database.init()))
"""
OWN = """
CREATE TABLE products (product_id serial PRIMARY KEY, product_data jsonb, brand_name text, product_hash text);
CREATE TABLE queries (query_id serial, product_id int, query_text text, query_type text, is_active bool,
  created_at timestamptz);
CREATE TABLE jobselectedproducts (job_id text, product_id int, selected_at timestamptz)
"""
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
INDEXES = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'"


@pytest.fixture
def shop(database, tmp_path) -> Shop:
    return Shop(database, tmp_path)


def advice(shop: Shop) -> list[str]:
    findings = shop.ask("inspect")
    assert {one.level for one in findings} <= {"advice"}
    return [one.message for one in findings]


def test_what_is_missing_is_made_once(shop):
    assert shop.ask("inspect") == [
        Finding("missing", line)
        for line in [
            *(f"table public.{name}" for name in ("products", "queries", "jobselectedproducts")),
            *(line for line in ALL if "querygen" in line and "index" not in line),
        ]
    ]
    assert shop.init() == ALL
    assert shop.init() == []
    assert shop.ask("inspect") == []
    shop.database.rows("DROP VIEW querygen.active_queries")
    assert shop.ask("inspect") == [Finding("missing", "view querygen.active_queries")]
    assert shop.init() == ["view querygen.active_queries"]


def test_without_a_ledger_none_is_missed(shop):
    shop.init()
    shop.database.rows("DROP SCHEMA querygen CASCADE")
    assert shop.ask("inspect", ledger="off") == []
    assert len(shop.ask("inspect")) == 7


@pytest.mark.slow
def test_processes_that_make_it_at_once_make_it_once(shop, tmp_path):
    """All of them wait at the lock before the first goes on."""
    with psycopg.connect(shop.database.dsn) as gate:
        gate.execute("SELECT pg_advisory_xact_lock(hashtextextended('querygen schema', 0))")
        command = [sys.executable, "-c", INIT, shop.database.dsn, str(tmp_path)]
        started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        until = time.monotonic() + 60
        while shop.database.value(WAITING) < 4 and time.monotonic() < until:
            time.sleep(0.05)
        assert shop.database.value(WAITING) == 4
    made = [process.communicate(timeout=60)[0].splitlines() for process in started]
    assert [process.returncode for process in started] == [0] * 4
    assert sorted(made) == [[], [], [], ALL]


def test_a_deployments_own_tables_get_a_ledger_and_no_index(shop):
    for statement in OWN.split(";"):
        shop.database.rows(statement)
    assert shop.init() == [line for line in ALL if "querygen" in line]
    assert shop.database.value(INDEXES) == 1
    said = advice(shop)
    wanted = ("queries (query_id)", "queries (product_id)", "products (product_hash)", "jobselectedproducts (job_id)")
    assert [line.partition(" ON public.")[2] for line in said] == list(wanted)
    for line in said:
        shop.database.rows(line.rpartition("; ")[2])
    assert advice(shop) == []


def test_indexes_on_what_a_large_table_is_searched_by_are_advised(shop):
    shop.init()
    shop.database.rows("DROP INDEX products_own_id, products_title")
    assert advice(shop) == []
    shop.database.rows("UPDATE pg_class SET reltuples = 20001 WHERE oid = 'products'::regclass")
    said = advice(shop)
    assert len(said) == 2
    for line in said:
        shop.database.rows(line.partition("; ")[2])
    assert advice(shop) == []


def test_an_index_of_some_rows_is_none(shop):
    shop.init()
    shop.database.rows("DROP INDEX queries_product_id")
    shop.database.rows("CREATE INDEX ON queries (product_id) WHERE is_active")
    shop.database.rows("CREATE INDEX ON queries (is_active, product_id)")
    assert ["ON public.queries (product_id)" in line for line in advice(shop)] == [True]


@pytest.mark.parametrize("column", ["queries.query_id", "products.product_id"])
def test_numbers_that_run_out_are_told_in_time(shop, column: str):
    shop.init()
    table, _, name = column.partition(".")
    setval = "SELECT setval(pg_get_serial_sequence(%s, %s), %s)"
    shop.database.rows(setval, table, name, 2**31 * 69 // 100)
    assert advice(shop) == []
    shop.database.rows(setval, table, name, 2**31 * 98 // 100)
    (said,) = advice(shop)
    assert said.startswith(f"the ids of public.{column} are 98% used up: ")
    if table == "products":
        shop.database.rows("DROP VIEW querygen.active_queries")
    shop.database.rows(f"ALTER TABLE {table} ALTER {name} TYPE bigint")
    shop.database.rows(f"ALTER SEQUENCE {table}_{name}_seq AS bigint")
    shop.init()
    assert advice(shop) == []


def test_readers_find_questions_by_indexes(shop):
    """By id only once its column has been widened: that of an integer is converted, so that it may be at any time."""
    shop.init()
    shop.deliver(*(lamp(number, "a", "b") for number in range(3)))
    shown = "SELECT query_id, product_id, title, query_text FROM querygen.active_queries WHERE {} = 3"
    assert shop.database.rows(shown.format("query_id")) == [(3, 2, "Lamp 1", "a")]
    shop.database.rows("ALTER TABLE queries ALTER query_id TYPE bigint")
    shop.database.rows(f"ALTER DATABASE {shop.database.name} SET enable_seqscan = off")
    for column in ("query_id", "product_id"):
        plan = "\n".join(line for (line,) in shop.database.rows(f"EXPLAIN {shown.format(column)}"))
        assert f"Index Cond: ({column} = 3)" in plan, plan


def test_a_large_table_is_to_be_partitioned(shop):
    shop.init()
    for rows, words in ((50_000_000, None), (60_000_000, "public.queries has about 60,000,000 rows: partition it")):
        shop.database.rows(f"UPDATE pg_class SET reltuples = {rows} WHERE oid = 'queries'::regclass")
        assert [line.startswith(words or "") for line in advice(shop)] == [True] * bool(words)


def test_a_hash_that_does_not_fit_is_told(shop):
    shop.init()
    shop.database.rows("ALTER TABLE products ALTER product_hash TYPE varchar(32)")
    (said,) = advice(shop)
    assert said.startswith("public.products.product_hash is 32 characters wide, but a hash has 64: ")
    shop.database.rows(said.partition(": ")[2])
    assert advice(shop) == []


def test_a_missing_column_is_told_and_no_advice_stumbles_over_it(shop):
    shop.init()
    shop.database.rows("DROP VIEW querygen.active_queries")
    shop.database.rows("ALTER TABLE queries DROP COLUMN query_id")
    shop.database.rows("ALTER TABLE products DROP COLUMN product_hash")
    assert [(one.level, one.message) for one in shop.ask("inspect")] == [
        ("missing", "column public.products.product_hash"),
        ("missing", "column public.queries.query_id"),
        ("missing", "view querygen.active_queries"),
    ]


COLUMNS = ("int", "numeric", "bool", "null", "text", "json", "time", "list", "bytes", "uuid", "enum", "money")
VALUES = """
SELECT 1 AS "int", 1.5::numeric AS "numeric", true AS "bool", NULL AS "null", 'é' AS "text", '{"a": [1]}'::jsonb AS "json",
  '2026-11-23 12:00+00'::timestamptz AS "time", ARRAY[1, 2] AS "list", '\\x00ff'::bytea AS "bytes",
  '00000000-0000-0000-0000-000000000001'::uuid AS "uuid", 'good'::mood AS "enum", 1.5::money AS "money"
"""  # noqa: E501


def test_rows_come_as_what_they_are(shop):
    shop.database.rows("CREATE TYPE mood AS ENUM ('good', 'bad')")
    result = shop.ask("query", VALUES)
    assert result.columns == tuple(COLUMNS)
    (row,) = result.rows
    found = dict(zip(result.columns, row, strict=True))
    assert found.pop("time") == datetime.fromisoformat("2026-11-23T12:00:00+00:00")
    assert found == {
        "int": 1,
        "numeric": Decimal("1.5"),
        "bool": True,
        "null": None,
        "text": "é",
        "json": {"a": [1]},
        "list": [1, 2],
        "bytes": b"\x00\xff",
        "uuid": UUID(int=1),
        "enum": "good",
        "money": "$1.50",
    }


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 AS n WHERE false",
        "VALUES (1), (2)",
        "TABLE queries",
        "SHOW server_version",
        "EXPLAIN SELECT 1",
        "SELECT '100% %s' AS n;",
        "WITH w AS (SELECT 1 AS n) SELECT n FROM w",
        "SELECT 1 AS n, 2 AS n -- ; DELETE",
    ],
)
def test_whatever_reads_may_be_asked(shop, sql: str):
    shop.init()
    with psycopg.connect(shop.database.dsn) as connection:
        cursor = connection.execute(sql.encode())
        expected = tuple(column.name for column in cursor.description), cursor.fetchall()
    result = shop.ask("query", sql)
    assert (result.columns, list(result.rows)) == expected


WRONG = {
    "INSERT INTO products (product_data) VALUES ('{}')": "cannot execute INSERT in a read-only transaction",
    "WITH gone AS (DELETE FROM queries RETURNING 1) SELECT * FROM gone": "in a read-only transaction",
    "COMMIT; DELETE FROM queries": "cannot insert multiple commands into a prepared statement",
    "SELECT 1; COMMIT; DELETE FROM queries; BEGIN": "cannot insert multiple commands",
    "DO $$ BEGIN COMMIT; DELETE FROM queries; END $$": "invalid transaction termination",
    "SELECT nextval('queries_query_id_seq')": "cannot execute nextval() in a read-only transaction",
    "SELECT set_config('transaction_read_only', 'off', false)": "must be set before any query",
    "EXPLAIN ANALYZE DELETE FROM queries": "cannot execute DELETE in a read-only transaction",
    "CREATE TABLE t (n int)": "cannot execute CREATE TABLE in a read-only transaction",
    "COPY queries TO STDOUT": "COPY cannot be used",
    "COMMIT": "returns no rows",
    "": "returns no rows",
    "-- nothing": "returns no rows",
    "SELEKT 1": 'syntax error at or near "SELEKT"',
    "SELECT * FROM nowhere": 'relation "nowhere" does not exist',
    "SELECT 1/0": "division by zero",
    "SELECT 'a'::int": "invalid input syntax for type integer",
    "SELECT '\udcff'": "not valid UTF-8",
}


@pytest.mark.parametrize("sql", WRONG)
def test_what_is_wrong_or_would_change_something_is_refused_in_postgresqls_words(shop, sql: str):
    shop.init()
    shop.deliver(lamp(1, "a"))
    with pytest.raises(UsageError) as caught:
        shop.ask("query", sql)
    assert WRONG[sql] in str(caught.value)
    assert "\n" not in str(caught.value)
    assert shop.shown() == texts(lamp(1, "a"))
    assert shop.database.value("SELECT count(*) FROM products") == 1


def test_what_takes_too_long_or_may_not_be_read_is_no_wrong_usage(shop):
    shop.init()
    with pytest.raises(SinkError, match="statement timeout") as caught:
        shop.ask("query", "SELECT pg_sleep(10)", statement_timeout=1)
    assert caught.value.kind == "retry"
    dsn = shop.database.as_role(f"poor_{shop.database.name}")
    with pytest.raises(SinkError, match="permission denied for table queries") as caught:
        shop.ask("query", "TABLE queries", dsn=dsn)
    assert caught.value.kind == "auth"
