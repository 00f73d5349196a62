"""Of a damaged database everything is kept that can still be read, and the damaged file stays as it is."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from querygen_core.api import Event, Usage
from querygen_core.contracts.errors import Exit, JournalError
from querygen_core.journal import schema
from querygen_core.journal.salvage import Salvaged, salvage_job
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import context, response
from querygen_core.testing.journal.job import answered
from tests.journal.opened import ANSWERS, JOB, change, made, opened

PAGE = 4096
INDEX_LEAF = 0x0A  # the first byte of such a page
COUNT = 60
TOGETHER = 40  # at most so many answers are on one page or on the pages that only it leads to


def text(number: int) -> str:
    """From short to several pages long, and hard to compress."""
    draw = random.Random(number)
    return "".join(draw.choices("abcdefghijklmnopqrstuvwxyz ", k=20 + 300 * (number % 40)))


async def fill(journal: SqliteJournal) -> None:
    pairs = [made(number) for number in range(COUNT)]
    await journal.admit([item for item, _ in pairs])
    for number, (_, result) in enumerate(pairs):
        await answered(journal, f"{number:064}", 0, response(text(number), usage=Usage(input=3, output=4)), cost=0.5)
        await journal.complete(number, result)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("filled")
    opened(folder, fill)
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """A job of its own with sixty answers and outcomes."""
    shutil.copytree(filled, tmp_path / "copy")
    return tmp_path / "copy"


def salvaged(folder: Path, file: str = ANSWERS) -> Salvaged:
    """What became of a file; the other one is not damaged."""
    results = {result.path: result for result in salvage_job(folder / "state", "test-job")}
    result = results.pop(folder / file)
    assert [other.damaged for other in results.values()] == [None]
    return result


async def numbers(journal: SqliteJournal) -> set[int]:
    """The answers that are there; each must be as it was written."""
    found = {number: await journal.answers(f"{number:064}") for number in range(COUNT)}
    assert all(answer.response.text == text(number) for number, answers in found.items() for answer in answers)
    return {number for number, answers in found.items() if answers}


def look(folder: Path, *, lost: int, file: str = ANSWERS) -> Salvaged:
    """Salvage; at most `lost` answers may be gone. The damaged file stays, and a second time there is nothing to do."""
    damaged = (folder / file).read_bytes()
    result = salvaged(folder, file)
    assert result.damaged is not None
    assert result.damaged.read_bytes() == damaged
    there = opened(folder, numbers)
    assert len(there) >= COUNT - lost
    if file == ANSWERS:
        assert len(there) == result.kept["answers"]
        assert result.lost.get("answers", 0) in (COUNT - len(there), 0)
        assert result.lost.get("answers", 0) == COUNT - len(there) or "answers" in result.unread
    assert salvaged(folder, file).damaged is None
    return result


def test_what_is_whole_stays_as_it_is(folder: Path):
    before = {name: (folder / name).read_bytes() for name in (ANSWERS, JOB)}
    assert [result.damaged for result in salvage_job(folder / "state", "test-job")] == [None, None]
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert not [*folder.rglob("*damaged*"), *folder.rglob("*salvag*")]


def test_where_nothing_is_there_is_nothing_to_do(tmp_path: Path):
    (tmp_path / "state").mkdir()
    assert salvage_job(tmp_path / "state", "test-job") == []


@pytest.mark.slow
def test_garbage_on_any_page_costs_no_more_than_what_was_on_it(folder: Path, tmp_path: Path):
    whole = (folder / ANSWERS).read_bytes()
    draw = random.Random(7)
    for page in range(0, len(whole), PAGE):
        case = tmp_path / f"page-{page}"
        shutil.copytree(folder, case)
        (case / ANSWERS).write_bytes(whole[:page] + draw.randbytes(PAGE) + whole[page + PAGE :])
        if salvage_job(case / "state", "test-job")[1].damaged is None:
            assert opened(case, numbers) == set(range(COUNT)), "a free page"
            continue
        shutil.rmtree(case)
        shutil.copytree(folder, case)
        (case / ANSWERS).write_bytes(whole[:page] + draw.randbytes(PAGE) + whole[page + PAGE :])
        look(case, lost=TOGETHER)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_flipped_bytes_anywhere_cost_no_more_than_the_rows_they_hit(folder: Path, tmp_path: Path, seed: int):
    whole = (folder / ANSWERS).read_bytes()
    draw = random.Random(seed)
    for number in range(12):
        case = tmp_path / f"case-{number}"
        shutil.copytree(folder, case)
        damaged = bytearray(whole)
        for _ in range(3):
            damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        (case / ANSWERS).write_bytes(damaged)
        results = {result.path.name: result for result in salvage_job(case / "state", "test-job")}
        there = opened(case, numbers)
        assert len(there) >= COUNT - TOGETHER
        if (aside := results[ANSWERS].damaged) is not None:
            assert aside.read_bytes() == damaged
        assert [result.damaged for result in salvage_job(case / "state", "test-job")] == [None, None]


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"\xa5" * 100 + whole[100:],
        lambda whole: b"\xa5" * PAGE + whole[PAGE:],
        lambda whole: whole[:16] + b"\0\0" + whole[18:],
    ],
    ids=["header", "first page", "size of the pages"],
)
def test_without_its_beginning_all_answers_are_kept(folder: Path, damage: Callable[[bytes], bytes]):
    (folder / ANSWERS).write_bytes(damage((folder / ANSWERS).read_bytes()))
    with pytest.raises(JournalError, match="`querygen salvage CONFIG`") as caught:
        opened(folder, numbers)
    assert caught.value.exit_code == Exit.STATE_UNUSABLE
    result = look(folder, lost=0)
    assert {"answers", "spent"} <= {*result.unread}
    spent = opened(folder, lambda journal: journal.spent())
    assert (spent.calls, spent.tokens, spent.cost) == (COUNT, 7 * COUNT, 0.5 * COUNT), "what was paid counts on"


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_of_a_file_that_was_cut_off_the_rest_is_kept(folder: Path, share: float):
    whole = (folder / ANSWERS).read_bytes()
    (folder / ANSWERS).write_bytes(whole[: int(len(whole) * share)])
    look(folder, lost=COUNT - int(COUNT * max(0.0, share - 0.5)))


def test_a_damaged_row_is_the_only_one_that_is_lost(folder: Path):
    change(folder, "UPDATE answers SET body = x'00' WHERE key = ?", f"{5:064}", file=ANSWERS)
    result = look(folder, lost=1)
    assert (result.kept["answers"], result.lost, result.unread) == (COUNT - 1, {"answers": 1}, [])


def test_a_broken_index_costs_nothing(folder: Path):
    with closing(sqlite3.connect(folder / ANSWERS)) as db:
        root = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'answers_time'").fetchone()[0]
    whole = (folder / ANSWERS).read_bytes()
    (folder / ANSWERS).write_bytes(whole[: (root - 1) * PAGE] + bytes(PAGE) + whole[root * PAGE :])
    result = look(folder, lost=0)
    assert (result.lost, result.unread) == ({}, [])


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """A job as a kill leaves it: all answers are in the log only. The database is garbage, and so is the log's begin,
    so that SQLite reads neither.
    """
    source, torn = tmp_path / "source", tmp_path / "torn"

    async def copied(journal: SqliteJournal) -> None:
        await fill(journal)
        shutil.copytree(source, torn)

    opened(source, copied)
    log = bytearray((torn / f"{ANSWERS}-wal").read_bytes())
    assert len(log) > 20 * PAGE
    log[32 + 24 + 200] ^= 1
    (torn / f"{ANSWERS}-wal").write_bytes(log)
    (torn / ANSWERS).write_bytes(b"\xa5" * 5000)
    return torn


def test_answers_that_are_only_in_the_log_are_kept_too(torn: Path):
    log = (torn / f"{ANSWERS}-wal").read_bytes()
    aside = look(torn, lost=0).damaged
    assert aside is not None
    assert aside.with_name(f"{aside.name}-wal").read_bytes() == log


def test_a_link_stays_a_link_and_the_log_beside_its_file_is_read(torn: Path):
    (torn / "elsewhere").mkdir()
    for end in ("", "-wal"):
        (torn / f"{ANSWERS}{end}").rename(torn / "elsewhere" / f"file{end}")
    (torn / f"{ANSWERS}-shm").unlink()
    (torn / ANSWERS).symlink_to(torn / "elsewhere" / "file")
    result = salvage_job(torn / "state", "test-job")[1]
    assert (result.path, result.kept["answers"]) == (torn / "elsewhere" / "file", COUNT)
    assert (torn / ANSWERS).is_symlink()
    assert opened(torn, numbers) == set(range(COUNT))
    assert (torn / "elsewhere" / "file.lock").exists()


def test_a_log_that_was_cut_off_costs_what_was_behind_the_cut(torn: Path):
    log = torn / f"{ANSWERS}-wal"
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    result = look(torn, lost=COUNT)
    assert 0 < result.kept["answers"] < COUNT


def test_of_the_job_s_own_database_what_can_be_read_is_kept(folder: Path):
    whole = (folder / JOB).read_bytes()
    with closing(sqlite3.connect(folder / JOB)) as db:
        root = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'events'").fetchone()[0]
    (folder / JOB).write_bytes(whole[: (root - 1) * PAGE] + bytes(PAGE) + whole[root * PAGE :])
    result = look(folder, lost=0, file=JOB)
    assert (result.kept["runs"], result.kept["outcomes"], result.unread) == (1, COUNT, ["events"])
    assert next(run["attempt"] for run in opened(folder, lambda journal: journal.runs())) == 1


def test_a_damaged_entry_of_the_index_is_no_lost_answer(folder: Path):
    """The index names an answer that never was, and the row is kept, without its entry."""
    whole = bytearray((folder / ANSWERS).read_bytes())
    key = f"{7:064}".encode()
    pages = [
        page for page in range(0, len(whole), PAGE) if whole[page] == INDEX_LEAF and key in whole[page : page + PAGE]
    ]
    (page,) = pages
    whole[whole.index(key, page) + 60] ^= 1
    (folder / ANSWERS).write_bytes(whole)
    change(folder, "UPDATE answers SET body = x'00' WHERE key = ?", f"{5:064}", file=ANSWERS)
    result = look(folder, lost=1)
    assert (result.kept["answers"], result.lost, result.unread) == (COUNT - 1, {"answers": 1}, [])


def test_a_damaged_name_of_a_column_costs_nothing(folder: Path):
    """Python cannot even read such a name, or SQLite's message about it."""
    whole = (folder / ANSWERS).read_bytes()
    assert whole.count(b"usable INTEGER") == 1
    (folder / ANSWERS).write_bytes(whole.replace(b"usable INTEGER", b"us\xc5ble INTEGER"))
    with pytest.raises(JournalError, match="`querygen salvage CONFIG`") as caught:
        opened(folder, numbers)
    assert caught.value.exit_code == Exit.STATE_UNUSABLE
    look(folder, lost=0)


