from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from querygen_core.contracts.errors import (
    ConfigError,
    CredentialsError,
    Exit,
    InputError,
    MissingInput,
    ProviderError,
    SinkError,
    Stopped,
)
from querygen_core.engine.shutdown import Shutdown, cause_of


def test_the_first_cause_counts():
    shutdown = Shutdown()
    shutdown.check()
    shutdown.set(Exit.PROVIDER_REFUSES, "budget reached", "budget")
    shutdown.set(Exit.TRY_AGAIN, "SIGTERM received", "signal", deadline=5.0, retry_after=3.0)
    assert (shutdown.code, shutdown.message, shutdown.deadline) == (Exit.PROVIDER_REFUSES, "budget reached", 5.0)
    assert (shutdown.stopped_by, shutdown.retry_after) == ("budget", None)
    with pytest.raises(Stopped, match="budget reached"):
        shutdown.check()


def test_whatever_waits_hears_of_it_and_nothing_waits_any_more():
    async def scenario() -> None:
        shutdown = Shutdown()
        asleep = [asyncio.create_task(shutdown.sleep(60)) for _ in range(3)]
        await asyncio.sleep(0)
        shutdown.set(Exit.TRY_AGAIN, "the end")
        for error in await asyncio.gather(*asleep, return_exceptions=True):
            assert isinstance(error, Stopped)
        with pytest.raises(Stopped):
            await shutdown.sleep(60)

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_sleep_ends_by_itself_and_a_cancelled_one_is_forgotten():
    async def scenario() -> None:
        shutdown = Shutdown()
        await shutdown.sleep(0.001)
        task = asyncio.create_task(shutdown.sleep(60))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        shutdown.set(Exit.TRY_AGAIN, "the end")

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
    shutdown = Shutdown()
    if code is not None:
        shutdown.set(code, "x", deadline=deadline)
    assert shutdown.reads_on is reads_on


def test_without_a_signal_there_is_no_deadline():
    async def scenario() -> None:
        shutdown = Shutdown()
        assert shutdown.seconds_left() == float("inf")
        shutdown.set(Exit.TRY_AGAIN, "x", deadline=asyncio.get_running_loop().time() + 5)
        assert 0 < shutdown.seconds_left() <= 5

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (InputError("no JSON"), "rejected_input"),
        (MissingInput("no file"), "rejected_input"),
        (CredentialsError("no secret"), "auth"),
        (ProviderError("auth", "bad key"), "auth"),
        (ProviderError("quota", "no more today"), "quota"),
        (ProviderError("retry", "down"), "dead_model"),
        (SinkError("auth", "no right"), "sink"),
        (SinkError("fenced", "another process has the job"), "held"),
        (ConfigError("no price"), None),
    ],
    ids=repr,
)
def test_an_error_that_ends_a_run_has_a_word(error, cause):
    assert cause_of(error) == cause


def test_a_run_in_a_hurry_waits_for_nothing_not_even_for_what_will_not_be_cancelled():
    async def stubborn() -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            if ended:
                return

    async def scenario() -> None:
        shutdown = Shutdown(message="interrupted")
        assert await shutdown.unless_hurried(asyncio.sleep(0, "done")) == "done"
        waiting = [asyncio.create_task(shutdown.unless_hurried(work)) for work in (asyncio.sleep(60), stubborn())]
        for _ in range(3):
            await asyncio.sleep(0)
        shutdown.hurry()
        for work in (*waiting, shutdown.unless_hurried(asyncio.sleep(60))):
            with pytest.raises(Stopped, match="interrupted"):
                await work
        ended.append(True)

    ended: list[bool] = []
    asyncio.run(asyncio.wait_for(scenario(), 20))
