from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from querygen_core.prompts.file import scale


def test_the_plan_of_the_file_at_its_own_count() -> None:
    plan = {"features": 5, "benefits": 4, "usage": 4}
    assert scale(plan, 13) == plan


def test_the_largest_remainders_are_rounded_up_and_ties_go_to_the_first() -> None:
    assert scale({"a": 1, "b": 1, "c": 1}, 4) == {"a": 2, "b": 1, "c": 1}
    assert scale({"a": 3, "b": 6, "c": 1}, 4) == {"a": 1, "b": 3}
    assert list(scale({"z": 1, "a": 1}, 2)) == ["z", "a"]


def test_no_plan_scales_to_none() -> None:
    assert scale({}, 25) == {}


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.text(max_size=3), st.floats(0.01, 1000) | st.integers(1, 1000), min_size=1, max_size=12),
    st.integers(0, 500),
)
def test_the_shares_make_up_the_count(weights: dict[str, float], count: int) -> None:
    scaled = scale(weights, count)
    assert sum(scaled.values()) == count
    assert all(share > 0 for share in scaled.values())
