from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from querygen_core.contracts.errors import Exit, Stopped
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.throttle import Bucket, Throttle, unnamed_pause


def test_a_bucket_lets_a_burst_through_and_then_keeps_the_rate():
    bucket = Bucket(per_minute=60, now=0.0)  # 0.95 a second, burst of five seconds
    waits = [bucket.take(1, now=0.0) for _ in range(10)]
    assert waits[:4] == [0.0] * 4
    assert waits == sorted(waits)
    assert waits[9] == pytest.approx((10 - 4.75) / 0.95)


def test_a_take_larger_than_the_bucket_passes_after_its_time_and_is_not_overtaken():
    bucket = Bucket(per_minute=600, now=0.0)
    first = bucket.take(1_000, now=0.0)
    assert first == pytest.approx((1_000 - 47.5) / 9.5)
    assert bucket.take(1, now=0.0) > first


def test_what_is_given_back_can_be_taken_again():
    bucket = Bucket(per_minute=60, now=0.0)
    bucket.take(4.75, now=0.0)
    bucket.take(-4.75, now=0.0)
    assert bucket.take(4.75, now=0.0) == 0.0


def test_calls_in_flight_never_pass_the_limit_and_slow_start_doubles_it():
    async def scenario() -> tuple[int, float]:
        throttle = Throttle(Shutdown(), ceiling=32)
        most = 0

        async def call() -> None:
            nonlocal most
            async with throttle.slot(0) as slot:
                most = max(most, throttle.in_flight)
                await asyncio.sleep(0.001)
                throttle.succeeded(slot, None)

        await asyncio.gather(*(call() for _ in range(200)))
        assert throttle.in_flight == 0
        return most, throttle.limit

    most, limit = asyncio.run(scenario())
    assert most <= 32
    assert limit == 32


def test_a_burst_of_push_backs_shrinks_the_limit_once_and_cools_everybody_down():
    async def scenario() -> None:
        throttle = Throttle(Shutdown(), ceiling=8)
        loop = asyncio.get_running_loop()

        async def call() -> None:
            async with throttle.slot(0) as slot:
                await asyncio.sleep(0)
                throttle.push_back(slot, retry_after=0.15)

        await asyncio.gather(*(call() for _ in range(8)))
        assert throttle.limit == pytest.approx(8 * 0.7)
        before = loop.time()
        async with throttle.slot(0):
            assert loop.time() - before >= 0.1

    asyncio.run(scenario())


def test_after_a_push_back_the_limit_comes_back_quickly_and_then_probes_slowly():
    async def scenario() -> list[float]:
        throttle = Throttle(Shutdown(), ceiling=64)
        throttle.limit = 40
        async with throttle.slot(0) as slot:
            throttle.push_back(slot, retry_after=0)
        limits = [throttle.limit]
        for successes in (8, 40):
            for _ in range(successes):
                async with throttle.slot(0) as slot:
                    throttle.succeeded(slot, None)
            limits.append(throttle.limit)
        return limits

    assert asyncio.run(scenario()) == pytest.approx([28, 36, 38])


@pytest.mark.parametrize("named", [None, 0.0, -3.0])
def test_a_stray_push_back_that_names_no_pause_stops_nobody_else(named):
    async def scenario() -> list[bool]:
        throttle = Throttle(Shutdown(), ceiling=8)
        stopped = []
        for succeeded in (True, True, False, True):
            async with throttle.slot(0) as slot:
                throttle.push_back(slot, named)
            stopped.append(throttle.cooling() > 0)
            throttle._cool_until = 0.0
            if succeeded:
                async with throttle.slot(0) as slot:
                    throttle.succeeded(slot, None)
        return stopped

    assert asyncio.run(scenario()) == [False, False, False, True]


def test_push_backs_in_vain_stop_all_calls_for_longer_and_longer():
    async def scenario() -> list[float]:
        throttle = Throttle(Shutdown(), ceiling=8)
        pauses = []
        for _ in range(12):
            async with throttle.slot(0) as slot:
                throttle.push_back(slot, 0.0)
            pauses.append(throttle.cooling())
            throttle._cool_until = 0.0
        return pauses

    pauses = asyncio.run(scenario())
    assert pauses[0] == 0
    assert all(later > earlier for earlier, later in pairwise(pauses[:6]))
    assert 40 < pauses[-1] < 75


def test_a_request_that_is_pushed_back_waits_longer_each_time():
    waits = [unnamed_pause(times) for times in range(1, 100)]
    assert 0.8 <= waits[0] <= 1.2
    assert all(later > earlier for earlier, later in pairwise(waits[:6]))
    assert max(waits) <= 72


def test_whoever_waits_hears_that_the_run_ends():
    async def scenario() -> None:
        shutdown = Shutdown()
        throttle = Throttle(shutdown, ceiling=1)
        async with throttle.slot(0):
            waiting = asyncio.create_task(_enter(throttle))
            await asyncio.sleep(0)
            shutdown.set(Exit.TRY_AGAIN, "enough")
            with pytest.raises(Stopped, match="enough"):
                await waiting
        assert throttle.in_flight == 0

    asyncio.run(scenario())


def test_cancelled_waiters_leave_no_slot_behind():
    async def scenario() -> None:
        throttle = Throttle(Shutdown(), ceiling=1)
        for _ in range(50):
            tasks = [asyncio.create_task(_enter(throttle)) for _ in range(5)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert throttle.in_flight == 0
        await _enter(throttle)

    asyncio.run(scenario())


def test_without_patience_a_long_pause_ends_the_run():
    async def scenario() -> Shutdown:
        shutdown = Shutdown()
        throttle = Throttle(shutdown, ceiling=1, longest_wait=10)
        async with throttle.slot(0) as slot:
            throttle.push_back(slot, retry_after=60)
        return shutdown

    shutdown = asyncio.run(scenario())
    assert (shutdown.code, shutdown.stopped_by) == (Exit.TRY_AGAIN, "provider_wait")
    assert shutdown.retry_after == pytest.approx(60, abs=1)


async def _enter(throttle: Throttle) -> None:
    async with throttle.slot(0):
        await asyncio.sleep(0)


def test_a_pause_that_nobody_named_is_no_longer_than_a_request_is_tried():
    async def scenario() -> float:
        throttle = Throttle(Shutdown(), ceiling=8, longest_unnamed=0.5)
        for _ in range(6):
            throttle._cool_until = 0.0
            async with throttle.slot(0) as slot:
                throttle.push_back(slot, None)
        return throttle.cooling()

    assert 0 < asyncio.run(scenario()) <= 0.5


def test_calls_that_wait_for_a_rate_are_counted_while_they_do():
    async def scenario() -> tuple[int, int]:
        shutdown = Shutdown()
        throttle = Throttle(shutdown, ceiling=32, rpm=Bucket(60, now=asyncio.get_running_loop().time()))

        async def call() -> None:
            async with throttle.slot(0):
                await shutdown.sleep(60)

        calls = [asyncio.create_task(call()) for _ in range(10)]
        await asyncio.sleep(0.01)
        waiting = throttle.paced
        shutdown.set(Exit.TRY_AGAIN, "the end")
        await asyncio.gather(*calls, return_exceptions=True)
        return waiting, throttle.paced

    assert asyncio.run(scenario()) == (6, 0)
