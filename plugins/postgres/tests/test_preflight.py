"""The check before a run names everything that is missing and what to do, and creates nothing."""

from __future__ import annotations

import pytest

from postgres_shop import Shop, lamp
from querygen_core.api import SinkError

_RELATIONS = """
SELECT n.nspname, c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema)' ORDER BY 1, 2
"""


@pytest.fixture
def shop(database, tmp_path) -> Shop:
    return Shop(database, tmp_path)


@pytest.fixture
def poor(shop, tmp_path) -> Shop:
    """The tables, and a role that has been granted nothing."""
    shop.init()
    return Shop(shop.database, tmp_path, given={"dsn": shop.database.as_role(f"poor_{shop.database.name}")})


def refusal(shop: Shop, **options: str) -> SinkError:
    """The error of `check`, which must have created nothing."""
    before = shop.database.rows(_RELATIONS)
    with pytest.raises(SinkError) as caught:
        shop.check(**options)
    assert shop.database.rows(_RELATIONS) == before
    assert str(caught.value).startswith(shop.sink(**options).identity)
    return caught.value


@pytest.mark.parametrize("ledger", ["auto", "on", "off"])
def test_an_empty_database_is_to_be_made_ready_first(shop, ledger: str):
    said = refusal(shop, ledger=ledger)
    assert said.kind == "permanent"
    assert str(said).endswith(": missing: table public.products, table public.queries; run: querygen db init CONFIG")


def test_every_missing_table_and_column_is_named(shop):
    shop.database.rows("CREATE TABLE queries (query_id serial, product_id int, is_active bool)")
    said = str(refusal(shop))
    for missing in ("table public.products", "column public.queries.query_text", "column public.queries.query_type"):
        assert missing in said
    assert "jobselectedproducts" not in said, "the sink has no use for it"


def test_what_is_there_in_another_schema_is_not_there(shop):
    shop.init()
    assert "missing: table other.products, table other.queries;" in str(refusal(shop, schema="other"))


def test_a_column_that_was_dropped_is_missing(shop):
    shop.init()
    shop.database.rows("DROP SCHEMA querygen CASCADE")
    shop.database.rows("ALTER TABLE queries DROP COLUMN is_active")
    assert "missing: column public.queries.is_active; run" in str(refusal(shop))


def test_every_missing_privilege_is_named_and_the_role(poor):
    said = refusal(poor)
    assert said.kind == "auth"
    role = f"poor_{poor.database.name}"
    assert str(said).endswith(
        f"the role {role!r} lacks SELECT on public.queries, INSERT on public.queries, SELECT on public.products, "
        "USAGE on sequence public.queries_query_id_seq; GRANT it"
    )
    poor.database.rows(f"GRANT SELECT ON queries, products TO {role}")
    assert "lacks INSERT on public.queries, USAGE on sequence" in str(refusal(poor))
    poor.database.rows(f"GRANT INSERT ON queries TO {role}")
    assert "lacks USAGE on sequence public.queries_query_id_seq; GRANT it" in str(refusal(poor))
    poor.database.rows(f"GRANT USAGE ON SEQUENCE queries_query_id_seq TO {role}")
    poor.check()
    assert poor.deliver(lamp(1, "a", refs={poor.sink().identity: poor.product()})) == (1, 0, 0)


def test_a_schema_that_may_not_be_used_is_named(shop, tmp_path):
    other = Shop(shop.database, tmp_path, schema="other")
    other.init()
    dsn = shop.database.as_role(f"poor_{shop.database.name}")
    assert "lacks USAGE on schema other; GRANT it" in str(refusal(other, dsn=dsn))


def test_privileges_on_columns_will_do(poor):
    role = f"poor_{poor.database.name}"
    columns = "(query_id, product_id, query_text, query_type, is_active)"
    for privilege in (
        f"SELECT {columns}, INSERT {columns} ON queries",
        "SELECT (product_id) ON products",
        "UPDATE ON SEQUENCE queries_query_id_seq",
    ):
        poor.database.rows(f"GRANT {privilege} TO {role}")
    poor.check()
    assert poor.deliver(lamp(1, "a", refs={poor.sink().identity: poor.product()})) == (1, 0, 0)


def test_ids_that_nothing_draws_are_refused(shop):
    shop.init()
    shop.database.rows("ALTER TABLE queries ALTER query_id DROP DEFAULT")
    shop.database.rows("ALTER SEQUENCE queries_query_id_seq OWNED BY NONE")
    said = refusal(shop)
    assert said.kind == "permanent"
    assert "public.queries.query_id is neither serial nor an identity column" in str(said)


@pytest.mark.parametrize("ledger", ["auto", "on", "off"])
def test_where_all_is_there_nothing_is_said_and_nothing_made(shop, ledger: str):
    shop.init()
    shop.database.rows("DROP SCHEMA querygen CASCADE")
    shop.database.rows("DROP TABLE jobselectedproducts")
    before = shop.database.rows(_RELATIONS)
    shop.check(ledger=ledger)
    assert shop.database.rows(_RELATIONS) == before
    shop.deliver(lamp(1, "a"), ledger=ledger)
    made = {schema for schema, *_ in set(shop.database.rows(_RELATIONS)) - set(before)}
    assert made == (set() if ledger == "off" else {"querygen"}), (
        "the ledger, and nothing else, is made when it is needed"
    )
