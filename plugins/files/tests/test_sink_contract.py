from __future__ import annotations

from collections import Counter
from pathlib import Path

from files_snapshots import Held, stored
from querygen_core.api import SnapshotSink
from querygen_core.testing import SinkContract, context
from querygen_files import build_json, build_jsonl
from querygen_files.options import SnapshotOptions


class TestJsonl(SinkContract):
    name = "queries.jsonl"
    keeps_versions = True
    build = staticmethod(build_jsonl)

    def sink(self, folder: Path) -> SnapshotSink:
        return self.build(SnapshotOptions(path=str(folder / self.name)), context(folder))

    def sink_with_fence(self, folder: Path, fence: int) -> SnapshotSink:
        return self.build(SnapshotOptions(path=str(folder / self.name)), context(folder, fence=fence))

    def sink_of_sample(self, folder: Path) -> SnapshotSink:
        return self.build(SnapshotOptions(path=str(folder / self.name)), context(folder, sample=True))

    def stored(self) -> Held:
        path = self.folder / self.name
        return stored(path) if path.exists() else Counter()


class TestJson(TestJsonl):
    name = "queries.json"
    build = staticmethod(build_json)
