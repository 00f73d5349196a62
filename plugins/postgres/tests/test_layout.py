"""A ledger that an older version made is brought up to date, and one of a newer version is left alone."""

from __future__ import annotations

import pytest

from postgres_shop import JOB, Shop, lamp, lamps, texts
from querygen_core.api import Finding, SinkError
from querygen_postgres.layout import LAYOUT

LAYOUT_1 = """
DROP SCHEMA querygen CASCADE;
CREATE SCHEMA querygen;
CREATE TABLE querygen.delivery (
  job_id text NOT NULL, product_key text NOT NULL, product_id bigint NOT NULL, place integer NOT NULL DEFAULT 0,
  digest bytea, query_ids bigint[] NOT NULL, retired_ids bigint[] NOT NULL DEFAULT '{}',
  delivered_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (job_id, product_key), CONSTRAINT delivery_place UNIQUE (product_id, job_id, place));
CREATE TABLE querygen.product (product_key text PRIMARY KEY, product_id bigint NOT NULL);
CREATE INDEX product_product_id ON querygen.product (product_id);
CREATE VIEW querygen.active_queries AS SELECT 1
"""
STEPS = [
    f"layout {LAYOUT} of schema querygen",
    "table querygen.layout",
    "table querygen.product_lock",
    "table querygen.fence",
]
SAVE = """
CREATE TABLE saved AS SELECT job_id, product_key, product_id, digest, query_ids, retired_ids FROM querygen.delivery
"""
RESTORE = """
INSERT INTO querygen.delivery (job_id, product_key, product_id, place, digest, query_ids, retired_ids)
SELECT job_id, product_key, product_id, row_number() OVER (PARTITION BY product_id, job_id) - 1, digest, query_ids,
  retired_ids FROM saved
"""


@pytest.fixture
def shop(ready, tmp_path) -> Shop:
    """Two jobs and two products in one row of `products`, recorded by the first layout."""
    shop = Shop(ready, tmp_path)
    refs = {shop.sink().identity: shop.product()}
    shop.deliver(*lamps(4), job="winter")
    shop.deliver(*lamps(4, "cheap"))
    shop.deliver(lamp(8, "a", "b", refs=refs), lamp(9, "b", "c", refs=refs))
    ready.rows(SAVE)
    for statement in LAYOUT_1.split(";"):
        ready.rows(statement)
    ready.rows(RESTORE)
    return shop


@pytest.fixture
def poor(shop, tmp_path) -> Shop:
    """As a role that was granted all of the first layout."""
    role = f"poor_{shop.database.name}"
    dsn = shop.database.as_role(role)
    for grant in (
        "ALL ON ALL TABLES IN SCHEMA public, querygen",
        "ALL ON ALL SEQUENCES IN SCHEMA public",
        "USAGE ON SCHEMA querygen",
    ):
        shop.database.rows(f"GRANT {grant} TO {role}")
    return Shop(shop.database, tmp_path, given={"dsn": dsn})


def continues(shop: Shop) -> None:
    refs = {shop.sink().identity: 1}
    assert shop.deliver(*lamps(4, "cheap")) == (0, 6, 0)
    assert shop.deliver(lamp(8, "a", "b", refs=refs), lamp(9, "b", "c", refs=refs)) == (0, 4, 0)
    assert sum(receipt.displaced for receipt in shop.receipts(*lamps(4), job="winter")) == 6
    assert len(shop.rows()) == 15
    assert shop.database.rows("SELECT version FROM querygen.layout") == [(LAYOUT,)]


def test_db_init_brings_it_up_to_date(shop):
    assert shop.ask("inspect") == [Finding("missing", line) for line in [*STEPS[1:], STEPS[0]]]
    assert shop.init() == STEPS
    assert shop.init() == shop.ask("inspect") == []
    continues(shop)


def test_a_run_brings_it_up_to_date_if_it_may(shop):
    shop.check()
    assert shop.database.value("SELECT to_regclass('querygen.layout') IS NULL"), "a check changes nothing"
    continues(shop)


@pytest.mark.parametrize("ledger", ["auto", "on"])
def test_a_role_that_may_not_says_who_may(poor, shop, ledger: str):
    before = poor.rows()
    for work in (lambda: poor.check(ledger=ledger), lambda: poor.deliver(lamp(1, "x"), ledger=ledger)):
        with pytest.raises(SinkError, match="made by an older version and lacks table") as caught:
            work()
        assert caught.value.kind == "permanent"
        assert "run `querygen db init CONFIG` once and grant access" in str(caught.value)
    assert poor.rows() == before
    shop.init()
    with pytest.raises(
        SinkError, match=r"lacks SELECT on querygen\.product_lock.*GRANT it, or set ledger: off"
    ) as caught:
        poor.check(ledger=ledger)
    assert caught.value.kind == "auth"
    shop.database.rows(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA querygen TO poor_{shop.database.name}")
    poor.check(ledger=ledger)
    assert poor.deliver(*lamps(4, "cheap"), ledger=ledger) == (0, 6, 0)


@pytest.mark.parametrize("act", ["check", "deliver", "init", "inspect"])
def test_a_newer_one_is_left_alone(ready, tmp_path, act: str):
    shop = Shop(ready, tmp_path)
    shop.deliver(*lamps(3))
    ready.rows("INSERT INTO querygen.layout VALUES (%s)", LAYOUT + 1)
    before = ready.rows("SELECT * FROM querygen.delivery")
    work = {"check": shop.check, "deliver": lambda: shop.deliver(*lamps(3, "cheap"), job=JOB), "init": shop.init}
    with pytest.raises(
        SinkError, match=f"has layout {LAYOUT + 1}, and this querygen knows layouts up to {LAYOUT}: upgrade"
    ):
        work.get(act, lambda: shop.ask("inspect"))()
    assert ready.rows("SELECT * FROM querygen.delivery") == before
    assert shop.shown() == texts(*lamps(3))


@pytest.mark.parametrize("loss", ["TRUNCATE querygen.layout", "DROP TABLE querygen.layout"])
def test_a_version_that_was_lost_is_told_from_the_tables(ready, tmp_path, loss):
    shop = Shop(ready, tmp_path)
    shop.deliver(*lamps(2))
    ready.rows(loss)
    assert shop.deliver(*lamps(2)) == (0, 1, 0)
    shop.init()
    assert ready.rows("SELECT version FROM querygen.layout") == [(LAYOUT,)]
