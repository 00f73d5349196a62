"""A whole run, in a process of its own, whose database is not always there."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from faults_world import prepare, through
from postgres_server import Database
from tcp_proxy import Proxy, proxied
from tests.cli.process import LIMIT, end, wait_for
from tests.faults.shop import Shop, balanced, interrupt

pytestmark = pytest.mark.slow

PRODUCTS = 26
SINKS = [
    {"use": "postgres/queries", "name": "db", "dsn": "${secret:env:DATABASE}", "connect_timeout": 2},
    {"use": "files/jsonl", "path": "out.jsonl"},
]
_MADE = "SELECT count(*) FROM manifest WHERE state IN ('done', 'short')"
_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'querygen:%' AND datname = current_database()"
)
_STORED = """
SELECT p.product_data ->> 'product_id', q.query_type, q.query_text FROM queries q JOIN products p USING (product_id)
"""


class Place:
    """A shop whose questions go to a database, by way of a proxy, and to a file, which says what should be there."""

    def __init__(self, shop: Shop, database: Database, proxy: Proxy) -> None:
        self.shop = shop
        self.database = database
        self.proxy = proxy
        self.environ = {"DATABASE": through(database.dsn, proxy.port)}

    def made(self) -> int:
        return self.shop.count(_MADE)

    def delivered(self) -> int:
        return self.database.value("SELECT count(DISTINCT product_id) FROM queries")

    def go_away(self) -> int:
        """The server is gone for who comes through the proxy; the number of products that it has got for good."""
        self.proxy.refuse()
        self.proxy.cut_all()
        until = time.monotonic() + LIMIT  # what had arrived may still be committed
        while self.database.value(_OTHERS) and time.monotonic() < until:
            time.sleep(0.01)
        return self.delivered()

    def start(self, *words: str):
        return self.shop.start(*words, **self.environ)

    def run(self, *words: str):
        return end(self.start(*words))

    def expect_all(self, without: str = "") -> int:
        lines = map(json.loads, (self.shop.folder / "out.jsonl").read_text("utf-8").splitlines())
        wanted = Counter((line["product_id"], line["query_type"], line["query_text"]) for line in lines)
        wanted = Counter({key: count for key, count in wanted.items() if key[0] != without})
        stored = Counter(self.database.rows(_STORED))
        assert stored == wanted, (sorted(stored - wanted)[:3], sorted(wanted - stored)[:3])
        assert self.database.value("SELECT count(*) FROM products") == PRODUCTS - bool(without)
        return wanted.total()


@pytest.fixture
def place(database, tmp_path) -> Iterator[Place]:
    prepare(database, tmp_path)
    shop = Shop(tmp_path / "shop", products=PRODUCTS, latency_ms=60, changes={"sinks": SINKS})
    server = database.server.parameters
    with proxied(str(server["host"]), int(server["port"])) as proxy:
        yield Place(shop, database, proxy)


def test_a_server_that_is_away_for_a_while(place):
    """Products are made meanwhile, and delivered when it is back."""
    process = place.start()
    assert wait_for(process, lambda: place.delivered() > 0)
    left = place.go_away()
    assert wait_for(process, lambda: place.made() == PRODUCTS)
    assert place.delivered() == left < PRODUCTS
    assert process.poll() is None
    place.proxy.accept()
    ended = end(process)
    assert ended.code == 0, ended.err
    assert "trying again in" in ended.err
    assert balanced(ended.json)
    report = ended.json["sinks"]["db"]
    total = place.expect_all()
    assert (report["delivered"] + report["unchanged"], report["pending"]) == (total, 0)
    paid = place.shop.paid
    again = place.run()
    assert (again.code, again.json["sinks"]["db"]["unchanged"], place.shop.paid) == (0, total, paid)


def test_a_server_that_does_not_come_back(place):
    """All is made and in the journal; the next run delivers it without a call."""
    process = place.start()
    assert wait_for(process, lambda: place.delivered() > 0)
    place.go_away()
    assert wait_for(process, lambda: place.made() == PRODUCTS)
    assert process.poll() is None, "it is patient"
    ended = interrupt(process, signal.SIGTERM)
    assert ended.code == 75, ended.err
    assert "Traceback" not in ended.err
    paid = place.shop.paid
    place.proxy.accept()
    again = place.run()
    assert again.code == 0, again.err
    assert (again.json["calls"]["new"], place.shop.paid) == (0, paid)
    assert balanced(again.json)
    assert again.json["sinks"]["db"]["delivered"] > 0
    place.expect_all()


def test_a_server_that_is_not_there_at_the_start(place):
    """Nothing is paid for what could not be stored."""
    place.proxy.refuse()
    ended = place.run()
    assert (ended.code, place.shop.paid) == (75, 0), ended.err
    assert "Connection refused" in ended.err
    place.proxy.accept()
    assert place.run().code == 0
    place.expect_all()


def test_a_sink_that_is_not_required(place):
    place.shop.changes = {"sinks": [{**SINKS[0], "required": False}, SINKS[1]]}
    place.shop.write()
    place.proxy.refuse()
    ended = place.run()
    assert ended.code == 0, ended.err
    assert "WARNING" in ended.err
    assert "sink db" in ended.err
    assert ended.json["sinks"]["db"]["pending"] == ended.json["queries"]["kept"]
    paid = place.shop.paid
    place.proxy.accept()
    again = place.run()
    assert (again.code, place.shop.paid) == (0, paid)
    place.expect_all()


@pytest.mark.parametrize(
    "poison",
    [
        "ALTER TABLE queries ADD CONSTRAINT tame CHECK (query_text NOT LIKE '%Tarnholm%107%')",
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF NEW.query_text LIKE '%Tarnholm%107%' THEN
             RAISE EXCEPTION 'not this one' USING COLUMN = 'query_text'; END IF; RETURN NEW; END $$;
           CREATE TRIGGER tame BEFORE INSERT ON queries FOR EACH ROW EXECUTE FUNCTION refuse()""",
    ],
    ids=["check", "trigger"],
)
def test_one_product_that_the_table_refuses(place, poison):
    """The seventh product alone goes to the dead letters; it is delivered once the table takes it."""
    place.database.rows(poison)
    ended = place.run()
    assert ended.code == 0, ended.err
    letters = (place.shop.folder / ".querygen" / "shop" / "dead_letters.jsonl").read_text("utf-8").splitlines()
    (letter,) = map(json.loads, letters)
    assert letter["product_key"] == "default:S007:en"
    assert "query_text" in letter["message"]
    assert balanced(ended.json)
    assert ended.json["sinks"]["db"]["pending"] > 0
    place.expect_all(without="S007")
    place.database.rows("ALTER TABLE queries DROP CONSTRAINT IF EXISTS tame")
    place.database.rows("DROP TRIGGER IF EXISTS tame ON queries")
    paid = place.shop.paid
    again = place.run()
    assert (again.code, place.shop.paid) == (0, paid)
    place.expect_all()
