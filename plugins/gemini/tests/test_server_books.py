"""The stand-in's books: what a test that kills its client believes about what was paid."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

import gemini_server
from gemini_client import Client, opened, raw_request
from gemini_wire import HEADERS, LITE, asking, error_of, path

PATIENCE = 10.0


@pytest.fixture(scope="module")
def server():
    with gemini_server.running(answers="canned") as server:
        yield server


@pytest.fixture(autouse=True)
def anew(server):
    server.set_faults()
    server.set_pace(latency="0ms", at_once=0, per_window=0)
    until(lambda: server.stats()["at_once"] == 0)
    server.reset()


@pytest.fixture
def client(server):
    with Client(server.port, HEADERS) as client:
        yield client


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.005)


def ask(client, text="What?"):
    return client.send("POST", path(LITE), asking(text))


def ask_of(server, text="What?"):
    with Client(server.port, HEADERS) as client:
        return ask(client, text)


def request_of(text="What?"):
    return raw_request(path(LITE), asking(text), HEADERS)


def test_what_is_paid_is_counted_by_request(client, server):
    before = time.time()
    for text in ("a", "b", "a", "a"):
        ask(client, text)
    stats = server.stats()
    assert {name: stats[name] for name in ("requests", "keys", "paid", "paid_again", "undelivered", "spoiled")} == {
        "requests": 4,
        "keys": 2,
        "paid": 4,
        "paid_again": 2,
        "undelivered": 0,
        "spoiled": 0,
    }
    assert before <= stats["first"] <= stats["last"] <= time.time()
    assert stats["tokens"]["prompt"] == 4
    (key,) = server.accounts(paid=2)
    account = server.accounts()[key]
    assert (account["attempts"], account["paid"], account["statuses"]) == (3, 3, {"200": 3})
    lines = server.log()
    assert [line["n"] for line in lines] == [1, 2, 3, 4]
    assert [line["attempt"] for line in lines if line["key"] == key] == [1, 2, 3]
    assert {line["outcome"] for line in lines} == {"paid"}
    assert [line["n"] for line in server.log(after=3)] == [4]


def test_the_last_requests_can_be_looked_at(client, server):
    ask(client, "look at me")
    (request,) = server.requests(last=1)
    assert "look at me" in request["body"]
    assert (request["method"], request["path"]) == ("POST", path(LITE))
    assert request["headers"]["x-goog-api-key"] == HEADERS["x-goog-api-key"]


def test_a_client_that_goes_away_before_the_answer(server):
    server.set_pace(latency="60s")
    opened(server.port, request_of()).close()
    until(lambda: server.stats()["undelivered"] == 1)
    stats = server.stats()
    assert (stats["paid"], stats["at_once"], stats["by_status"]) == (0, 0, {})
    (account,) = server.accounts().values()
    assert (account["attempts"], account["undelivered"]) == (1, 1)
    assert server.log()[0]["outcome"] == "undelivered"


def test_a_client_that_goes_away_in_the_middle_of_the_answer(server):
    server.set_faults(script=[{"fault": "huge"}], huge=30_000_000)
    with opened(server.port, request_of()) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert server.stats()["paid"] == 0
    until(lambda: server.stats()["undelivered"] == 1)
    assert server.stats()["paid"] == 0


def test_the_next_attempt_is_what_a_new_client_gets(server):
    server.set_faults(script=[{"fault": "hang", "attempts": 1}, {"fault": "503", "attempts": 2}])
    with opened(server.port, request_of()):
        until(lambda: server.stats()["at_once"] == 1)
    until(lambda: server.stats()["undelivered"] == 1)
    assert [ask_of(server).status for _ in range(2)] == [503, 200]
    assert [line["outcome"] for line in server.log()] == ["undelivered", "refused", "paid"]


def test_a_client_that_goes_away_waiting_for_an_error_has_missed_nothing(server):
    server.set_pace(latency="60s")
    server.set_faults(script=[{"fault": "503"}])
    opened(server.port, request_of()).close()
    until(server.log)
    assert (server.log()[0]["outcome"], server.stats()["undelivered"]) == ("refused", 0)


def test_an_answer_that_takes_its_time_to_arrive_is_paid_at_its_end(client, server):
    server.set_faults(script=[{"fault": "huge"}], huge=20_000_000)
    assert len(ask(client).body) > 20_000_000
    until(lambda: server.stats()["paid"] == 1)
    assert server.stats()["at_once"] == 0
    server.set_faults()
    assert ask(client).status == 200


def test_what_a_limit_turns_away_was_no_try(client, server):
    server.set_faults(script=[{"fault": "503", "contains": "mine", "attempts": 1}])
    server.set_pace(per_window=1, window=0.5)
    statuses = [ask(client, "other").status, ask(client, "mine").status]
    server.set_pace(per_window=0)
    assert [*statuses, ask(client, "mine").status, ask(client, "mine").status] == [200, 429, 503, 200]


BROKEN = {
    "close": http.client.RemoteDisconnected,
    "reset": ConnectionResetError,
    "half": http.client.IncompleteRead,
    "short": http.client.IncompleteRead,
}


@pytest.mark.parametrize("fault", BROKEN)
def test_answers_that_a_fault_breaks_are_not_paid(client, server, fault):
    server.set_faults(script=[{"fault": fault, "nth": 1}])
    with pytest.raises(BROKEN[fault]):
        ask(client)
    assert ask(client).status == 200
    stats = server.stats()
    assert (stats["paid"], stats["spoiled"], stats["at_once"]) == (1, 1, 0)
    assert stats["by_status"] == {"200": 1 if fault in ("close", "reset") else 2}


def test_a_compressed_answer_without_its_end(client, server):
    import gzip

    server.set_faults(script=[{"fault": "gzip_cut"}])
    got = ask(client)
    assert got.headers["content-encoding"] == "gzip"
    with pytest.raises(EOFError):
        gzip.decompress(got.body)
    assert server.stats()["spoiled"] == 1


def test_a_stalled_body_comes_byte_by_byte_and_is_paid_at_its_end(server):
    server.set_faults(script=[{"fault": "stall"}], pause=0.05)
    with opened(server.port, request_of()) as connection:
        head = connection.recv(100_000)
        assert b"\r\n\r\n" in head
        assert connection.recv(100_000), "one byte or, if nobody has looked for long, some"
        assert server.stats()["paid"] == 0
    until(lambda: server.stats()["undelivered"] == 1)
    server.set_faults(script=[{"fault": "stall"}], pause=0)
    assert ask_of(server).status == 200
    assert server.stats()["paid"] == 1


def test_a_late_answer_and_one_after_the_clients_deadline(client, server):
    server.set_faults(script=[{"fault": "late"}], late=0.2)
    start = time.monotonic()
    assert ask(client).status == 200
    assert time.monotonic() - start >= 0.2
    got = client.send("POST", path(LITE), asking("x"), {"X-Server-Timeout": "0.1"})
    assert error_of(got)["status"] == "DEADLINE_EXCEEDED"


def at_once(server, count):
    with ThreadPoolExecutor(count) as threads:
        return [got.status for got in threads.map(lambda number: ask_of(server, f"{number}"), range(count))]


def test_no_more_at_once_than_the_limit(server):
    server.set_pace(latency="1s", at_once=3)
    assert sorted(at_once(server, 8)) == [200] * 3 + [429] * 5
    stats = server.stats()
    assert (stats["most_at_once"], stats["by_fault"]) == (3, {"limit": 5})


def test_no_more_in_a_window_than_the_limit(client, server):
    server.set_pace(per_window=2, window=1.0)
    assert [ask(client).status for _ in range(2)] == [200, 200]
    got = ask(client)
    details = {detail["@type"].rpartition(".")[2]: detail for detail in error_of(got)["details"]}
    wait = float(details["RetryInfo"]["retryDelay"].removesuffix("s"))
    assert 0 < wait <= 1.0
    assert got.headers["retry-after"] == "1"
    time.sleep(wait + 0.01)
    assert ask(client).status == 200
    (account,) = server.accounts().values()
    assert (account["attempts"], account["tries"], account["paid"]) == (4, 3, 3)


@pytest.mark.parametrize("latency", ["0ms", "20ms"])
def test_two_requests_in_one_packet_and_one_in_many(server, latency):
    server.set_pace(latency=latency)
    with opened(server.port, request_of("a") + request_of("b")) as connection:
        got = b""
        with suppress(TimeoutError):
            connection.settimeout(1)
            while got.count(b'"responseId"') < 2 and (more := connection.recv(100_000)):
                got += more
        assert got.count(b"HTTP/1.1 200 OK") == 2
        connection.settimeout(PATIENCE)
        for byte in request_of("c"):
            connection.sendall(bytes([byte]))
        assert connection.recv(100).startswith(b"HTTP/1.1 200 OK")
    assert server.stats()["paid"] == 3
