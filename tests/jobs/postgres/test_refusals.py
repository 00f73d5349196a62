"""A database that would refuse what a job delivers: `check --connect` says so, and a run pays for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from postgres_fixtures import create_tables
from postgres_server import Database
from postgres_standby import standby
from tests.cli.process import querygen
from tests.faults.shop import Shop

DSN = "${secret:env:SHOP_DSN}"
RIGHTS = (
    "GRANT USAGE, CREATE ON SCHEMA public TO {0}; GRANT USAGE ON SCHEMA querygen TO {0};"
    "GRANT ALL ON ALL TABLES IN SCHEMA public TO {0}; GRANT ALL ON ALL TABLES IN SCHEMA querygen TO {0};"
    "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {0};"
)
PARTITIONS = """
DROP TABLE queries CASCADE;
CREATE TABLE queries (query_id serial, product_id int, query_text text NOT NULL, query_type varchar(50) NOT NULL,
                      is_active bool DEFAULT true, created_at timestamp DEFAULT now(),
                      PRIMARY KEY (query_id, created_at)) PARTITION BY RANGE (created_at);
CREATE TABLE queries_past PARTITION OF queries FOR VALUES FROM ('2001-01-01') TO ('2002-01-01');
"""
RAISING = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'closed on Sundays'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON queries FOR EACH ROW EXECUTE FUNCTION refuse();
"""
JSON = "DROP VIEW querygen.active_queries; ALTER TABLE products ALTER product_data TYPE json;"
SECURED = "ALTER TABLE queries ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON queries USING (true) WITH CHECK (true);"
KINDS = {
    "row-level security": (SECURED, 74, "row-level security is active on public.queries"),
    "missing partition": (PARTITIONS + RIGHTS, 74, "there is no partition for it"),
    "json column": (JSON, 74, "product_data has the type json, not jsonb"),
    "raising trigger": (RAISING, 74, "closed on Sundays; a trigger raised it"),
    "revoked right": ("REVOKE INSERT ON queries FROM {0}", 77, "lacks INSERT on public.queries; GRANT it"),
}
"""What is done to the database, the exit code, and what is said."""


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    steps = {
        "preprocessors": [{"use": "postgres/job-products", "dsn": DSN, "missing": "create"}],
        "sinks": [{"use": "postgres/queries", "dsn": DSN}],
    }
    return Shop(tmp_path / "shop", products=4, latency_ms=0, changes=steps)


def refused(shop: Shop, dsn: str) -> tuple[list[int], list[str]]:
    """Exit codes and messages of the check and of the run, which has not paid for anything."""
    given = {"cwd": shop.folder, "path": [shop.folder / "site"], "SHOP_DSN": dsn}
    ends = [querygen("check", "shop.yaml", "--connect", **given), shop.run(SHOP_DSN=dsn)]
    assert shop.paid == 0
    assert not any("Traceback" in ended.err for ended in ends)
    return [ended.code for ended in ends], [ended.err for ended in ends]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_database_that_refuses_questions(shop, ready: Database, kind: str):
    statements, code, told = KINDS[kind]
    role = f"shop_{ready.name}"
    dsn = ready.as_role(role)
    ready.rows(RIGHTS.format(role) + statements.format(role))
    codes, messages = refused(shop, dsn)
    assert codes == [code, code], messages
    assert all(told in message for message in messages), messages
    assert ready.rows("SELECT count(*) FROM queries") == [(0,)]


@pytest.mark.slow
def test_an_encoding_that_knows_no_characters(shop, server):
    with server.database("ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'") as database:
        create_tables(database)
        codes, messages = refused(shop, database.dsn)
    assert codes == [74, 74], messages
    assert all("has the encoding SQL_ASCII" in message for message in messages), messages


@pytest.mark.slow
def test_a_standby_that_stands_where_the_primary_should(shop, tmp_path):
    with standby(tmp_path / "standby") as database:
        codes, messages = refused(shop, database.dsn)
    assert codes == [74, 74], messages
    assert all("the server is read-only: it is a standby, or" in message for message in messages), messages
