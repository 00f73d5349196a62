"""Whatever an event holds, its item can be stored, is the same each time, and has the shape that readers know."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aws_tables import REPORT, TIME, event, items, make_table, raw
from querygen_aws import build_orchestration_log
from querygen_aws.attributes import to_attribute, truncate
from querygen_aws.options import OrchestrationLogOptions
from querygen_core.api import Secret
from querygen_core.testing import HOSTILE, UNSTORABLE, context

CANARY = "canary-secret-51f0"


@pytest.fixture
def place(aws, environment):
    """An emulator and a table there."""
    return aws, make_table(aws)


@pytest.fixture
def log(place, tmp_path):
    def make(**options):
        return build_orchestration_log(OrchestrationLogOptions(table=place[1], **options), context(tmp_path))

    return make


def test_an_item_has_the_shape_that_readers_know(place, log):
    log().on_event(event(7, "product_failed", data={"product": "shop:K-1:en", "reason": "blocked"}, shard=3, attempt=2))
    key = f"{TIME}#003-0002-0000000007-000"
    assert items(*place, "job") == [
        {
            "pk": "job",
            "sk": key,
            "job_id": "job",
            "eventName": "ProductFailed",
            "event_timestamp_id": key,
            "details": {"product": "shop:K-1:en", "reason": "blocked"},
        }
    ]


def test_a_run_that_is_told_again_changes_nothing(place, log):
    end = event(9, "run_finished", data=REPORT)
    log().on_event(end)
    before = list(raw(*place, "job"))
    log().on_events([end, end])
    assert list(raw(*place, "job")) == before
    assert len(before) == 7


def test_shards_and_attempts_do_not_overwrite_each_other(place, log):
    for shard in (0, 1):
        for attempt in (1, 2):
            log().on_event(event(1, shard=shard, attempt=attempt))
    assert len(items(*place, "job")) == 4


def test_events_may_have_a_day_on_which_they_expire(place, log):
    log(ttl_days=1.5).on_event(event(1))
    log(ttl_days=1.5).on_event(event(2, time="who knows"))
    assert [item.get("expires_at") for item in items(*place, "job")] == [Decimal(1_795_435_200 + 129_600), None]


def test_any_text_is_stored(place, log):
    texts = [*HOSTILE, *UNSTORABLE]
    log().on_events([event(1, data={"texts": texts, "deep": {text: text for text in HOSTILE}})])
    stored = items(*place, "job")[0]["details"]
    assert stored["texts"] == [text.replace("\ud800", "\\ud800") for text in texts]
    assert stored["deep"] == {text: text for text in HOSTILE}


@pytest.mark.parametrize("job_id", ["j" * 255, "日本" * 127, "a/b #?%", "\ud83d"])
def test_any_job_has_a_key(place, log, job_id):
    log().on_event(event(1, job_id=job_id))
    assert len(items(*place, job_id.replace("\ud83d", "\\ud83d"))) == 1


def test_numbers_stay_numbers_where_dynamodb_has_them(place, log):
    numbers = {"a": 0.1, "b": -0.0, "c": 10**37, "d": 1e-7, "e": 12.0, "f": True, "g": None, "h": 1.7e300}
    log().on_event(event(1, data={**numbers, "nan": math.nan, "inf": -math.inf, "huge": 10**40 + 1, "tiny": 5e-324}))
    stored = items(*place, "job")[0]["details"]
    assert (type(stored["f"]), type(stored["c"])) == (bool, Decimal)
    assert {name: stored[name] for name in "abcdefg"} == {
        "a": Decimal("0.1"),
        "b": 0,
        "c": 10**37,
        "d": Decimal("1e-7"),
        "e": 12,
        "f": True,
        "g": None,
    }
    assert {name: stored[name] for name in ("nan", "inf", "huge", "tiny", "h")} == {
        "nan": "nan",
        "inf": "-inf",
        "huge": str(10**40 + 1),
        "tiny": "5e-324",
        "h": "1.7e+300",
    }


def test_details_that_are_too_deep_end_as_text(place, log):
    deep: dict[str, object] = {"leaf": 1}
    for _ in range(60):
        deep = {"in": deep}
    log().on_event(event(1, data=deep))
    assert '"leaf": 1' in str(items(*place, "job")[0]["details"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "data",
    [
        {"message": "ä" * 500_000, "reason": "kept"},
        {"list": ["x" * 1000] * 2000, "reason": "kept"},
        {"nulls": [None] * 300_000, "reason": "kept"},
        {"numbers": [1.5] * 200_000, "reason": "kept"},
        {"keys": {f"key-{n}": n for n in range(100_000)}, "reason": "kept"},
        {"quotes": '"' * 500_000, "controls": "\x00" * 500_000, "reason": "kept"},
    ],
    ids=lambda data: next(iter(data)),
)
def test_details_that_are_too_large_are_cut_with_a_note(place, log, data):
    log().on_event(event(1, data=data))
    stored = items(*place, "job")[0]["details"]
    assert stored["reason"] == "kept"
    assert "bytes and had to be cut" in stored["cut"]
    assert stored[next(iter(data))].endswith("…")


@pytest.mark.parametrize("data", [{f"k{n}": "x" * 1000 for n in range(1000)}, {"k" * 500_000: 1}], ids=["many", "long"])
def test_names_that_are_too_many_or_too_long_are_cut_as_well(place, log, data):
    log().on_event(event(1, data=data))
    assert set(items(*place, "job")[0]["details"]) == {"beginning", "cut"}


def test_as_much_as_fits_is_left_alone(place, log):
    log().on_event(event(1, data={"message": "x" * 299_000}))
    assert items(*place, "job")[0]["details"] == {"message": "x" * 299_000}


def test_a_secret_is_masked_wherever_it_stands(place, log, secret):
    log().on_event(event(1, data={"message": f"at {CANARY}", CANARY: [{"deep": CANARY}], "big": CANARY * 30_000}))
    log().on_event(event(2, "kind of " + CANARY))
    stored = str(list(raw(*place, "job")))
    assert CANARY not in stored
    assert "***" in stored


@pytest.fixture
def secret():
    Secret.plain(CANARY)


@pytest.mark.parametrize(
    "options",
    [{}, {"table": "ab"}, {"table": "a/b"}, {"table": "logs", "ttl_days": 0}, {"table": "logs", "region": ""}],
)
def test_options_that_dynamodb_would_not_take_are_refused(options):
    with pytest.raises(ValidationError):
        OrchestrationLogOptions(**options)


def test_a_table_may_be_in_another_region(log, place):
    assert log(region="us-east-1").identity == f"dynamodb/us-east-1/{place[1]}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


@pytest.mark.slow
@given(st.dictionaries(st.text(max_size=50), JSON, max_size=8), st.integers(400, 4000))
def test_whatever_is_cut_is_no_longer_than_it_may_be(data, most):
    kept = truncate(data, most)
    if kept is not data:
        assert "cut" in kept
    assert _size_in_dynamodb(to_attribute(kept)) <= most + 9000


def _size_in_dynamodb(value):
    """By the rules of its documentation, rounded up."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "L":
        return 3 + sum(1 + _size_in_dynamodb(one) for one in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size_in_dynamodb(one) for name, one in content.items())
    return 21
