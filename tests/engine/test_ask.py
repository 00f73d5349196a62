from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from querygen_core.contracts.errors import AnswerError, Exit, PluginError, ProviderError, Stopped
from querygen_core.contracts.records import Response
from querygen_core.engine.provider_call import LONGEST_TEXT
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import questions
from tests.engine.world import request, world


def run(scenario):
    return asyncio.run(scenario)


def test_an_answer_is_paid_once_and_then_comes_from_the_journal(tmp_path: Path):
    async def first() -> None:
        async with world(tmp_path, lambda *_: questions("Is it red?")) as w:
            answer = await w.conversation()(request())
            assert not answer.from_journal
            assert (await w.journal.spent()).calls == 1

    async def again() -> None:
        async with world(tmp_path, lambda *_: AssertionError("asked twice")) as w:
            answer = await w.conversation()(request())
            assert answer.from_journal
            assert answer.value == {"questions": [{"text": "Is it red?"}]}
            assert w.stats.calls == 0
            assert w.stats.from_journal == 1

    run(first())
    run(again())


def test_equal_requests_under_way_are_sent_once(tmp_path: Path):
    async def scenario() -> None:
        async with world(tmp_path, lambda *_: questions("Is it red?"), seconds=0.05) as w:
            answers = await asyncio.gather(*(w.conversation()(request()) for _ in range(20)))
            assert len({answer.request_key for answer in answers}) == 1
            assert sum(w.provider.calls.values()) == 1

    run(scenario())


def test_a_refill_is_known_by_its_first_request_and_round_not_by_its_text(tmp_path: Path):
    async def keys(refill: str) -> list[str]:
        async with world(tmp_path, lambda *_: questions("Is it red?")) as w:
            ask = w.conversation()
            first = await ask(request("first"))
            ask.start_round(1)
            second = await ask(request(refill))
            return [first.request_key, second.request_key, str(w.stats.calls)]

    one, other = run(keys("refill without a")), run(keys("refill without a and b"))
    assert one[:2] == other[:2]
    assert one[0] != one[1]
    assert (one[2], other[2]) == ("2", "0")


def test_an_unusable_answer_is_asked_for_once_more_and_then_never_again(tmp_path: Path):
    async def scenario(expected_calls: int) -> None:
        async with world(tmp_path, lambda *_: Response(text="I would rather not")) as w:
            with pytest.raises(AnswerError) as caught:
                await w.conversation()(request())
            assert caught.value.raw == "I would rather not"
            assert w.stats.calls == expected_calls

    run(scenario(2))
    run(scenario(0))


def test_retry_grants_one_more_try_and_the_lowest_usable_one_counts(tmp_path: Path):
    async def fail() -> None:
        async with world(tmp_path, lambda *_: Response(text="no")) as w:
            with pytest.raises(AnswerError):
                await w.conversation()(request())
            assert await w.journal.grant_retry() == 1

    async def heal() -> None:
        async with world(tmp_path, lambda *_: questions("Is it red?")) as w:
            assert (await w.conversation()(request())).value["questions"]
            assert w.stats.calls == 1

    run(fail())
    run(heal())


def test_a_blocked_answer_is_not_asked_for_again(tmp_path: Path):
    async def scenario() -> None:
        async with world(tmp_path, lambda *_: ProviderError("blocked", "SAFETY")) as w:
            with pytest.raises(AnswerError) as caught:
                await w.conversation()(request())
            assert caught.value.kind == "blocked"
            assert "SAFETY" in str(caught.value)
            assert w.stats.calls == 1

    run(scenario())


def test_faults_are_retried_and_cost_nothing(tmp_path: Path):
    def script(_request, number):
        return ProviderError("retry", "503", retry_after=0.01) if number < 2 else questions("Is it red?")

    async def scenario() -> None:
        async with world(tmp_path, script, max_calls=1) as w:
            await w.conversation()(request())
            assert w.stats.errors["retry"] == 2
            assert w.stats.calls == 1
            assert (await w.journal.spent()).indeterminate == 0

    run(scenario())


def test_push_backs_do_not_use_up_the_attempts(tmp_path: Path):
    def script(_request, number):
        return ProviderError("throttled", "429", retry_after=0.001) if number < 12 else questions("Is it red?")

    async def scenario() -> None:
        async with world(tmp_path, script) as w:
            await w.conversation()(request())
            assert w.stats.errors["throttled"] == 12

    run(scenario())


@pytest.mark.parametrize(
    "error",
    [
        ProviderError("throttled", "429: your daily limit is reached"),
        ProviderError("throttled", "429: out of credits", retry_after=2.0),
        ProviderError("throttled", "429", retry_after=7 * 3600.0),
    ],
)
def test_a_push_back_that_waiting_does_not_heal_ends_the_run(tmp_path: Path, error: ProviderError):
    async def scenario() -> None:
        async with world(tmp_path, lambda *_: error) as w:
            with pytest.raises(Stopped):
                await w.conversation()(request())
            assert (w.shutdown.code, w.shutdown.stopped_by) == (Exit.PROVIDER_REFUSES, "quota")
            assert sum(w.provider.calls.values()) == 1

    run(scenario())


def test_of_an_answer_without_an_end_its_beginning_is_read_and_stored(tmp_path: Path):
    endless = questions("Is it red?", "Is it loud?").text[:-2] + ', "x' + "y" * 2_000_000

    async def scenario() -> None:
        async with world(tmp_path, lambda *_: Response(text=endless)) as w:
            answer = await w.conversation()(request())
            assert not answer.whole
            assert answer.value["questions"][0] == {"text": "Is it red?"}
            assert len(answer.response.text) == LONGEST_TEXT
            assert "2,000," in answer.response.reason

    run(scenario())


