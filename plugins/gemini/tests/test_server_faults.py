"""Each fault is what it is called, and it comes when it was told to come."""

from __future__ import annotations

import http.client
import json
import time
from email.utils import parsedate_to_datetime

import pytest

import gemini_server
from gemini_client import Client
from gemini_server.faults import CONTENT, TRANSPORT, Faults
from gemini_wire import HEADERS, LITE, asking, error_of, finish_of, in_json, path, text_of

CONFIG = in_json(type="object", properties={"questions": {"type": "array", "items": {"type": "string"}}})


@pytest.fixture(scope="module")
def server():
    with gemini_server.running(process=False, answers="canned", questions=10) as server:
        yield server


@pytest.fixture
def client(server):
    server.reset()
    server.set_faults()
    server.set_pace(latency="0ms")
    with Client(server.port, HEADERS) as client:
        yield client


def ask(client, text="What?", model=LITE):
    return client.send("POST", path(model), asking(text, **CONFIG))


def outcome(client, text):
    """A short word for what came."""
    try:
        got = ask(client, text)
    except (OSError, http.client.HTTPException):
        return "broken"
    if got.status != 200:
        return str(got.status)
    return got.json["candidates"][0]["finishReason"] if "candidates" in got.json else "blocked"


def no_candidates(got):
    return "candidates" not in got.json


def finished(reason):
    return lambda got: finish_of(got) == reason and "content" not in got.json["candidates"][0]


def with_text(check, reason="STOP"):
    return lambda got: finish_of(got) == reason and check(text_of(got))


def no_json(text):
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


LOOKS = {
    "broken_json": with_text(no_json),
    "cut": with_text(no_json, "MAX_TOKENS"),
    "no_text": lambda got: finish_of(got) == "MAX_TOKENS" and got.json["candidates"][0]["content"] == {"role": "model"},
    "blocked_prompt": lambda got: no_candidates(got) and got.json["promptFeedback"]["blockReason"],
    "safety": lambda got: finished("SAFETY")(got) and got.json["candidates"][0]["safetyRatings"][0]["blocked"],
    "recitation": finished("RECITATION"),
    "prohibited": finished("PROHIBITED_CONTENT"),
    "blocklist": finished("BLOCKLIST"),
    "spii": finished("SPII"),
    "language": finished("LANGUAGE"),
    "empty": lambda got: no_candidates(got) and "promptFeedback" not in got.json,
    "unknown_finish": with_text(lambda text: len(json.loads(text)["questions"]) == 10, "BRAND_NEW_REASON"),
    "continuation": lambda got: finish_of(got) == "CONTINUATION" and got.json["candidates"][0]["continuationToken"],
    "fenced": with_text(lambda text: text.startswith("```json\n{") and text.endswith("}\n```")),
    "prose": with_text(lambda text: text.startswith("Sure!") and '{"questions"' in text),
    "fewer": with_text(lambda text: len(json.loads(text)["questions"]) == 5),
    "other": finished("OTHER"),
    "malformed_response": finished("MALFORMED_RESPONSE"),
}


def test_every_fault_of_content_has_a_look():
    assert set(LOOKS) == set(CONTENT)


@pytest.mark.parametrize("fault", CONTENT)
def test_a_fault_of_content(client, server, fault):
    server.set_faults(script=[{"fault": fault}])
    for _ in range(2):  # asking again does not help
        got = ask(client)
        assert got.status == 200
        assert LOOKS[fault](got), got.body
    stats = server.stats()
    assert (stats["paid"], stats["by_fault"]) == (2, {fault: 2})
    server.set_faults()
    assert not LOOKS[fault](ask(client))


def test_a_continuation_has_a_second_half(client, server):
    whole = text_of(ask(client))
    server.set_faults(script=[{"fault": "continuation"}])
    first = ask(client)
    token = first.json["candidates"][0]["continuationToken"]
    second = client.send("POST", path(LITE), {**asking(**CONFIG), "continuationToken": token})
    assert text_of(first) + text_of(second) == whole
    assert (finish_of(first), finish_of(second)) == ("CONTINUATION", "STOP")


HINTS = {  # fault → Retry-After, RetryInfo
    "429_minute": ("2", "1.5s"),
    "429_header": ("2", None),
    "429_info": (None, "1.5s"),
    "429_differ": ("2", "3s"),
    "429_garbage": ("soon", "a while"),
    "429_bare": (None, None),
    "429_day": (None, "1.5s"),
}


