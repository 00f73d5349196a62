"""The preprocessor: which row of `products` stands for a product."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from postgres_server import Database
from querygen_core.api import Product, Reject, SinkError
from querygen_core.testing import context, product
from querygen_postgres import build_job_products
from querygen_postgres.options import JobProductsOptions
from querygen_postgres.records import data_of

JOB = "spring"
KETTLE = product(product_id="K1", source="default")
LAMP = product(product_id="L1", source="default", title="Halden Lamp", brand="Halden", description="A lamp.")

Process = Callable[..., list[Product | Reject]]


@pytest.fixture
def process(ready: Database, tmp_path: Path) -> Process:
    """The results of a preprocessor of its own for these products."""

    def call(*products: Product, missing: str = "reject", job_id: str = JOB, dsn: str = ready.dsn) -> Any:
        async def run() -> Sequence[Product | Reject]:
            step = build_job_products(JobProductsOptions(dsn=dsn, missing=missing), context(tmp_path, job_id=job_id))
            try:
                return list(await step.process(products))
            finally:
                await step.aclose()

        return asyncio.run(run())

    return call


def create(process: Process, *products: Product, **given: str) -> list[int]:
    return [row_of(result) for result in process(*products, missing="create", **given)]


def row_of(result: Product | Reject) -> int:
    assert isinstance(result, Product), result
    ((place, row),) = result.refs.items()
    assert place.endswith("/public")
    return row


def add(
    place: Database, data: dict[str, Any], *, digest: str = "of the deployment", brand: str = "", job: str = JOB
) -> int:
    statement = "INSERT INTO products (product_data, brand_name, product_hash) VALUES (%s, %s, %s) RETURNING product_id"
    row = place.value(statement, json.dumps(data), brand, digest)
    if job:
        place.rows("INSERT INTO jobselectedproducts (job_id, product_id) VALUES (%s, %s)", job, row)
    return int(row)


def selected(place: Database, job: str = JOB) -> list[int]:
    rows = place.rows("SELECT product_id FROM jobselectedproducts WHERE job_id = %s ORDER BY 1", job)
    return [row for (row,) in rows]


def test_a_row_is_found_by_its_hash(ready, process):
    row = add(ready, {"anything": 1}, digest=KETTLE.content_hash())
    assert [row_of(result) for result in process(KETTLE)] == [row]


@pytest.mark.parametrize("name", ["product_id", "id", "sku"])
def test_a_row_is_found_by_its_own_id(ready, process, name):
    row = add(ready, {name: "K1", "title": "Something else"})
    assert [row_of(result) for result in process(KETTLE)] == [row]


@pytest.mark.parametrize("title", ["title", "name"])
def test_a_row_is_found_by_title_and_brand(ready, process, title):
    row = add(ready, {title: KETTLE.title.upper()}, brand=KETTLE.brand.lower())
    add(ready, {title: KETTLE.title}, brand="Another", digest="2")
    assert [row_of(result) for result in process(KETTLE)] == [row]


def test_the_hash_goes_before_the_id_and_the_id_before_the_title(ready, process):
    by_title = add(ready, {"title": KETTLE.title}, brand=KETTLE.brand, digest="1")
    assert [row_of(result) for result in process(KETTLE)] == [by_title]
    by_id = add(ready, {"id": "K1"}, digest="2")
    assert [row_of(result) for result in process(KETTLE)] == [by_id]
    by_hash = add(ready, {}, digest=KETTLE.content_hash())
    assert [row_of(result) for result in process(KETTLE)] == [by_hash]


def test_what_is_not_selected_for_the_job_is_rejected_and_nothing_is_written(ready, process):
    add(ready, {}, digest=KETTLE.content_hash(), job="another")
    (result,) = process(KETTLE)
    assert isinstance(result, Reject)
    assert (result.reason, result.key) == ("not_selected", KETTLE.key)
    assert "'spring'" in result.message
    assert ready.value("SELECT count(*) FROM products") == 1
    assert ready.value("SELECT count(*) FROM querygen.product") == 0


def test_two_rows_of_one_title_are_ambiguous(ready, process):
    add(ready, {"title": KETTLE.title}, brand=KETTLE.brand, digest="1")
    add(ready, {"title": KETTLE.title}, brand=KETTLE.brand, digest="2")
    (result,) = process(KETTLE)
    assert isinstance(result, Reject)
    assert result.reason == "ambiguous_product"


def test_a_row_selected_twice_is_one(ready, process):
    row = add(ready, {"id": "K1"})
    ready.rows("ALTER TABLE jobselectedproducts DROP CONSTRAINT jobselectedproducts_pkey")
    ready.rows("INSERT INTO jobselectedproducts (job_id, product_id) VALUES (%s, %s)", JOB, row)
    assert [row_of(result) for result in process(KETTLE)] == [row]


def test_missing_products_are_made_and_selected(ready, process):
    rows = create(process, KETTLE, LAMP)
    assert len(set(rows)) == 2
    assert selected(ready) == sorted(rows)
    stored = ready.rows("SELECT product_data, brand_name, product_hash FROM products WHERE product_id = %s", rows[0])
    assert stored == [(data_of(KETTLE), KETTLE.brand, KETTLE.content_hash())]
    assert create(process, LAMP, KETTLE) == [rows[1], rows[0]]
    assert ready.value("SELECT count(*) FROM products") == 2


def test_a_changed_product_keeps_its_row_and_the_row_has_the_new_data(ready, process):
    (row,) = create(process, KETTLE)
    changed = replace(KETTLE, title="Brassline Kettle II", description="Better.")
    assert create(process, changed) == [row]
    assert ready.rows("SELECT product_data, product_hash FROM products") == [(data_of(changed), changed.content_hash())]


def test_a_price_is_kept_up_to_date(ready, process):
    (row,) = create(process, replace(KETTLE, url="https://shop.example/old"))
    assert create(process, replace(KETTLE, url="https://shop.example/new")) == [row]
    assert ready.value("SELECT product_data ->> 'url' FROM products") == "https://shop.example/new"


def test_products_of_equal_content_share_a_row_until_one_changes(ready, process):
    twin = replace(KETTLE, product_id="K2")
    first, second = create(process, KETTLE, twin)
    assert first == second
    changed = replace(twin, description="No longer a twin.")
    third, fourth = create(process, KETTLE, changed)
    assert (third, fourth == first) == (first, False)
    assert create(process, replace(KETTLE, description="New.")) == [first], "nobody else has it any more"
    assert ready.value("SELECT count(*) FROM products") == 2


def test_two_products_of_one_title_are_two(ready, process):
    other = replace(KETTLE, product_id="K2", description="Another kettle of this name.")
    assert len(set(create(process, KETTLE, other))) == 2


def test_rows_of_the_deployment_keep_their_data(ready, process):
    row = add(ready, {"id": "K1", "title": "Theirs", "stock": 4}, job="")
    assert create(process, KETTLE) == [row]
    assert ready.rows("SELECT product_data, product_hash FROM products") == [
        ({"id": "K1", "title": "Theirs", "stock": 4}, "of the deployment")
    ]
    assert selected(ready) == [row]


def test_jobs_share_products_and_select_for_themselves(ready, process):
    (row,) = create(process, KETTLE)
    assert create(process, replace(KETTLE, description="New."), job_id="autumn") == [row]
    assert (selected(ready), selected(ready, "autumn")) == ([row], [row])


def test_a_product_that_cannot_be_stored_is_rejected_and_the_others_are_made(ready, process):
    ready.rows("ALTER TABLE products ADD CONSTRAINT short CHECK (length(brand_name) < 20)")
    bad = replace(LAMP, brand="A brand that is much too long", product_id="L2")
    nul = replace(LAMP, description="a\0b", product_id="L3")
    results = process(KETTLE, bad, nul, LAMP, missing="create")
    assert [type(result) for result in results] == [Product, Reject, Reject, Product]
    assert [result.reason for result in results if isinstance(result, Reject)] == ["unstorable"] * 2
    assert "column brand_name" in results[1].message
    assert len(selected(ready)) == 2


def test_eight_at_once_make_each_product_once(ready, process):
    from concurrent.futures import ThreadPoolExecutor

    products = [replace(KETTLE, product_id=f"K{number // 2}", title=f"Kettle {number // 3}") for number in range(60)]
    unique = list({one.key: one for one in products}.values())
    with ThreadPoolExecutor(8) as pool:
        orders = [unique[shift:] + unique[:shift] for shift in range(0, 24, 3)]
        rows = [
            dict(zip([one.key for one in order], done.result(), strict=True))
            for order, done in [(order, pool.submit(create, process, *order)) for order in orders]
        ]
    assert all(one == rows[0] for one in rows)
    contents = {one.content_hash() for one in unique}
    assert ready.value("SELECT count(*) FROM products") == len(contents)
    assert selected(ready) == sorted(set(rows[0].values()))


def test_a_role_that_may_only_look_can_look(ready, process):
    row = add(ready, {"id": "K1"})
    dsn = ready.as_role("onlooker")
    ready.rows("GRANT SELECT ON products, jobselectedproducts TO onlooker")
    assert [row_of(result) for result in process(KETTLE, dsn=dsn)] == [row]
    with pytest.raises(SinkError, match="permission denied") as caught:
        process(LAMP, missing="create", dsn=dsn)
    assert caught.value.kind == "auth"


def test_without_a_ledger_products_are_found_by_their_own_id(ready, process):
    ready.rows("DROP SCHEMA querygen CASCADE")
    dsn = ready.as_role("poor")
    ready.rows("GRANT SELECT, INSERT, UPDATE ON products, jobselectedproducts TO poor")
    ready.rows("GRANT USAGE ON SEQUENCE products_product_id_seq TO poor")
    (row,) = create(process, KETTLE, dsn=dsn)
    assert create(process, replace(KETTLE, title="Another title"), dsn=dsn) == [row]
    assert ready.value("SELECT to_regnamespace('querygen') IS NULL")
