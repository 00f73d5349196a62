"""A whole job in this process, and what tests of the engine look at beside its report."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any, cast

from querygen_core.api import Product
from querygen_core.engine.run import RunResult
from querygen_core.testing import InProcessJob, MemorySink


def product(number: int, **changes: Any) -> Product:
    return Product(**{"product_id": f"{number}", "title": f"Product {number}", "raw_ref": f"list:{number}", **changes})


def products(count: int) -> list[Product]:
    return [product(number) for number in range(count)]


class Lab(InProcessJob):
    @property
    def table(self) -> MemorySink:
        """The sink that a job has if it is given none."""
        return cast("MemorySink", self.sinks["table"])

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Of the job's journal and of the answers of all jobs."""
        with closing(sqlite3.connect(self.state / "journal.sqlite")) as db, db:
            db.execute("ATTACH ? AS store", (str(self.state.parent / "answers.sqlite"),))
            return db.execute(query, values).fetchall()


def states(result: RunResult) -> dict[str, int]:
    """The states that occur."""
    names = ("done", "short", "rejected", "duplicate", "failed", "pending")
    return {name: result.report[name] for name in names if result.report[name]}