@pytest.mark.parametrize("fault", HINTS)
def test_a_429_and_its_hints(client, server, fault):
    server.set_faults(script=[{"fault": fault}], retry_after=1.5)
    got = ask(client)
    error = error_of(got)
    details = {detail["@type"].rpartition(".")[2]: detail for detail in error["details"]}
    assert (got.status, error["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert (got.headers.get("retry-after"), details.get("RetryInfo", {}).get("retryDelay")) == HINTS[fault]
    period = "PerDay" if fault == "429_day" else "PerMinute"
    assert period in details["QuotaFailure"]["violations"][0]["quotaId"]


def test_a_429_may_name_a_date_or_be_html(client, server):
    server.set_faults(script=[{"fault": "429_date", "nth": 1}, {"fault": "429_html"}], retry_after=90)
    wait = parsedate_to_datetime(ask(client).headers["retry-after"]).timestamp() - time.time()
    assert 85 < wait < 95
    got = ask(client)
    assert (got.status, got.headers["content-type"], got.body[:6]) == (429, "text/html; charset=UTF-8", b"<html>")


@pytest.mark.parametrize(
    ("fault", "status", "word"),
    [
        ("400_location", 400, "FAILED_PRECONDITION"),
        ("403", 403, "PERMISSION_DENIED"),
        ("404", 404, "NOT_FOUND"),
        ("500", 500, "INTERNAL"),
        ("502", 502, "<!DOCTYPE html>"),
        ("503", 503, "UNAVAILABLE"),
        ("504", 504, "DEADLINE_EXCEEDED"),
        ("not_json", 200, '{"candidates": ['),
        ("html", 200, "<html>"),
        ("error_200", 200, '{"error": '),
    ],
)
def test_answers_that_are_none(client, server, fault, status, word):
    server.set_faults(script=[{"fault": fault}])
    got = ask(client)
    assert got.status == status
    assert word in got.body.decode()
    stats = server.stats()
    assert (stats["paid"], stats["spoiled"], stats["by_status"]) == (0, int(status == 200), {str(status): 1})


def test_a_huge_answer_is_a_right_one(client, server):
    server.set_faults(script=[{"fault": "huge"}], huge=3_000_000)
    got = ask(client)
    assert len(got.body) > 3_000_000
    assert json.loads(text_of(got)) == {"questions": ["Why?"]}


def fates(client, count=60, rounds=3):
    return [[outcome(client, f"product {number}") for number in range(count)] for _ in range(rounds)]


RATES = {"503": 0.2, "429_info": 0.1, "close": 0.05, "half": 0.05, "safety": 0.1, "cut": 0.1, "empty": 0.1}


def fates_of_a_new_server(seed):
    with (
        gemini_server.running(process=False, answers="canned", faults={"seed": seed, "rates": RATES}) as server,
        Client(server.port, HEADERS) as client,
    ):
        return fates(client)


def test_the_same_seed_has_the_same_faults_in_another_server():
    first = fates_of_a_new_server(7)
    assert fates_of_a_new_server(7) == first
    assert fates_of_a_new_server(8) != first


def test_faults_on_the_way_pass_and_those_of_content_stay(client, server):
    server.set_faults(rates=RATES, seed=1)
    passing = {"503", "429", "broken"}
    stays = [{*fate} - passing for fate in zip(*fates(client, rounds=6), strict=True)]
    assert {len(words) for words in stays} == {1}
    assert set.union(*stays) == {"STOP", "SAFETY", "MAX_TOKENS", "blocked"}
    counted = server.stats()["by_fault"]
    assert set(counted) == set(RATES)
    assert 360 * 0.12 < counted["503"] < 360 * 0.28


def test_a_shifted_order_changes_nothing(client, server):
    server.set_faults(rates=RATES)
    forwards = {number: outcome(client, f"product {number}") for number in range(60)}
    server.reset()
    backwards = {number: outcome(client, f"product {number}") for number in reversed(range(60))}
    assert backwards == forwards


def test_a_script_names_requests(client, server):
    rules = [
        {"fault": "none", "contains": "spare me"},
        {"fault": "500", "nth": [3]},
        {"fault": "503", "contains": "bad", "attempts": 2},
        {"fault": "404", "model": "gemini-3.6-flash"},
    ]
    server.set_faults(script=rules, rates={"403": 1.0 - 1e-9})
    asked = ["spare me", "bad", "spare me now", "x", "bad", "bad"]
    assert [ask(client, text).status for text in asked] == [200, 503, 200, 403, 503, 403]
    assert ask(client, model="gemini-3.6-flash").status == 404
    server.reset()
    assert [ask(client, "x").status for _ in range(4)] == [403, 403, 500, 403]


@pytest.mark.parametrize(
    "faults",
    [
        {"rates": {"501": 0.1}},
        {"script": [{"fault": "x"}]},
        {"rates": {"503": 0.6, "500": 0.5}},
        {"rate": {}},
        {"script": [{"fault": "503", "when": 1}]},
    ],
)
def test_faults_that_make_no_sense_are_refused(server, faults):
    with pytest.raises(ValueError, match=r"fault|rates|unexpected"):
        Faults.read(faults)
    with pytest.raises(ValueError, match=r"fault|rates|unexpected"):
        server.set_faults(**faults)


def test_no_fault_has_two_names():
    assert not set(CONTENT) & set(TRANSPORT)
