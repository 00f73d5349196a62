"""The input: what was selected for a job."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from postgres_server import Database
from querygen_core.api import MissingInput, Product, Reject, SinkError
from querygen_core.testing import context
from querygen_postgres import build_source
from querygen_postgres.options import SourceOptions


@pytest.fixture
def read(ready: Database, tmp_path: Path):
    def call(job_id: str = "job", dsn: str = ready.dsn, **options: Any) -> list[Product | Reject]:
        source = build_source(SourceOptions(dsn=dsn, **options), context(tmp_path, job_id=job_id))
        try:
            return list(source.read())
        finally:
            asyncio.run(source.aclose())

    return call


def add(place: Database, *records: Any, job: str = "job", brand: str | None = None) -> list[int]:
    rows = []
    for record in records:
        statement = "INSERT INTO products (product_data, brand_name) VALUES (%s, %s) RETURNING product_id"
        row = place.value(statement, json.dumps(record), brand)
        place.rows("INSERT INTO jobselectedproducts (job_id, product_id) VALUES (%s, %s)", job, row)
        rows.append(row)
    return rows


@pytest.mark.slow
def test_products_come_in_the_order_of_their_ids_with_their_rows(ready, read):
    rows = add(ready, *({"id": f"P{number}", "title": f"Product {number}"} for number in range(250)))
    add(ready, {"id": "other", "title": "Of another job"}, job="another")
    found = read()
    assert [one.product_id for one in found] == [f"P{number}" for number in range(250)]
    assert [list(one.refs.values()) for one in found] == [[row] for row in rows]
    assert found[7].raw_ref == f"public.products:{rows[7]}"


def test_a_brand_that_only_its_column_knows_is_taken(ready, read):
    add(ready, {"title": "Kettle"}, brand=" Halden ")
    add(ready, {"title": "Lamp", "brand": "Castermoor"}, brand="Halden")
    assert [one.brand for one in read()] == ["Halden", "Castermoor"]


def test_what_is_no_product_is_rejected_and_the_rest_read(ready, read):
    rows = add(ready, ["a list"], {"id": 1}, {"title": "Kettle"})
    found = read()
    assert [getattr(one, "reason", "") for one in found] == ["bad_product_data", "no_title", ""]
    assert [(one.file, one.line) for one in found[:2]] == [("public.products", rows[0]), ("public.products", rows[1])]


def test_the_deployment_s_own_names_can_be_mapped(ready, read):
    add(ready, {"id": "1", "deep": {"called": "Kettle"}})
    (one,) = read(fields={"title": "deep.called"}, source="erp", locale="de")
    assert (one.title, one.key) == ("Kettle", "erp:1:de")


def test_a_product_selected_twice_comes_once(ready, read):
    (row,) = add(ready, {"title": "Kettle"})
    ready.rows("ALTER TABLE jobselectedproducts DROP CONSTRAINT jobselectedproducts_pkey")
    ready.rows("INSERT INTO jobselectedproducts (job_id, product_id) VALUES ('job', %s)", row)
    assert len(read()) == 1


def test_a_job_without_a_selection_is_missing(ready, read):
    add(ready, {"title": "Kettle"}, job="another")
    with pytest.raises(MissingInput, match="jobselectedproducts selects no product for job 'job'"):
        read()


def test_missing_tables_are_named_before_anything_is_read(database, tmp_path):
    source = build_source(SourceOptions(dsn=database.dsn), context(tmp_path))
    with pytest.raises(SinkError, match=r"table public\.products, table public\.jobselectedproducts; run: querygen db"):
        next(source.read())
    asyncio.run(source.aclose())


def test_a_replica_is_only_read_from_and_the_ids_are_the_primary_s(ready, read, server, monkeypatch):
    """A role whose sessions cannot write stands for a replica."""
    monkeypatch.setattr("querygen_postgres.preflight._FAIL_OVER", 0.0)
    (row,) = add(ready, {"title": "Kettle"})
    replica = ready.as_role("replica")
    ready.rows("GRANT SELECT ON products, jobselectedproducts TO replica")
    ready.rows("ALTER ROLE replica SET default_transaction_read_only = on")
    (one,) = read(read_dsn=replica)
    (place,) = one.refs
    assert one.refs == {place: row}
    with pytest.raises(SinkError, match="read-only"):
        read(dsn=replica)


@pytest.mark.slow
def test_reading_goes_on_after_the_connection_was_lost(ready, tmp_path):
    add(ready, *({"id": f"P{number}", "title": f"Product {number}"} for number in range(150)))
    source = build_source(SourceOptions(dsn=ready.dsn), context(tmp_path, job_id="job"))
    products = source.read()
    first = [next(products) for _ in range(100)]
    ready.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'querygen%%'")
    rest = list(products)
    asyncio.run(source.aclose())
    assert len({one.product_id for one in (*first, *rest)}) == 150
