"""A product that PostgreSQL rejects becomes a dead letter that names the column; all others are stored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postgres_shop import Shop, lamp, lamps, texts
from querygen_core.api import Outcome, SinkError
from querygen_core.testing import query

GOOD = lamps(8)
TRIGGER = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN IF NEW.query_text LIKE '%poison%' THEN RAISE EXCEPTION 'no % here', 'poison'; END IF; RETURN NEW; END $$
"""
RAISING = "CREATE {} TRIGGER refuse AFTER INSERT ON queries {} FOR EACH ROW EXECUTE FUNCTION refuse()"
NUL = "PostgreSQL stores neither NUL characters nor lone surrogates"

POISON = {
    "check": ("column query_text: ", 'violates check constraint "short"', {"texts": ["poison " * 50]}),
    "check-of-two": ("column product_id, query_type: ", 'check constraint "pair"', {"query_type": "secret"}),
    "foreign-key": ("column product_id: ", "(product_id)=(999) is not present", {"ref": 999}),
    "not-null": ("column language: ", 'null value in column "language"', {"texts": ["no language"]}),
    "too-long": ("column query_type: ", "too long for type character varying(50)", {"query_type": "x" * 51}),
    "nul": ("column query_text: ", NUL, {"texts": ["fine", "a\0b"]}),
    "surrogate": ("column query_text: ", NUL, {"texts": ["\ud800"]}),
    "nul-in-type": ("column query_type: ", NUL, {"query_type": "a\0b"}),
    "nul-in-key": ("column product_data: ", NUL, {"product_key": "shop:\0:en"}),
    "surrogate-in-key": ("column product_data: ", NUL, {"product_key": "shop:\udcff:en"}),
    "nul-in-title": ("column product_data: ", NUL, {"title": "a\0b"}),
    "surrogate-in-brand": ("column product_data: ", NUL, {"brand": "\udfff"}),
    "long-brand": ("", "too long for type character varying(255)", {"brand": "b" * 256}),
    "large-reference": ("column product_id: ", "out of range for type integer", {"ref": 2**31}),
    "larger-reference": ("", "bigint out of range", {"ref": 2**63}),
    "trigger": ("", "no poison here", {"texts": ["poison"]}),
    "deferred-trigger": ("", "no poison here", {"texts": ["late poison"]}),
    "unique": ("", "duplicate key value violates unique constraint", {"texts": ["once", "once"]}),
}
"""Of each kind: how the receipt's error begins, what it holds, and what makes the product so."""

CONSTRAINTS = {
    "check": "short",
    "check-of-two": "pair",
    "foreign-key": "queries_product_id_fkey",
    "unique": "queries_query_text_idx",
}
"""Those that PostgreSQL names. What it refuses for another reason breaks no constraint with a name."""


@pytest.fixture
def shop(ready, tmp_path) -> Shop:
    """A deployment with rules of its own."""
    for statement in (
        "ALTER TABLE queries ADD CONSTRAINT short CHECK (length(query_text) < 200)",
        "ALTER TABLE queries ADD CONSTRAINT pair CHECK (product_id > 0 AND query_type <> 'secret')",
        "ALTER TABLE queries ADD language text NOT NULL DEFAULT 'en'",
        "CREATE UNIQUE INDEX ON queries (query_text) WHERE query_text = 'once'",
        TRIGGER,
        RAISING.format("", ""),
    ):
        ready.rows(statement)
    return Shop(ready, tmp_path)


def poison(shop: Shop, kind: str, number: int) -> Outcome:
    recipe = dict(POISON[kind][2])
    query_type, ref = recipe.pop("query_type", "product"), recipe.pop("ref", None)
    refs = {} if ref is None else {shop.sink().identity: ref}
    queries = [query(text, query_type=query_type) for text in recipe.pop("texts", ["Is it poisoned?"])]
    return replace(lamp(number, *queries, refs=refs), **recipe)


