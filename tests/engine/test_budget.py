from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen_core.contracts.errors import Exit, Stopped
from querygen_core.contracts.journal import Spent
from querygen_core.engine.budget import Budget, Reservation
from querygen_core.engine.shutdown import Shutdown


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 60))


async def one(budget: Budget, used: int, cost: float = 0.0, *, most: int = 0, dearest: float = 0.0) -> None:
    """A whole call."""
    async with budget.reserved(most or used, dearest or cost) as reservation:
        await asyncio.sleep(0)
        budget.settle(reservation, used, cost)


async def refused(budget: Budget, tokens: int = 0, cost: float = 0.0) -> str:
    """The message with which a call ends the run."""
    with pytest.raises(Stopped) as caught:
        async with budget.reserved(tokens, cost):
            pytest.fail("it was admitted")
    assert (budget.shutdown.code, budget.shutdown.stopped_by) == (Exit.PROVIDER_REFUSES, "budget")
    return str(caught.value)


def test_without_a_limit_nothing_is_refused():
    async def scenario() -> None:
        budget = Budget(Shutdown(), Spent(calls=10**9, tokens=10**12))
        await asyncio.gather(*(one(budget, 10**9) for _ in range(100)))

    run(scenario())


def test_what_earlier_runs_spent_counts_and_so_do_their_calls_without_an_answer():
    async def scenario() -> None:
        budget = Budget(Shutdown(), Spent(calls=4, unanswered_calls=3), max_calls=8)
        await one(budget, 1)
        assert "max_calls 8: 8 calls made (3 calls without an answer included, at most)" in await refused(budget)
        budget = Budget(Shutdown(), Spent(tokens=40, unanswered_tokens=50), max_tokens=100)
        await one(budget, 5)
        assert "max_tokens 100: 95 tokens used, and the next call may use 6" in await refused(budget, 6)
        budget = Budget(Shutdown(), Spent(cost=0.25, unanswered_calls=1, unanswered_cost=0.25), max_cost=1)
        await one(budget, 5, 0.25)
        message = await refused(budget, 6, 0.375)
        assert "max_cost 1: 0.7500 USD spent (1 call without an answer included, at most)" in message
        assert "the next call may cost 0.3750 USD; raise it to continue, or lower the model's max_output_t" in message

    run(scenario())


def test_a_call_that_failed_gives_back_what_it_took():
    async def scenario() -> None:
        budget = Budget(Shutdown(), Spent(), max_calls=1, max_tokens=100)
        async with budget.reserved(100) as reservation:
            budget.release(reservation)
        await one(budget, 100)
        await refused(budget)

    run(scenario())


def test_a_call_whose_end_nobody_knows_keeps_what_it_took_and_is_waited_for_no_longer():
    async def scenario() -> None:
        budget = Budget(Shutdown(), Spent(), max_tokens=100)
        with pytest.raises(OSError, match="unforeseen"):
            async with budget.reserved(60):
                raise OSError("unforeseen")
        assert "60 tokens used (1 call without an answer included, at most)" in await refused(budget, 60)

    run(scenario())


def test_near_a_limit_calls_under_way_are_waited_for_in_turn():
    async def scenario() -> None:
        budget = Budget(Shutdown(), Spent(), max_cost=1.0)
        order: list[str] = []
        go = asyncio.Event()

        async def call(name: str, dearest: float, cost: float, until: asyncio.Event) -> None:
            async with budget.reserved(1, dearest) as reservation:
                order.append(name)
                await until.wait()
                budget.settle(reservation, 1, cost)

        async with asyncio.TaskGroup() as group:
            group.create_task(call("first", 0.75, 0.25, go))
            await asyncio.sleep(0)
            for name, dearest in (("large", 0.5), ("small", 0.125)):
                group.create_task(call(name, dearest, dearest, go))
                await asyncio.sleep(0)
            assert order == ["first"], "the small one would fit, but the large one is first"
            go.set()
        assert order == ["first", "large", "small"]
        assert budget.shutdown.code is None

    run(scenario())


