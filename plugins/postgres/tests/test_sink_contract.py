from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from postgres_server import Database
from querygen_core.api import Sink
from querygen_core.testing import PluginContract, SinkContract, context
from querygen_postgres import build_queries
from querygen_postgres.options import QueriesOptions

_STORED = """
SELECT p.product_key, q.query_type, q.query_text
FROM queries q JOIN querygen.product p USING (product_id) WHERE q.is_active
"""


class TestPlugin(PluginContract):
    package = "querygen_postgres"
    libraries = frozenset({"querygen_embedded"})


class TestQueries(SinkContract):
    ledger = "auto"
    keeps_versions = True
    keeps_deleted = True

    @pytest.fixture(autouse=True)
    def _use(self, database: Database) -> None:
        self.dsn = database.dsn
        self.place = database
        asyncio.run(self._init())

    async def _init(self) -> None:
        sink = self.sink(self.folder)
        await sink.database.init()
        await sink.aclose()

    def sink(self, folder: Path) -> Sink:
        return build_queries(QueriesOptions(dsn=self.dsn, ledger=self.ledger), context(folder))

    def sink_with_fence(self, folder: Path, fence: int) -> Sink:
        return build_queries(QueriesOptions(dsn=self.dsn, ledger=self.ledger), context(folder, fence=fence))

    def sink_of_sample(self, folder: Path) -> Sink:
        return build_queries(QueriesOptions(dsn=self.dsn, ledger=self.ledger), context(folder, sample=True))

    def stored(self) -> Counter[tuple[str, str, str]]:
        return Counter(self.place.rows(_STORED))
