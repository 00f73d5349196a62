from __future__ import annotations

import asyncio

import pytest

from querygen_core.engine.halt import Halt
from querygen_core.errors import Exit, Stopped


def test_the_first_cause_counts():
    halt = Halt()
    halt.check()
    halt.set(Exit.PROVIDER_REFUSES, "budget reached")
    halt.set(Exit.TRY_AGAIN, "SIGTERM received", deadline=5.0)
    assert (halt.code, halt.message, halt.deadline) == (Exit.PROVIDER_REFUSES, "budget reached", 5.0)
    with pytest.raises(Stopped, match="budget reached"):
        halt.check()


def test_whatever_waits_hears_of_it_and_nothing_waits_any_more():
    async def scenario() -> None:
        halt = Halt()
        asleep = [asyncio.create_task(halt.sleep(60)) for _ in range(3)]
        await asyncio.sleep(0)
        halt.set(Exit.TRY_AGAIN, "the end")
        for error in await asyncio.gather(*asleep, return_exceptions=True):
            assert isinstance(error, Stopped)
        with pytest.raises(Stopped):
            await halt.sleep(60)

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_sleep_ends_by_itself_and_a_cancelled_one_is_forgotten():
    async def scenario() -> None:
        halt = Halt()
        await halt.sleep(0.001)
        task = asyncio.create_task(halt.sleep(60))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        halt.set(Exit.TRY_AGAIN, "the end")

    asyncio.run(asyncio.wait_for(scenario(), 10))


@pytest.mark.parametrize(
    ("code", "deadline", "reads_on"),
    [
        (None, None, True),
        (Exit.PROVIDER_REFUSES, None, True),
        (Exit.PROVIDER_REFUSES, 1.0, False),
        (Exit.TRY_AGAIN, None, False),
        (Exit.CREDENTIALS, None, False),
    ],
)
def test_the_input_is_read_on_only_where_there_is_time_and_sense(code, deadline, reads_on):
    halt = Halt()
    if code is not None:
        halt.set(code, "x", deadline=deadline)
    assert halt.reads_on is reads_on


def test_without_a_signal_there_is_no_deadline():
    async def scenario() -> None:
        halt = Halt()
        assert halt.seconds_left() == float("inf")
        halt.set(Exit.TRY_AGAIN, "x", deadline=asyncio.get_running_loop().time() + 5)
        assert 0 < halt.seconds_left() <= 5

    asyncio.run(scenario())