def test_who_is_cancelled_while_it_waits_leaves_its_turn():
    async def scenario() -> None:
        budget = Budget(Shutdown(), Spent(), max_calls=2)
        async with budget.reserved(1) as first, budget.reserved(1) as second:
            waiting = [asyncio.create_task(one(budget, 1)) for _ in range(2)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            budget.release(first)
            waiting[1].cancel()  # when its turn has come
            await asyncio.wait(waiting)
            budget.release(second)
        await one(budget, 1)
        await one(budget, 1)
        await refused(budget)

    run(scenario())


def test_the_end_of_the_run_wakes_whoever_waits():
    async def scenario() -> None:
        budget = Budget(Shutdown(), Spent(), max_calls=1)
        async with budget.reserved(1) as reservation:
            waiting = asyncio.create_task(one(budget, 1))
            await asyncio.sleep(0)
            budget.release(reservation)
            budget.shutdown.set(Exit.TRY_AGAIN, "told to go", "signal")
            with pytest.raises(Stopped, match="told to go"):
                await waiting
        budget.shutdown = Shutdown()
        await one(budget, 1)

    run(scenario())


@pytest.mark.parametrize("seed", range(20))
def test_the_spending_ends_within_one_worst_case_of_the_limit(seed: int):
    """Whatever the calls use of what they reserve, and however they end."""
    draw = random.Random(seed)
    cap, most = 10_000, 400

    async def scenario() -> None:
        budget = Budget(Shutdown(), Spent(), max_tokens=cap)
        used = 0

        async def worker() -> None:
            nonlocal used
            while True:
                largest = draw.randint(1, most)
                async with budget.reserved(largest) as reservation:
                    for _ in range(draw.randint(0, 5)):
                        await asyncio.sleep(0)
                    if draw.random() < 0.2:
                        budget.release(reservation)
                    elif draw.random() < 0.1:
                        used += largest
                    else:
                        tokens = draw.randint(0, largest)
                        budget.settle(reservation, tokens)
                        used += tokens

        async with AsyncExitStack() as stack:
            workers = [asyncio.create_task(worker()) for _ in range(draw.choice([1, 2, 7]))]
            stack.push_async_callback(asyncio.wait, workers)
        assert all(isinstance(done.exception(), Stopped) for done in workers)
        assert cap - most < used <= cap

    run(scenario())


_STEPS = st.lists(st.tuples(st.sampled_from(["reserve", "settle", "release"]), st.integers(0, 40)), max_size=60)


@given(steps=_STEPS, max_calls=st.integers(1, 8), max_tokens=st.integers(1, 200))
def test_paid_calls_and_tokens_never_pass_the_caps(steps, max_calls, max_tokens):
    """As long as no call uses more than was reserved for it, which is what reserving is for."""

    async def scenario() -> None:
        budget = Budget(Shutdown(), Spent(), max_calls, max_tokens)
        under_way: list[tuple[Any, Reservation]] = []
        calls = tokens = 0
        for what, number in steps:
            if what == "reserve":
                manager = budget.reserved(number)
                entering = asyncio.create_task(manager.__aenter__())
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                if entering.done() and entering.exception() is None:
                    under_way.append((manager, entering.result()))
                else:
                    entering.cancel()
                    await asyncio.wait([entering])
                    budget.shutdown.code = None  # as if nobody had heard
            elif under_way:
                manager, reservation = under_way.pop()
                if what == "release":
                    budget.release(reservation)
                else:
                    used = min(number, reservation.tokens)
                    budget.settle(reservation, used)
                    calls, tokens = calls + 1, tokens + used
                await manager.__aexit__(None, None, None)
            assert calls + len(under_way) <= max_calls
            assert tokens + sum(one.tokens for _, one in under_way) <= max_tokens

    run(scenario())
