from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.contracts.records import Query
from querygen_core.engine.selection import missing_by_sub_type, select

PLAN = {"features": 3, "care": 2, "safety": 1}
PLANS = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 6), max_size=5)
KINDS = st.lists(st.sampled_from("abcdefgh"), max_size=40)


def made(*sub_types: str) -> list[Query]:
    return [Query(text=f"{number} {sub_type}?", sub_type=sub_type) for number, sub_type in enumerate(sub_types)]


def test_what_is_missing_is_the_row_that_lacks_it():
    good = made("features", "features", "features", "care", "care")
    assert missing_by_sub_type(PLAN, good, 1) == {"safety": 1}


def test_the_emptiest_rows_are_asked_for_first_and_the_spare_goes_to_the_largest():
    assert missing_by_sub_type(PLAN, made("features", "features", "care"), 2) == {"care": 1, "safety": 1}
    assert missing_by_sub_type(PLAN, made("features", "features", "care"), 4) == {"features": 2, "care": 1, "safety": 1}


def test_too_many_of_one_row_do_not_hide_that_another_is_empty():
    good = made(*["features"] * 5)
    assert missing_by_sub_type(PLAN, good, 1) == {"care": 1}
    assert missing_by_sub_type(PLAN, good, 2) == {"care": 1, "safety": 1}


def test_without_a_plan_nothing_is_said_of_it():
    assert missing_by_sub_type({}, made("features"), 3) == {}
    assert missing_by_sub_type(PLAN, [], 0) == {}


@settings(max_examples=200, deadline=None)
@given(PLANS, KINDS, st.integers(0, 60))
def test_the_missing_ones_make_up_the_number(plan: dict[str, int], kinds: list[str], number: int):
    missing = missing_by_sub_type(plan, made(*kinds), number)
    assert sum(missing.values()) == (number if plan else 0)
    assert all(sub_type in plan and share > 0 for sub_type, share in missing.items())


def test_the_shares_of_the_plan_are_kept_before_what_came_earlier():
    good = made("features", "features", "features", "features", "care", "other", "safety")
    kept, surplus = select(good, PLAN, 6)
    assert [query.text[0] for query in kept] == ["0", "1", "2", "3", "4", "6"]
    assert [query.text for query in surplus] == ["5 other?"]
    kept, surplus = select(good, PLAN, 5)
    assert [query.sub_type for query in kept] == ["features"] * 3 + ["care", "safety"]
    assert [query.text[0] for query in surplus] == ["3", "5"]


def test_without_a_plan_the_order_decides():
    kept, surplus = select(made(*"abcd"), {}, 3)
    assert ([query.sub_type for query in kept], [query.sub_type for query in surplus]) == (["a", "b", "c"], ["d"])


@settings(max_examples=200, deadline=None)
@given(PLANS, KINDS)
def test_a_row_is_short_only_if_there_are_no_more_of_it(plan: dict[str, int], kinds: list[str]):
    good, count = made(*kinds), sum(plan.values())
    kept, surplus = select(good, plan, count)
    assert len(kept) == min(count, len(good))
    assert sorted([*kept, *surplus], key=good.index) == good
    assert kept == sorted(kept, key=good.index)
    for sub_type, share in plan.items():
        assert sum(query.sub_type == sub_type for query in kept) >= min(share, kinds.count(sub_type))
