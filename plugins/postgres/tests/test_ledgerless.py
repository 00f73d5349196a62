"""Without a ledger nothing is doubled and nothing is retired, and that is said."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from postgres_server import Database
from postgres_shop import Shop, closing, lamp, lamps, texts
from querygen_core.api import SinkError
from querygen_core.testing import query

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON queries, products TO {role};
GRANT USAGE ON SEQUENCE queries_query_id_seq, products_product_id_seq TO {role}
"""
SLOW = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NULL; END $$;;
CREATE TRIGGER dawdle BEFORE INSERT ON queries EXECUTE FUNCTION dawdle()
"""
LEDGER_GRANTS = """
GRANT USAGE ON SCHEMA querygen TO {role};
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA querygen TO {role}
"""


def grant(database: Database, statements: str, role: str) -> None:
    for statement in statements.format(role=role).split(";"):
        database.rows(statement)


@pytest.fixture
def role(database) -> str:
    """Roles belong to the server, so each test has its own."""
    return f"poor_{database.name}"


@pytest.fixture
def owner(database, tmp_path) -> Shop:
    """The tables, and no ledger."""
    owner = Shop(database, tmp_path)
    owner.init()
    database.rows("DROP SCHEMA querygen CASCADE")
    return owner


@pytest.fixture
def shop(owner, role, tmp_path) -> Shop:
    """The same as a role that has been granted the tables."""
    dsn = owner.database.as_role(role)
    grant(owner.database, GRANTS, role)
    return Shop(owner.database, tmp_path, given={"dsn": dsn})


def has_ledger(shop: Shop) -> bool:
    return shop.database.value("SELECT to_regnamespace('querygen') IS NOT NULL")


def test_a_role_that_may_not_make_a_ledger_works_without_and_says_so_once(shop, caplog):
    caplog.set_level(logging.WARNING)
    shop.check()
    assert caplog.records == []
    sink = shop.sink()

    async def apply() -> None:
        for _ in range(2):
            await sink.apply(lamps(3))

    asyncio.run(closing(sink, apply))
    assert [(record.name, record.levelname) for record in caplog.records] == [("querygen.postgres", "WARNING")]
    said = caplog.records[0].getMessage()
    assert said.startswith(f"{sink.identity}: without a ledger: ")
    assert "stay active" in said
    assert "querygen db init CONFIG" in said
    assert shop.shown() == texts(*lamps(3))
    assert not has_ledger(shop)


def test_nothing_is_doubled_and_nothing_is_retired(shop):
    old, new = lamps(4), lamps(4, "cheap")
    for outcomes, totals in ((old, (6, 0, 0)), (old, (0, 6, 0)), (new, (6, 0, 0)), (old, (0, 6, 0))):
        assert shop.deliver(*outcomes) == totals
    assert shop.shown() == texts(*old) + texts(*new)
    assert shop.deliver(*lamps(4), job="winter") == (0, 6, 0), "rows of other jobs are the same rows"


def test_as_many_of_a_text_as_the_outcome_has(shop):
    both = lamp(1, "a", "a", query("a", query_type="market"))
    for totals in ((3, 0, 0), (0, 3, 0)):
        assert shop.deliver(both) == totals
    assert shop.deliver(lamp(1, "a")) == (0, 1, 0)
    assert shop.deliver(lamp(1, "a", "a", "a")) == (1, 2, 0)
    assert Counter(row.query_type for row in shop.rows()) == {"product": 3, "market": 1}


def test_products_that_share_a_row_share_its_questions(shop, owner):
    refs = {shop.sink().identity: owner.product()}
    assert shop.deliver(lamp(1, "a", "b", refs=refs), lamp(2, "b", "c", refs=refs)) == (3, 1, 0)
    assert shop.deliver(lamp(2, "b", "c", refs=refs), lamp(1, "a", "b", refs=refs)) == (0, 4, 0)
    assert shop.shown() == Counter("abc")


def test_what_an_editor_hid_or_deleted(shop, owner):
    shop.deliver(lamp(1, "a", "b"))
    owner.database.rows("UPDATE queries SET is_active = false WHERE query_text = 'a'")
    owner.database.rows("DELETE FROM queries WHERE query_text = 'b'")
    assert shop.deliver(lamp(1, "a", "b")) == (1, 1, 0)
    assert shop.shown() == Counter("b"), "what is hidden is there; what is gone is written again"


def test_what_only_a_ledger_could_do_is_not_done(shop):
    """Neither versions, nor deletions, nor other jobs."""
    shop.deliver(lamp(1, "a", version=2))
    assert shop.deliver(lamp(1, "b", version=1)) == (1, 0, 0)
    assert shop.deliver(lamp(1, state="deleted", version=3), lamp(9, state="deleted")) == (0, 0, 0)
    (receipt,) = shop.receipts(lamp(1, "c"), job="winter")
    assert (receipt.delivered, receipt.displaced) == (1, 0)
    assert shop.shown() == Counter("abc")
    assert shop.database.value("SELECT count(*) FROM products") == 1


def test_batches_change_nothing(shop):
    for size in (1, 7, 5000):
        outcomes = lamps(5, f"{size} euros")
        for totals in ((10, 0, 0), (0, 10, 0)):
            assert shop.deliver(*outcomes, batch_size=size) == totals


def test_several_at_once_write_each_question_once(shop, owner):
    """Each takes its time between looking what is there and writing what is not."""
    for statement in SLOW.split(";;"):
        owner.database.rows(statement)
    refs = {shop.sink().identity: owner.product()}
    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(shop.deliver, lamp(1, "a", "b", refs=refs)) for _ in range(3)]
    assert sorted(one.result() for one in done) == [(0, 2, 0), (0, 2, 0), (2, 0, 0)]
    assert shop.shown() == Counter("ab")


def test_ledger_off_is_obeyed_where_a_ledger_might_be_made(owner):
    assert owner.deliver(*lamps(3), ledger="off") == (3, 0, 0)
    assert owner.deliver(*lamps(3, "cheap"), ledger="off") == (3, 0, 0)
    assert not has_ledger(owner)


@pytest.mark.parametrize("act", ["check", "deliver"])
def test_ledger_on_is_refused_before_anything_is_written(shop, act: str):
    work = shop.check if act == "check" else lambda **options: shop.deliver(*lamps(3), **options)
    with pytest.raises(SinkError, match=r"ledger: on needs the schema 'querygen'.*db init") as caught:
        work(ledger="on")
    assert caught.value.kind == "permanent"
    assert shop.rows() == []
    assert not has_ledger(shop)


def test_a_ledger_that_was_made_and_granted_serves_a_poor_role(shop, owner, role):
    owner.init()
    assert shop.deliver(*lamps(2)) == (1, 0, 0), "it may not be used, so there is none"
    owner.database.rows("TRUNCATE queries")
    grant(owner.database, LEDGER_GRANTS, role)
    shop.check(ledger="on")
    assert shop.deliver(*lamps(3), ledger="on") == (3, 0, 0)
    assert shop.deliver(*lamps(3, "cheap")) == (3, 0, 3)
    assert shop.shown() == texts(*lamps(3, "cheap"))


def test_without_the_right_to_update_there_is_no_ledger(owner, role, tmp_path, caplog):
    dsn = owner.database.as_role(role)
    owner.database.rows(f"GRANT CREATE ON DATABASE {owner.database.name} TO {role}")
    grant(owner.database, GRANTS, role)
    owner.database.rows(f"REVOKE UPDATE ON queries FROM {role}")
    shop = Shop(owner.database, tmp_path, given={"dsn": dsn})
    shop.check()
    for outcomes in (lamps(3), lamps(3, "cheap")):
        assert shop.deliver(*outcomes) == (3, 0, 0)
    assert "without a ledger" in caplog.text
    assert not has_ledger(owner)
