"""A job that asks a stand-in for Gemini, as a user runs it: a process of its own, in a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gemini_fixtures import KEY
from gemini_server import Gemini
from tests.cli.process import LIMIT, Ended, end
from tests.faults.shop import Shop, balanced

LITE = "gemini-3.5-flash-lite"
FLASH = "gemini-3.8-flash"
JSONL = {"use": "files/jsonl", "path": "out.jsonl"}
EMBEDDED = {"use": "postgres/queries", "dsn": "embedded", "name": "rows"}
ROWS = "SELECT query_id, product_id, query_type, query_text, is_active FROM queries ORDER BY query_id"
MILD = {"429_info": 0.08, "500": 0.05, "close": 0.05, "broken_json": 0.05, "cut": 0.06, "blocked_prompt": 0.05}
"""What goes wrong in every long job, often enough for a short one to meet all of it."""
USUAL = {"429_info": 0.03, "500": 0.01, "close": 0.01, "broken_json": 0.02, "cut": 0.02, "blocked_prompt": 0.01}
"""The same as often as it may be in a long one."""
CATALOGUES = [str(Path(name).resolve()) for name in os.environ.get("QUERYGEN_CATALOGUES", "").split(os.pathsep) if name]
"""Real catalogues, for whoever has some."""


@dataclass
class Job(Shop):
    """A shop whose models, `product` and `market`, are Gemini's, at `url`.

    options: of both models. of_market: of the second one only. catalogue: a file instead of the invented products.
    """

    url: str = ""
    catalogue: str = ""
    count: int = 6
    options: dict[str, Any] = field(default_factory=dict)
    of_market: dict[str, Any] = field(default_factory=dict)
    sinks: tuple[dict[str, Any], ...] = (JSONL,)

    def write(self) -> None:
        usual = {"use": "gemini/api", "api_key": "${secret:env:GEMINI_API_KEY}", "base_url": self.url, **self.options}
        self.changes = {
            **self.changes,
            "models": {"product": {"model": LITE, **usual}, "market": {"model": FLASH, **usual, **self.of_market}},
            "generators": [
                {"name": name, "prompt": name, "model": name, "query_type": name, "count": self.count}
                for name in ("product", "market")
            ],
            "sinks": list(self.sinks),
        }
        if self.catalogue:
            self.changes["input"] = {"use": "files/catalogue", "path": self.catalogue}
        super().write()

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        return super().start(*words, **{"GEMINI_API_KEY": KEY, **environ})

    def run(self, *words: str, **environ: str) -> Ended:
        return end(self.start(*words, **environ), limit=3600 if self.catalogue else LIMIT)

    def command(self, *words: str, **environ: str) -> Ended:
        return super().command(*words, **{"GEMINI_API_KEY": KEY, **environ})

    def report(self, *words: str, **environ: str) -> dict[str, Any]:
        """Of a run that does all there is to do."""
        ended = self.run(*words, **environ)
        assert ended.code == 0, ended.err
        made: dict[str, Any] = ended.json
        assert balanced(made)
        return made

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "out.jsonl").read_text("utf-8").splitlines()]

    def rows(self) -> list[dict[str, Any]]:
        """What the embedded database holds."""
        ended = self.command("db", "query", "shop.yaml", ROWS, "--json")
        assert ended.code == 0, ended.err
        found: list[dict[str, Any]] = json.loads(ended.out)
        return found


def texts(made: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((one["query_type"], one["query_text"]) for one in made)


def paid(server: Gemini) -> int:
    return int(server.stats()["paid"])


def total(tokens: Mapping[str, int]) -> tuple[int, int]:
    """Of the stand-in's count: what goes in, and what comes out, thinking included."""
    return tokens["prompt"], tokens["output"] + tokens["thoughts"]
