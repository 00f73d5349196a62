"""Whole jobs, as a user runs them, into a server of their own and into one that is there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from postgres_server import Database
from tests.cli.process import querygen
from tests.faults.shop import Shop, balanced

pytestmark = pytest.mark.slow

PROMPTS = Path(__file__).parents[3] / "prompts"
EMBEDDED = {"use": "postgres/queries", "dsn": "embedded", "name": "rows"}
LINES = {"use": "files/jsonl", "path": "out.jsonl"}
ROWS = "SELECT query_id, product_id, query_type, query_text, is_active FROM queries ORDER BY query_id"


def report(shop: Shop, *words: str) -> dict[str, Any]:
    ended = shop.run(*words)
    assert ended.code == 0, ended.err
    made: dict[str, Any] = ended.json
    assert balanced(made)
    return made


def queried(shop: Shop, sql: str) -> list[dict[str, Any]]:
    ended = querygen("db", "query", "shop.yaml", sql, "--json", cwd=shop.folder, path=[shop.folder / "site"])
    assert ended.code == 0, ended.err
    found: list[dict[str, Any]] = json.loads(ended.out)
    return found


def texts(shop: Shop) -> list[tuple[str, str]]:
    lines = map(json.loads, (shop.folder / "out.jsonl").read_text("utf-8").splitlines())
    return sorted((line["query_type"], line["query_text"]) for line in lines)


def active(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((row["query_type"], row["query_text"]) for row in rows if row["is_active"])


def test_a_job_into_a_server_of_its_own(tmp_path):
    shop = Shop(tmp_path / "shop", products=8, latency_ms=0, changes={"sinks": [LINES, EMBEDDED]})
    shutil.copytree(PROMPTS, shop.folder / "prompts")
    first = report(shop)
    rows = queried(shop, ROWS)
    assert active(rows) == texts(shop)
    assert first["sinks"]["rows"]["delivered"] == first["queries_saved_to_db"] == len(rows) == first["queries"]["kept"]

    again = report(shop)
    assert (again["calls"]["new"], again["sinks"]["rows"]["unchanged"]) == (0, len(rows))
    assert queried(shop, ROWS) == rows

    prompt = shop.folder / "prompts" / "market.j2"
    text = prompt.read_text("utf-8")
    prompt.write_text(text.replace("{% block system %}", "{% block system %}Hello. ", 1), "utf-8")
    changed = report(shop)
    assert changed["calls"]["new"] > 0
    new_rows = queried(shop, ROWS)
    assert active(new_rows) == texts(shop)
    before = {row["query_id"]: row for row in rows}
    kept = [row for row in new_rows if row["is_active"] and row["query_id"] in before]
    assert all(row == before[row["query_id"]] for row in kept)
    assert {row["query_type"] for row in new_rows if row["query_id"] not in before} <= {"market"}
    assert before.keys() <= {row["query_id"] for row in new_rows}, "nothing is deleted"

    prompt.write_text(text)
    assert report(shop)["calls"]["new"] == 0
    back = queried(shop, ROWS)
    assert [row for row in back if row["is_active"]] == rows
    assert len(back) == len(new_rows), "no new row for what comes back"

    shutil.rmtree(shop.folder / ".querygen" / "shop" / "postgres")
    anew = report(shop)
    assert (anew["calls"]["new"], anew["sinks"]["rows"]["delivered"]) == (0, len(rows))
    assert active(queried(shop, ROWS)) == texts(shop)


@pytest.fixture
def deployed(ready: Database, tmp_path: Path) -> Shop:
    """A job on a database that is there, with a preprocessor; the dsn is a secret of the environment."""
    dsn = "${secret:env:SHOP_DSN}"
    step = {"use": "postgres/job-products", "dsn": dsn, "missing": "create"}
    sink = {"use": "postgres/queries", "dsn": dsn, "name": "rows"}
    return Shop(
        tmp_path / "shop", products=8, latency_ms=0, flaws=0, changes={"preprocessors": [step], "sinks": [sink, LINES]}
    )


def test_a_job_into_the_deployment_s_tables_and_out_of_them(deployed, ready):
    ended = deployed.run(SHOP_DSN=ready.dsn)
    assert ended.code == 0, ended.err
    assert sorted(ready.rows("SELECT query_type, query_text FROM querygen.active_queries")) == texts(deployed)
    assert ready.value("SELECT count(*) FROM jobselectedproducts WHERE job_id = 'shop'") == 8
    assert ready.value("SELECT count(*) FROM products WHERE brand_name = 'Tarnholm'") == 8
    source = {"use": "postgres/job-products", "dsn": "${secret:env:SHOP_DSN}"}
    deployed.changes = {**deployed.changes, "input": source, "preprocessors": []}
    deployed.write()
    again = deployed.run(SHOP_DSN=ready.dsn)
    assert (again.code, again.json["done"], again.json["calls"]["new"]) == (0, 8, 0), again.err
    assert again.json["sinks"]["rows"]["unchanged"] == again.json["queries"]["kept"]


def test_what_a_database_lacks_is_said_before_anything_is_paid(deployed, database):
    database.rows("DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP SCHEMA IF EXISTS querygen CASCADE")
    ended = deployed.run(SHOP_DSN=database.dsn)
    assert (ended.code, deployed.paid) == (74, 0)
    assert "missing: table public.products, table public.queries; run: querygen db init CONFIG" in ended.err
    assert "Traceback" not in ended.err
    words = ("shop.yaml", "--log-level", "warning")
    given = {"cwd": deployed.folder, "path": [deployed.folder / "site"], "SHOP_DSN": database.dsn}
    lacking = querygen("db", "check", *words, **given)
    assert lacking.code == 78
    assert "missing: table public.jobselectedproducts" in lacking.out
    assert querygen("db", "init", *words, **given).code == 0
    sound = querygen("db", "check", *words, **given)
    assert (sound.code, sound.out.splitlines()[1:]) == (0, ["  nothing is missing"])
    assert deployed.run(SHOP_DSN=database.dsn).code == 0


def test_a_wrong_password_is_77_and_shows_nowhere(deployed, ready):
    dsn = ready.dsn.replace("password=", "password=canary-")
    ended = deployed.run(SHOP_DSN=dsn)
    assert (ended.code, deployed.paid) == (77, 0)
    assert "password authentication failed" in ended.err
    state = deployed.folder / ".querygen"
    kept = [path.read_bytes() for path in state.rglob("*") if path.is_file()]
    assert not any(b"canary" in text for text in [*kept, ended.out.encode(), ended.err.encode()])
