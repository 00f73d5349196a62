from __future__ import annotations

from pathlib import Path

from querygen_core.api import Input
from querygen_core.testing import InputContract, PluginContract, context

from querygen_yourname import LinesOptions, build_lines


class TestPlugin(PluginContract):
    package = "querygen_yourname"


class TestLines(InputContract):
    def build(self, tmp_path: Path) -> Input:
        (tmp_path / "products.jsonl").write_text(
            '{"id": "1", "title": "Kettle"}\n{"id": "2"\n\n{"id": "3", "title": "Toaster"}\n'
        )
        return self.lines(tmp_path, "products.jsonl")

    def many(self, tmp_path: Path, count: int) -> Input:
        lines = (
            f'{{"id": "{number}", "title": "Product {number}"}}\n'
            for number in range(count)
        )
        (tmp_path / "many.jsonl").write_text("".join(lines))
        return self.lines(tmp_path, "many.jsonl")

    def missing(self, tmp_path: Path) -> Input:
        return self.lines(tmp_path, "nowhere.jsonl")

    def lines(self, folder: Path, name: str) -> Input:
        return build_lines(LinesOptions(path=str(folder / name)), context(folder))
