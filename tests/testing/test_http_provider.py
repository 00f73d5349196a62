from __future__ import annotations

import json
import socket
from http.client import HTTPConnection, RemoteDisconnected
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from querygen_core.api import Capabilities, ProviderError, Response
from querygen_core.testing import HttpProviderContract, HttpReply, HttpServer

KEY = "key-4711-secret"
KINDS = {401: "auth", 403: "auth", 429: "throttled", 500: "retry", 502: "retry", 503: "retry"}


class Model:
    capabilities = Capabilities(free=True)
    limit_key = "test/model"

    def __init__(self, url, timeout):
        self.host, self.timeout = urlsplit(url).netloc, timeout

    async def complete(self, request):
        return self.read(*self.call({"system": request.system, "prompt": request.prompt}))

    def call(self, body):
        connection = HTTPConnection(self.host, timeout=self.timeout)
        try:
            connection.connect()
        except OSError:
            raise ProviderError("retry", "cannot connect") from None
        try:
            connection.request("POST", "/", json.dumps(body), {"Authorization": KEY})
            reply = connection.getresponse()
            return reply.status, reply.headers, reply.read()
        except (OSError, RemoteDisconnected):
            raise self.lost() from None
        finally:
            connection.close()

    def lost(self):
        return ProviderError("retry", "no answer", indeterminate=True)

    def read(self, status, headers, body):
        if status != 200:
            raise self.refusal(status, headers.get("Retry-After"))
        try:
            return Response(text=json.loads(body)["text"])
        except (ValueError, KeyError, TypeError):
            raise ProviderError("bad_answer", "the answer has no text") from None

    def refusal(self, status, retry_after):
        seconds = float(retry_after) if retry_after else None
        return ProviderError(KINDS.get(status, "bad_request"), f"HTTP status {status}", retry_after=seconds)

    async def aclose(self):
        pass


class TestModel(HttpProviderContract):
    model = Model
    secret = KEY

    def provider_at(self, url, timeout):
        return self.model(url, timeout)

    def body(self, text):
        return {"text": text}


class Retrying(Model):
    def call(self, body):
        first = super().call(body)
        return first if first[0] == 200 else super().call(body)


class Forgetful(Model):
    async def complete(self, request):
        return self.read(*self.call({"prompt": request.prompt}))


class Stripping(Model):
    def read(self, *reply):
        return Response(text=super().read(*reply).text.strip().replace("\x1b", ""))


class Blunt(Model):
    def refusal(self, status, retry_after):
        return ProviderError("bad_request", f"HTTP status {status}")


class Impatient(Model):
    def refusal(self, status, retry_after):
        return super().refusal(status, None)


class Trusting(Model):
    def read(self, status, headers, body):
        return super().read(status, headers, body) if status != 200 else Response(text=json.loads(body)["text"])


class Certain(Model):
    def lost(self):
        return ProviderError("retry", "no answer")


class Doubtful(Model):
    def call(self, body):
        try:
            return super().call(body)
        except ProviderError:
            raise self.lost() from None


class Talkative(Model):
    def refusal(self, status, retry_after):
        return ProviderError(KINDS.get(status, "bad_request"), f"refused {KEY}")


@pytest.mark.parametrize(
    ("wrong", "test", "given"),
    [
        (Retrying, "test_sends_one_call_for_each_request", ()),
        (Forgetful, "test_sends_prompt_and_system", ()),
        (Stripping, "test_returns_what_the_model_says", ()),
        (Blunt, "test_classifies_a_refusal_by_its_status", (401, {"auth"})),
        (Talkative, "test_classifies_a_refusal_by_its_status", (401, {"auth"})),
        (Impatient, "test_passes_on_when_to_try_again", ()),
        (Trusting, "test_an_answer_of_another_shape_is_a_classified_error", ("{}",)),
        (Certain, "test_a_cut_connection_may_have_been_paid_for", ()),
        (Certain, "test_a_timeout_may_have_been_paid_for", ()),
        (Doubtful, "test_a_server_that_is_not_there_was_not_paid", ()),
    ],
)
def test_a_wrong_provider_is_caught(wrong, test, given):
    contract = type("Wrong", (TestModel,), {"model": wrong})()
    with contract.served(), pytest.raises((Exception, pytest.fail.Exception)):
        getattr(contract, test)(*given)


def test_a_server_replies_as_it_is_told_and_keeps_the_calls():
    with HttpServer(lambda call: HttpReply(status=201, body={"got": call.json}, headers={"X-A": "b"})) as server:
        with urlopen(Request(f"{server.url}/v1?x=1", b'"hi"', {"X-Key": "k"}), timeout=5) as reply:
            assert (reply.status, reply.headers["X-A"], json.load(reply)) == (201, "b", {"got": "hi"})
        server.reply = lambda _: HttpReply(body=b"\xff")
        with urlopen(server.url, timeout=5) as reply:
            assert reply.read() == b"\xff"
    first, second = server.calls
    assert (first.method, first.path, first.headers["x-key"]) == ("POST", "/v1?x=1", "k")
    assert (second.method, second.body) == ("GET", b"")


def test_a_cut_reply_is_a_broken_connection_and_a_late_one_does_not_hold_the_end_up():
    with HttpServer(lambda _: HttpReply(cut=True)) as server:
        with pytest.raises((RemoteDisconnected, ConnectionError)):
            urlopen(server.url, timeout=5)
        server.reply = lambda _: HttpReply(seconds=600)
        with socket.create_connection(("127.0.0.1", urlsplit(server.url).port), 5) as waiting:
            waiting.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while len(server.calls) < 2:
                pass
