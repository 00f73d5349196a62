"""A job on a small invented catalogue, in a folder of its own, to be interrupted in every way."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.process import Ended, end, install, querygen, start, write_catalogue, write_config

CONCURRENCY = 6
OUTPUTS = ("out.jsonl", "out.json")
_PLUGIN = Path(__file__).with_name("querygen_counted.py")
_THINGS = ("Kettle", "Casserole", "Lamp", "Backpack", "Grinder", "Blanket", "Stove", "Drill")
_MATERIALS = ("brushed steel", "cast iron", "oak", "wool", "ripstop nylon", "glass")


def records(count: int) -> list[dict[str, Any]]:
    """Products with enough to ask about, the same every time."""
    draw = random.Random(20_26)
    made = []
    for number in range(count):
        thing, material = draw.choice(_THINGS), draw.choice(_MATERIALS)
        made.append(
            {
                "id": f"S{number:03}",
                "title": f"Tarnholm {thing} {100 + number}",
                "brand": "Tarnholm",
                "category": f"Home > {thing}s",
                "product_type": thing.lower(),
                "description": f"A {thing.lower()} of {material} that was made to be used every day, number {number}.",
                "attributes": {
                    "Material": material,
                    "Weight": f"{draw.randint(2, 90) / 10} kg",
                    "Colour": draw.choice(("black", "cream", "sea green")),
                    "Warranty": f"{draw.randint(1, 9)} years",
                },
            }
        )
    return made


@dataclass
class Shop:
    """One folder with catalogue and config. `model`, `runtime` and `changes` end up in the config."""

    folder: Path
    products: int = 26
    latency_ms: float = 25
    flaws: float = 0.05
    runtime: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        install(self.folder / "site", "counted", _PLUGIN.read_text("utf-8"))
        self.write()

    def write(self) -> None:
        """Put catalogue and config where the next run finds them."""
        write_catalogue(self.folder / "catalogue.jsonl", records(self.products))
        rates = dict.fromkeys(("duplicates", "numbering", "leaks", "cut_off", "errors"), self.flaws)
        usual = {
            "job_id": "shop",
            "input": {"use": "files/catalogue", "path": "catalogue.jsonl"},
            "models": {"m": {"use": "counted/model", "latency_ms": self.latency_ms, "bill": "bill", **rates}},
            "generators": [
                {"name": "product", "prompt": "product", "model": "m", "query_type": "product", "count": 8},
                {"name": "market", "prompt": "market", "model": "m", "query_type": "market", "count": 8},
            ],
            "postprocessors": [{"use": "text/standardise"}, {"use": "text/quality"}, {"use": "text/dedup"}],
            # Jobs of some tests share the files.
            "sinks": [{"use": f"files/{name.partition('.')[2]}", "path": name, "replace": True} for name in OUTPUTS],
            "runtime": {"concurrency": CONCURRENCY, "drain": 10, **self.runtime},
        }
        write_config(self.folder / "shop.yaml", **{**usual, **self.changes})

    def start(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        command = ("run", "shop.yaml", "--json", "--log-level", "warning", *words)
        return start(*command, cwd=self.folder, path=[self.folder / "site"], **environ)

    def run(self, *words: str, **environ: str) -> Ended:
        return end(self.start(*words, **environ))

    def command(self, *words: str, **environ: str) -> Ended:
        """Another command than `run`."""
        return querygen(*words, cwd=self.folder, path=[self.folder / "site"], **environ)

    @property
    def paid(self) -> int:
        """Answers that the model ever gave."""
        bill = self.folder / "bill"
        return bill.stat().st_size if bill.exists() else 0

    def count(self, query: str, file: str = "shop/journal.sqlite") -> int:
        """A number from a database of the state folder as another process sees it; 0 while there is none."""
        file = self.folder / ".querygen" / file
        if not file.exists():
            return 0
        try:
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as db:
                return int(db.execute(query).fetchone()[0])
        except sqlite3.OperationalError:  # it is just being made
            return 0

    def outputs(self) -> dict[str, bytes]:
        return {name: (self.folder / name).read_bytes() for name in OUTPUTS if (self.folder / name).exists()}

    def marks(self) -> dict[str, tuple[int, int]]:
        """Inode and time of change of the outputs: equal means untouched."""
        status = {name: (self.folder / name).stat() for name in OUTPUTS}
        return {name: (one.st_ino, one.st_mtime_ns) for name, one in status.items()}


def interrupt(process: subprocess.Popen[str], number: signal.Signals) -> Ended:
    process.send_signal(number)
    return end(process)


def balanced(report: Mapping[str, Any]) -> bool:
    """Every record in one state, every question kept or dropped, every sink with all that was kept."""
    states = ("done", "short", "rejected", "duplicate", "failed", "deleted", "pending")
    queries = report["queries"]
    return (
        report["input"] == sum(report[state] for state in states)
        and queries["generated"] == queries["kept"] + sum(queries["dropped"].values())
        and all(
            sum(sink[name] for name in ("delivered", "unchanged", "backup", "held", "pending")) == queries["kept"]
            for sink in report["sinks"].values()
        )
    )