def test_a_call_without_an_answer_is_counted_as_perhaps_paid(tmp_path: Path):
    async def scenario() -> None:
        async with world(tmp_path, lambda *_: questions("x"), seconds=5, call_timeout=0.05, retry_for=0.0) as w:
            with pytest.raises(Stopped, match=r"no answer within 0\.05 s"):
                await w.conversation()(request())
            assert (await w.journal.spent()).indeterminate == 1

    run(scenario())


@pytest.mark.parametrize(
    ("kind", "times", "code"),
    [
        ("auth", 1, Exit.CREDENTIALS),
        ("quota", 1, Exit.PROVIDER_REFUSES),
        ("bad_request", 3, Exit.PROVIDER_REFUSES),
    ],
)
def test_a_permanent_failure_ends_the_run_after_few_calls(tmp_path: Path, kind, times, code):
    async def scenario() -> None:
        async with world(tmp_path, lambda *_: ProviderError(kind, "no")) as w:
            for number in range(20):
                with pytest.raises((Stopped, AnswerError)):
                    await w.conversation()(request(f"p{number}"))
            assert sum(w.provider.calls.values()) == times
            assert w.shutdown.code == code

    run(scenario())


def test_one_success_closes_the_breaker(tmp_path: Path):
    def script(asked, _number):
        return questions("ok?") if asked.prompt.endswith("2") else ProviderError("bad_request", "no")

    async def scenario() -> None:
        async with world(tmp_path, script) as w:
            for number in range(5):
                try:
                    await w.conversation()(request(f"p{number}"))
                except AnswerError as exc:
                    assert exc.kind == "refused"
            assert not w.shutdown.is_set

    run(scenario())


def test_a_budget_is_never_passed_and_counts_the_whole_job(tmp_path: Path):
    async def scenario(new: int) -> None:
        async with world(tmp_path, lambda *_: questions("ok?"), seconds=0.01, max_calls=7) as w:
            tasks = [w.conversation()(request(f"p{number}")) for number in range(30)]
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert w.stats.calls == new
            assert sum(isinstance(result, Stopped) for result in results) == 23
            assert w.shutdown.code == Exit.PROVIDER_REFUSES
            assert "max_calls 7" in w.shutdown.message

    run(scenario(7))
    run(scenario(0))


def test_tokens_are_reserved_before_the_call(tmp_path: Path):
    async def scenario() -> None:
        async with world(tmp_path, lambda *_: questions("ok?"), max_tokens=17_000) as w:
            await w.conversation()(request("a"))
            assert (await w.journal.spent()).tokens == 15
            with pytest.raises(Stopped, match="max_tokens"):
                await w.conversation()(request("x" * 10_000))

    run(scenario())


def test_abandoned_calls_are_counted_and_their_waiters_stop(tmp_path: Path):
    async def scenario() -> None:
        async with world(tmp_path, lambda *_: questions("ok?"), seconds=30) as w:
            waiting = [asyncio.create_task(w.conversation()(request(f"p{number}"))) for number in range(4)]
            while w.provider.in_flight < 4:  # noqa: ASYNC110 - the provider has no event
                await asyncio.sleep(0.01)
            w.model_client.abandon()
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(isinstance(result, Stopped) for result in results)
            assert w.stats.abandoned == 4
            assert (await w.journal.spent()).abandoned == 4

    run(scenario())


def test_calls_in_flight_never_pass_concurrency(tmp_path: Path):
    async def scenario() -> None:
        async with world(tmp_path, lambda *_: questions("ok?"), seconds=0.005, concurrency=4) as w:
            await asyncio.gather(*(w.conversation()(request(f"p{number}")) for number in range(60)))
            assert w.provider.most_in_flight <= 4

    run(scenario())


def test_when_the_journal_cannot_be_written_no_further_call_starts(tmp_path: Path):
    async def scenario() -> None:
        async with world(tmp_path, lambda *_: questions("ok?")) as w:
            await w.journal.aclose()
            for number in range(3):
                with pytest.raises(Stopped):
                    await w.conversation()(request(f"p{number}"))
            assert not w.provider.calls
            assert w.shutdown.code == Exit.TRY_AGAIN

    run(scenario())


@pytest.mark.parametrize("answer", [ValueError("boom"), "text", None])
def test_a_provider_that_breaks_its_contract_is_named(tmp_path: Path, answer):
    async def scenario() -> None:
        async with world(tmp_path, lambda *_: answer) as w:
            with pytest.raises(PluginError, match="test/scripted"):
                await w.conversation()(request())

    run(scenario())


class Second(SqliteJournal):
    """Another process was first with every answer."""

    async def record(self, call, key, number, response, **given):
        await super().record(
            await self.begin_call(key, number), key, number, questions("Was it there first?"), usable=True
        )
        return await super().record(call, key, number, response, **given)


def test_the_answer_that_the_journal_kept_is_the_one_that_counts(tmp_path: Path):
    async def scenario() -> None:
        async with world(tmp_path, lambda *_: Response(text="broken {"), journal=Second) as w:
            answer = await w.conversation()(request())
            assert answer.value == {"questions": [{"text": "Was it there first?"}]}
            assert (w.stats.calls, sum(w.provider.calls.values())) == (1, 1), "what was paid for is counted"
            assert w.stats.duplicate == 1

    run(scenario())
