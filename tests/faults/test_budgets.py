from __future__ import annotations

import pytest

from tests.faults.shop import balanced


@pytest.mark.parametrize("cap", ["max_calls", "max_tokens"])
def test_a_budget_is_never_passed_and_a_higher_one_completes(unbroken, shop, cap: str):
    tokens = sum(unbroken.report["tokens"].values())
    shop.latency_ms = 0
    for share in (0.3, 0.7):
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
        assert shop.count(f"SELECT {'calls' if cap == 'max_calls' else 'tokens'} FROM spent") <= limit
        assert shop.paid == shop.count("SELECT calls FROM spent")
    shop.runtime = {}
    shop.write()
    ended = shop.run()
    assert ended.code == 0, ended.err
    assert shop.paid == unbroken.needed
    assert shop.outputs() == unbroken.outputs
