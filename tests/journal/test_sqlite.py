"""What disks, kills and other versions do to a journal."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from querygen_core.api import Shard, Usage
from querygen_core.errors import Exit, JournalError
from querygen_core.journal.schema import VERSION
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import context
from querygen_core.testing.journal.job import answered, entry
from querygen_core.testing.samples import response
from tests.journal.opened import change, made, opened, settle_two


def test_a_newer_layout_is_refused(tmp_path: Path):
    opened(tmp_path, settle_two)
    change(tmp_path, f"PRAGMA user_version={VERSION + 1}")
    with pytest.raises(JournalError, match=rf"layout {VERSION + 1} is of a newer querygen.*upgrade querygen") as caught:
        opened(tmp_path, settle_two)
    assert caught.value.exit_code == Exit.TRY_AGAIN
    change(tmp_path, f"PRAGMA user_version={VERSION}")
    assert opened(tmp_path, lambda journal: journal.admit([made(0)[0]])) == ["done"]


def test_an_older_layout_is_made_the_newest_and_keeps_what_was_spent(tmp_path: Path):
    opened(tmp_path, lambda journal: answered(journal, "a" * 64, 0, response(usage=Usage(input=3)), cost=0.5))
    change(tmp_path, "DROP TABLE spent")
    change(tmp_path, "CREATE TABLE spent(one INTEGER PRIMARY KEY, calls INTEGER, tokens INTEGER, cost REAL)")
    change(tmp_path, "INSERT INTO spent VALUES (1, 7, 70, 0.75)")
    change(tmp_path, "PRAGMA user_version=1")
    spent = opened(tmp_path, lambda journal: journal.spent())
    assert (spent.calls, spent.tokens, spent.cost) == (7, 70, 0.75)
    assert len(opened(tmp_path, lambda journal: journal.answers("a" * 64))) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"no journal at all" * 100, "it is no journal"), (b"SQLite format 3\x00" + b"\xff" * 5000, "journal")],
)
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, content: bytes, says: str):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "journal.sqlite").write_bytes(content)
    with pytest.raises(JournalError, match=says):
        opened(tmp_path, settle_two)


def test_a_journal_that_cannot_be_opened_is_said_to_be(tmp_path: Path):
    (tmp_path / "state" / "journal.sqlite").mkdir(parents=True)
    with pytest.raises(JournalError, match="cannot be opened"):
        opened(tmp_path, settle_two)


def test_a_lock_that_cannot_be_made_is_said_to_be(tmp_path: Path):
    (tmp_path / "state" / "lock-0-of-1").mkdir(parents=True)
    with pytest.raises(JournalError, match="lock-0-of-1 cannot be written"):
        opened(tmp_path, settle_two)


def test_one_run_of_a_shard_at_a_time(tmp_path: Path):
    async def second(_journal: SqliteJournal) -> None:
        other = SqliteJournal(context(tmp_path))
        try:
            with pytest.raises(JournalError, match=rf"another process \(pid {os.getpid()}\)"):
                await other.begin({})
        finally:
            await other.aclose()
        next_shard = SqliteJournal(context(tmp_path, shard=Shard(1, 2)))
        assert await next_shard.begin({}) == 2
        await next_shard.aclose()

    opened(tmp_path, second)
    assert opened(tmp_path, lambda journal: journal.runs())[-1]["attempt"] == 3


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path):
    program = (
        "import asyncio, os, pathlib, sys\n"
        "from querygen_core.journal.sqlite import SqliteJournal\n"
        "from querygen_core.testing import context\n"
        "async def main():\n"
        "    await SqliteJournal(context(pathlib.Path(sys.argv[1]))).begin({})\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, timeout=60)
    assert killed.returncode == -9
    assert opened(tmp_path, lambda journal: journal.spent()).calls == 0


def test_processes_that_make_a_journal_at_once_wait_for_each_other(tmp_path: Path):
    program = (
        "import pathlib, sys, time\n"
        "from querygen_core.journal.schema import connect\n"
        "print(flush=True)\n"
        "for number in sys.stdin.readline().split():\n"
        "    connect(pathlib.Path(sys.argv[1]) / number).close()\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write(" ".join(map(str, range(60))) + "\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0] * 6, ended


def test_the_journal_is_readable_by_its_owner_only(tmp_path: Path):
    opened(tmp_path, settle_two)
    assert (tmp_path / "state" / "lock-0-of-1").stat().st_mode & 0o077 == 0


def test_every_commit_is_forced_to_the_disk(tmp_path: Path):
    async def look(journal: SqliteJournal) -> tuple[str, int]:
        return await journal._writer.run(
            lambda db: (
                db.execute("PRAGMA journal_mode").fetchone()[0],
                db.execute("PRAGMA synchronous").fetchone()[0],
            )
        )

    assert opened(tmp_path, look) == ("wal", 2)


def test_old_manifests_do_not_pile_up(tmp_path: Path):
    for _ in range(3):
        opened(tmp_path, settle_two)
    with closing(sqlite3.connect(tmp_path / "state" / "journal.sqlite")) as db:
        assert db.execute("SELECT count(*), count(DISTINCT run) FROM manifest").fetchone() == (2, 1)
        assert db.execute("SELECT count(*) FROM outcomes").fetchone() == (2,)


def test_a_snapshot_is_in_input_order_whatever_was_finished_first(tmp_path: Path):
    async def work(journal: SqliteJournal) -> list[int]:
        pairs = [made(number) for number in range(4)]
        await journal.admit([item for item, _ in pairs])
        for number in (2, 0, 3, 1):
            await journal.settle(number, pairs[number][1])
        found, position = [], -1
        while page := await journal.snapshot(position, 1):
            found += [item.outcome.ordinal for item in page]
            position = page[-1].position
        return found

    assert opened(tmp_path, work) == [0, 1, 2, 3]


def test_of_what_earlier_runs_left_the_newest_is_shown(tmp_path: Path):
    async def make(journal: SqliteJournal, recipe: str) -> None:
        item = entry(0, "0", key=recipe)
        await journal.admit([item])
        await journal.settle(0, made(0, outcome_key=item.outcome_key)[1])

    for recipe in ("first", "second", "third"):
        opened(tmp_path, lambda journal, recipe=recipe: make(journal, recipe))

    async def shown(journal: SqliteJournal) -> tuple[str, bool]:
        assert await journal.admit([entry(0, "0", key="fourth")]) == ["pending"]
        (item,) = await journal.snapshot(-1, 10)
        return item.outcome.outcome_key, item.current

    assert opened(tmp_path, shown) == (entry(0, "0", key="third").outcome_key, False)
