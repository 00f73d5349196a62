"""The rules by which a dead model is told from bad products, without a call."""

from __future__ import annotations

import asyncio

import pytest

from querygen_core.contracts.errors import Exit, PluginError, ProviderError, Stopped
from querygen_core.engine.breaker import FIRST_CALLS, LIMIT, LIMIT_AFTER_PROBE, Asker, Breaker, ModelState
from querygen_core.engine.model_call import failure_of
from querygen_core.engine.shutdown import Shutdown

REFUSED = ProviderError("bad_request", "no")


def breaker(state: ModelState | None = None, *, useful: bool = True) -> Breaker:
    state = state or ModelState()
    made = Breaker(Asker("generator"), "m", state, lambda _: None, useful=useful)
    state.breakers.append(made)
    return made


def fail(*breakers: Breaker) -> int:
    """One call of each is refused, all sent before the first comes back; the moment of the last."""
    sent = [one.send() for one in breakers]
    moment = 0
    for one, at in zip(breakers, sent, strict=True):
        one.returned()
        moment = one.failed("refused", REFUSED, at)
    return moment


async def is_admitted(one: Breaker) -> bool:
    task = asyncio.create_task(one.admit(Shutdown()))
    await asyncio.sleep(0)
    admitted = task.done()
    task.cancel()
    return admitted


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (REFUSED, "refused"),
        (ProviderError("retry", "no answer", indeterminate=True), "silent"),
        (ProviderError("bad_answer", "not JSON"), "silent"),
        (PluginError("boom"), "silent"),
        (ProviderError("retry", "500"), "outage"),
        (ProviderError("throttled", "429"), "outage"),
    ],
    ids=str,
)
def test_what_a_failed_call_tells_of_the_model(error, failure):
    assert failure_of(error) == failure


def test_three_failures_in_a_row_are_due_for_a_probe_and_eight_after_one_was_answered():
    one = breaker()
    fail(*[one] * (LIMIT - 1))
    assert not one.is_due
    fail(one)
    assert one.is_due
    one.probed(one.send())
    assert not one.is_due
    fail(*[one] * (LIMIT_AFTER_PROBE - 1))
    assert not one.is_due
    fail(one)
    assert one.is_due
    one.answered_usefully(one.send())
    fail(*[one] * LIMIT)
    assert one.is_due, "the answer to a product's request makes it three again"


def test_an_answer_to_a_call_that_was_sent_earlier_says_nothing_for_the_model():
    one = breaker()
    early = one.send()
    fail(one, one)
    one.answered_usefully(early)
    fail(one)
    assert one.is_due


def test_a_failure_of_a_call_that_was_sent_before_one_that_was_answered_does_not_count():
    one = breaker()
    slow = [one.send() for _ in range(LIMIT)]
    one.answered_usefully(one.send())
    for sent in slow:
        one.failed("silent", ProviderError("retry", "late", indeterminate=True), sent)
    assert not one.is_due


def test_a_blocked_answer_shows_that_the_model_works():
    one = breaker()
    for _ in range(4 * LIMIT):
        fail(one)
        one.answered_blocked(one.send())
    assert not one.is_due


def test_outages_are_counted_by_requests_not_by_calls():
    one, error = breaker(), ProviderError("retry", "503")
    for _ in range(20):
        one.failed("outage", error, one.send())
    assert not one.is_due
    for _ in range(LIMIT):
        one.gave_up(error)
    assert one.is_due


def test_while_there_are_failures_only_so_many_calls_start_as_may_still_fail():
    async def scenario() -> None:
        one = breaker()
        for _ in range(20):
            await one.admit(Shutdown())
        fail(one)
        assert not await is_admitted(one)
        assert one.may_send(), "of those that waited for the throttle, two"
        one.send()
        assert one.may_send()
        one.send()
        assert not one.may_send()
        one.answered_usefully(one.send())
        assert await is_admitted(one)
        assert one.may_send()

    asyncio.run(scenario())


def test_until_the_first_useful_answer_few_calls_are_under_way():
    async def scenario() -> None:
        one = breaker(useful=False)
        for _ in range(FIRST_CALLS):
            assert await is_admitted(one)
        assert not await is_admitted(one)
        waiting = asyncio.create_task(one.admit(Shutdown()))
        await asyncio.sleep(0)
        one.answered_usefully(one.send())
        await waiting

    asyncio.run(scenario())


def test_the_askers_of_a_model_share_its_failures_but_not_their_prompts_faults():
    async def scenario() -> None:
        state = ModelState()
        one, other = breaker(state), breaker(state)
        fail(one, other, one)
        assert other.is_due, "three in a row of the model"
        assert not await is_admitted(other)
        other.answered_usefully(other.send())
        assert not other.is_due
        fail(one)
        assert one.is_due, "the other's answers say nothing for its prompt"

    asyncio.run(scenario())


def test_while_a_model_is_probed_nobody_asks_it_unless_it_has_answered_since():
    async def scenario() -> None:
        state = ModelState()
        one, other = breaker(state), breaker(state)
        fail(one)
        one.probing = True
        assert not await is_admitted(one)
        assert not await is_admitted(other)
        other.answered_usefully(other.send())
        assert await is_admitted(other)
        assert not await is_admitted(one)

    asyncio.run(scenario())


def test_a_refusal_is_the_products_fault_when_a_call_that_was_sent_later_is_answered():
    async def scenario() -> None:
        one, shutdown = breaker(), Shutdown()
        early = one.send()
        moment = fail(one)
        waiting = asyncio.create_task(one.verdict(moment, shutdown, by_dead_model=True))
        await asyncio.sleep(0)
        one.answered_usefully(early)
        await asyncio.sleep(0)
        assert not waiting.done(), "the model may have died in between"
        assert (one.has_undecided, one.is_alive) == (True, False)
        one.answered_usefully(one.send())
        await waiting
        assert not one.has_undecided

    asyncio.run(scenario())


def test_who_waits_for_a_verdict_or_for_his_turn_is_stopped_when_the_run_ends():
    async def scenario() -> None:
        one, shutdown = breaker(), Shutdown()
        moment = fail(*[one] * LIMIT)
        waiting = [one.verdict(moment, shutdown, by_dead_model=True), one.admit(shutdown)]
        tasks = [asyncio.create_task(coroutine) for coroutine in waiting]
        await asyncio.sleep(0)
        shutdown.set(Exit.PROVIDER_REFUSES, "dead", "dead_model")
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, Stopped) for result in results)

    asyncio.run(scenario())
