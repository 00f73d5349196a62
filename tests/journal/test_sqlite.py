"""What disks, kills and other versions do to a journal."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from querygen_core.api import Shard
from querygen_core.errors import Exit, JournalError
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import context, outcome, response
from querygen_core.testing.journal.job import answered, entry

R = TypeVar("R")
KEY = "a" * 64


def opened(folder: Path, work: Callable[[SqliteJournal], Awaitable[R]], **changes: Any) -> R:
    """`work` on the journal of `folder`, within a run of its own."""

    async def main() -> R:
        journal = SqliteJournal(context(folder, **changes))
        try:
            await journal.begin({})
            return await work(journal)
        finally:
            await journal.aclose()

    return asyncio.run(main())


def change(folder: Path, statement: str, *values: Any) -> int:
    with closing(sqlite3.connect(folder / "state" / "journal.sqlite")) as db, db:
        return db.execute(statement, values).rowcount


def made(number: int, **changes: Any) -> Any:
    item = entry(number, f"{number}")
    given = {"product_id": f"{number}", "outcome_key": item.outcome_key, "ordinal": number, **changes}
    return item, outcome("Is it red?", "Is it big?", **given)


async def settle_two(journal: SqliteJournal) -> None:
    pairs = [made(0), made(1, state="short", reasons={"market": "facts"})]
    await journal.admit([item for item, _ in pairs])
    for number, (_, result) in enumerate(pairs):
        await journal.settle(number, result)


def test_a_flipped_bit_in_an_answer_makes_it_absent(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    async def write(journal: SqliteJournal) -> None:
        await answered(journal, KEY, 0, response("Is it red?"))
        await answered(journal, KEY, 1, response("Is it big?"))

    opened(tmp_path, write)
    assert change(tmp_path, "UPDATE answers SET body = replace(body, 'red', 'rad') WHERE number = 0")
    left = opened(tmp_path, lambda journal: journal.answers(KEY))
    assert [(item.number, item.response.text) for item in left] == [(1, "Is it big?")]
    assert "damaged" in caplog.text
    assert "red" not in caplog.text


@pytest.mark.parametrize(
    "damage",
    [
        "body = '{'",
        "body = CAST(x'FF' AS TEXT)",
        "number = 7",
        f"key = '{'b' * 64}'",
        "checksum = x'00'",
        "checksum = x''",
    ],
)
def test_no_damage_of_an_answer_goes_unseen(tmp_path: Path, damage: str):
    opened(tmp_path, lambda journal: answered(journal, KEY, 0, response("Is it red?")))
    assert change(tmp_path, f"UPDATE answers SET {damage}")
    for key in (KEY, "b" * 64):
        assert opened(tmp_path, lambda journal, key=key: journal.answers(key)) == []


def test_a_damaged_answer_can_be_replaced(tmp_path: Path):
    opened(tmp_path, lambda journal: answered(journal, KEY, 0, response("Is it red?")))
    change(tmp_path, "UPDATE answers SET body = 'x'")
    opened(tmp_path, lambda journal: answered(journal, KEY, 0, response("Is it blue?")))
    (item,) = opened(tmp_path, lambda journal: journal.answers(KEY))
    assert item.response.text == "Is it blue?"


@pytest.mark.parametrize(
    "damage",
    [
        "body = x'00'",
        "body = substr(body, 1, length(body) - 1)",
        "kept = kept + 1",
        "dropped = '{\"a\":1}'",
        "dropped = CAST(x'FF' AS TEXT)",
        "reasons = '{'",
        "state = 'odd'",
        "checksum = x'00'",
    ],
)
def test_a_damaged_outcome_is_absent_and_is_made_anew(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture):
    opened(tmp_path, settle_two)
    assert change(tmp_path, f"UPDATE outcomes SET {damage} WHERE product_key = ?", made(0)[1].product_key) == 1

    async def again(journal: SqliteJournal) -> list[str]:
        said = list(await journal.admit([made(0)[0], made(1)[0]]))
        await journal.settle(0, made(0)[1])
        tally = await journal.tally()
        assert (dict(tally.states), tally.kept, tally.dropped) == ({"done": 1, "short": 1}, 4, {})
        assert [item.outcome.product_key for item in await journal.settled(0, 10)] == [
            made(1)[1].product_key,
            made(0)[1].product_key,
        ]
        return said

    assert opened(tmp_path, again) == ["pending", "short"]
    assert "damaged" in caplog.text


def test_a_damaged_outcome_is_no_previous_one_either(tmp_path: Path):
    opened(tmp_path, settle_two)
    change(tmp_path, "UPDATE outcomes SET body = x'00'")

    async def again(journal: SqliteJournal) -> int:
        await journal.admit([entry(0, "0", key="other recipe"), entry(1, "1", key="other recipe")])
        return len(await journal.snapshot(-1, 10))

    assert opened(tmp_path, again) == 0


def test_damage_in_the_middle_of_a_run_ends_it_to_be_tried_again(tmp_path: Path):
    async def work(journal: SqliteJournal) -> None:
        await settle_two(journal)
        change(tmp_path, "UPDATE outcomes SET body = x'00'")
        await journal.settled(0, 10)

    with pytest.raises(JournalError, match="damaged"):
        opened(tmp_path, work)


def test_a_newer_layout_is_refused(tmp_path: Path):
    opened(tmp_path, settle_two)
    change(tmp_path, "PRAGMA user_version=2")
    with pytest.raises(JournalError, match=r"layout 2 is of a newer querygen.*upgrade querygen") as caught:
        opened(tmp_path, settle_two)
    assert caught.value.exit_code == Exit.TRY_AGAIN
    change(tmp_path, "PRAGMA user_version=1")
    assert opened(tmp_path, lambda journal: journal.admit([made(0)[0]])) == ["done"]


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


def test_pages_of_garbage_end_in_an_error_never_in_wrong_answers(tmp_path: Path):
    async def write(journal: SqliteJournal) -> None:
        for number in range(40):
            await answered(journal, f"{number:064}", 0, response(f"text {number} " * 50))

    opened(tmp_path, write)
    file = tmp_path / "state" / "journal.sqlite"
    whole = file.read_bytes()
    for page in range(4096, len(whole), 4096 * 3):
        file.write_bytes(whole[:page] + os.urandom(4096) + whole[page + 4096 :])
        try:
            for number in range(0, 40, 13):
                key = f"{number:064}"
                for item in opened(tmp_path, lambda journal, key=key: journal.answers(key)):
                    assert item.response.text == f"text {number} " * 50
        except JournalError:
            continue


def test_a_torn_log_loses_nothing_that_was_committed_before_the_tear(tmp_path: Path):
    """The write-ahead log cut off at many places, as by a power cut: what is left is a prefix of what was written."""
    source = tmp_path / "source"
    torn = tmp_path / "torn" / "state"

    async def write(journal: SqliteJournal) -> None:
        for number in range(12):
            await answered(journal, f"{number:064}", 0, response(f"text {number}"))
        torn.mkdir(parents=True)
        for name in ("journal.sqlite", "journal.sqlite-wal"):
            shutil.copyfile(source / "state" / name, torn / name)

    opened(source, write)
    database, log = ((torn / name).read_bytes() for name in ("journal.sqlite", "journal.sqlite-wal"))
    found = set()
    for length in [*range(0, len(log), max(1, len(log) // 40)), len(log) - 1, len(log)]:
        shutil.rmtree(torn)
        torn.mkdir()
        (torn / "journal.sqlite").write_bytes(database)
        (torn / "journal.sqlite-wal").write_bytes(log[:length])
        found.add(opened(torn.parent, _readable))
    assert found == set(range(min(found), 13))


async def _readable(journal: SqliteJournal) -> int:
    """How many answers there are; they must be the first ones."""
    there = [bool(await journal.answers(f"{number:064}")) for number in range(12)]
    assert there == sorted(there, reverse=True)
    return sum(there)


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
