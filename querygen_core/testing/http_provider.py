from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server
from typing import Any

import pytest

from querygen_core.api import Provider, ProviderError, Request, Response
from querygen_core.testing.http_server import HttpCall, HttpReply, HttpServer
from querygen_core.testing.provider import ProviderContract, check_error, check_nothing_hangs_on_it
from querygen_core.testing.samples import HOSTILE, request

_LONG = 30.0  # seconds; never reached
_SHORT = 0.2


class HttpProviderContract(ProviderContract):
    """A provider of an HTTP API: answers arrive whole, and each way to fail has its class.

        class TestModel(HttpProviderContract):
            secret = "key-for-the-tests"

            def provider_at(self, url, timeout):
                options = ModelOptions(api_key=Secret.plain(self.secret), base_url=url, timeout=timeout)
                return build_model(options, context(self.folder))

            def body(self, text):
                return {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}

    The server that it calls runs on a local port, one for each test, as `self.server`.
    """

    server: HttpServer

    def provider_at(self, url: str, timeout: float) -> Provider:
        """A new provider that calls the API at `url` and waits `timeout` seconds for an answer."""
        raise NotImplementedError

    def body(self, text: str) -> Any:
        """What the API answers, before it is written as JSON, when the model says `text` and is done."""
        raise NotImplementedError

    @contextmanager
    def served(self) -> Iterator[None]:
        """With a server that answers every call with questions."""
        with HttpServer(lambda _: self.good_reply()) as self.server:
            yield

    @pytest.fixture(autouse=True)
    def _take_server(self) -> Iterator[None]:
        with self.served():
            yield

    def good_reply(self) -> HttpReply:
        return HttpReply(body=self.body('{"questions": ["Is it loud?"]}'))

    def provider(self) -> Provider:
        return self.provider_at(self.server.url, _LONG)

    def failing(self) -> tuple[Provider, Request]:
        self.server.reply = lambda _: HttpReply(status=500)
        return self.provider(), request()

    def test_returns_what_the_model_says(self) -> None:
        for text in HOSTILE:
            answer = self.complete(HttpReply(body=self.body(text)))
            assert answer.text == text, "the answer's text must be the model's, unchanged"
            assert answer.finish == "stop", "body() is an answer that is complete: finish must be `stop`"

    def test_sends_prompt_and_system(self) -> None:
        for text in HOSTILE:
            self.complete(self.good_reply(), request(text, system=f"As a system: {text}"))
            sent = list(_texts(self.server.calls[-1].json))
            assert any(text in part for part in sent), f"the prompt {text!r} is not in the body that was sent"
            assert any(f"As a system: {text}" in part for part in sent), "the system instruction is not in the body"

    def test_sends_one_call_for_each_request(self) -> None:
        """Retrying is querygen's: a call that it does not know of is neither counted nor limited."""
        self.refused(HttpReply(status=503))
        assert len(self.server.calls) == 1, f"one complete() sent {len(self.server.calls)} calls: switch off retries"

    @pytest.mark.parametrize(
        ("status", "kinds"),
        [
            (400, {"bad_request"}),
            (401, {"auth"}),
            (403, {"auth"}),
            (404, {"bad_request", "auth"}),
            (422, {"bad_request"}),
            (429, {"throttled", "quota"}),
            (500, {"retry"}),
            (502, {"retry"}),
            (503, {"retry", "throttled"}),
        ],
    )
    def test_classifies_a_refusal_by_its_status(self, status: int, kinds: set[str]) -> None:
        error = self.refused(HttpReply(status=status, body={"error": {"message": "no"}}))
        assert error.kind in kinds, f"HTTP status {status} became `{error.kind}`; it should be {' or '.join(kinds)}"

    def test_passes_on_when_to_try_again(self) -> None:
        error = self.refused(HttpReply(status=429, headers={"Retry-After": "7"}))
        assert error.kind == "quota" or error.retry_after == 7, (
            f"the server says Retry-After: 7 seconds; retry_after is {error.retry_after!r}"
        )

    @pytest.mark.parametrize("body", ["", "no JSON", "[]", "null", "{}", b"\xff\xfe", '{"choices": [{}]}'])
    def test_an_answer_of_another_shape_is_a_classified_error(self, body: str | bytes) -> None:
        error = self.refused(HttpReply(body=body))
        assert error.kind in {"bad_answer", "retry"}, f"an unreadable answer became `{error.kind}`"

    def test_a_cut_connection_may_have_been_paid_for(self) -> None:
        error = self.refused(HttpReply(cut=True))
        assert error.kind == "retry"
        assert error.indeterminate, "the call was sent and no answer came: set indeterminate=True"

    def test_a_timeout_may_have_been_paid_for(self) -> None:
        error = self.refused(HttpReply(seconds=_LONG), timeout=_SHORT)
        assert error.kind == "retry"
        assert error.indeterminate, "the call was sent and no answer came: set indeterminate=True"

    def test_a_server_that_is_not_there_was_not_paid(self) -> None:
        with create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        error = _error(self.provider_at(f"http://127.0.0.1:{port}", _LONG), self.secret)
        assert error.kind == "retry"
        assert not error.indeterminate, "no call was sent, so none was paid: indeterminate must be False"

    def complete(self, reply: HttpReply, given: Request | None = None) -> Response:
        """What the provider makes of `reply`."""

        async def ask(provider: Provider) -> Response:
            try:
                return await provider.complete(given or request())
            finally:
                await provider.aclose()

        self.server.reply = lambda _: reply
        return asyncio.run(ask(self.provider()))

    def refused(self, reply: HttpReply, timeout: float = _LONG) -> ProviderError:
        """The error that the provider raises for `reply`."""

        def answer(_: HttpCall) -> HttpReply:
            return reply

        self.server.reply = answer
        return _error(self.provider_at(self.server.url, timeout), self.secret)


def _error(provider: Provider, secret: str) -> ProviderError:
    async def ask() -> ProviderError:
        try:
            with pytest.raises(ProviderError) as caught:
                await provider.complete(request())
            return caught.value
        finally:
            await provider.aclose()

    error = asyncio.run(ask())
    check_error(error)
    check_nothing_hangs_on_it(error, secret)
    return error


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
