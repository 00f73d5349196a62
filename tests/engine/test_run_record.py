from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from querygen_core.api import LETTER_KINDS, Reject, RunRecord, SinkError
from querygen_core.contracts.errors import Exit
from querygen_core.engine import run_record
from querygen_core.testing import MemorySink
from tests.engine.lab import Lab, product, products


class Keeping(MemorySink):
    """Remembers the runs that it was told of."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.runs: list[tuple[int, bool, dict[str, list[str]]]] = []

    async def keep_run(self, run: RunRecord) -> None:
        letters = {kind: [letter["product_key"] async for letter in run.letters(kind)] for kind in LETTER_KINDS}
        self.runs.append((run.report["exit_code"], run.whole, letters))


def test_a_sink_is_told_how_each_run_ended_and_what_was_not_processed(tmp_path: Path):
    table = Keeping(refuses=lambda outcome: "too long" if outcome.title == "Product 1" else None)
    lab = Lab(tmp_path, [*products(3), Reject(reason="bad", message="bad", key="x:9:en")], sinks={"table": table})
    lab.run()
    letters = {"rejected": ["x:9:en"], "failed": [], "refused": [product(1).key]}
    assert table.runs == [(Exit.SINK_FAILED, True, letters)]
    lab.run(sample=2)
    assert len(table.runs) == 1, "a sample tells of nothing"


def test_a_run_that_ended_early_is_told_of_too(tmp_path: Path):
    table = Keeping()
    lab = Lab(tmp_path, products(20), sinks={"table": table}, runtime={"max_calls": 2, "concurrency": 1})
    lab.run()
    assert [(code, whole) for code, whole, _ in table.runs] == [(Exit.PROVIDER_REFUSES, False)]


@pytest.mark.parametrize("error", [SinkError("permanent", "no room"), ValueError("oops"), None])
def test_a_sink_that_cannot_keep_it_changes_no_result(tmp_path: Path, monkeypatch, caplog, error):
    class Bad(MemorySink):
        async def keep_run(self, _: RunRecord) -> None:
            if error is None:
                await asyncio.sleep(3600)
            else:
                raise error

    monkeypatch.setattr(run_record, "_LONGEST", 0.05)
    result = Lab(tmp_path, products(2), sinks={"table": Bad()}).run()
    assert result.code == Exit.DONE
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line.startswith("sink table: ")
