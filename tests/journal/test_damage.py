"""Whatever is damaged is absent, never wrong."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

import pytest

from querygen_core.contracts.errors import JournalError
from querygen_core.journal import schema
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import response
from querygen_core.testing.journal.job import answered, entry
from tests.journal.opened import ANSWERS, JOB, KEY, change, made, opened, settle_two


def test_a_flipped_bit_in_an_answer_makes_it_absent(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    async def write(journal: SqliteJournal) -> None:
        await answered(journal, KEY, 0, response("Is it red?"))
        await answered(journal, KEY, 1, response("Is it big?"))

    opened(tmp_path, write)
    flipped = (
        "UPDATE answers SET body = CAST(substr(body, 1, 20) || x'00' || substr(body, 22) AS BLOB) WHERE number = 0"
    )
    assert change(tmp_path, flipped, file=ANSWERS)
    left = opened(tmp_path, lambda journal: journal.answers(KEY))
    assert [(item.number, item.response.text) for item in left] == [(1, "Is it big?")]
    assert "damaged" in caplog.text
    assert "red" not in caplog.text


@pytest.mark.parametrize(
    "damage",
    [
        "body = x'00'",
        "body = substr(body, 1, length(body) - 1)",
        "number = 7",
        "usable = 0",
        "job = 'another'",
        "cost = 7",
        "time = '2020-01-01T00:00:00.000Z'",
        f"key = '{'b' * 64}'",
        "checksum = x'00'",
        "checksum = x''",
    ],
)
def test_no_damage_of_an_answer_goes_unseen(tmp_path: Path, damage: str):
    opened(tmp_path, lambda journal: answered(journal, KEY, 0, response("Is it red?")))
    assert change(tmp_path, f"UPDATE answers SET {damage}", file=ANSWERS)
    for key in (KEY, "b" * 64):
        assert opened(tmp_path, lambda journal, key=key: journal.answers(key)) == []


def test_a_damaged_answer_can_be_replaced(tmp_path: Path):
    opened(tmp_path, lambda journal: answered(journal, KEY, 0, response("Is it red?")))
    change(tmp_path, "UPDATE answers SET body = x'00'", file=ANSWERS)
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
        await journal.complete(0, made(0)[1])
        tally = await journal.tally()
        assert (dict(tally.states), tally.kept, tally.dropped) == ({"done": 1, "short": 1}, 4, {})
        assert [item.outcome.product_key for item in await journal.completed(0, 10)] == [
            made(1)[1].product_key,
            made(0)[1].product_key,
        ]
        return said

    assert opened(tmp_path, again) == ["pending", "short"]
    assert "damaged" in caplog.text


def test_a_damaged_outcome_is_no_previous_one_either(tmp_path: Path):
    opened(tmp_path, settle_two)
    change(tmp_path, "UPDATE outcomes SET body = x'00'")

    async def again(journal: SqliteJournal) -> list[str]:
        await journal.admit([entry(0, "0", key="other recipe"), entry(1, "1", key="other recipe")])
        return [item.outcome.state for item in await journal.snapshot(-1, 10)]

    assert opened(tmp_path, again) == ["failed", "failed"], "the sink may still hold their questions"


def test_damage_in_the_middle_of_a_run_ends_it_to_be_tried_again(tmp_path: Path):
    async def work(journal: SqliteJournal) -> None:
        await settle_two(journal)
        change(tmp_path, "UPDATE outcomes SET body = x'00'")
        await journal.completed(0, 10)

    with pytest.raises(JournalError, match="damaged"):
        opened(tmp_path, work)


def test_pages_of_garbage_end_in_an_error_never_in_wrong_answers(tmp_path: Path):
    async def write(journal: SqliteJournal) -> None:
        for number in range(40):
            await answered(journal, f"{number:064}", 0, response(f"text {number} " * 50))

    opened(tmp_path, write)
    file = tmp_path / ANSWERS
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
    torn = tmp_path / "torn"

    async def write(journal: SqliteJournal) -> None:
        for number in range(12):
            await answered(journal, f"{number:064}", 0, response(f"text {number}"))
        torn.mkdir(parents=True)
        for name in (ANSWERS, f"{ANSWERS}-wal"):
            shutil.copyfile(source / name, torn / name)

    opened(source, write)
    database, log = ((torn / name).read_bytes() for name in (ANSWERS, f"{ANSWERS}-wal"))
    found = set()
    for length in [*range(0, len(log), max(1, len(log) // 40)), len(log) - 1, len(log)]:
        shutil.rmtree(torn)
        torn.mkdir()
        (torn / ANSWERS).write_bytes(database)
        (torn / f"{ANSWERS}-wal").write_bytes(log[:length])
        found.add(opened(torn, _readable))
    assert found == set(range(min(found), 13))


async def _readable(journal: SqliteJournal) -> int:
    """How many answers there are; they must be the first ones."""
    there = [bool(await journal.answers(f"{number:064}")) for number in range(12)]
    assert there == sorted(there, reverse=True)
    return sum(there)


async def _everything(journal: SqliteJournal) -> None:
    """Use all that a run uses. Answers must be as they were written."""
    await settle_two(journal)
    for number in range(12):
        for answer in await journal.answers(f"{number:064}"):
            assert answer.response.text == f"text {number} " * 40
    await answered(journal, "f" * 64, 0, response("Is it new?"))
    await journal.spent()
    await journal.tally()
    await journal.snapshot(-1, 100)
    await journal.events(0, 100)
    await journal.runs()


@pytest.mark.parametrize("file", [JOB, ANSWERS, f"{JOB}-wal", f"{ANSWERS}-wal"])
def test_flipped_bits_end_in_an_error_or_cost_answers_never_in_wrong_ones(tmp_path: Path, file: str):
    source, copy = tmp_path / "source", tmp_path / "copy"

    async def write(journal: SqliteJournal) -> None:
        await settle_two(journal)
        for number in range(12):
            await answered(journal, f"{number:064}", 0, response(f"text {number} " * 40))
        if file.endswith("-wal"):
            shutil.copytree(source, copy)  # as a kill leaves it

    opened(source, write)
    if not copy.exists():
        shutil.copytree(source, copy)
    whole = (copy / file).read_bytes()
    draw = random.Random(file)
    for number in range(20):
        case = tmp_path / f"case-{number}"
        shutil.copytree(copy, case)
        flipped = bytearray(whole)
        flipped[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        (case / file).write_bytes(flipped)
        with suppress(JournalError):
            opened(case, _everything)


@pytest.mark.slow
def test_a_lock_of_another_process_is_waited_for(tmp_path: Path):
    """For longer than SQLite waits by itself, which is five seconds; up to a minute, as a backup may take it."""
    opened(tmp_path, settle_two)
    with closing(schema.connect(tmp_path / JOB, schema.JOB)) as db:
        assert db.execute("PRAGMA busy_timeout").fetchone()[0] >= 45_000
    with closing(sqlite3.connect(tmp_path / JOB, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN EXCLUSIVE")
        timer = threading.Timer(7, lambda: other.execute("ROLLBACK"))
        timer.start()
        opened(tmp_path, settle_two)
        timer.join()
