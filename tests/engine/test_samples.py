"""A sample tries something out: it changes nothing that was delivered."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from querygen_core.api import Receipt
from querygen_core.contracts.errors import Exit
from querygen_core.testing import MemorySink, MemorySnapshotSink, ScriptedProvider, three_questions
from tests.engine.lab import Lab, products


@dataclass
class Shelf(MemorySink):
    """Takes of a sample what it has nothing of."""

    identity: str = "lab/shelf"
    takes_samples: bool = True
    is_sample: bool = False

    async def apply(self, outcomes):
        free = [one for one in outcomes if not (self.is_sample and one.product_key in self.outcomes)]
        taken = {receipt.product_key: receipt for receipt in await super().apply(free)}
        return [
            taken.get(one.product_key) or Receipt(product_key=one.product_key, held=len(one.queries))
            for one in outcomes
        ]


@dataclass
class Preview(MemorySnapshotSink):
    takes_samples: bool = True


@pytest.mark.parametrize("kind", [MemorySink, MemorySnapshotSink])
def test_a_sink_that_knows_no_samples_is_neither_checked_nor_given_any(tmp_path: Path, kind, caplog):
    caplog.set_level(logging.INFO)
    sink = kind()
    lab = Lab(tmp_path, products(5), sinks={"out": sink})
    lab.run()
    before = dict(sink.texts), getattr(sink, "published", None)
    sink.check_error = RuntimeError("down")
    lab.records = products(9)
    result = lab.run(sample=7)
    assert (result.code, result.report["done"]) == (Exit.DONE, 7)
    assert (dict(sink.texts), getattr(sink, "published", None)) == before
    numbers = result.report["sinks"]["out"]
    assert (numbers.pop("held"), numbers.pop("identity")) == (21, sink.identity)
    assert not any(numbers.values()), numbers
    told = [record.getMessage() for record in caplog.records if "gets nothing of a sample" in record.getMessage()]
    assert told == ["sink out (lab/out) gets nothing of a sample: it could not keep it apart"]


def test_what_a_sink_of_rows_keeps_to_itself_is_held_and_balances(tmp_path: Path):
    shelf = Shelf()
    lab = Lab(tmp_path, products(3), sinks={"shelf": shelf})
    lab.run()
    shelf.is_sample, lab.records = True, products(9)
    sampled = lab.run(sample=5)
    assert sampled.code == Exit.DONE
    numbers = sampled.report["sinks"]["shelf"]
    assert (numbers["delivered"], numbers["held"], numbers["pending"], numbers["retired"]) == (6, 9, 0, 0)
    assert sampled.report["queries_saved_to_db"] == 6


def test_a_sample_shows_this_run_only(tmp_path: Path):
    """Not the questions that an earlier prompt has made of a product that the new one fails for."""
    page = Preview()
    lab = Lab(tmp_path, products(6), sinks={"page": page}, runtime={"max_failed_ratio": 1})
    lab.run()
    lab.records = [replace(one, title=f"New {one.title}") for one in products(6)]
    broken = lab.records[1].title
    lab.model = ScriptedProvider(
        lambda asked, number: ValueError("boom") if asked.prompt.startswith(broken) else three_questions(asked, number)
    )
    result = lab.run(sample=4)
    assert (result.report["done"], result.report["failed"]) == (3, 1)
    assert [one.product_key for one in page.published] == [products(6)[number].key for number in (0, 2, 3)]
