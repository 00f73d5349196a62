"""How runs end, what they leave, and what the next one makes of it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from querygen_core.api import Capabilities, Price, ProviderError, Response, Shard, Usage
from querygen_core.contracts.errors import ConfigError, Exit, JournalError, UsageError
from querygen_core.engine.figures import Figures
from querygen_core.testing import MemorySink, MemorySnapshotSink, ScriptedProvider, questions, three_questions
from tests.engine.lab import Lab, product, products, states
from tests.report.promised import KEYS


def failing(answer: object):
    """A script that asks three questions about Product 0, and says `answer` to everything else."""

    def script(request, number):
        return three_questions(request, number) if "Product 0 " in request.prompt else answer

    return script


def test_a_report_has_every_promised_key_and_lies_in_the_state_folder(tmp_path: Path):
    lab = Lab(tmp_path, products(4))
    result = lab.run()
    assert result.report.keys() >= KEYS
    assert result.report["calls"].keys() >= {"new", "journal", "indeterminate", "abandoned"}
    assert result.report["tokens"].keys() == {"input", "output", "thinking", "cached"}
    assert result.report["queries"].keys() == {"generated", "kept", "dropped"}
    for sink in result.report["sinks"].values():
        assert sink.keys() >= {"delivered", "unchanged", "retired", "pending", "backup"}
    assert json.loads((lab.state / "report.json").read_text()) == result.report
    assert json.loads((lab.state / "config.json").read_text())["job_id"] == "lab"
    assert (lab.state / "dead_letters.jsonl").read_text() == ""
    assert not list(lab.state.glob("*.partial"))
    assert result.report["stages"].keys() == {"input", "generate", "deliver"}
    (stored,) = lab.rows("SELECT report FROM runs")
    assert json.loads(stored[0]) == result.report


def test_the_numbers_of_a_report_are_right(tmp_path: Path):
    report = Lab(tmp_path, products(4), count=2).run().report
    assert (report["input"], report["done"], report["products_processed"]) == (4, 4, 4)
    assert report["calls"]["new"] == report["calls"]["job"] == 4
    assert report["tokens"] == {"input": 40, "output": 20, "thinking": 0, "cached": 0}
    assert report["queries"] == {"generated": 12, "kept": 8, "dropped": {"surplus": 4}}
    assert report["total_queries_generated"] == 12
    assert (report["cost"], report["state"], report["exit_code"]) == (0.0, "done", 0)
    assert (report["stopped_by"], report["retry_after"]) == (None, None)


@pytest.mark.parametrize(
    ("error", "code", "most_calls"),
    [
        (ProviderError("auth", "bad key"), Exit.CREDENTIALS, 5),
        (ProviderError("quota", "no more today", retry_after=3600.0), Exit.PROVIDER_REFUSES, 5),
    ],
    ids=["auth", "quota"],
)
def test_a_permanent_failure_ends_the_run_after_few_calls(tmp_path: Path, error, code, most_calls, caplog):
    lab = Lab(tmp_path, products(40), script=failing(error))
    result = lab.run()
    assert result.code == code
    assert str(error) in result.message
    assert (result.report["stopped_by"], result.report["retry_after"]) == (error.kind, error.retry_after)
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        f"{result.message}; no further call starts [stopped_by={error.kind} exit_code={int(code)}]"
    ]
    assert sum(lab.model.calls.values()) <= most_calls
    assert result.report["pending"] >= result.report["input"] - 1
    lab.model = ScriptedProvider(three_questions)
    assert states(lab.run()) == {"done": 40}


def test_requests_that_are_refused_fail_few_products_before_the_run_ends(tmp_path: Path):
    lab = Lab(tmp_path, products(40), script=lambda *_: ProviderError("bad_request", "no such field"))
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.PROVIDER_REFUSES, "dead_model")
    assert sum(lab.model.calls.values()) <= 5
    assert (result.report["failed"], result.report["pending"]) == (0, 40)


def test_a_model_that_never_answers_ends_the_run_to_be_tried_again(tmp_path: Path):
    lab = Lab(tmp_path, products(40), script=lambda *_: ProviderError("retry", "down"), runtime={"retry_for": 0})
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.TRY_AGAIN, "dead_model")
    assert result.report["calls"]["new"] == 0
    assert result.report["calls"]["errors"]["retry"] <= 3 + 4


def test_a_quota_that_is_used_up_delivers_rows_but_no_snapshot_and_accounts_for_all(tmp_path: Path):
    page, table = MemorySnapshotSink(), MemorySink()
    lab = Lab(tmp_path, products(250), script=failing(ProviderError("quota", "no more")), sinks={"p": page, "t": table})
    result = lab.run()
    assert (result.code, result.report["input"]) == (Exit.PROVIDER_REFUSES, 250)
    assert result.report["stopped_by"] == "quota"
    assert result.report["pending"] == 250 - result.report["done"]
    assert len(table.texts) == result.report["done"] > 0
    assert page.published is None, "a reader of the whole would miss the rest"


def test_a_budget_of_calls_is_never_passed_and_a_higher_one_goes_on(tmp_path: Path):
    lab = Lab(tmp_path, products(12), runtime={"max_calls": 5})
    first = lab.run()
    assert (first.code, first.report["calls"]["job"]) == (Exit.PROVIDER_REFUSES, 5)
    assert "max_calls" in first.message
    assert first.report["stopped_by"] == "budget"
    assert sum(lab.model.calls.values()) == 5
    assert lab.run().report["calls"]["new"] == 0, "the budget is the job's, not the run's"
    lab.runtime = {"max_calls": 12}
    last = lab.run()
    assert (last.code, last.report["done"], last.report["calls"]["job"]) == (Exit.DONE, 12, 12)


def test_a_budget_of_tokens_is_never_passed(tmp_path: Path):
    def dear(request, number):
        return replace(three_questions(request, number), usage=Usage(input=10, output=300))

    model = ScriptedProvider(dear, capabilities=Capabilities(free=True, max_output_tokens=400))
    lab = Lab(tmp_path, products(12), model=model, runtime={"max_tokens": 2100})
    result = lab.run()
    assert result.code == Exit.PROVIDER_REFUSES
    assert "max_tokens" in result.message
    assert 1 <= sum(lab.model.calls.values()) <= 6
    assert 1650 < sum(result.report["tokens"].values()) <= 2100
    lab.runtime = {"max_tokens": 100_000}
    assert lab.run().code == Exit.DONE
    assert sum(lab.model.calls.values()) == 12


def test_money_is_only_capped_where_prices_are_known(tmp_path: Path):
    paid = ScriptedProvider(three_questions, capabilities=Capabilities(free=False))
    result = Lab(tmp_path, products(1), model=paid, runtime={"max_cost": 1.0}).run()
    assert result.code == Exit.CONFIG
    assert "max_calls" in result.message
    assert not paid.calls


def test_of_a_model_whose_price_is_unknown_the_cost_is_unknown(tmp_path: Path):
    paid = ScriptedProvider(three_questions, capabilities=Capabilities(free=False))
    assert Lab(tmp_path, products(1), model=paid).run().report["cost"] is None


def test_a_budget_of_money_is_never_passed_and_a_higher_one_goes_on(tmp_path: Path):
    def dear(request, number):
        return replace(three_questions(request, number), usage=Usage(input=1_000, output=1_500, thinking=400))

    def model() -> ScriptedProvider:
        price = Price(input=1, output=10)
        return ScriptedProvider(dear, capabilities=Capabilities(price=price, max_output_tokens=2_000))

    lab = Lab(tmp_path, products(12), model=model(), runtime={"max_cost": 0.1})
    first = lab.run()
    assert first.code == Exit.PROVIDER_REFUSES
    assert "max_cost 0.1" in first.message
    assert first.report["cost"] == pytest.approx(0.02 * first.report["calls"]["new"])
    assert 0.08 <= first.report["cost"] <= 0.1
    lab.model, lab.runtime = model(), {"max_cost": 0.15}
    second = lab.run()
    assert second.code == Exit.PROVIDER_REFUSES
    assert first.report["cost"] + second.report["cost"] <= 0.15, "the budget is the job's, not the run's"
    lab.runtime = {"max_cost": 10}
    last = lab.run()
    assert (last.code, last.report["done"], last.report["calls"]["job"]) == (Exit.DONE, 12, 12)
    assert last.report["cost_job"] == pytest.approx(12 * 0.02)
    assert last.report["cost"] < last.report["cost_job"]


def test_a_day_s_budget_is_of_all_jobs_that_share_their_answers(tmp_path: Path):
    def dear(request, number):
        return replace(three_questions(request, number), usage=Usage(input=1_000, output=1_900))

    def lab(job_id: str, *numbers: int) -> Lab:
        price = Price(input=1, output=10)
        model = ScriptedProvider(dear, capabilities=Capabilities(price=price, max_output_tokens=1_900))
        runtime = {"max_cost_per_day": 0.1}
        return Lab(tmp_path, [product(number) for number in numbers], model=model, runtime=runtime, job_id=job_id)

    first = lab("first", 0, 1).run()
    assert (first.code, first.report["cost"]) == (Exit.DONE, pytest.approx(0.04))
    second = lab("second", *range(12)).run()
    assert second.code == Exit.PROVIDER_REFUSES
    assert "runtime.max_cost_per_day 0.1" in second.message
    assert second.report["calls"]["journal"] == 2, "what the first has paid for"
    assert 0 < second.report["cost"] <= 0.06


def test_a_model_that_thinks_all_its_tokens_away_is_not_asked_for_the_whole_catalogue(tmp_path: Path):
    thought = Response(text="", finish="length", reason="MAX_TOKENS; raise max_output_tokens", usage=Usage(thinking=9))
    lab = Lab(tmp_path, products(60), script=lambda *_: thought, runtime={"concurrency": 2})
    first = lab.run()
    assert first.code == Exit.PROVIDER_REFUSES
    assert "raise max_output_tokens" in first.message
    asked = sum(lab.model.calls.values())
    assert asked <= 8
    assert set(lab.model.calls.values()) == {1}, "the same request would end in the same way"
    assert first.report["tokens"]["thinking"] == 9 * asked, "it was paid, so it is counted"


def test_answers_that_are_never_of_use_end_the_run(tmp_path: Path):
    lab = Lab(tmp_path, products(200), script=lambda *_: Response(text="no"), runtime={"concurrency": 2})
    result = lab.run()
    assert result.code == Exit.PROVIDER_REFUSES
    assert result.report["stopped_by"] == "useless_prompt"
    assert "broken answer from model 'm'" in result.message
    assert sum(lab.model.calls.values()) <= 5


def test_broken_answers_fail_the_product_and_retry_heals_it(tmp_path: Path):
    def script(request, number):
        bad = "Product" in request.prompt and "Product 0 " not in request.prompt
        return Response(text="I would rather not") if bad else three_questions(request, number)

    lab = Lab(tmp_path, products(4), script=script)
    first = lab.run()
    assert (first.code, states(first)) == (Exit.INPUT_UNUSABLE, {"done": 1, "failed": 3})
    letters = lab.dead_letters()
    assert {(letter["reason"], letter["component"], letter["model"]) for letter in letters} == {
        ("broken", "lab/asking", "m")
    }
    assert all(len(letter["request_key"]) == 64 for letter in letters)
    assert {letter["raw"] for letter in lab.dead_letters()} == {"I would rather not"}
    assert lab.run().report["calls"]["new"] == 0, "what cannot be used is not asked for again and again"
    lab.model = ScriptedProvider(three_questions)
    assert states(lab.run()) == {"done": 1, "failed": 3}
    healed = lab.run(retry=True)
    assert (healed.code, states(healed), healed.report["calls"]["new"]) == (Exit.DONE, {"done": 4}, 3)
    assert lab.dead_letters() == []


def test_retry_asks_again_what_was_blocked_and_leaves_the_rest_alone(tmp_path: Path):
    lab = Lab(tmp_path, products(4), script=failing(ProviderError("blocked", "unsafe")))
    assert states(lab.run()) == {"done": 1, "short": 3}
    lab.model = ScriptedProvider(three_questions)
    healed = lab.run(retry=True)
    assert (states(healed), healed.report["calls"]["new"]) == ({"done": 4}, 3)


def test_the_number_of_partitions_is_that_of_the_first_run(tmp_path: Path):
    lab = Lab(tmp_path, products(3), runtime={"partitions": 8})
    assert lab.run().code == Exit.DONE
    lab.runtime = {"partitions": 9}
    lab.records = products(4)
    with pytest.raises(ConfigError, match=r"partitions: is 9, but job 'lab' was first started with 8"):
        lab.run()
    assert len(lab.model.calls) == 3
    with pytest.raises(UsageError, match="16 shards are more than the 9 partitions"):
        lab.run(shard=Shard(0, 16))
    lab.runtime = {"partitions": 8}
    parts = [lab.run(shard=Shard(index, 8)).report["done"] for index in range(8)]
    assert sum(parts) == 4


async def _beside(lab: Lab, **run_options: object) -> JournalError:
    """What a second run of the job gets while the first is under way; then the first is let go on."""
    entered, go_on = asyncio.Event(), asyncio.Event()

    class Slow(ScriptedProvider):
        async def complete(self, request):
            entered.set()
            await go_on.wait()
            return await super().complete(request)

    lab.model = Slow(three_questions)
    first = asyncio.create_task(lab.running())
    await entered.wait()
    lab.model = ScriptedProvider(three_questions)
    with pytest.raises(JournalError) as caught:
        await lab.running(**run_options)
    go_on.set()
    assert (await first).code == Exit.DONE
    assert not lab.model.calls
    return caught.value


@pytest.mark.parametrize("retry", [False, True])
def test_a_second_run_of_the_same_job_is_sent_away_and_changes_nothing(tmp_path: Path, retry: bool):
    lab = Lab(tmp_path, products(4), script=failing(ProviderError("blocked", "unsafe")))
    lab.run()
    lab.records = [*products(4), product(9)]
    error = asyncio.run(_beside(lab, retry=retry))
    assert error.exit_code == Exit.TRY_AGAIN
    assert "another process" in str(error)
    assert states(lab.run()) == {"done": 2, "short": 3}
    assert lab.rows("SELECT count(*) FROM grants") == [(0,)]


def test_another_shard_is_not_sent_away(tmp_path: Path):
    lab = Lab(tmp_path, products(20))

    async def both():
        return await asyncio.gather(lab.running(shard=Shard(0, 2)), lab.running(shard=Shard(1, 2)))

    results = asyncio.run(both())
    assert [result.code for result in results] == [Exit.DONE, Exit.DONE]
    assert sum(result.report["done"] for result in results) == 20


def test_counts_that_do_not_balance_are_a_bug_and_said_to_be(tmp_path: Path):
    class Vandal(MemorySink):
        async def apply(self, outcomes):
            with closing(sqlite3.connect(lab.state / "journal.sqlite")) as db, db:
                db.execute("DELETE FROM manifest WHERE ordinal = 0")
            return await super().apply(outcomes)

    lab = Lab(tmp_path, products(3), sinks={"vandal": Vandal()})
    result = lab.run()
    assert result.code == Exit.BUG
    assert "3 records read, 2 accounted for" in result.message


def test_a_watcher_sees_the_run_and_cannot_break_it(tmp_path: Path):
    async def watch(figures):
        seen.append(figures())
        raise ValueError("boom")

    seen: list[Figures] = []
    assert Lab(tmp_path, products(3)).run(watch=watch).code == Exit.DONE
    (first,) = seen
    assert (first.completed, first.is_estimate, first.waits) == (0, True, ["starting; nothing is asked yet"])


def test_the_examples_are_the_poorest_and_one_that_stays_the_same(tmp_path: Path):
    def script(request, _number):
        return questions("One?") if "Product 7 " in request.prompt else questions("One?", "Two?", "Three?")

    drawn = set()
    for folder in ("a", "b"):
        result = Lab(tmp_path / folder, products(12), script=script, runtime={"refill_rounds": 0}).run()
        poorest, random = result.examples
        assert len(poorest.queries) < len(random.queries)
        assert poorest.ordinal != random.ordinal
        drawn.add(random.product_key)
    assert len(drawn) == 1
    assert len(Lab(tmp_path / "c", products(1)).run().examples) == 1
    assert Lab(tmp_path / "d", []).run().examples == []


def test_a_cut_answer_is_refilled_and_counted(tmp_path: Path):
    def script(request, number):
        if " 3 0 " in request.prompt:
            return replace(
                three_questions(request, number), text='{"questions": [{"text": "One?"}, {"te', finish="length"
            )
        return questions("Two?", "Three?")

    result = Lab(tmp_path, products(2), script=script).run()
    assert states(result) == {"done": 2}
    assert result.report["answers_by_rung"] == {"partial": 2, "strict": 2}


@pytest.mark.parametrize("name", ["report.json", "config.json", "dead_letters.jsonl"])
def test_a_report_that_cannot_be_written_changes_no_result(tmp_path: Path, name: str, caplog):
    lab = Lab(tmp_path, products(2))
    (lab.state / name / "in the way").mkdir(parents=True)
    assert lab.run().code == Exit.DONE
    assert "could not be written" in caplog.text
