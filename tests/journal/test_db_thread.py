from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from querygen_core.contracts.errors import Exit, JournalError
from querygen_core.journal.db_thread import DbThread


class Bench:
    """A worker on a file with one table, its statements counted."""

    def __init__(self, folder: Path, *, writes: bool = True, timeout: float = 5.0) -> None:
        self.path = folder / "worker.sqlite"
        self.timeout = timeout
        self.statements: list[str] = []
        with closing(sqlite3.connect(self.path)) as db, db:
            db.execute("CREATE TABLE IF NOT EXISTS seen(number INTEGER PRIMARY KEY CHECK (number >= 0))")
        self.worker = DbThread(self._connect, writes=writes)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, timeout=self.timeout, check_same_thread=False)
        db.set_trace_callback(self.statements.append)
        return db

    def insert(self, number: int) -> Any:
        return self.worker.run(lambda db: db.execute("INSERT INTO seen VALUES (?)", (number,)).rowcount)

    def seen(self) -> set[int]:
        with closing(sqlite3.connect(self.path)) as db:
            return {row[0] for row in db.execute("SELECT number FROM seen")}


def blocked(bench: Bench) -> tuple[Any, Callable[[], None]]:
    """A piece of work that holds the worker up until it is released."""
    release = threading.Event()
    return bench.worker.run(lambda _db: release.wait(10)), release.set


def run(folder: Path, scenario: Callable[[Bench], Any], **options: Any) -> Bench:
    async def main() -> Bench:
        bench = Bench(folder, **options)
        try:
            await scenario(bench)
        finally:
            await bench.worker.aclose()
        return bench

    return asyncio.run(asyncio.wait_for(main(), 30))


def test_what_is_queued_together_is_committed_together(tmp_path: Path):
    async def scenario(bench: Bench) -> None:
        held, release = blocked(bench)
        waiting = [asyncio.ensure_future(held)]
        await asyncio.sleep(0.05)
        waiting += [asyncio.ensure_future(bench.insert(number)) for number in range(50)]
        await asyncio.sleep(0.05)
        release()
        await asyncio.gather(*waiting)

    bench = run(tmp_path, scenario)
    assert bench.seen() == set(range(50))
    assert bench.statements.count("COMMIT") == 2


def test_it_is_durable_when_it_is_answered(tmp_path: Path):
    async def scenario(bench: Bench) -> None:
        for number in range(5):
            await bench.insert(number)
            assert bench.seen() == set(range(number + 1))

    run(tmp_path, scenario)


@pytest.mark.parametrize("bad", [-1, 3], ids=["constraint", "key that is there"])
def test_one_that_fails_does_not_harm_the_others(tmp_path: Path, bad: int):
    async def scenario(bench: Bench) -> None:
        await bench.insert(3)
        held, release = blocked(bench)
        waiting = [asyncio.ensure_future(held)]
        await asyncio.sleep(0.05)
        waiting += [asyncio.ensure_future(bench.insert(number)) for number in (10, 11, bad, 12)]
        await asyncio.sleep(0.05)
        release()
        results = (await asyncio.gather(*waiting, return_exceptions=True))[1:]
        assert [result for result in results if result == 1] == [1, 1, 1]
        (error,) = [result for result in results if isinstance(result, Exception)]
        assert isinstance(error, JournalError)

    assert run(tmp_path, scenario).seen() == {3, 10, 11, 12}


def test_an_error_of_the_work_itself_comes_back_as_it_is(tmp_path: Path):
    def fail(_db: sqlite3.Connection) -> None:
        raise KeyError("mine")

    async def scenario(bench: Bench) -> None:
        with pytest.raises(KeyError, match="mine"):
            await bench.worker.run(fail)
        await bench.insert(1)

    assert run(tmp_path, scenario).seen() == {1}


