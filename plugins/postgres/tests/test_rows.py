"""Triggers of the table that drop or change rows without an error: the product is refused, and says why."""

from __future__ import annotations

import asyncio

import pytest

from postgres_shop import Shop, closing, lamp, lamps, texts

GOOD = lamps(4)
BAD = lamp(9, "fine", "poison", "fine too")

_FUNCTION = "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$"
_ON_POISON = "IF NEW.query_text = 'poison' THEN {} END IF; RETURN NEW;"
TRIGGERS = {
    "swallows": ("BEFORE", _ON_POISON.format("RETURN NULL;")),
    "changes": ("BEFORE", _ON_POISON.format("NEW.query_text := 'elixir';")),
    "moves": ("BEFORE", _ON_POISON.format("NEW.query_type := 'market';")),
    "deletes": ("AFTER", _ON_POISON.format("DELETE FROM queries WHERE query_id = NEW.query_id;")),
}
PARTITIONED = """
CREATE TABLE queries (query_id serial, product_id int, query_text text, query_type text, is_active bool,
  created_at timestamptz DEFAULT now()) PARTITION BY LIST (query_type)
"""
HARMLESS = "NEW.created_at := '2020-01-01'; NEW.is_active := NEW.query_text <> 'hidden'; RETURN NEW;"


@pytest.fixture
def shop(ready, tmp_path) -> Shop:
    return Shop(ready, tmp_path)


def meddle(shop: Shop, when: str, body: str) -> None:
    shop.database.rows(_FUNCTION.format(body))
    shop.database.rows(f"CREATE TRIGGER meddler {when} INSERT ON queries FOR EACH ROW EXECUTE FUNCTION meddle()")


@pytest.mark.parametrize("ledger", ["on", "off"])
@pytest.mark.parametrize("how", TRIGGERS)
def test_a_product_whose_rows_a_trigger_alters_is_refused(shop, how: str, ledger: str):
    meddle(shop, *TRIGGERS[how])
    for times in range(2):
        *good, bad = shop.receipts(*GOOD, BAD, ledger=ledger)
        assert bad.error == (
            "1 of 3 rows are missing from public.queries, or changed, right after they were written: "
            "a trigger drops or changes them (triggers for INSERT: meddler)"
        )
        assert (bad.delivered, bad.unchanged) == (0, 0)
        assert sum(one.delivered if times == 0 else one.unchanged for one in good) == 6
        assert shop.shown() == texts(*GOOD)
        assert len(shop.rows()) == 6, "nothing is added by each run"


def test_a_trigger_that_swallows_everything_from_the_middle_of_a_run_on(shop):
    """It was not there when the run began; PostgreSQL's count of stored rows tells."""
    sink = shop.sink()

    async def work() -> list[str | None]:
        await sink.apply(GOOD)
        meddle(shop, "BEFORE", "RETURN NULL;")
        return [receipt.error for receipt in await sink.apply([lamp(8), BAD, lamp(7, "x")])]

    nothing, *errors = asyncio.run(closing(sink, work))
    assert nothing is None
    assert [str(error).partition(" rows")[0] for error in errors] == ["3 of 3", "1 of 1"]
    assert shop.shown() == texts(*GOOD)


def test_a_trigger_that_alters_nothing_of_ours_does_no_harm(shop):
    """It sets other columns, and hides a question from the start, which is an editor's right."""
    meddle(shop, "BEFORE", HARMLESS)
    wanted = lamp(9, "seen", "hidden")
    assert shop.deliver(wanted) == (2, 0, 0)
    assert shop.deliver(wanted) == (0, 2, 0)
    assert shop.shown() == texts(lamp(9, "seen"))


@pytest.mark.parametrize("ledger", ["on", "off"])
def test_rows_that_a_trigger_puts_into_a_child_table_are_there(shop, ledger: str):
    """Partitions as they were made before PostgreSQL 10: COPY counts no row, and a reader sees them all."""
    shop.database.rows("CREATE TABLE queries_now () INHERITS (queries)")
    meddle(shop, "BEFORE", "INSERT INTO queries_now SELECT NEW.*; RETURN NULL;")
    assert shop.deliver(*GOOD, ledger=ledger) == (6, 0, 0)
    assert shop.deliver(*GOOD, ledger=ledger) == (0, 6, 0)
    assert shop.shown() == texts(*GOOD)


def test_a_trigger_of_a_partition_counts(database, tmp_path):
    shop = Shop(database, tmp_path)
    shop.init()
    for statement in (
        "DROP FUNCTION querygen.query_id_of(queries) CASCADE",
        "DROP TABLE queries",
        PARTITIONED,
        "CREATE TABLE queries_product PARTITION OF queries FOR VALUES IN ('product')",
        _FUNCTION.format(TRIGGERS["changes"][1]),
        "CREATE TRIGGER meddler BEFORE INSERT ON queries_product FOR EACH ROW EXECUTE FUNCTION meddle()",
    ):
        database.rows(statement)
    assert "meddler" in (shop.receipts(BAD)[0].error or "")
