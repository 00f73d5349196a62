"""A damaged answer store is salvaged, and the next run pays for the answers that were lost, and for no other."""

from __future__ import annotations

import os
import random

import pytest

from tests.faults.shop import balanced

PAGE = 4096
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", range(int(os.environ.get("QUERYGEN_SEEDS", "2"))))
def test_only_lost_answers_are_paid_again(unbroken, shop, seed: int):
    assert shop.run().code == 0
    stored = shop.count("SELECT count(*) FROM answers", "answers.sqlite")
    file = shop.folder / ".querygen" / "answers.sqlite"
    whole = file.read_bytes()
    draw = random.Random(seed)
    page = draw.randrange(len(whole) // PAGE) * PAGE
    file.write_bytes(whole[:page] + draw.randbytes(PAGE) + whole[page + PAGE :])
    (shop.folder / ".querygen" / "shop" / "journal.sqlite").unlink()  # every answer is needed again
    damaged = shop.run()
    assert (damaged.code in (0, 72), "Traceback" in damaged.err) == (True, False), damaged
    paid = shop.paid
    if damaged.code == 72:
        assert "`querygen salvage CONFIG`" in damaged.err
        done = shop.command("salvage", "shop.yaml")
        assert done.code == 0, done.err
        kept = shop.count("SELECT count(*) FROM answers", "answers.sqlite")
        again = shop.run()
        assert again.code == 0, again.err
        assert balanced(again.json)
        assert shop.paid - paid <= stored - kept
    assert shop.outputs() == unbroken.outputs
    assert shop.command("salvage", "shop.yaml").code == 0  # for damage that the run did not meet
    assert shop.command("salvage", "shop.yaml").out.count("not damaged") == 2
