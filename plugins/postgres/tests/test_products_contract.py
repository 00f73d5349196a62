from __future__ import annotations

import json
from pathlib import Path

import pytest

from postgres_server import Database
from querygen_core.api import Input, Preprocessor
from querygen_core.testing import InputContract, PreprocessorContract, context, product
from querygen_postgres import build_job_products, build_source
from querygen_postgres.options import JobProductsOptions, SourceOptions
from querygen_postgres.records import data_of

JOB = "job"
_ADD = """
WITH made AS (
  INSERT INTO products (product_data, brand_name, product_hash)
  SELECT data, data ->> 'brand', md5(data::text) FROM jsonb_array_elements(%s::jsonb) AS given(data)
  RETURNING product_id)
INSERT INTO jobselectedproducts (job_id, product_id) SELECT 'job', product_id FROM made
"""


class TestMaking(PreprocessorContract):
    missing = "create"

    @pytest.fixture(autouse=True)
    def _use(self, ready: Database) -> None:
        self.dsn = ready.dsn

    def build(self, tmp_path: Path) -> Preprocessor:
        return build_job_products(JobProductsOptions(dsn=self.dsn, missing=self.missing), context(tmp_path))


class TestLooking(TestMaking):
    missing = "reject"

    @pytest.fixture(autouse=True)
    def _fill(self, ready: Database) -> None:
        ready.rows(_ADD, json.dumps([data_of(product(product_id="1")), data_of(product(product_id="9"))]))


class TestSource(InputContract):
    @pytest.fixture(autouse=True)
    def _use(self, ready: Database) -> None:
        self.place = ready
        self.fill(3)

    @pytest.mark.slow
    def test_keeps_little_in_memory(self) -> None:
        super().test_keeps_little_in_memory()

    def fill(self, count: int) -> None:
        made = [{**data_of(product(product_id=str(n), title=f"Kettle {n}"))} for n in range(count)]
        self.place.rows("TRUNCATE products CASCADE")
        self.place.rows(_ADD, json.dumps(made))

    def build(self, tmp_path: Path) -> Input:
        return build_source(SourceOptions(dsn=self.place.dsn), context(tmp_path, job_id=JOB))

    def many(self, tmp_path: Path, count: int) -> Input:
        self.fill(count)
        return self.build(tmp_path)

    def missing(self, tmp_path: Path) -> Input:
        return build_source(SourceOptions(dsn=self.place.dsn), context(tmp_path, job_id="another"))
