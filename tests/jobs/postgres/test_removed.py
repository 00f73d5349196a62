"""Products that left the catalogue, in whole jobs whose questions go to a database and to files."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from postgres_server import Database
from tests.cli.process import wait_for
from tests.faults.shop import OUTPUTS, Shop, balanced, interrupt

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("QUERYGEN_KILLS", "3"))  # for each of two shorter catalogues
RETIRE = {"removed_products": "retire", "max_retired_ratio": 0.5}
DSN = "${secret:env:SHOP_DSN}"


class Place:
    def __init__(self, folder: Path, database: Database, products: int = 10) -> None:
        self.database = database
        sinks = [{"use": f"files/{name.partition('.')[2]}", "path": name} for name in OUTPUTS]
        changes = {
            "preprocessors": [{"use": "postgres/job-products", "dsn": DSN, "missing": "create"}],
            "sinks": [{"use": "postgres/queries", "dsn": DSN, "name": "rows"}, *sinks],
        }
        self.shop = Shop(folder, products=products, latency_ms=0, flaws=0, runtime=RETIRE, changes=changes)

    def run(self, products: int, code: int = 0, **runtime: object) -> dict:
        self.offer(products, **runtime)
        ended = self.shop.run(SHOP_DSN=self.database.dsn)
        assert ended.code == code, ended.err
        assert balanced(ended.json)
        return ended.json

    def offer(self, products: int, **runtime: object) -> None:
        """The catalogue from now on."""
        self.shop.products, self.shop.runtime = products, {**RETIRE, **runtime}
        self.shop.write()

    def active(self) -> list[tuple]:
        return sorted(self.database.rows("SELECT query_type, query_text FROM queries WHERE is_active"))

    def rows(self) -> list[tuple]:
        return self.database.rows("SELECT query_id, product_id, query_text, is_active FROM queries ORDER BY query_id")

    def lines(self) -> list[tuple]:
        lines = map(json.loads, (self.shop.folder / "out.jsonl").read_text("utf-8").splitlines())
        return sorted((line["query_type"], line["query_text"]) for line in lines)

    def expect(self, products: int) -> None:
        """Table and files hold the questions of exactly so many products."""
        document = json.loads((self.shop.folder / "out.json").read_text("utf-8"))
        assert len(document["products"]) == products
        assert self.active() == self.lines()
        active = "SELECT count(DISTINCT product_id) FROM queries WHERE is_active"
        assert self.database.value(active) == products


@pytest.fixture
def place(ready, tmp_path) -> Place:
    return Place(tmp_path / "shop", ready)


def test_what_left_the_catalogue_leaves_table_and_files_and_comes_back_as_it_was(place):
    first = place.run(10)
    rows = place.rows()
    gone = place.run(8)
    assert (gone["input"], gone["deleted"], gone["calls"]["new"], gone["not_in_input"]) == (10, 2, 0, 0)
    assert gone["sinks"]["rows"]["retired"] == first["queries"]["kept"] - gone["queries"]["kept"] > 0
    place.expect(8)
    assert [row[:3] for row in place.rows()] == [row[:3] for row in rows], "nothing is deleted"
    files = place.shop.marks()

    again = place.run(8)
    assert (again["deleted"], again["sinks"]["rows"]["retired"]) == (0, 0)
    assert place.shop.marks() == files

    back = place.run(10)
    assert (back["calls"]["new"], back["deleted"]) == (0, 0)
    assert place.rows() == rows
    place.expect(10)


def test_a_broken_feed_changes_nothing_anywhere(place):
    place.run(10)
    rows, files = place.rows(), place.shop.marks()
    stopped = place.run(8, code=65, max_retired_ratio=0.1)
    assert (stopped["stopped_by"], stopped["deleted"], stopped["not_in_input"]) == ("removed_products", 0, 2)
    assert (place.rows(), place.shop.marks()) == (rows, files)
    place.run(8, max_retired_ratio=0.2)
    place.expect(8)


def test_killed_again_and_again_while_products_leave_it_ends_with_what_is_left(ready, tmp_path):
    place = Place(tmp_path / "shop", ready, products=60)
    place.run(60)
    paid, draw = place.shop.paid, random.Random(12)
    killed = 0
    for left in (50, 40):
        place.offer(left)
        for _ in range(KILLS):
            process = place.shop.start(SHOP_DSN=ready.dsn)
            if draw.random() < 0.5:  # they are recorded as withdrawn, and perhaps one sink knows
                wait_for(process, lambda: place.shop.count("SELECT count(*) FROM manifest WHERE state = 'deleted'") > 0)
            else:
                time.sleep(draw.uniform(0.3, 1.2))
            time.sleep(draw.uniform(0, 0.05))
            killed += interrupt(process, signal.SIGKILL).code == -signal.SIGKILL
    assert killed > KILLS
    last = place.run(40)
    place.expect(40)
    assert (last["not_in_input"], last["calls"]["new"], place.shop.paid) == (0, 0, paid)
    assert place.run(40)["sinks"]["rows"]["retired"] == 0
