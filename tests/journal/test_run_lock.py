"""One run of a shard at a time, even if somebody removes the lock's file."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path
from threading import Timer

import pytest

from querygen_core.api import Event
from querygen_core.contracts.errors import Exit, JournalError
from querygen_core.journal.run_lock import RunLock, holder_of
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import context, response
from tests.journal.opened import KEY, made, opened, settle_two

LOCK = Path("state") / "lock-0-of-1"


def test_a_lock_that_was_removed_is_taken_again_before_anything_is_written(tmp_path: Path):
    async def work(journal: SqliteJournal) -> None:
        (tmp_path / LOCK).unlink()
        await settle_two(journal)
        other = SqliteJournal(context(tmp_path))
        with pytest.raises(JournalError, match=rf"another process \(pid {os.getpid()}\)"):
            await other.begin({})
        await other.aclose()

    opened(tmp_path, work)


def test_a_run_whose_lock_another_one_has_writes_nothing_more_but_paid_answers(tmp_path: Path):
    async def work(journal: SqliteJournal) -> None:
        await journal.admit([made(0)[0]])
        intent = await journal.begin_call(KEY, 0)
        (tmp_path / LOCK).unlink()
        other = SqliteJournal(context(tmp_path))
        assert await other.begin({}) == 2
        for refused in (
            journal.admit([made(1)[0]]),
            journal.begin_call("b" * 64, 0),
            journal.complete(0, made(0)[1]),
            journal.append_events([Event(kind="input_read")]),
            journal.completed(0, 10),
            journal.snapshot(-1, 10),  # not an empty one, which a sink would publish
            journal.tally(),
            journal.finish({}),
        ):
            with pytest.raises(JournalError, match="is being run by another process") as caught:
                await refused
            assert caught.value.exit_code == Exit.TRY_AGAIN
        await journal.record(intent, KEY, 0, response("Is it red?"), usable=True)
        assert len(await other.answers(KEY)) == 1
        assert [run["attempt"] for run in await other.runs()] == [1, 2]
        await other.aclose()
        for _ in range(2):  # the lock is free, but the manifest is the other run's
            with pytest.raises(JournalError, match="has been run by another process meanwhile"):
                await journal.admit([made(1)[0]])

    opened(tmp_path, work)


def test_a_folder_that_was_removed_ends_the_run_to_be_tried_again(tmp_path: Path):
    async def work(journal: SqliteJournal) -> None:
        shutil.rmtree(tmp_path / "state")
        with pytest.raises(JournalError, match="lock-0-of-1 cannot be written") as caught:
            await settle_two(journal)
        assert caught.value.exit_code == Exit.TRY_AGAIN

    opened(tmp_path, work)


def test_the_holder_is_known_as_long_as_it_holds_the_lock(tmp_path: Path):
    path = tmp_path / "lock-0-of-1"
    assert holder_of(path) is None
    lock = RunLock(path, "job")
    lock.take()
    assert holder_of(path) == os.getpid()
    lock.release()
    assert (holder_of(path), path.read_text()) == (None, f"{os.getpid()}\n")


def test_a_look_at_the_lock_keeps_no_run_away(tmp_path: Path):
    """A look takes the lock for an instant, which a run that begins just then waits for. A run keeps it for longer."""
    path = tmp_path / "lock-0-of-1"
    with path.open("wb") as look:
        fcntl.flock(look, fcntl.LOCK_SH)
        Timer(0.01, fcntl.flock, (look, fcntl.LOCK_UN)).start()
        lock = RunLock(path, "job")
        lock.take()
    with pytest.raises(JournalError, match=f"pid {os.getpid()}"):
        RunLock(path, "job").take()
    lock.release()