async def everything(journal: SqliteJournal) -> None:
    """Read what has no checksum."""
    await journal.runs()
    await journal.events(0, 100)
    await journal.dead_letters(-1, 100)


@pytest.mark.parametrize("damage", ["UPDATE runs SET config = '{'", "UPDATE events SET data = '['"])
def test_a_row_that_cannot_be_read_is_no_bug(folder: Path, damage: str):
    opened(folder, lambda journal: journal.append_events([Event(kind="input_read")]))
    change(folder, damage)
    with pytest.raises(JournalError, match="`querygen salvage CONFIG`") as caught:
        opened(folder, everything)
    assert caught.value.exit_code == Exit.STATE_UNUSABLE
    look(folder, lost=0, file=JOB)
    opened(folder, everything)


@pytest.mark.parametrize("damage", ["UPDATE runs SET config = '{'", "UPDATE outcomes SET kept = 7"])
def test_rows_that_nobody_could_read_are_left_out(folder: Path, damage: str):
    rows = change(folder, damage)
    table = damage.split()[1]
    result = look(folder, lost=0, file=JOB)
    assert (result.kept[table], result.lost) == (0, {table: rows})


def test_a_job_that_is_being_run_is_left_alone(folder: Path):
    (folder / ANSWERS).write_bytes(b"\xa5" * 5000)

    async def meanwhile(journal: SqliteJournal) -> None:
        with pytest.raises(JournalError, match="is being run by another process") as caught:
            salvage_job(folder / "state", "test-job")
        assert caught.value.exit_code == Exit.TRY_AGAIN

    async def main() -> None:
        journal = SqliteJournal(context(folder))
        await journal.begin({})
        await meanwhile(journal)
        await journal.aclose()

    import asyncio

    asyncio.run(main())
    assert (folder / ANSWERS).read_bytes() == b"\xa5" * 5000


def test_answers_that_another_process_uses_are_left_alone(folder: Path):
    change(folder, "UPDATE answers SET body = x'00' WHERE key = ?", f"{5:064}", file=ANSWERS)
    program = (
        "import pathlib, sys\n"
        "from querygen_core.journal.schema import ANSWERS, connect\n"
        "db = connect(pathlib.Path(sys.argv[1]), ANSWERS)\n"
        "print(db.execute('SELECT count(*) FROM answers').fetchone()[0], flush=True)\n"
        "sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(folder / ANSWERS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == f"{COUNT}\n"
        with pytest.raises(JournalError, match="is being used by another process") as caught:
            salvaged(folder)
        assert caught.value.exit_code == Exit.TRY_AGAIN
    look(folder, lost=1)


def test_a_newer_layout_is_not_touched(folder: Path):
    change(folder, f"PRAGMA user_version={schema.ANSWERS.version + 1}", file=ANSWERS)
    with pytest.raises(JournalError, match="upgrade querygen") as caught:
        salvaged(folder)
    assert caught.value.exit_code == Exit.STATE_UNUSABLE
