from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from querygen_core.api import Sink
from querygen_core.testing import PluginContract, SinkContract, context

from querygen_yourname import FolderOptions, build_folder


class TestPlugin(PluginContract):
    package = "querygen_yourname"


class TestFolder(SinkContract):
    def sink(self, folder: Path) -> Sink:
        return build_folder(
            FolderOptions(path=str(folder / "queries")), context(folder)
        )

    def stored(self) -> Counter[tuple[str, str, str]]:
        products = [
            json.loads(file.read_text("utf-8"))
            for file in (self.folder / "queries").glob("*.json")
        ]
        return Counter(
            (product["product_key"], query["query_type"], query["query_text"])
            for product in products
            for query in product["queries"]
        )
