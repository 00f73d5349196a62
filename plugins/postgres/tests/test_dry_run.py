"""The check writes a product and takes it back: what would refuse a delivery is told before anything is paid for."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

import psycopg
import pytest

from postgres_server import Database
from postgres_shop import Shop, lamp
from querygen_core.api import SinkError
from querygen_core.testing import context
from querygen_postgres import build_job_products
from querygen_postgres.options import JobProductsOptions

_ROWS = """
SELECT (SELECT count(*) FROM products), (SELECT count(*) FROM queries), (SELECT count(*) FROM jobselectedproducts),
       (SELECT count(*) FROM querygen.delivery), (SELECT count(*) FROM querygen.product),
       (SELECT count(*) FROM querygen.product_lock), (SELECT count(*) FROM querygen.fence)
"""
_PARTITIONED = """
CREATE TABLE products (product_id serial PRIMARY KEY, product_data jsonb NOT NULL, brand_name varchar(255),
                       product_hash varchar(64) UNIQUE);
CREATE TABLE jobselectedproducts (job_id varchar(255), product_id int, selected_at timestamp DEFAULT now());
CREATE TABLE queries (query_id serial, product_id int, query_text text NOT NULL, query_type varchar(50) NOT NULL,
                      is_active bool DEFAULT true, created_at timestamp DEFAULT now(),
                      PRIMARY KEY (query_id, created_at)) PARTITION BY RANGE (created_at);
