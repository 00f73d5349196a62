from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from querygen_aws.journal.pool import Pool

NAME: ContextVar[str] = ContextVar("NAME")


def test_as_many_threads_as_needed_and_no_more():
    """Four meet at a barrier, so there are four; the others do their work after them."""
    meeting = threading.Barrier(4, timeout=20)
    seen: set[str] = set()

    def meet(number):
        seen.add(threading.current_thread().name + str(threading.get_ident()))
        if number < 4:
            meeting.wait()
        return number

    async def main():
        pool = Pool(4)
        try:
            return await asyncio.gather(*(pool.run(meet, number) for number in range(20)))
        finally:
            pool.close()

    assert asyncio.run(main()) == list(range(20))
    assert len(seen) == 4


def test_one_after_the_other_they_share_a_thread():
    async def main():
        pool = Pool(4)
        idents = {await pool.run(threading.get_ident) for _ in range(10)}
        pool.close()
        return idents

    assert len(asyncio.run(main())) == 1


def test_what_goes_wrong_is_told_to_who_asked():
    async def main():
        pool = Pool(2)
        try:
            with pytest.raises(ZeroDivisionError):
                await pool.run(lambda: 1 // 0)
            return await pool.run(lambda: 7)
        finally:
            pool.close()

    assert asyncio.run(main()) == 7


def test_work_is_done_though_nobody_waits_any_more_and_its_thread_goes_on():
    began, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def work():
        began.set()
        go_on.wait(20)
        done.set()

    async def main():
        pool = Pool(1)
        task = asyncio.create_task(pool.run(work))
        await asyncio.to_thread(began.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        assert await pool.run(lambda: "next") == "next"
        pool.close()

    asyncio.run(main())
    assert done.is_set()


def test_log_lines_of_a_thread_are_those_of_the_run():
    async def main():
        NAME.set("run 7")
        pool = Pool(1)
        try:
            return await pool.run(NAME.get)
        finally:
            pool.close()

    assert asyncio.run(main()) == "run 7"
