"""What disks, kills and other versions do to a journal."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from querygen_core.api import Shard
from querygen_core.contracts.errors import Exit, JournalError
from querygen_core.journal import schema
from querygen_core.journal.schema import connect
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import context
from querygen_core.testing.journal.job import answered, entry
from querygen_core.testing.samples import response
from tests.journal.opened import ANSWERS, JOB, KEY, change, made, opened, settle_two


@pytest.mark.parametrize(("file", "layout"), [(JOB, schema.JOB), (ANSWERS, schema.ANSWERS)])
def test_a_newer_layout_is_refused(tmp_path: Path, file: str, layout: schema.Layout):
    async def use(journal: SqliteJournal) -> None:
        await settle_two(journal)
        await answered(journal, KEY, 0, response())

    opened(tmp_path, use)
    change(tmp_path, f"PRAGMA user_version={layout.version + 1}", file=file)
    with pytest.raises(
        JournalError, match=rf"its layout {layout.version + 1} is newer than {layout.version}, .*upgrade querygen"
    ) as caught:
        opened(tmp_path, use)
    assert caught.value.exit_code == Exit.STATE_UNUSABLE
    change(tmp_path, f"PRAGMA user_version={layout.version}", file=file)
    assert opened(tmp_path, lambda journal: journal.admit([made(0)[0]])) == ["done"]
    assert len(opened(tmp_path, lambda journal: journal.answers(KEY))) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no journal at all" * 100, "it is not a database"),
        (b"SQLite format 3\x00" + b"\xff" * 5000, "it is not a database"),
    ],
)
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, content: bytes, says: str):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "journal.sqlite").write_bytes(content)
    with pytest.raises(JournalError, match=f"{says}.*querygen salvage") as caught:
        opened(tmp_path, settle_two)
    assert caught.value.exit_code == Exit.STATE_UNUSABLE


@pytest.mark.parametrize(
    "damage",
    [
        "PRAGMA user_version=-1",
        "PRAGMA user_version=2",
        "DROP TABLE runs",
        "PRAGMA writable_schema=ON; UPDATE sqlite_schema SET rootpage = 3",
    ],
)
def test_a_database_of_another_shape_is_refused(tmp_path: Path, damage: str):
    opened(tmp_path, settle_two)
    with closing(sqlite3.connect(tmp_path / "state" / "journal.sqlite")) as db:
        db.executescript(damage)
    with pytest.raises(JournalError, match="querygen salvage") as caught:
        opened(tmp_path, settle_two)
    assert caught.value.exit_code == Exit.STATE_UNUSABLE


def test_a_journal_that_cannot_be_opened_is_said_to_be(tmp_path: Path):
    (tmp_path / "state" / "journal.sqlite").mkdir(parents=True)
    with pytest.raises(JournalError, match="is not a regular file; move it away") as caught:
        opened(tmp_path, settle_two)
    assert caught.value.exit_code == Exit.STATE_UNUSABLE


def test_a_journal_that_cannot_be_opened_for_want_of_descriptors_may_be_later(tmp_path: Path):
    opened(tmp_path, settle_two)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
        with suppress(OSError):
            while True:
                used.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(JournalError, match="Too many open files") as caught:
            connect(tmp_path / "state" / "journal.sqlite", schema.JOB)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in used:
            os.close(descriptor)
    assert caught.value.exit_code == Exit.TRY_AGAIN


def test_a_lock_that_cannot_be_made_is_said_to_be(tmp_path: Path):
    (tmp_path / "state" / "lock-0-of-1").mkdir(parents=True)
    with pytest.raises(JournalError, match="lock-0-of-1 cannot be written") as caught:
        opened(tmp_path, settle_two)
    assert caught.value.exit_code == Exit.STATE_UNUSABLE


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
        "from querygen_core.journal.schema import JOB, connect\n"
        "print(flush=True)\n"
        "for number in sys.stdin.readline().split():\n"
        "    connect(pathlib.Path(sys.argv[1]) / number, JOB).close()\n"
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
    async def work(journal: SqliteJournal) -> None:
        await settle_two(journal)
        await answered(journal, KEY, 0, response())

    opened(tmp_path, work)
    for name in (JOB, ANSWERS, "state/lock-0-of-1", f"{JOB}.lock", f"{ANSWERS}.lock"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, name


def test_every_commit_is_forced_to_the_disk(tmp_path: Path):
    async def look(journal: SqliteJournal) -> tuple[str, int]:
        return await journal._writer.run(
            lambda db: (
                db.execute("PRAGMA journal_mode").fetchone()[0],
                db.execute("PRAGMA synchronous").fetchone()[0],
            )
        )

    assert opened(tmp_path, look) == ("wal", 2)


def test_what_an_ended_run_left_in_the_log_is_copied_before_anything_is_added(tmp_path: Path):
    async def copied(journal: SqliteJournal) -> None:
        await answered(journal, KEY, 0, response())
        shutil.copytree(tmp_path / "run", tmp_path / "killed")

    opened(tmp_path / "run", copied)
    with closing(schema.connect(tmp_path / "killed" / ANSWERS, schema.ANSWERS)):
        shutil.copy(tmp_path / "killed" / ANSWERS, tmp_path / "alone.sqlite")
    with closing(sqlite3.connect(tmp_path / "alone.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM answers").fetchone() == (1,)


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
            await journal.complete(number, pairs[number][1])
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
        await journal.complete(0, made(0, outcome_key=item.outcome_key)[1])

    for recipe in ("first", "second", "third"):
        opened(tmp_path, lambda journal, recipe=recipe: make(journal, recipe))

    async def shown(journal: SqliteJournal) -> tuple[str, bool]:
        assert await journal.admit([entry(0, "0", key="fourth")]) == ["pending"]
        (item,) = await journal.snapshot(-1, 10)
        return item.outcome.outcome_key, item.current

    assert opened(tmp_path, shown) == (entry(0, "0", key="third").outcome_key, False)
