from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from aws_fixtures import new_bucket
from aws_s3_place import Place, of_document, of_lines
from aws_server.emulators import CREDENTIALS, Aws
from querygen_core.api import Shard, SnapshotSink
from querygen_core.testing import PluginContract, SinkContract


class TestPlugin(PluginContract):
    package = "querygen_aws"


class TestDocument(SinkContract):
    secret = CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    layout = "document"
    shard = Shard()
    keeps_versions = True

    @pytest.fixture(autouse=True)
    def _use(self, aws: Aws, environment: dict[str, str]) -> None:
        self.place = Place(new_bucket(aws), self.folder)

    def sink(self, folder: Path) -> SnapshotSink:
        return self.place.sink(self.shard, layout=self.layout)

    def sink_with_fence(self, folder: Path, fence: int) -> SnapshotSink:
        return self.place.sink(self.shard, layout=self.layout, fence=fence)

    def sink_of_sample(self, folder: Path) -> SnapshotSink:
        return self.place.sink(self.shard, layout=self.layout, sample=True)

    def stored(self) -> Counter[tuple[str, str, str]]:
        return of_document(self.place.document()) if self.place.names("query/") else Counter()


@pytest.mark.slow
class TestParts(TestDocument):
    layout = "parts"
    shard = Shard(partition_count=4)
    """So that a delivery makes few requests."""

    def stored(self) -> Counter[tuple[str, str, str]]:
        parts = self.place.objects(f"query/{self.place.name}/part-")
        return sum(map(of_lines, parts.values()), Counter())
