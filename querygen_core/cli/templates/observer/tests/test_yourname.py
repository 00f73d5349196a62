from __future__ import annotations

import json
from pathlib import Path

from querygen_core.api import Observer
from querygen_core.testing import ObserverContract, PluginContract, context

from querygen_yourname import LogOptions, build_log


class TestPlugin(PluginContract):
    package = "querygen_yourname"


class TestLog(ObserverContract):
    def observer(self, folder: Path) -> Observer:
        return build_log(LogOptions(path=str(folder / "events.jsonl")), context(folder))

    def recorded(self) -> list[int]:
        lines = (self.folder / "events.jsonl").read_text("utf-8").splitlines()
        return [json.loads(line)["seq"] for line in lines]

    def test_a_line_that_a_kill_cut_short_is_written_again(self) -> None:
        self.send([1, 2])
        file = self.folder / "events.jsonl"
        file.write_bytes(file.read_bytes()[:-5])
        self.send([2, 3])
        self.expect([1, 2, 3])
