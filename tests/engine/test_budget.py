from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from querygen_core.engine.budget import Budget, Expected, Reservation
from querygen_core.engine.halt import Halt
from querygen_core.errors import Exit, Stopped
from querygen_core.journal.interface import Spent


def test_without_a_cap_nothing_is_refused():
    budget = Budget(Halt(), Spent(calls=10**9, tokens=10**12))
    for _ in range(100):
        budget.reserve(10**9)


def test_what_earlier_runs_spent_counts():
    budget = Budget(Halt(), Spent(calls=4, tokens=0), max_calls=5)
    budget.reserve(1)
    with pytest.raises(Stopped, match="max_calls 5"):
        budget.reserve(1)
    assert budget.halt.code == Exit.PROVIDER_REFUSES


def test_a_call_that_failed_gives_back_what_it_took():
    budget = Budget(Halt(), Spent(), max_calls=1, max_tokens=100)
    budget.release(budget.reserve(100))
    budget.reserve(100)
    with pytest.raises(Stopped):
        budget.reserve(0)


def test_the_estimate_learns_the_longest_answer():
    budget = Budget(Halt(), Spent())
    before = budget.expect(400).tokens
    budget.settle(budget.reserve(before), 150, 50)
    assert budget.expect(400) == Expected(100, 50)
    budget.settle(budget.reserve(150), 130, 30)
    assert budget.expect(400).tokens == 150


def test_money_is_reserved_before_it_is_spent_and_what_is_left_over_is_given_back():
    budget = Budget(Halt(), Spent(cost=0.5), max_cost=1.0)
    first = budget.reserve(1, 0.3)
    with pytest.raises(Stopped, match=r"max_cost 1: 0\.8000 USD spent or reserved, 0\.3000 more wanted"):
        budget.reserve(1, 0.3)
    assert budget.halt.code == Exit.PROVIDER_REFUSES
    budget.halt.code = None
    budget.settle(first, 1, 1, 0.1)
    second = budget.reserve(1, 0.4)
    budget.release(second)
    budget.reserve(1, 0.4)


_STEPS = st.lists(st.tuples(st.sampled_from(["reserve", "settle", "release"]), st.integers(0, 40)), max_size=60)


@given(steps=_STEPS, max_calls=st.integers(1, 8), max_tokens=st.integers(1, 200))
def test_paid_calls_and_tokens_never_pass_the_caps(steps, max_calls, max_tokens):
    """As long as no call costs more than was reserved for it, which is what reserving is for."""
    budget = Budget(Halt(), Spent(), max_calls, max_tokens)
    under_way: list[Reservation] = []
    calls = tokens = 0
    for what, number in steps:
        if what == "reserve":
            try:
                under_way.append(budget.reserve(number))
            except Stopped:
                budget.halt.code = None  # as if nobody had heard
        elif under_way:
            reservation = under_way.pop()
            if what == "release":
                budget.release(reservation)
            else:
                cost = min(number, reservation.tokens)
                budget.settle(reservation, cost, cost)
                calls, tokens = calls + 1, tokens + cost
        assert calls + len(under_way) <= max_calls
        assert tokens + sum(one.tokens for one in under_way) <= max_tokens
