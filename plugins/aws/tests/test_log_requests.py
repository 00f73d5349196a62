"""However DynamoDB behaves: nothing is lost, nothing doubles, and few requests are made."""

from __future__ import annotations

from collections import Counter

import pytest

from aws_server.proxy import CutBody, Drop, Fail, LoseAnswer, Unprocessed
from aws_tables import REPORT, event, items, make_table
from querygen_aws.options import OrchestrationLogOptions
from querygen_aws.orchestration_log import OrchestrationLog
from querygen_core.api import SinkError

pytestmark = pytest.mark.slow


@pytest.fixture
def table(aws):
    return make_table(aws)


@pytest.fixture
def log(table, proxy):
    """Through the proxy, and without the pauses between its tries."""
    return OrchestrationLog(OrchestrationLogOptions(table=table), proxy.environ, sleep=lambda _: None)


@pytest.fixture(autouse=True)
def _credentials(environment):
    """boto3 finds them in the process's environment."""


def failures(number):
    return [event(seq, "product_failed", data={"product": f"shop:{seq}:en"}) for seq in range(1, number + 1)]


def tell(log, events):
    """As the engine does; how often it had to come back after a failure."""
    told = failed = 0
    while told < len(events):
        try:
            told += log.on_events(events[told:])
        except SinkError:
            failed += 1
            assert failed < 50, "it does not get on"
    return failed


def told_products(aws, table):
    return Counter(item["details"]["product"] for item in items(aws, table, "job"))


@pytest.mark.slow
def test_thousands_of_events_take_few_requests(aws, table, log, proxy):
    events = failures(2_000)
    tell(log, events)
    assert proxy.counts == {"BatchWriteItem": 80}
    assert told_products(aws, table) == Counter({f"shop:{seq}:en": 1 for seq in range(1, 2_001)})


def test_events_of_several_events_share_requests_but_are_never_torn(aws, table, log, proxy):
    events = [event(seq, "run_finished", data=REPORT) for seq in range(1, 11)]
    tell(log, events)
    assert len(items(aws, table, "job")) == 70
    assert proxy.counts == {"BatchWriteItem": 4}, "three runs of seven events in each"


def test_an_event_of_more_items_than_one_request_holds_is_written(aws, table, log):
    many = {f"sink-{number:03}": REPORT["sinks"]["rows"] for number in range(60)}
    assert log.on_events([event(1), event(2, "run_finished", data={**REPORT, "sinks": many}), event(3)]) == 1
    assert log.on_events([event(2, "run_finished", data={**REPORT, "sinks": many}), event(3)]) == 1
    assert len(items(aws, table, "job")) == 1 + 5 + 60


@pytest.mark.parametrize(
    "effect",
    [
        Fail("ThrottlingException"),
        Fail("InternalServerError"),
        Unprocessed(0.9),
        LoseAnswer(),
        Drop(),
        CutBody(3),
    ],
    ids=repr,
)
def test_whatever_happens_to_a_share_of_requests_all_is_stored_once(aws, table, log, proxy, effect, no_pauses):
    proxy.on("dynamodb:.*", effect, share=0.3, seed=8)
    events = failures(300)
    tell(log, events)
    assert told_products(aws, table) == Counter({f"shop:{seq}:en": 1 for seq in range(1, 301)})
    assert proxy.counts["BatchWriteItem"] > 12, "nothing was met by the fault"


def test_a_bad_day_with_everything_at_once(aws, table, log, proxy, no_pauses):
    proxy.on("dynamodb:.*", Fail("ThrottlingException"), share=0.3, seed=1)
    proxy.on("BatchWriteItem", Unprocessed(0.5), share=0.5, seed=2)
    proxy.on("BatchWriteItem", LoseAnswer(), share=0.2, seed=3)
    events = failures(500)
    tell(log, events)
    assert told_products(aws, table) == Counter({f"shop:{seq}:en": 1 for seq in range(1, 501)})


@pytest.fixture
def no_pauses(monkeypatch):
    """The SDK's own, between its tries."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)


def test_one_that_takes_nothing_for_long_is_down(aws, table, log, proxy):
    proxy.on("BatchWriteItem", Unprocessed(1.0))
    with pytest.raises(SinkError, match="accepts no more") as caught:
        log.on_event(event())
    assert caught.value.kind == "retry"
    assert proxy.counts["BatchWriteItem"] == 8
    proxy.clear()
    log.on_event(event())
    assert len(items(aws, table, "job")) == 1


def test_pauses_grow_while_nothing_is_taken(table, proxy):
    pauses: list[float] = []
    log = OrchestrationLog(OrchestrationLogOptions(table=table), proxy.environ, sleep=pauses.append)
    proxy.on("BatchWriteItem", Unprocessed(1.0), first=4)
    log.on_event(event())
    assert pauses == sorted(set(pauses))
    assert len(pauses) == 4


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDeniedException", "auth"),
        ("UnrecognizedClientException", "auth"),
        ("ResourceNotFoundException", "permanent"),
    ],
)
def test_a_refusal_is_told_in_awss_words_without_what_was_sent(log, proxy, code, kind):
    proxy.on("BatchWriteItem", Fail(code, message="no\nsuch luck"))
    with pytest.raises(SinkError) as caught:
        log.on_event(event(data={"text": "canary-of-the-content"}))
    assert caught.value.kind == kind
    assert f"{code}: no such luck" in str(caught.value)
    assert "canary" not in str(caught.value)


def test_a_table_that_is_not_there_is_named(proxy):
    log = OrchestrationLog(OrchestrationLogOptions(table="nowhere"), proxy.environ)
    with pytest.raises(SinkError, match="table nowhere: ResourceNotFoundException"):
        log.on_event(event())


def test_an_item_that_is_refused_does_not_keep_the_others_out(aws, table, log, proxy):
    proxy.on("BatchWriteItem", Fail("ValidationException", message="poison"), key="poisonous")
    events = [event(seq, data={"text": "poisonous" if seq == 2 else "good"}) for seq in (1, 2, 3)]
    assert log.on_events(events) == 3
    stored = [item["details"] for item in items(aws, table, "job")]
    note = {"cut": "DynamoDB refused the details: ValidationException: poison"}
    assert stored == [{"text": "good"}, note, {"text": "good"}]


def test_a_table_that_refuses_everything_is_asked_a_few_times_only(log, proxy):
    proxy.on("BatchWriteItem", Fail("ValidationException"))
    with pytest.raises(SinkError) as caught:
        log.on_events([event(seq) for seq in range(20)])
    assert caught.value.kind == "permanent"
    assert proxy.counts["BatchWriteItem"] == 3


def test_the_network_failing_is_told_without_the_address(log, proxy, no_pauses):
    proxy.refuse()
    with pytest.raises(SinkError) as caught:
        log.on_event(event())
    assert caught.value.kind == "retry"
    assert str(proxy.port) not in str(caught.value)


def test_the_identity_names_region_and_table(table, log):
    assert log.identity == f"dynamodb/eu-central-1/{table}"