CREATE TABLE queries_past PARTITION OF queries FOR VALUES FROM ('2001-01-01') TO ('2002-01-01');
"""


def trigger(table: str, body: str, when: str = "BEFORE INSERT", kind: str = "TRIGGER") -> str:
    return (
        f"CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;"
        f"CREATE {kind} meddler {when} ON {table} FOR EACH ROW EXECUTE FUNCTION meddle()"
    )


REFUSING = {
    "partition": ("", "there is no partition for it: create those for the days"),
    "json": ("ALTER TABLE products ALTER product_data TYPE json", "product_data has the type json, not jsonb; ALTER"),
    "raising": (trigger("queries", "RAISE 'closed on Sundays';"), "closed on Sundays; a trigger raised it: PL/pgSQL"),
    "raising at the end": (
        trigger("queries", "RAISE 'closed at night';", "AFTER INSERT", "CONSTRAINT TRIGGER").replace(
            "FOR EACH", "DEFERRABLE INITIALLY DEFERRED FOR EACH"
        ),
        "closed at night; a trigger raised it",
    ),
    "raising for the ledger": (trigger("querygen.delivery", "RAISE 'no ledgers';"), "no ledgers; a trigger raised it"),
    "swallowing": (
        trigger("queries", "RETURN NULL;"),
        "a trigger drops or changes them (triggers for INSERT: meddler)",
    ),
    "swallowing changes": (
        trigger("queries", "RETURN NULL;", "BEFORE UPDATE"),
        "is_active stays true after an UPDATE: a trigger prevents it",
    ),
    "altering": (
        trigger("queries", "NEW.query_text := upper(NEW.query_text); RETURN NEW;"),
        "(triggers for INSERT: meddler)",
    ),
    "short text": ("ALTER TABLE queries ALTER query_text TYPE varchar(20)", "column query_text: value too long"),
    "short type": ("ALTER TABLE queries ALTER query_type TYPE varchar(3)", "column query_type: value too long"),
    "number for a text": ("ALTER TABLE queries ALTER query_text TYPE int USING 0", "column query_text: invalid input"),
    "no such type": (
        "CREATE TYPE kind AS ENUM ('other'); ALTER TABLE queries ALTER query_type TYPE kind USING 'other'",
        'column query_type: invalid input value for enum kind: "product"; compare the columns\' types',
    ),
    "constraint": (
        "ALTER TABLE queries ADD CONSTRAINT kinds CHECK (query_type IN ('a', 'b'))",
        "the constraint kinds refuses rows that are as any other",
    ),
    "not null": ("ALTER TABLE queries ADD COLUMN shop int NOT NULL", "shop is NOT NULL without a default"),
}
"""By kind: the statement that makes the database refuse, and a part of what is said about it."""

UNSUITED = {
    "raising": (trigger("products", "RAISE 'no more products';"), "no more products; a trigger raised it"),
    "swallowing": (trigger("products", "RETURN NULL;"), "its row of public.products"),
    "hash of its own": (
        trigger("products", "NEW.product_hash := md5(NEW.product_hash); RETURN NEW;"),
        "its row of public.products",
    ),
    "swallowing changes": (trigger("products", "RETURN NULL;", "BEFORE UPDATE"), "its row of public.products"),
    "short brand": ("ALTER TABLE products ALTER brand_name TYPE varchar(3)", "value too long for type character"),
    "short hash": ("ALTER TABLE products ALTER product_hash TYPE varchar(32)", "value too long for type character"),
    "not null": ("ALTER TABLE products ADD COLUMN shop int NOT NULL", "shop"),
    "json": ("ALTER TABLE products ALTER product_data TYPE json", "product_data has the type json, not jsonb; ALTER"),
    "secured": (
        "ALTER TABLE products ENABLE ROW LEVEL SECURITY",
        'violates row-level security policy for table "products"; row-level security is active on public.products',
    ),
    "hiding": (
        "ALTER TABLE products ENABLE ROW LEVEL SECURITY; CREATE POLICY w ON products FOR INSERT WITH CHECK (true)",
        "its row of public.products",
    ),
}
"""The same for `products`."""

ROLE = (
    "GRANT USAGE ON SCHEMA public, querygen TO {0}; GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {0};"
    "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA querygen TO {0};"
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {0}"
)


@pytest.fixture
def shop(ready: Database, tmp_path) -> Shop:
    return Shop(ready, tmp_path)


@pytest.fixture
def poor(ready: Database, tmp_path) -> Shop:
    """With a role that may do what a job needs, and owns nothing."""
    role = f"poor_{ready.name}"
    dsn = ready.as_role(role)
    ready.rows(ROLE.format(role))
    return Shop(ready, tmp_path, given={"dsn": dsn})


def drop_view(shop: Shop) -> None:
    """Types of columns that it shows cannot be changed while it is there."""
    shop.database.rows("DROP VIEW querygen.active_queries")


def refused(check: Any, database: Database) -> tuple[str, str]:
    """Kind and message of the refusal, which has left nothing behind."""
    before = database.rows(_ROWS)
    with pytest.raises(SinkError) as caught:
        check()
    assert database.rows(_ROWS) == before
    return caught.value.kind, str(caught.value)


def finder(shop: Shop, missing: str = "create") -> Any:
    """The check of the preprocessor."""
    given = {"dsn": shop.database.dsn, **(shop.given or {}), "missing": missing}
    built = build_job_products(JobProductsOptions(**given), context(shop.folder, "postgres/job-products"))

    async def check() -> None:
        try:
            await built.check()
        finally:
            await built.aclose()

    return lambda: asyncio.run(check())


def quick(kinds: dict[str, Any], *some: str) -> list[Any]:
    """All of them; only these in the quick tests."""
    return [kind if kind in some else pytest.param(kind, marks=pytest.mark.slow) for kind in kinds]


@pytest.mark.parametrize("kind", quick(REFUSING, "partition", "json", "raising at the end", "swallowing changes"))
def test_a_database_that_refuses_queries(shop, kind: str):
    statement, told = REFUSING[kind]
    drop_view(shop)
    if kind == "partition":
        shop.database.rows("DROP TABLE queries, products, jobselectedproducts CASCADE")
        statement = _PARTITIONED
    shop.database.rows(statement)
    found, message = refused(shop.check, shop.database)
    assert found == "permanent"
    assert told in message


def test_without_a_ledger_too(shop):
    shop.database.rows(REFUSING["raising"][0])
    assert "closed on Sundays" in refused(lambda: shop.check(ledger="off"), shop.database)[1]


@pytest.mark.parametrize("kind", quick(UNSUITED, "raising", "hiding"))
def test_a_database_that_refuses_products(poor, kind: str):
    """Found by the preprocessor that creates their rows; and by the sink, where it is the one that does."""
    statement, told = UNSUITED[kind]
    drop_view(poor)
    poor.database.rows(statement)
    kinds, messages = zip(refused(finder(poor), poor.database), refused(alone(poor), poor.database), strict=True)
    assert kinds == ("permanent", "permanent")
    assert [told in message for message in messages] == [True, True], messages


def alone(shop: Shop) -> Any:
    """The check of a sink that creates the rows of products."""
    return lambda: shop.check(upstream=("files/catalogue",))


def test_a_selection_that_cannot_hold_the_job(shop):
    shop.database.rows("ALTER TABLE jobselectedproducts ALTER job_id TYPE varchar(3)")
    assert "value too long for type character varying(3)" in refused(finder(shop), shop.database)[1]
    shop.check()
    finder(shop, "reject")()


def test_a_constraint_on_products_may_be_about_the_invented_one_only(poor, caplog):
    """The preprocessor rejects real products that it refuses, before a call. A sink alone would find out late."""
    poor.database.rows("CREATE TABLE brands (name varchar(255) PRIMARY KEY)")
    poor.database.rows("ALTER TABLE products ADD CONSTRAINT known FOREIGN KEY (brand_name) REFERENCES brands")
    finder(poor)()
    assert 'violates foreign key constraint "known"' in caplog.text
    found, message = refused(alone(poor), poor.database)
    assert (found, 'violates foreign key constraint "known"' in message) == ("permanent", True)


def test_row_level_security_of_queries_is_refused_since_copy_is(poor):
    poor.database.rows("ALTER TABLE queries ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON queries USING (true)")
    found, message = refused(poor.check, poor.database)
    assert found == "permanent"
    assert "row-level security is active on public.queries, which is written with COPY; use a role with" in message
    Shop(poor.database, poor.folder).check()  # as superuser, whom it does not concern


def test_row_level_security_that_lets_everything_through_is_told(poor, caplog):
    poor.database.rows("ALTER TABLE products ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON products USING (true)")
    finder(poor)()
    assert "row-level security is active on public.products: rows that its policies hide look missing" in caplog.text


@pytest.mark.parametrize(
    ("right", "lacking"),
    [
        ("INSERT ON products", "lacks INSERT on public.products"),
        ("UPDATE ON products", "lacks UPDATE on public.products"),
        ("INSERT ON jobselectedproducts", "lacks INSERT on public.jobselectedproducts"),
        ("USAGE ON SEQUENCE products_product_id_seq", "permission denied for sequence products_product_id_seq; GRANT"),
    ],
)
def test_a_right_that_was_taken_away(poor, right: str, lacking: str):
    poor.check()
    finder(poor)()
    poor.database.rows(f"REVOKE {right} FROM poor_{poor.database.name}")
    found, message = refused(finder(poor), poor.database)
    assert found == "auth"
    assert lacking in message


def test_a_sink_that_creates_products_needs_the_right_to(poor):
    alone(poor)()
    poor.database.rows(f"REVOKE INSERT ON products FROM poor_{poor.database.name}")
    poor.check()
    found, message = refused(alone(poor), poor.database)
    assert found == "auth"
    assert "permission denied for table products; GRANT it" in message


ENCODED = "ENCODING '{}' TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'"


def test_an_encoding_without_characters_is_refused(server, tmp_path):
    with server.database(ENCODED.format("SQL_ASCII")) as database:
        shop = Shop(database, tmp_path)
        shop.init()
        found, message = refused(shop.check, shop.database)
        assert refused(finder(shop, "reject"), shop.database)[0] == found == "permanent"
    assert "has the encoding SQL_ASCII" in message
    assert "--encoding UTF8" in message


def test_an_encoding_with_few_characters_rejects_only_what_it_lacks(server, tmp_path, caplog):
    with server.database(ENCODED.format("LATIN1")) as database:
        shop = Shop(database, tmp_path)
        shop.init()
        shop.check()
        assert "has the encoding LATIN1: products with characters that it lacks are rejected" in caplog.text
        good, bad = lamp(1, "Größe?"), lamp(2, "検査?", "Is it big?")
        named = lamp(3, "Is it small?", product_key="shop:検:en", title="検", brand="Ünï")
        receipts = shop.receipts(good, bad, named)
        assert [receipt.delivered for receipt in receipts] == [1, 0, 0]
        for receipt in receipts[1:]:
            assert 'has no equivalent in encoding "LATIN1"' in receipt.error
        assert shop.shown() == {"Größe?": 1}
        assert shop.deliver(good).unchanged == 1


def test_a_server_that_takes_no_writes(shop, monkeypatch):
    """As a standby does not, which libpq tells in the same way; see test_standby.py."""
    monkeypatch.setattr("querygen_postgres.preflight._FAIL_OVER", 0.0)
    name = shop.database.name
    shop.database.rows(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(SinkError) as caught:
        shop.check()
    assert caught.value.kind == "permanent"
    assert "the server is read-only: it is a standby, or default_transaction_read_only is on" in str(caught.value)


def test_nothing_stays_and_nobody_waits(shop):
    """A transaction that has written everything is open all the while, and another one follows it."""
    shop.deliver(lamp(1, "a"))
    before = shop.database.rows(_ROWS)
    numbers = shop.database.value("SELECT last_value FROM queries_query_id_seq")
    with closing(psycopg.connect(shop.database.dsn)) as other:
        other.execute("LOCK TABLE queries, products, querygen.delivery, querygen.product_lock IN ROW EXCLUSIVE MODE")
        other.execute("UPDATE queries SET is_active = true")
        shop.check()
        finder(shop)()
    assert shop.database.rows(_ROWS) == before
    assert shop.database.value("SELECT last_value FROM queries_query_id_seq") > numbers, "these numbers are gone"


def test_a_locked_table_is_no_verdict(shop, caplog):
    with closing(psycopg.connect(shop.database.dsn)) as other:
        other.execute("LOCK TABLE queries IN SHARE MODE")
        shop.check(lock_timeout=1)
    assert "the check could not write: canceling statement due to lock timeout" in caplog.text


def test_a_ledger_of_an_older_version_is_not_brought_up_to_date(shop, caplog):
    shop.database.rows("ALTER TABLE querygen.delivery ADD COLUMN place text")
    shop.database.rows("DROP TABLE querygen.layout")
    shop.check()
    assert shop.database.value("SELECT to_regclass('querygen.layout') IS NULL")


def test_db_check_finds_it_too(shop):
    shop.database.rows(REFUSING["raising"][0])
    assert "closed on Sundays" in refused(lambda: shop.ask("inspect"), shop.database)[1]
