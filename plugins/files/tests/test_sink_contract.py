from __future__ import annotations

from collections import Counter
from pathlib import Path

from plugins.files.tests.snapshots import Held, stored
from querygen_core.api import SnapshotSink
from querygen_core.testing import SinkContract, context
from querygen_files import build_json, build_jsonl
from querygen_files.outputs import SnapshotOptions


class TestJsonl(SinkContract):
    name = "queries.jsonl"

    def sink(self, folder: Path) -> SnapshotSink:
        return build_jsonl(SnapshotOptions(path=str(folder / self.name)), context(folder))

    def stored(self) -> Held:
        path = self.folder / self.name
        return stored(path) if path.exists() else Counter()


class TestJson(TestJsonl):
    name = "queries.json"

    def sink(self, folder: Path) -> SnapshotSink:
        return build_json(SnapshotOptions(path=str(folder / self.name)), context(folder))
