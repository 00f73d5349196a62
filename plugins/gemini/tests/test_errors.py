"""Every way in which Google's API, or the road to it, fails: what the engine is told, and what the user reads."""

from __future__ import annotations

import gzip
import logging
import pickle
import socket
import traceback
from pathlib import Path
from typing import Any

import pytest

from gemini_fixtures import KEY, ask
from gemini_server import Gemini
from querygen_core.api import ProviderError
from querygen_core.testing.http_server import HttpReply, HttpServer

TRANSPORT: dict[str, tuple[str, float | None, str]] = {
    # fault: kind, seconds asked for, a part of what the user reads
    "429_minute": ("throttled", 7, "429 RESOURCE_EXHAUSTED"),
    "429_header": ("throttled", 7, "429 RESOURCE_EXHAUSTED"),
    "429_info": ("throttled", 7, "429 RESOURCE_EXHAUSTED"),
    "429_differ": ("throttled", 14, "429 RESOURCE_EXHAUSTED"),
    "429_garbage": ("throttled", None, "429 RESOURCE_EXHAUSTED"),
    "429_bare": ("throttled", None, "429 RESOURCE_EXHAUSTED"),
    "429_html": ("throttled", 7, "429"),
    "429_day": ("quota", None, "wait for the quota to be renewed or raise it"),
    "400_location": ("bad_request", None, "User location is not supported"),
    "403": ("auth", None, "check api_key"),
    "404": ("bad_request", None, "check model and api_version"),
    "500": ("retry", None, "500 INTERNAL"),
    "502": ("retry", None, "502"),
    "503": ("throttled", None, "503 UNAVAILABLE"),
    "504": ("retry", None, "504 DEADLINE_EXCEEDED"),
    "close": ("retry", None, "RemoteProtocolError"),
    "reset": ("retry", None, "ReadError"),
    "half": ("retry", None, "RemoteProtocolError"),
    "short": ("retry", None, "RemoteProtocolError"),
    "error_200": ("throttled", None, "503 UNAVAILABLE"),
    "not_json": ("bad_answer", None, "the answer is not a JSON object"),
    "html": ("bad_answer", None, "the answer is not a JSON object"),
    "stall": ("retry", None, "no answer within 1 s"),
    "hang": ("retry", None, "no answer within 1 s"),
}

SILENT = ("stall", "hang")
"""Only these need the client's own deadline; a busy machine may take a second for any other."""

CONTENT: dict[str, tuple[str, str]] = {
    # fault: how it finished, Google's word for it
    "broken_json": ("stop", ""),
    "cut": ("length", "MAX_TOKENS"),
    "no_text": ("length", "raise max_output_tokens or lower thinking"),
    "blocked_prompt": ("blocked", ""),
    "safety": ("blocked", "SAFETY"),
    "recitation": ("blocked", "RECITATION"),
    "prohibited": ("blocked", "PROHIBITED_CONTENT"),
    "blocklist": ("blocked", "BLOCKLIST"),
    "spii": ("blocked", "SPII"),
    "language": ("blocked", "LANGUAGE"),
    "empty": ("other", ""),
    "unknown_finish": ("other", "BRAND_NEW_REASON"),
    "continuation": ("length", "CONTINUATION"),
    "fenced": ("stop", ""),
    "prose": ("stop", ""),
    "fewer": ("stop", ""),
    "other": ("other", "OTHER"),
    "malformed_response": ("other", "MALFORMED_RESPONSE"),
}


