"""Work in threads: its results reach the event loop, and nothing breaks where nobody waits for them."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from querygen_core.contracts.threads import ThreadPool, call_in_loop, run_in_thread

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
        pool = ThreadPool(4, "test")
        try:
            return await asyncio.gather(*(pool.run(meet, number) for number in range(20)))
        finally:
            pool.close()

    assert asyncio.run(main()) == list(range(20))
    assert len(seen) == 4


def test_one_after_the_other_they_share_a_thread():
    async def main():
        pool = ThreadPool(4, "test")
        idents = {await pool.run(threading.get_ident) for _ in range(10)}
        pool.close()
        return idents

    assert len(asyncio.run(main())) == 1


def test_what_goes_wrong_is_told_to_who_asked():
    async def main():
        pool = ThreadPool(2, "test")
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
        pool = ThreadPool(1, "test")
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
        pool = ThreadPool(1, "test")
        try:
            return await pool.run(NAME.get)
        finally:
            pool.close()

    assert asyncio.run(main()) == "run 7"


def test_a_thread_of_its_own_has_a_name_and_the_context_of_its_caller():
    def look(number):
        thread = threading.current_thread()
        return number, thread.name, thread.daemon, NAME.get()

    async def main():
        NAME.set("run 8")
        return await run_in_thread("observer log", look, 1)

    assert asyncio.run(main()) == (1, "observer log", True, "run 8")


def test_its_error_is_raised_where_it_is_awaited():
    async def main():
        with pytest.raises(ZeroDivisionError):
            await run_in_thread("test", lambda: 1 // 0)

    asyncio.run(main())


def test_a_result_for_a_loop_that_is_closed_is_dropped():
    began, go_on, threads = threading.Event(), threading.Event(), []

    def work():
        threads.append(threading.current_thread())
        began.set()
        go_on.wait(20)

    async def main():
        future = run_in_thread("test", work)
        await asyncio.to_thread(began.wait, 20)
        return future

    future = asyncio.run(main())
    go_on.set()
    threads[0].join(20)
    assert not threads[0].is_alive(), "it ended without an error, or pytest would report it"
    assert not future.done()


def test_a_call_into_a_closed_loop_is_ignored():
    loop, calls = asyncio.new_event_loop(), []
    call_in_loop(loop, calls.append, 1)
    call_in_loop(loop, loop.stop)
    loop.run_forever()
    loop.close()
    call_in_loop(loop, calls.append, 2)
    assert calls == [1]
