"""A server slower than `statement_timeout` gets smaller transactions; a product that is slow by itself is refused."""

from __future__ import annotations

import pytest

from postgres_shop import Shop, lamp
from querygen_core.api import SinkError

pytestmark = pytest.mark.slow

SLOW = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF {condition} THEN PERFORM pg_sleep({seconds}); END IF; RETURN NEW; END $$;
CREATE TRIGGER dawdler BEFORE INSERT ON queries FOR EACH ROW EXECUTE FUNCTION dawdle();
"""


@pytest.fixture
def shop(ready, tmp_path) -> Shop:
    return Shop(ready, tmp_path, given={"statement_timeout": 1})


def test_what_is_too_much_for_one_transaction_goes_into_several(shop, caplog):
    """0.15 seconds a product: 16 take too long together, and later batches begin with fewer."""
    shop.database.rows(SLOW.format(condition="true", seconds=0.15))
    given = [lamp(number, f"Is lamp {number} bright?") for number in range(24)]
    assert shop.deliver(*given, batch_size=16) == (24, 0, 0)
    told = [record.getMessage() for record in caplog.records]
    assert told.count("a transaction of 16 products took longer than statement_timeout (1 s): now at most 8") == 1


def test_a_product_that_takes_too_long_by_itself_is_refused(shop):
    shop.database.rows(SLOW.format(condition="NEW.query_text LIKE '%slow%'", seconds=5))
    receipts = shop.receipts(lamp(1, "a"), lamp(2, "Is it slow?"))
    assert [receipt.delivered for receipt in receipts] == [1, 0]
    assert "canceling statement due to statement timeout" in receipts[1].error
    assert receipts[1].error.endswith("the product takes longer than statement_timeout, even by itself")


def test_a_server_that_is_too_slow_for_any_product_ends_the_delivery(shop):
    shop.database.rows(SLOW.format(condition="true", seconds=5))
    with pytest.raises(SinkError, match="3 products in a row took longer than statement_timeout") as caught:
        shop.receipts(*(lamp(number, "a") for number in range(4)), batch_size=1)
    assert caught.value.kind == "permanent"


def test_a_statement_that_somebody_cancels_once_is_repeated(shop):
    """The first INSERT cancels itself, as an operator might."""
    once = "nextval('times') = 1 AND pg_cancel_backend(pg_backend_pid())"
    shop.database.rows(f"CREATE SEQUENCE times; {SLOW.format(condition=once, seconds=0.2)}")
    assert shop.deliver(lamp(1, "a")) == (1, 0, 0)
