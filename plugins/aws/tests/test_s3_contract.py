from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from plugins.aws.tests.conftest import new_bucket
from plugins.aws.tests.s3_place import Place, of_document, of_lines
from querygen_core.api import SnapshotSink
from querygen_core.testing import PluginContract, SinkContract
from tests.servers.aws import CREDENTIALS, Aws


class TestPlugin(PluginContract):
    package = "querygen_aws"


class TestDocument(SinkContract):
    secret = CREDENTIALS["AWS_SECRET_ACCESS_KEY"]
    layout = "document"

    @pytest.fixture(autouse=True)
    def _use(self, aws: Aws, environment: dict[str, str]) -> None:
        self.place = Place(new_bucket(aws), self.folder)

    def sink(self, folder: Path) -> SnapshotSink:
        return self.place.sink(layout=self.layout)

    def stored(self) -> Counter[tuple[str, str, str]]:
        return of_document(self.place.document()) if self.place.names("query/") else Counter()


class TestParts(TestDocument):
    layout = "parts"

    def stored(self) -> Counter[tuple[str, str, str]]:
        parts = self.place.objects(f"query/{self.place.name}/part-")
        return sum(map(of_lines, parts.values()), Counter())
