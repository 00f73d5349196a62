"""One job in several shards, and answers that were paid for elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen_core.api import Shard, Usage
from querygen_core.contracts.journal import AnswerRecord
from querygen_core.journal.spending import spending_share
from querygen_core.testing.journal.job import answered
from querygen_core.testing.samples import response
from tests.journal.opened import KEY, opened

OTHER = "b" * 64


def kept(key: str, number: int = 0, text: str = "elsewhere", shard: str = "0/1", job: str = "test-job") -> AnswerRecord:
    paid = response(text, usage=Usage(input=10, output=2))
    return AnswerRecord(
        key=key, number=number, response=paid, usable=True, cost=0.25, job=job, run=7, shard=shard, time="2026-11-30T"
    )


def test_each_shard_counts_what_it_spent_itself(tmp_path: Path):
    for index, calls in ((0, 3), (1, 1)):
        for number in range(calls):
            opened(
                tmp_path,
                lambda journal, index=index, number=number: answered(
                    journal, f"{index}{number}", 0, response(), cost=1
                ),
                shard=Shard(index, 2),
            )
    spent = [opened(tmp_path, lambda journal: journal.spent(), shard=Shard(index, 2)) for index in range(2)]
    assert [(one.calls, one.cost) for one in spent] == [(3, 3.0), (1, 1.0)]
    assert opened(tmp_path, lambda journal: journal.spent()).calls == 4, "the whole job, run in one process"


@given(
    spent=st.dictionaries(
        st.tuples(st.integers(0, 7), st.integers(1, 8)).filter(lambda one: one[0] < one[1]),
        st.tuples(st.integers(0, 1000), st.integers(0, 10**6), st.floats(0, 100)),
        max_size=8,
    ),
    size=st.integers(1, 8),
)
def test_the_shares_add_up_to_no_less_than_all_that_was_spent(spent, size):
    rows = [
        {"shard": f"{index}/{of}", "calls": calls, "tokens": tokens, "cost": cost}
        for (index, of), (calls, tokens, cost) in spent.items()
    ]
    shares = [spending_share(rows, Shard(index, size)) for index in range(size)]
    assert sum(share[0] for share in shares) >= sum(row["calls"] for row in rows)
    assert sum(share[1] for share in shares) >= sum(row["tokens"] for row in rows)
    assert sum(share[2] for share in shares) == pytest.approx(sum(row["cost"] for row in rows))


def test_answers_paid_for_elsewhere_are_taken_over_once_with_what_they_cost(tmp_path: Path):
    async def work(journal):
        await answered(journal, KEY, 0, response("ours"), cost=1.0)
        for _ in range(2):
            await journal._answers.restore([kept(KEY), kept(OTHER), kept(OTHER, 1), kept("c" * 64, job="another")])
        assert [one.response.text for one in await journal.answers(KEY)] == ["ours"]
        assert [one.response.text for one in await journal.answers(OTHER)] == ["elsewhere", "elsewhere"]
        return await journal.spent()

    spent = opened(tmp_path, work)
    assert (spent.calls, spent.tokens, spent.cost) == (3, 144, 1.5), "what another job has paid costs this one nothing"


def test_a_run_s_number_may_be_given_out_elsewhere(tmp_path: Path):
    async def begin(journal):
        return [run["attempt"] for run in await journal.runs()]

    assert opened(tmp_path, begin) == [1]
    assert opened(tmp_path, begin, attempt=7) == [1, 7]
    assert opened(tmp_path, begin) == [1, 7, 8]


def test_intents_on_another_disk_are_not_taken_for_none(tmp_path: Path):
    async def spent(journal):
        return (await journal.spent()).indeterminate

    assert opened(tmp_path, spent) == 0
    assert opened(tmp_path, spent, whole=False) is None


def test_tries_granted_elsewhere_are_no_fewer_here(tmp_path: Path):
    async def work(journal):
        for number in range(2):
            await answered(journal, KEY, number, response(), usable=False)
        assert await journal.grant_retry() == 1
        assert await journal.grants() == {KEY: 1}
        await journal.grant({KEY: 3, OTHER: 1})
        await journal.grant({KEY: 2})
        return await journal.grants(), await journal.tries(KEY), await journal.tries(OTHER)

    assert opened(tmp_path, work) == ({KEY: 3, OTHER: 1}, 3, 1)