def arm(shop: Shop, kinds: list[str]) -> None:
    """Rules that would refuse other poison as well."""
    if "deferred-trigger" in kinds:
        shop.database.rows("DROP TRIGGER refuse ON queries")
        shop.database.rows(RAISING.format("CONSTRAINT", "DEFERRABLE INITIALLY DEFERRED"))
    if "not-null" in kinds:
        shop.database.rows(
            "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            " IF NEW.query_text = 'no language' THEN NEW.language := NULL; END IF; RETURN NEW; END $$"
        )
        shop.database.rows("CREATE TRIGGER forget BEFORE INSERT ON queries FOR EACH ROW EXECUTE FUNCTION forget()")


def check(shop: Shop, kinds: list[str], **options: object) -> None:
    arm(shop, kinds)
    bad = [poison(shop, kind, 100 + number) for number, kind in enumerate(kinds)]
    mixed = [one for pair in zip(GOOD, [*bad, *[None] * len(GOOD)], strict=False) for one in pair if one]
    mixed += bad[len(GOOD) :]
    for times in range(2):
        receipts = {one.product_key: one for one in shop.receipts(*mixed, **options)}
        assert shop.shown() == texts(*GOOD)
        for kind, one in zip(kinds, bad, strict=True):
            error = receipts[one.product_key].error or ""
            assert error.startswith(POISON[kind][0])
            assert POISON[kind][1] in error
            assert receipts[one.product_key].constraint == CONSTRAINTS.get(kind, "")
            assert (receipts[one.product_key].delivered, receipts[one.product_key].unchanged) == (0, 0)
        stored = [receipts[one.product_key] for one in GOOD]
        assert not any(one.error for one in stored)
        assert sum(one.delivered if times == 0 else one.unchanged for one in stored) == 28


@pytest.mark.parametrize("kind", POISON)
def test_one_product_is_refused_and_all_others_are_stored(shop, kind: str):
    check(shop, [kind])


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"ledger": "off"}, {"previous_jobs": "keep"}, {"batch_size": 7}], ids=str)
def test_all_kinds_at_once(shop, options):
    check(shop, [kind for kind in POISON if kind != "deferred-trigger"], **options)


def test_what_a_refused_product_had_stays(shop):
    shop.deliver(*GOOD, lamp(9, "a", "b"))
    held = [row for row in shop.rows() if row.text in "ab"]
    (error,) = [one.error for one in shop.receipts(*GOOD, lamp(9, "a", "poison")) if one.error]
    assert error == "no poison here"
    assert [row for row in shop.rows() if row.text in "ab"] == held
    assert shop.deliver(lamp(9, "a", "c")) == (1, 1, 1)


def test_a_refused_product_is_stored_once_it_is_taken(shop):
    assert shop.receipts(lamp(9, "poison"))[0].error
    shop.database.rows("DROP TRIGGER refuse ON queries")
    assert shop.deliver(lamp(9, "poison")) == (1, 0, 0)


def test_where_no_product_can_be_stored_each_is_refused_by_itself(shop):
    """As many products as there are: nothing else tells what one wrong reference is from what all of them are."""
    refs = {shop.sink().identity: 999}
    receipts = shop.receipts(*(lamp(number, "a", "b", refs=refs) for number in range(50)))
    assert len({one.error for one in receipts}) == 1
    assert all("(product_id)=(999) is not present" in one.error for one in receipts)


def test_a_table_that_is_gone_is_no_fault_of_a_product(shop):
    shop.database.rows("CREATE TABLE other (n int)")
    shop.database.rows(
        "CREATE FUNCTION count_them() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO other VALUES (1); RETURN NEW; END $$"
    )
    shop.database.rows("CREATE TRIGGER count_them AFTER INSERT ON queries FOR EACH ROW EXECUTE FUNCTION count_them()")
    shop.database.rows("DROP TABLE other")
    with pytest.raises(SinkError, match='relation "other" does not exist') as caught:
        shop.deliver(*GOOD)
    assert caught.value.kind == "permanent"
    assert shop.rows() == []
