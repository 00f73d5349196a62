"""A database is judged by its tables, columns and values, and after `salvage` a run works on it."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from querygen_core.api import JournalError, Usage
from querygen_core.contracts.errors import Exit
from querygen_core.journal import schema
from querygen_core.journal.salvage import Salvaged, salvage_job
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import response
from querygen_core.testing.journal.job import answered
from tests.journal.opened import ANSWERS, JOB, KEY, change, made, opened

OTHER = "b" * 64


async def fill(journal: SqliteJournal) -> None:
    item, result = made(0)
    await journal.admit([item])
    await answered(journal, KEY, 0, response("Is it red?", usage=Usage(input=3, output=4)), cost=1.4375)
    await journal.complete(0, result)
    await journal.grant({OTHER: 2})
    await journal.begin_call(OTHER, 0, cost=0.25)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    opened(tmp_path, fill)
    return tmp_path


async def use(journal: SqliteJournal) -> None:
    """Everything of the answers' store that has no checksum, and something of the job's own."""
    await journal.spent()
    await journal.grants()
    await journal.tries(OTHER)
    await journal.begin_call("c" * 64, 0, cost=0.5, day_budget=100.0)
    await journal.runs()
    await journal.admit([made(0)[0]])


def is_refused(folder: Path) -> None:
    with pytest.raises(JournalError, match="`querygen salvage CONFIG`") as caught:
        opened(folder, use)
    assert caught.value.exit_code == Exit.STATE_UNUSABLE


def salvaged(folder: Path, file: str = ANSWERS) -> Salvaged:
    """What became of a file, which a second time is not damaged; the other one is not either."""
    first, second = ({found.path: found for found in salvage_job(folder / "state", "test-job")} for _ in range(2))
    result = first.pop(folder / file)
    assert result.damaged is not None
    assert [found.damaged for found in [*first.values(), *second.values()]] == [None] * 3
    opened(folder, use)
    return result


def spent(folder: Path) -> tuple[int, int, float]:
    sums = opened(folder, lambda journal: journal.spent())
    return sums.calls, sums.tokens, sums.cost


@pytest.mark.parametrize(
    "damage",
    [
        "DROP TABLE calls",
        "DROP TABLE spent",
        "DROP TABLE grants",
        "DROP TABLE answers",
        "ALTER TABLE grants DROP COLUMN extra",
        "ALTER TABLE calls ADD COLUMN more TEXT NOT NULL DEFAULT ''; ALTER TABLE calls DROP COLUMN cost",
        "ALTER TABLE spent ADD COLUMN more TEXT",
        "CREATE TRIGGER no BEFORE INSERT ON calls BEGIN SELECT raise(ABORT, 'no'); END",
        *(f"PRAGMA user_version={version}" for version in (-1, 1, 2)),
    ],
)
def test_a_database_without_the_tables_of_its_layout_is_damaged(folder: Path, damage: str):
    with closing(sqlite3.connect(folder / ANSWERS)) as db:
        db.executescript(damage)
    if "spent ADD" not in damage:  # which only the next answer meets
        is_refused(folder)
    result = salvaged(folder)
    assert len(opened(folder, lambda journal: journal.answers(KEY))) == result.kept["answers"]
    if "answers" not in damage:
        assert result.kept["answers"] == 1
        assert spent(folder) == (1, 7, 1.4375)


def test_tables_of_somebody_else_do_no_harm(folder: Path):
    change(folder, "CREATE TABLE mine(number INTEGER)", file=ANSWERS)
    assert [result.damaged for result in salvage_job(folder / "state", "test-job")] == [None, None]
    opened(folder, use)


@pytest.mark.parametrize(("target", "source"), [(ANSWERS, JOB), (JOB, ANSWERS)])
def test_a_copy_of_another_database_is_replaced(folder: Path, target: str, source: str):
    shutil.copy(folder / source, folder / target)
    is_refused(folder)
    salvaged(folder, target)


@pytest.mark.parametrize("table", ["runs", "manifest", "events", "cursors", "job"])
def test_a_table_of_the_job_that_is_missing_is_made_anew(folder: Path, table: str):
    change(folder, f"DROP TABLE {table}")
    assert table in salvaged(folder, JOB).unread


def flip_cost(folder: Path, table: str, cost: float) -> None:
    """Flip one bit of an amount, which makes a NaN of it."""
    whole = bytearray((folder / ANSWERS).read_bytes())
    with closing(sqlite3.connect(folder / ANSWERS)) as db:
        root = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
    place = whole.index(struct.pack(">d", cost), (root - 1) * 4096, root * 4096)
    whole[place] ^= 0x40
    (folder / ANSWERS).write_bytes(whole)


@pytest.mark.parametrize(("table", "cost"), [("spent", 1.4375), ("calls", 1.25)])
def test_a_flipped_bit_in_an_amount_is_found(folder: Path, table: str, cost: float):
    if table == "calls":
        change(folder, "UPDATE calls SET cost = 1.25", file=ANSWERS)
    flip_cost(folder, table, cost)
    is_refused(folder)
    result = salvaged(folder)
    assert result.lost == {table: 1}
    assert spent(folder) == (1, 7, 1.4375), "what was paid is known from the answers"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE spent SET cost = 9e999",
        "UPDATE spent SET cost = -1.0",
        "UPDATE spent SET calls = -1",
        "UPDATE spent SET shard = '0/!'",
        "UPDATE calls SET owner = 'nobody', key = '" + "c" * 64 + "', job = 'other-job'",
        "UPDATE calls SET cost = 9e999",
        "UPDATE calls SET shard = ''",
        "UPDATE grants SET extra = -3",
    ],
)
def test_a_value_that_nobody_wrote_is_damage(folder: Path, damage: str):
    change(folder, damage, file=ANSWERS)
    is_refused(folder)
    assert salvaged(folder).lost == {damage.split()[1]: 1}
    assert spent(folder) == (1, 7, 1.4375)


def test_a_cache_of_a_shared_store_keeps_its_own_tables(folder: Path):
    cache = folder / "answers-12345678.sqlite"
    with closing(schema.connect(cache, schema.CACHE)) as db:
        db.execute("INSERT INTO noted VALUES ('job', 1, '0/1', '2026-11-30', 1, 2, 0.5)")
        db.execute("INSERT INTO segments_read VALUES ('job', 'name')")
        db.execute("DROP TABLE calls")
    (result,) = (found for found in salvage_job(folder / "state", "test-job") if found.damaged)
    assert (result.path, result.kept["noted"], result.kept["segments_read"]) == (cache, 1, 1)
    schema.connect(cache, schema.CACHE).close()


def test_what_an_earlier_layout_lacks_is_not_lost(folder: Path):
    change(folder, "ALTER TABLE calls DROP COLUMN tokens", file=ANSWERS)
    change(folder, "PRAGMA user_version=3", file=ANSWERS)
    flip_cost(folder, "spent", 1.4375)
    result = salvaged(folder)
    assert (result.lost, result.kept["calls"]) == ({"spent": 1}, 1)
    known = opened(folder, lambda journal: journal.spent())
    assert (known.calls, known.unanswered_calls, known.unanswered_tokens) == (1, 2, 16384)
