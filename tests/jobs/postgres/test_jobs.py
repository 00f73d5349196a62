"""Whole jobs that share products: whose questions are shown, and what becomes of rows and of the ledger in between."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from postgres_server import Database
from tests.faults.shop import Shop, balanced

_ACTIVE = "SELECT q.query_type, q.query_text FROM queries q WHERE q.is_active"
SINK = {"use": "postgres/queries", "dsn": "${secret:env:SHOP_DSN}", "name": "rows"}


class Deployment:
    """A shop whose questions go to a database, and to a file that says what should be there."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.shop = Shop(folder / "shop", products=6, latency_ms=0, flaws=0)
        self.database = database
        self.change()

    def change(self, sink: dict[str, Any] | None = None, **changes: Any) -> None:
        sinks = [{**SINK, **(sink or {})}, {"use": "files/jsonl", "path": "out.jsonl", "replace": True}]
        self.shop.changes = {"sinks": sinks, **changes}
        self.shop.write()

    def run(self, job: str = "shop") -> dict[str, Any]:
        """What the report says of the database."""
        ended = self.shop.run("--job-id", job, SHOP_DSN=self.database.dsn)
        assert ended.code == 0, ended.err
        assert balanced(ended.json)
        sink: dict[str, Any] = ended.json["sinks"]["rows"]
        return sink

    def shows_what_it_should(self) -> bool:
        lines = map(json.loads, (self.shop.folder / "out.jsonl").read_text("utf-8").splitlines())
        return Counter(self.database.rows(_ACTIVE)) == Counter(
            (line["query_type"], line["query_text"]) for line in lines
        )


@pytest.fixture
def deployment(ready: Database, tmp_path: Path) -> Deployment:
    return Deployment(tmp_path, ready)


@pytest.mark.slow
def test_two_jobs_over_one_catalogue_take_turns(deployment):
    """As two nights of a schedule that gives each its own job id."""
    total = deployment.run("monday")["delivered"]
    assert total > 50
    for job in ("tuesday", "monday", "tuesday"):
        sink = deployment.run(job)
        assert (sink["delivered"], sink["displaced"], sink["retired"]) == (total, total, 0)
        assert deployment.shows_what_it_should()
    sink = deployment.run("tuesday")
    assert (sink["unchanged"], sink["displaced"]) == (total, 0)
    assert deployment.database.value("SELECT count(*) FROM queries") == 2 * total


@pytest.mark.slow
@pytest.mark.parametrize(
    "harm",
    [
        "TRUNCATE querygen.delivery",
        "DROP SCHEMA querygen CASCADE",
        "DELETE FROM queries WHERE query_id % 5 = 0",
        "UPDATE queries SET query_text = 'spoilt ' || query_id WHERE query_id % 5 = 0",
    ],
)
def test_the_next_run_mends_what_was_harmed(deployment, harm: str):
    total = deployment.run()["delivered"]
    deployment.database.rows(harm)
    sink = deployment.run()
    assert sink["delivered"] + sink["unchanged"] == total
    assert deployment.shows_what_it_should()
    assert deployment.run()["unchanged"] == total
    assert deployment.database.value("SELECT count(*) FROM queries WHERE is_active") == total


@pytest.mark.slow
def test_the_step_to_a_ledger_doubles_nothing(deployment):
    deployment.change({"ledger": "off"})
    total = deployment.run()["delivered"]
    deployment.change()
    assert deployment.run()["unchanged"] == total
    assert deployment.database.value("SELECT count(*) FROM queries") == total


@pytest.mark.slow
def test_a_trigger_that_swallows_rows_delivers_nothing(deployment):
    deployment.database.rows(
        # All but the rows of the check, which would find it before anything is paid.
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.query_text LIKE '%question of a check%' THEN RETURN NEW; END IF; RETURN NULL; END $$"
    )
    deployment.database.rows("CREATE TRIGGER t BEFORE INSERT ON queries FOR EACH ROW EXECUTE FUNCTION swallow()")
    ended = deployment.shop.run(SHOP_DSN=deployment.database.dsn)
    assert (ended.code, ended.json["stopped_by"]) == (74, "sink"), ended.err
    assert balanced(ended.json)
    sink = ended.json["sinks"]["rows"]
    assert sink["delivered"] == sink["unchanged"] == 0
    assert sink["pending"] > 50
    letters = (deployment.shop.folder / ".querygen" / "shop" / "dead_letters.jsonl").read_text("utf-8").splitlines()
    assert len(letters) == 6
    assert all("a trigger drops or changes them (triggers for INSERT: t)" in letter for letter in letters)


@pytest.mark.slow
def test_deactivate_without_a_ledger_is_a_config_error(deployment):
    deployment.change({"ledger": "off", "previous_jobs": "deactivate"})
    ended = deployment.shop.run(SHOP_DSN=deployment.database.dsn)
    assert (ended.code, deployment.shop.paid) == (78, 0)
    assert "previous_jobs: deactivate needs the ledger" in ended.err
    assert "Traceback" not in ended.err