def failure(server: Gemini | HttpServer, folder: Path, **options: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        ask(server, folder, **options)
    return caught.value


@pytest.mark.slow
@pytest.mark.parametrize("fault", TRANSPORT)
def test_what_goes_wrong_on_the_way(server, tmp_path, fault):
    kind, wait, said = TRANSPORT[fault]
    server.set_faults(script=[{"fault": fault}], retry_after=7)
    error = failure(server, tmp_path, timeout=1 if fault in SILENT else 60)
    assert error.kind == kind, error
    assert said in str(error)
    assert error.retry_after == wait
    assert len(str(error).splitlines()) == 1
    assert server.stats()["requests"] == 1, "the engine retries, nobody else"


LASTING = {
    # what Google or a proxy before it says, as status, words and details
    "limit 0": (429, "Quota exceeded for metric: requests, limit: 0, model: x. Please retry in 3s.", []),
    "limit value 0": (
        429,
        "Quota exceeded.",
        [{"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_limit_value": "0"}}],
    ),
    "hours": (429, "You exceeded your current quota. Please retry in 21h14m2.5s.", []),
    "RetryInfo": (429, "You exceeded your current quota.", [{"retryDelay": "43200s"}]),
    "spend cap": (429, "Your project has exceeded its monthly spending cap.", []),
    "credits": (429, "Your prepaid credits are depleted. Add credits in AI Studio.", []),
    "day": (429, "Quota exceeded.", [{"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}]}]),
    "billing": (403, "Billing is disabled for the project 17.", []),
}


@pytest.mark.parametrize("status", [None, 200])
@pytest.mark.parametrize("said", LASTING)
def test_a_quota_that_waiting_does_not_heal_in_any_wording(tmp_path, said, status):
    code, message, details = LASTING[said]
    name = "RESOURCE_EXHAUSTED" if code == 429 else "FAILED_PRECONDITION"
    body = {"error": {"code": code, "message": message, "status": name, "details": details}}
    with HttpServer(lambda _: HttpReply(status=status or code, body=body)) as server:
        error = failure(server, tmp_path)
    assert error.kind == "quota", error
    assert "then run again" in str(error)


@pytest.mark.parametrize(
    "message",
    [
        "Quota exceeded for metric: free_tier_requests, limit: 10, model: x\nPlease retry in 27.5s.",
        "You exceeded your current quota, please check your plan and billing details.",
        "Resource has been exhausted (e.g. check quota).",
    ],
)
def test_a_limit_per_minute_is_waited_out(tmp_path, message):
    body = {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED"}}
    with HttpServer(lambda _: HttpReply(status=429, body=body)) as server:
        assert failure(server, tmp_path).kind == "throttled"


@pytest.mark.parametrize(
    "body", [[{"error": {"message": "no"}}], {"error": "no"}, {"error": {"code": "x", "status": 7}}]
)
def test_an_error_of_any_form_is_not_taken_for_an_answer(tmp_path, body):
    with HttpServer(lambda _: HttpReply(body=body)) as server:
        assert failure(server, tmp_path).kind == "retry"


def test_what_holds_no_answer_is_none(tmp_path):
    with HttpServer(lambda _: HttpReply(body={})) as server:
        assert failure(server, tmp_path).kind == "bad_answer"


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_without_an_end_is_not_unpacked_to_its_end(tmp_path, packed):
    whole = b" " * (17 << 20)
    body, headers = (gzip.compress(whole), {"Content-Encoding": "gzip"}) if packed else (whole, {})
    with HttpServer(lambda _: HttpReply(body=body, headers=headers)) as server:
        error = failure(server, tmp_path)
    assert (error.kind, error.indeterminate) == ("bad_answer", True)
    assert "larger than 16 MB" in str(error)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["close", "reset", "half", "short", "not_json", "stall", "hang"])
def test_what_may_have_been_paid_is_said_to_be_unclear(server, tmp_path, fault):
    server.set_faults(script=[{"fault": fault}])
    assert failure(server, tmp_path, timeout=1 if fault in SILENT else 60).indeterminate


@pytest.mark.parametrize("fault", ["429_minute", "429_day", "403", "500", "503"])
def test_what_google_refuses_was_not_paid(server, tmp_path, fault):
    server.set_faults(script=[{"fault": fault}])
    assert not failure(server, tmp_path).indeterminate


def test_a_date_to_come_back_at_is_understood(server, tmp_path):
    server.set_faults(script=[{"fault": "429_date"}], retry_after=60)
    error = failure(server, tmp_path)
    assert error.retry_after is not None
    assert 50 < error.retry_after <= 61


def test_a_server_that_is_not_there_was_not_asked(server, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = failure(server, tmp_path, base_url=f"http://127.0.0.1:{port}")
    assert (error.kind, error.indeterminate) == ("retry", False)


def test_a_name_that_nobody_knows_was_not_asked(server, tmp_path):
    """F37: `.invalid` is never in the DNS."""
    error = failure(server, tmp_path, base_url="https://models.invalid")
    assert (error.kind, error.indeterminate) == ("retry", False)


def test_a_server_without_tls_was_not_asked(server, tmp_path):
    """F37: what answers there does not speak TLS, so that no request was sent."""
    with HttpServer(lambda _: HttpReply(body={})) as plain:
        error = failure(server, tmp_path, base_url=plain.url.replace("http://", "https://"))
    assert (error.kind, error.indeterminate) == ("retry", False)
    assert "SSL" in str(error)


@pytest.mark.parametrize("state", ["revoked", "suspended", "leaked"])
def test_a_key_that_is_no_longer_good(server, tmp_path, state):
    server.set_keys(**{KEY: state})
    error = failure(server, tmp_path)
    assert error.kind == "auth"
    assert "check api_key" in str(error)
    assert KEY not in str(error)
    assert server.stats()["requests"] == 1, "the same key is not tried twice"


@pytest.mark.parametrize("fault", CONTENT)
@pytest.mark.filterwarnings("ignore:.*is not a valid FinishReason:UserWarning")  # pytest forgets the plugin's filter
def test_what_a_model_answers_instead(server, tmp_path, fault):
    finish, reason = CONTENT[fault]
    server.set_faults(script=[{"fault": fault}])
    answer = ask(server, tmp_path)
    assert answer.finish == finish, answer
    assert reason in answer.reason
    assert answer.usage.input, "what was paid is known"
    assert server.stats()["requests"] == 1, "no automatic continuation"


def test_an_unknown_model_is_named(server, tmp_path):
    error = failure(server, tmp_path, model="gemini-0-nothing")
    assert error.kind == "bad_request"
    assert "gemini-0-nothing" in str(error)


def test_a_parameter_that_google_refuses_is_the_request_s_fault(server, tmp_path):
    error = failure(server, tmp_path, extra_body={"generationConfig": {"nonsense": 1}})
    assert error.kind == "bad_request"
    assert 'Unknown name "nonsense"' in str(error)


@pytest.mark.parametrize("fault", [name for name in TRANSPORT if name not in ("stall", "hang")])
def test_no_error_holds_the_key_or_anything_of_the_sdk(server, tmp_path, fault, caplog):
    caplog.set_level(logging.DEBUG)
    server.set_faults(script=[{"fault": fault}])
    error = failure(server, tmp_path)
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
    for text in (shown, repr(error), repr(vars(error)), caplog.text):
        assert KEY not in text
    assert KEY.encode() not in pickle.dumps(error)
    assert error.__context__ is None
    assert error.__cause__ is None


def test_locals_of_a_traceback_do_not_show_the_key(server, tmp_path):
    """As rich, Sentry and the like print them."""
    server.set_keys(**{KEY: "suspended"})
    error = failure(server, tmp_path)
    frames = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in frames.stack if "querygen_gemini" in frame.filename]
    assert ours
    assert not any(KEY in text for frame in ours for text in (frame.locals or {}).values())
