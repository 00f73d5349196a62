"""The answers of all jobs: found by every job, asked for by one process at a time, paid for by one job each."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from querygen_core.api import JournalError, Shard
from querygen_core.contracts.journal import AnswerRecord, Spent
from querygen_core.journal import schema
from querygen_core.journal.answer_db import AnswerDb
from querygen_core.journal.owner import lives, this_process
from querygen_core.journal.write_queue import WriteQueue
from querygen_core.testing import response
from tests.journal.opened import KEY, change

R = TypeVar("R")
OTHER = "b" * 64

ASKING = """
import asyncio, pathlib, sys
from querygen_core.api import Shard
from querygen_core.journal.answer_db import AnswerDb
async def main():
    answers = AnswerDb(pathlib.Path(sys.argv[1]), "elsewhere", Shard())
    print(await answers.begin_call(sys.argv[2], 0, cost=0.5), flush=True)
    sys.stdin.read()
asyncio.run(main())
"""


def stored(folder: Path, work: Callable[[AnswerDb], Awaitable[R]], job: str = "mine", run: int = 1) -> R:
    """`work` on the answer store of `folder`, in a run of its own."""

    async def main() -> R:
        answers = AnswerDb(folder / "answers.sqlite", job, Shard())
        answers.begin(run)
        try:
            return await work(answers)
        finally:
            await answers.aclose()

    return asyncio.run(main())


async def pay(answers: AnswerDb, key: str, number: int = 0, text: str = "t", *, usable: bool = True, cost: float = 0.0):
    call = await answers.begin_call(key, number, cost=cost)
    assert isinstance(call, int), call
    return await answers.record(call, key, number, response(text), usable=usable, cost=cost)


@pytest.fixture
def asking(tmp_path: Path):
    """Another process, which has begun a call for `KEY` and waits for its answer."""
    (tmp_path / "answers.sqlite").parent.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-c", ASKING, str(tmp_path / "answers.sqlite"), KEY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip().isdecimal()
    yield process
    process.kill()
    process.communicate()


def test_what_one_job_has_paid_for_is_there_for_all(tmp_path: Path):
    stored(tmp_path, lambda answers: pay(answers, KEY, text="paid once", cost=0.25), "first")
    (found,) = stored(tmp_path, lambda answers: answers.answers(KEY), "second")
    assert (found.response.text, found.ours) == ("paid once", False)
    assert stored(tmp_path, lambda answers: answers.begin_call(KEY, 0), "second") == "asked"
    spent = {job: stored(tmp_path, lambda answers: answers.spent(), job) for job in ("first", "second")}
    assert {job: (one.calls, one.cost) for job, one in spent.items()} == {"first": (1, 0.25), "second": (0, 0.0)}


def test_a_request_is_asked_by_one_process_at_a_time(tmp_path: Path, asking):
    assert stored(tmp_path, lambda answers: answers.begin_call(KEY, 0)) == "asked"
    assert isinstance(stored(tmp_path, lambda answers: answers.begin_call(OTHER, 0)), int)


def test_the_claim_of_a_killed_process_is_void_and_its_call_counts_as_perhaps_paid(tmp_path: Path, asking):
    asking.kill()
    asking.wait()
    assert isinstance(stored(tmp_path, lambda answers: answers.begin_call(KEY, 0)), int)
    assert stored(tmp_path, lambda answers: answers.spent(), "elsewhere").indeterminate == 1


def unanswered(folder: Path, shard: Shard | None = None) -> tuple[int, int, float]:
    async def main() -> Spent:
        answers = AnswerDb(folder / "answers.sqlite", "mine", shard or Shard())
        try:
            return await answers.spent()
        finally:
            await answers.aclose()

    spent = asyncio.run(main())
    return spent.unanswered_calls, spent.unanswered_tokens, spent.unanswered_cost


@pytest.mark.parametrize(
    ("how", "counts"), [(None, 1), ("lost", 1), ("abandoned", 1), ("failed", 0), ("unsent", 0), ("answered", 0)]
)
def test_a_call_without_an_answer_counts_as_much_as_it_can_have_cost(tmp_path: Path, how, counts: int):
    async def call(answers: AnswerDb) -> None:
        begun = await answers.begin_call(KEY, 0, cost=0.5, tokens=700)
        assert isinstance(begun, int)
        if how == "answered":
            await answers.record(begun, KEY, 0, response("t"), usable=True)
        elif how is not None:
            await answers.end_call(begun, how)

    stored(tmp_path, call)
    assert unanswered(tmp_path) == (counts, counts * 700, counts * 0.5)
    assert unanswered(tmp_path, Shard(1, 2)) == (counts, counts * 350, counts * 0.25), "an equal share of it"


def test_an_answer_that_turns_up_ends_the_call_that_it_is_of(tmp_path: Path):
    """A store took it, and the process was killed before it could note that here."""

    async def killed(answers: AnswerDb) -> AnswerRecord:
        for key in (KEY, OTHER):
            await answers.begin_call(key, 0, cost=0.5, tokens=700)
        return answers.paid(KEY, 0, response("t"), usable=True, cost=0.125)

    answer = stored(tmp_path, killed)
    assert unanswered(tmp_path) == (2, 1400, 1.0)
    for _ in range(2):
        stored(tmp_path, lambda answers: answers.restore([answer]), run=2)
        assert unanswered(tmp_path) == (1, 700, 0.5)
        spent = stored(tmp_path, lambda answers: answers.spent(), run=2)
        assert (spent.calls, spent.cost) == (1, 0.125)


def test_calls_of_layout_3_count_with_the_tokens_of_the_shipped_prompts(tmp_path: Path):
    asked = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with closing(sqlite3.connect(tmp_path / "answers.sqlite")) as db:
        for statement in schema.ANSWERS.steps[0].split(";\n"):
            db.execute(statement)
        values = (KEY, 0, "mine", 1, "0/1", this_process(), asked, asked, 0.5, "lost")
        db.execute("INSERT INTO calls VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        db.execute("PRAGMA user_version=3")
        db.commit()
    assert unanswered(tmp_path) == (1, 16384, 0.5)
    with closing(schema.connect(tmp_path / "answers.sqlite", schema.ANSWERS)) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == schema.ANSWERS.version
        assert schema.has_layout(db, schema.ANSWERS)


def test_a_process_that_is_paused_is_not_waited_for_longer_than_its_call_may_take(tmp_path: Path, asking):
    asking.send_signal(signal.SIGSTOP)
    assert stored(tmp_path, lambda answers: answers.begin_call(KEY, 0)) == "asked"
    change(tmp_path, "UPDATE calls SET until = '2026-01-01T00:00:00.000Z'", file="answers.sqlite")
    assert isinstance(stored(tmp_path, lambda answers: answers.begin_call(KEY, 0)), int)


def test_a_process_that_only_waits_for_its_parent_is_dead(asking):
    """A zombie answers to `kill -0`, and has its start time: for as long as nobody asks how it ended."""
    owner = f"{this_process().split(' ')[0]} {asking.pid} "
    start = Path(f"/proc/{asking.pid}/stat").read_text().rpartition(")")[2].split()[19]
    assert lives(owner + start)
    assert not lives(f"{owner}{int(start) + 1}"), "another process got its pid"
    assert not lives(f"another/1 {asking.pid} {start}"), "of an earlier boot"
    boot = owner.partition("/")[0]
    assert lives(f"{boot}/1 {asking.pid} {start}"), "of another container, where it cannot be seen"
    asking.kill()
    while Path(f"/proc/{asking.pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        pass
    assert not lives(owner + start)


def test_the_day_s_budget_counts_what_all_jobs_have_spent_and_are_spending(tmp_path: Path, asking):
    """0.5 under way in another process, 0.25 paid by a third job."""
    stored(tmp_path, lambda answers: pay(answers, OTHER, cost=0.25), "third")

    def begin(cost: float):
        return stored(tmp_path, lambda answers: answers.begin_call("c" * 64, 0, cost=cost, day_budget=1.0))

    assert begin(0.76) == "budget"
    assert begin(0.26) == "busy", "less may be left over than was reserved"
    assert isinstance(begin(0.25), int)
    assert begin(0.01) == "busy", "the call just begun counts too"
    asking.kill()
    asking.wait()
    change(tmp_path, "UPDATE calls SET until = '2026-01-01T00:00:00.000Z'", file="answers.sqlite")
    assert begin(0.01) == "budget", "calls without an answer may have been paid"
    change(tmp_path, "UPDATE spent SET day = '2020-01-01'", file="answers.sqlite")
    assert isinstance(begin(0.25), int), "yesterday's money is not today's"


def test_an_unusable_answer_is_a_try_of_the_job_that_paid_for_it(tmp_path: Path):
    stored(tmp_path, lambda answers: pay(answers, KEY, usable=False), "first")
    assert [one.ours for one in stored(tmp_path, lambda answers: answers.answers(KEY), "first")] == [True]
    assert stored(tmp_path, lambda answers: answers.grant_retry(), "second") == 0
    assert stored(tmp_path, lambda answers: answers.grant_retry(), "first") == 1
    assert stored(tmp_path, lambda answers: answers.tries(KEY), "first") == 1
    assert stored(tmp_path, lambda answers: answers.tries(KEY), "second") == 0


def test_a_usable_answer_of_another_job_leaves_nothing_to_retry(tmp_path: Path):
    stored(tmp_path, lambda answers: pay(answers, KEY, usable=False), "first")
    stored(tmp_path, lambda answers: pay(answers, KEY, 1, usable=True), "second")
    assert stored(tmp_path, lambda answers: answers.grant_retry(), "first") == 0


def test_an_answer_is_not_written_to_a_file_that_nobody_will_find(tmp_path: Path):
    async def work(answers: AnswerDb) -> None:
        await pay(answers, KEY)
        for name in ("answers.sqlite", "answers.sqlite-wal", "answers.sqlite-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        with pytest.raises(
            JournalError, match=r"answers\.sqlite: was removed or replaced while it was used; run again"
        ):
            await pay(answers, OTHER)

    stored(tmp_path, work)


def test_a_writer_that_keeps_its_turn_is_not_waited_for_without_end(tmp_path: Path):
    queue, other = (WriteQueue(tmp_path / "lock", patience=0.05) for _ in range(2))
    with queue:
        with pytest.raises(JournalError, match=r"another process has held .*lock for 0\.05 s"), other:
            pass
        assert other._file is None
    for _ in range(3):
        with other, pytest.raises(JournalError), queue:
            pass
        with queue:
            pass


def test_prune_deletes_what_is_old_and_no_more(tmp_path: Path):
    for number, job in enumerate(("first", "first", "second")):
        stored(tmp_path, lambda answers, key=f"{number:064}": pay(answers, key, cost=1.0), job)
    change(
        tmp_path,
        "UPDATE answers SET time = '2020-01-01T00:00:00.000Z' WHERE key < ?",
        f"{2:064}",
        file="answers.sqlite",
    )
    assert stored(tmp_path, lambda answers: answers.prune(datetime(2020, 1, 1, 0, 0, 0, 1000, UTC))) == 2
    assert len(stored(tmp_path, lambda answers: answers.answers(f"{2:064}"))) == 1
    assert stored(tmp_path, lambda answers: answers.spent(), "first").cost == 2.0, "what was spent stays spent"


def test_forgetting_a_job_leaves_its_answers_and_what_the_day_has_cost(tmp_path: Path):
    async def work(answers: AnswerDb) -> None:
        await pay(answers, KEY, usable=False, cost=0.5)
        await answers.grant_retry()

    for run in (1, 2):
        stored(tmp_path, lambda answers, key=f"{run:064}": pay(answers, key, cost=0.125), "gone", run)
    stored(tmp_path, work, "gone")
    stored(tmp_path, lambda answers: answers.begin_call(OTHER, 0, cost=0.25), "gone")
    stored(tmp_path, lambda answers: answers.forget(), "gone")
    assert stored(tmp_path, lambda answers: answers.spent(), "gone").calls == 0
    assert stored(tmp_path, lambda answers: answers.tries(KEY), "gone") == 0
    assert len(stored(tmp_path, lambda answers: answers.answers(KEY))) == 1
    full = stored(tmp_path, lambda answers: answers.begin_call(OTHER, 0, cost=0.001, day_budget=1.0))
    assert full == "budget"
