"""Objects of the store that are not what was written: each counts as absent, and neither a run nor a command fails."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from querygen_core.cli.job_list import _row
from querygen_core.report.merge import merge
from querygen_core.testing.journal.job import done, entry
from tests.journal.remote.place import OTHER, pay, texts

FOREIGN = (
    b'{"fence": "x", "seconds": [], "holder": 1, "partitions": [], "days": {"d": [1e999, "x", null]}, "shard": 7, '
    b'"attempt": null, "config": "x", "key": 1, "title": 2, "refs": 3, "version": "4", "withdrawn": 5}'
)
HUGE = b'{"key": "a:1:en", "title": "", "refs": "{}", "version": 1180591620717411303424, "withdrawn": false}\n'
HARMS = {
    "empty": lambda _: b"",
    "cut": lambda body: body[: len(body) // 2],
    "changed": lambda body: body.replace(b"1", b"7").replace(b"0", b"x"),
    "foreign": lambda _: FOREIGN,
    "foreign lines": lambda body: gzip.compress(FOREIGN + b"\n") if body.startswith(b"\x1f\x8b") else b"[[1]]",
    "lines out of range": lambda body: gzip.compress(HUGE) if body.startswith(b"\x1f\x8b") else b"5",
    "nested": lambda _: b"[" * 100_000,
}
CONFIG = {"job_id": "test-job", "given": {"products": [], "products_file": None}}


async def whole_run(journal):
    attempt = await journal.begin(CONFIG)
    await journal.admit([entry(0, "1")])
    await journal.complete(0, done(0, "1"))
    if not await texts(journal):
        await pay(journal, "one")
    await pay(journal, "unusable", OTHER, len(await journal.answers(OTHER)), usable=False)
    await journal.grant_retry()
    await journal.removed()
    await journal.retire_removed(1)
    await journal.begin_call("ef" * 32, 0, cost=0.1, day_budget=10)
    spent = await journal.spent()
    ended = {"exit_code": 0, "attempt": attempt, "finished": "2026-12-01T00:00:00Z", "products_processed": 1}
    await journal.finish({**ended, "cost_job": 0.5})
    return spent


async def commands(journal):
    """What `jobs`, `report` and `retry` read, and what `forget` does."""
    rows = [_row(run) for run in await journal.statuses()]
    return rows, merge(await journal.reports()), await journal.last_config()


def opened(place, disk, work):
    async def main():
        journal = place.journal(disk)
        try:
            return await work(journal)
        finally:
            await journal.aclose()

    return asyncio.run(main())


@pytest.mark.parametrize("harm", HARMS)
def test_is_treated_as_absent(place, tmp_path, harm, caplog):
    opened(place, tmp_path / "a", whole_run)
    names = [*place.names(""), *place.names("spent/2")]
    assert {name.partition("/")[0] for name in names} >= {"job.json", "leases", "runs", "reports", "grants", "products"}
    for name in names:
        place.put(name, HARMS[harm](place.body(name)))
    assert opened(place, tmp_path / "b", commands) == ([], None, None)
    spent = opened(place, tmp_path / "b", whole_run)
    assert spent.calls == 3, "one by its answers, and two of this run"
    assert "is damaged in the store and is treated as absent" in caplog.text
    (row,), report, config = opened(place, tmp_path / "c", commands)
    assert (row["state"], report["exit_code"], config) == ("ended", 0, CONFIG), "what was damaged is written anew"
    opened(place, tmp_path / "c", lambda journal: journal.forget())
    assert place.names("") == []
