"""An fsync that failed is the end of the run: after it, Linux counts the lost pages as written, and a second fsync
succeeds for nothing.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.preloaded import compile_to
from tests.faults.shop import CONCURRENCY, Shop, balanced

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = compile_to(tmp_path_factory.mktemp("bad-disk"))
    if library is None:
        pytest.skip("there is no C compiler here")
    return library


def run(shop: Shop, library: Path, **environ: str):
    """One run, and the syncs of the files of job and answers in order."""
    log = shop.folder / "syncs"
    log.unlink(missing_ok=True)
    given = {"LD_PRELOAD": str(library), "FSYNC_ON": ".sqlite", "FSYNC_LOG": str(log)}
    ended = shop.run(**given, **environ)
    return ended, log.read_text().splitlines()


@pytest.mark.parametrize("number", [1, 3, 12, 40])
def test_one_failed_fsync_of_the_journal_ends_the_run(unbroken, shop, library: Path, number: int):
    ended, syncs = run(shop, library, FSYNC_FAIL_AT=str(number))
    assert ended.code == 75, ended
    assert "the disk failed; run again, elsewhere if it persists" in ended.err
    assert "Traceback" not in ended.err
    paid = shop.paid
    assert paid <= shop.count("SELECT count(*) FROM answers", "answers.sqlite") + CONCURRENCY, (
        "calls went on without a journal"
    )
    assert syncs[number - 1].endswith(" failed")
    again = shop.run()
    assert again.code == 0, again.err
    assert balanced(again.json)
    assert shop.outputs() == unbroken.outputs
    assert shop.paid <= unbroken.needed + CONCURRENCY


WRITER = """
import asyncio, pathlib, sys
from querygen_core.journal.db_thread import DbThread
from querygen_core.journal.schema import ANSWERS, connect

async def main():
    thread = DbThread(lambda: connect(pathlib.Path(sys.argv[1]), ANSWERS), writes=True)
    for number in range(3000):
        await thread.run(lambda db: db.execute("INSERT INTO grants VALUES ('job', ?, 1)", (number,)).rowcount)
        print(number)

asyncio.run(main())
"""


def test_a_failed_fsync_of_a_checkpoint_ends_the_run_too(tmp_path: Path, library: Path):
    """Left to itself, SQLite would try again after the next commit, without a word."""
    path = tmp_path / "answers.sqlite"
    environ = {"LD_PRELOAD": str(library), "FSYNC_END": ".sqlite", "FSYNC_FAIL_AT": "3"}  # 1: when it is made
    command = [sys.executable, "-c", WRITER, str(path)]
    ended = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=False)
    assert ended.stderr.splitlines()[-1].endswith(
        "the disk failed; run again, elsewhere if it persists (SQLITE_IOERR_FSYNC)"
    )
    written = len(ended.stdout.splitlines())
    assert 500 < written < 3000
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM grants").fetchone()[0] in (written, written + 1)


TOGETHER = """
import asyncio, pathlib, sys, threading
from querygen_core.journal.db_thread import DbThread
from querygen_core.journal.schema import ANSWERS, connect

async def main():
    thread = DbThread(lambda: connect(pathlib.Path(sys.argv[1]), ANSWERS), writes=True)
    release = threading.Event()
    begun = threading.Event()
    held = asyncio.ensure_future(thread.run(lambda db: begun.set() or release.wait(60)))
    await asyncio.to_thread(begun.wait)
    insert = "INSERT INTO grants VALUES ('job', ?, 1)"
    inserts = [asyncio.ensure_future(thread.run(lambda db, n=n: db.execute(insert, (n,)).rowcount)) for n in range(5)]
    await asyncio.sleep(0)
    release.set()
    for result in await asyncio.gather(held, *inserts, return_exceptions=True):
        print(result)
    try:
        await thread.run(lambda db: db.execute(insert, (9,)).rowcount)
    except Exception as error:
        print(error)

asyncio.run(main())
"""


def test_what_was_to_be_committed_together_is_not_tried_alone(tmp_path: Path, library: Path):
    path, log = tmp_path / "answers.sqlite", tmp_path / "syncs"
    environ = {"LD_PRELOAD": str(library), "FSYNC_END": "-wal", "FSYNC_FAIL_AT": "3", "FSYNC_LOG": str(log)}
    command = [sys.executable, "-c", TOGETHER, str(path)]
    ended = subprocess.run(command, env={**os.environ, **environ}, capture_output=True, text=True, check=True)
    held, *refused = ended.stdout.splitlines()
    assert held == "True"
    failure = "journal: the disk failed; run again, elsewhere if it persists (SQLITE_IOERR_FSYNC)"
    assert refused == [failure] * 6, "five that waited, and one that came later"
    assert log.read_text().splitlines()[2].endswith(" failed")
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM grants").fetchone()[0] in (0, 5), "all or nothing"
