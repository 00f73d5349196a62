"""A run that gets too little for its money ends with 69, and says what ate it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from querygen_core.api import Response
from querygen_core.contracts.errors import Exit
from querygen_core.testing import MemorySink, MemorySnapshotSink, ScriptedProvider, questions, three_questions
from tests.engine.lab import Lab, products, states

NOTHING = Response(text=json.dumps({"questions": []}))
BLOCKED = Response(text="", finish="blocked", reason="SAFETY")


class Strict:
    """Drops what says so."""

    def __init__(self, word: str = "junk", reason: str = "quality/length") -> None:
        self.word, self.reason = word, reason

    async def process(self, product, queries, ask):
        return [replace(query, dropped=self.reason) if self.word in query.text else query for query in queries]


class Dedup:
    async def process(self, product, queries, ask):
        texts = [query.text for query in queries]
        return [
            replace(query, dropped="dedup/exact") if query.text in texts[:place] else query
            for place, query in enumerate(queries)
        ]


def of_ten(good: int):
    """A script: ten questions, of which so many are good."""

    def script(request, number):
        name = " ".join(request.prompt.split()[:2])
        return questions(*(f"Is {name} {'good' if place < good else 'junk'} in way {place}?" for place in range(10)))

    return script


def job(tmp_path: Path, size: int, script, **changes) -> Lab:
    changes = {"postprocessors": {"strict": Strict()}, "count": 6, **changes}
    return Lab(
        tmp_path,
        products(size),
        script=script,
        **{**changes, "runtime": {"refill_rounds": 0, **changes.get("runtime", {})}},
    )


def test_a_low_yield_ends_the_run_at_the_twentieth_product(tmp_path: Path):
    page, table = MemorySnapshotSink(), MemorySink()
    lab = job(tmp_path, 200, of_ten(1), sinks={"page": page, "table": table})
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.PROVIDER_REFUSES, "low_yield")
    assert "20 of 200 questions that were paid for are good (10.0%, runtime.min_yield is 20.0%)" in result.message
    assert "lost: quality/length 180" in result.message
    assert sum(lab.model.calls.values()) < 30
    assert result.report["pending"] >= 170
    assert not page.publications
    assert len(table.texts) == result.report["short"]
    assert result.report["yield"] == 0.1
    assert result.report["received"]["lost"] == {"quality/length": 9 * result.report["received"]["products"]}


def test_a_yield_at_the_limit_is_good_enough(tmp_path: Path):
    result = job(tmp_path, 30, of_ten(2)).run()
    assert result.code == Exit.DONE
    assert result.report["yield"] == 0.2
    assert result.report["received"] == {
        "products": 30,
        "questions": 300,
        "good": 60,
        "lost": {"quality/length": 240},
    }


def test_a_single_product_is_judged_at_the_end_and_the_old_snapshot_stays(tmp_path: Path):
    page = MemorySnapshotSink()
    lab = job(tmp_path, 1, three_questions, sinks={"page": page})
    assert lab.run().code == Exit.DONE
    lab.records, lab.model = products(2), ScriptedProvider(of_ten(1))
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.PROVIDER_REFUSES, "low_yield")
    assert result.report["received"]["products"] == 1, "the other one cost nothing in this run"
    assert (page.publications, len(page.published)) == (1, 1)
    lab.runtime["min_yield"] = 0.1
    again = lab.run()
    assert (again.code, again.report["calls"]["new"]) == (Exit.DONE, 0)
    assert again.report["yield"] is None
    assert len(page.published) == 2


def test_what_is_more_than_was_wanted_is_good_too(tmp_path: Path):
    result = job(tmp_path, 2, of_ten(10)).run()
    assert result.report["queries"]["dropped"] == {"surplus": 8}
    assert (result.code, result.report["received"]["good"]) == (Exit.DONE, 20)


@pytest.mark.parametrize(
    ("answer", "word"), [(BLOCKED, "blocked"), (NOTHING, "empty"), (Response(text="no idea"), "broken")], ids=str
)
def test_a_run_that_keeps_nothing_of_what_it_paid_for_has_failed(tmp_path: Path, answer, word):
    def script(request, number):
        probed = not request.prompt.startswith("Product ")  # so the products are at fault, not the prompt
        return three_questions(request, number) if probed else answer

    lab = job(tmp_path, 2, script, runtime={"min_yield": 0})
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.PROVIDER_REFUSES, "low_yield")
    assert f"lost: {word} 2" in result.message
    again = lab.run()
    assert again.report["calls"]["new"] == 0
    assert again.report["stopped_by"] != "low_yield", "nothing was paid"


def test_a_new_product_that_is_blocked_does_not_hold_back_the_others(tmp_path: Path):
    page = MemorySnapshotSink()
    lab = job(tmp_path, 2, three_questions, sinks={"page": page}, count=3)
    assert lab.run().code == Exit.DONE
    lab.records, lab.model = products(3), ScriptedProvider(lambda request, number: BLOCKED)
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.DONE, None)
    assert (states(result), page.publications) == ({"done": 2, "short": 1}, 2)


def test_what_a_plugin_breaks_tells_nothing_of_the_answers(tmp_path: Path):
    class Broken:
        async def process(self, product, queries, ask):
            raise ValueError("oops")

    result = job(tmp_path, 3, three_questions, postprocessors={"broken": Broken()}).run()
    assert (result.code, result.report["stopped_by"]) == (Exit.INPUT_UNUSABLE, "rejected_input")


def test_three_products_that_loop_are_paid_once_each_and_end_with_69(tmp_path: Path):
    def script(request, number):
        name = " ".join(request.prompt.split()[:2])
        return replace(questions(*[f"Is {name} good?"] * 40), finish="length")

    lab = job(tmp_path, 3, script, postprocessors={"dedup": Dedup()}, runtime={"refill_rounds": 2})
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.PROVIDER_REFUSES, "low_yield")
    assert sum(lab.model.calls.values()) == 3
    assert result.report["short_reasons"] == {"loop": 3}
    assert "lost: dedup/exact 117, loop 3" in result.message


def test_a_loop_among_good_answers_is_not_asked_again_and_the_run_goes_on(tmp_path: Path):
    def script(request, number):
        if "Product 1 " in request.prompt:
            return questions(*["Is it good?"] * 6)
        return three_questions(request, number)

    lab = job(tmp_path, 4, script, count=3, postprocessors={"dedup": Dedup()}, runtime={"refill_rounds": 2})
    result = lab.run()
    assert (result.code, states(result)) == (Exit.DONE, {"done": 3, "short": 1})
    assert sum(lab.model.calls.values()) == 4
    assert result.report["short_reasons"] == {"loop": 1}


def test_a_run_with_nothing_to_ask_is_done(tmp_path: Path):
    lab = job(tmp_path, 3, of_ten(1), runtime={"min_yield": 0.1})
    assert lab.run().code == Exit.DONE
    lab.runtime["min_yield"] = 0.9
    result = lab.run()
    assert (result.code, result.report["calls"]["new"]) == (Exit.DONE, 0)
