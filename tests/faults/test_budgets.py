from __future__ import annotations

import pytest

from tests.faults.shop import balanced


@pytest.mark.slow
@pytest.mark.parametrize("cap", ["max_calls", "max_tokens"])
def test_a_budget_is_never_passed_and_a_higher_one_completes(unbroken, shop, cap: str):
    tokens = sum(unbroken.report["tokens"].values())
    shop.latency_ms = 0
    for share in (0.5, 0.8):  # of tokens, the first is more than one call can use at worst
        limit = int(share * (unbroken.needed if cap == "max_calls" else tokens))
        shop.runtime = {cap: limit}
        shop.write()
        ended = shop.run()
        assert ended.code == 69, ended.err
        assert cap in ended.json["message"]
        assert balanced(ended.json)
        assert ended.json["pending"] > 0
        assert ended.json["input"] == 26, "the whole input is accounted for"
        assert shop.paid <= unbroken.needed
        assert (
            shop.count(f"SELECT sum({'calls' if cap == 'max_calls' else 'tokens'}) FROM spent", "answers.sqlite")
            <= limit
        )
        assert shop.paid == shop.count("SELECT sum(calls) FROM spent", "answers.sqlite")
    shop.runtime = {}
    shop.write()
    ended = shop.run()
    assert ended.code == 0, ended.err
    assert shop.paid == unbroken.needed
    assert shop.outputs() == unbroken.outputs


@pytest.mark.slow
def test_shards_share_a_budget(unbroken, shop):
    """Each has its part, the odd call goes to the first; what one has spent does not hold up the other."""
    shop.latency_ms = 0
    shop.runtime = {"max_calls": 25}
    shop.write()
    shards = [{"AWS_BATCH_JOB_ARRAY_INDEX": f"{index}", "AWS_BATCH_JOB_ARRAY_SIZE": "2"} for index in range(2)]
    ended = [shop.run(**shard) for shard in shards]
    assert [one.code for one in ended] == [69, 69]
    assert [one.json["calls"]["job"] for one in ended] == [13, 12]
    assert shop.run().code == 69, "in one process, the job has spent all"
    assert shop.paid == 25
    shop.runtime = {}
    shop.write()
    assert [shop.run(**shard).code for shard in shards] == [0, 0]
    assert shop.run().json["calls"]["new"] == 0
    assert shop.paid == unbroken.needed