def test_half_of_a_failed_piece_is_taken_back(tmp_path: Path):
    def half(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO seen VALUES (7)")
        raise KeyError("mine")

    async def scenario(bench: Bench) -> None:
        results = await asyncio.gather(bench.insert(1), bench.worker.run(half), bench.insert(2), return_exceptions=True)
        assert isinstance(results[1], KeyError)

    assert run(tmp_path, scenario).seen() == {1, 2}


def test_work_whose_owner_left_is_done_all_the_same(tmp_path: Path):
    async def scenario(bench: Bench) -> None:
        held, release = blocked(bench)
        first = asyncio.ensure_future(held)
        await asyncio.sleep(0.05)
        left = [asyncio.ensure_future(bench.insert(number)) for number in range(3)]
        stays = asyncio.ensure_future(bench.insert(9))
        await asyncio.sleep(0)
        for one in left:
            one.cancel()
        release()
        assert await stays == 1
        await first

    assert run(tmp_path, scenario).seen() == {0, 1, 2, 9}


def test_closing_finishes_what_is_queued_and_refuses_the_rest(tmp_path: Path):
    async def scenario(bench: Bench) -> None:
        waiting = [asyncio.ensure_future(bench.insert(number)) for number in range(5)]
        await asyncio.sleep(0)
        await bench.worker.aclose()
        await bench.worker.aclose()
        assert await asyncio.gather(*waiting) == [1] * 5
        with pytest.raises(JournalError, match="closed"):
            await bench.insert(9)

    assert run(tmp_path, scenario).seen() == set(range(5))


def test_a_connection_that_cannot_be_made_is_tried_again_for_the_next(tmp_path: Path):
    tries: list[int] = []

    class Late(Bench):
        def _connect(self) -> sqlite3.Connection:
            tries.append(1)
            if len(tries) < 3:
                raise sqlite3.OperationalError("unable to open database file")
            return super()._connect()

    async def main() -> None:
        bench = Late(tmp_path)
        for _ in range(2):
            with pytest.raises(JournalError):
                await bench.insert(1)
        assert await bench.insert(1) == 1
        await bench.worker.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("writes", [True, False])
def test_another_process_that_holds_it_is_named_as_the_cause(tmp_path: Path, writes: bool):
    async def scenario(bench: Bench) -> None:
        with closing(sqlite3.connect(bench.path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(JournalError, match="another process has locked it"):
                await bench.worker.run(lambda db: db.execute("SELECT * FROM seen").fetchall())
            other.execute("ROLLBACK")
        assert await bench.worker.run(lambda db: db.execute("SELECT * FROM seen").fetchall()) == []

    run(tmp_path, scenario, writes=writes, timeout=0.05)


def test_several_loops_may_use_it_in_turn(tmp_path: Path):
    bench = Bench(tmp_path)
    for number in range(3):
        assert asyncio.run(bench.insert(number)) == 1
    asyncio.run(bench.worker.aclose())
    assert bench.seen() == {0, 1, 2}


def test_a_loop_that_is_gone_stops_nothing(tmp_path: Path):
    bench = Bench(tmp_path)
    release = threading.Event()

    async def leave() -> None:
        task = asyncio.ensure_future(bench.worker.run(lambda _db: release.wait(10)))
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(leave())
    release.set()
    assert asyncio.run(bench.insert(1)) == 1
    asyncio.run(bench.worker.aclose())


@pytest.mark.parametrize("error", [RuntimeError("mine"), MemoryError(), SystemExit(3), sqlite3.OperationalError("x")])
def test_a_thread_that_cannot_go_on_gives_all_callers_the_error(tmp_path: Path, error: BaseException):
    """Those that wait, and those that come later."""

    class Broken(Bench):
        def _connect(self) -> sqlite3.Connection:
            raise error

    async def main() -> list[BaseException]:
        bench = Broken(tmp_path)
        waiting = await asyncio.gather(*(bench.insert(number) for number in range(5)), return_exceptions=True)
        later = await asyncio.gather(bench.insert(9), return_exceptions=True)
        await bench.worker.aclose()
        return [*waiting, *later]

    results = asyncio.run(asyncio.wait_for(main(), 30))
    assert len(results) == 6
    kind = RuntimeError if isinstance(error, RuntimeError) else JournalError
    assert [type(result) for result in results] == [kind] * 6


@pytest.mark.parametrize("writes", [True, False])
def test_a_damaged_database_is_not_touched_again(tmp_path: Path, writes: bool):
    bench = Bench(tmp_path, writes=writes)
    with closing(sqlite3.connect(bench.path)) as db, db:
        db.execute("CREATE TABLE large(text)")
        db.executemany("INSERT INTO large VALUES (?)", [("x" * 3000,) for _ in range(50)])
    whole = bench.path.read_bytes()

    async def main() -> None:
        assert await bench.worker.run(lambda db: db.execute("SELECT count(*) FROM seen").fetchone()[0]) == 0
        bench.path.write_bytes(whole[: 4 * 4096] + b"\xff" * (len(whole) - 4 * 4096))
        read = [bench.worker.run(lambda db: db.execute("SELECT sum(length(text)) FROM large").fetchone())] * 1
        for failed in await asyncio.gather(*read, bench.insert(1), return_exceptions=True):
            assert isinstance(failed, JournalError)
        with pytest.raises(JournalError, match="is damaged; `querygen salvage CONFIG`") as caught:
            await bench.insert(2)
        assert caught.value.exit_code == Exit.STATE_UNUSABLE
        await bench.worker.aclose()

    asyncio.run(asyncio.wait_for(main(), 30))


def test_the_write_ahead_log_stays_small(tmp_path: Path):
    bench = Bench(tmp_path)

    def length_of_the_log() -> int:
        return Path(f"{bench.path}-wal").stat().st_size

    async def main() -> int:
        await bench.worker.run(lambda db: db.execute("SELECT 1").fetchone())
        with closing(sqlite3.connect(bench.path)) as db:
            db.execute("PRAGMA journal_mode=WAL")
        longest = 0
        for number in range(1500):
            await bench.insert(number)
            longest = max(longest, length_of_the_log())
        await bench.worker.aclose()
        return longest

    assert asyncio.run(main()) < 3 * 2**20
