from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ClassVar, get_args

import pytest

from querygen_core.api import Capabilities, Checkable, Provider, ProviderError, Request, Response
from querygen_core.contracts.canonical import canonical_json
from querygen_core.contracts.errors import ProviderFailure, QuerygenError
from querygen_core.testing.contract import Contract
from querygen_core.testing.samples import HOSTILE, UNSTORABLE
from querygen_core.testing.samples import request as sample_request

_CALLS = 32
_PATIENCE = 30.0


class ProviderContract(Contract):
    """Checks that a provider sends one request, returns one answer, and raises `ProviderError` only.

        class TestModel(ProviderContract):
            def provider(self):
                return build_model(ModelOptions(), context(self.folder))

    For an API over HTTP, `HttpProviderContract` checks more.
    """

    secret: ClassVar[str] = ""
    """Optional: the API key that `provider` was built with, to check that it shows nowhere."""

    def provider(self) -> Provider:
        raise NotImplementedError

    def request(self) -> Request:
        """Optional: a request that the provider can answer."""
        return sample_request()

    def failing(self) -> tuple[Provider, Request] | None:
        """Optional: a provider and a request for which `complete` raises."""
        return None

    def test_says_what_it_is(self) -> None:
        async def look(provider: Provider) -> None:
            assert isinstance(provider.capabilities, Capabilities)
            assert isinstance(provider.limit_key, str)
            assert provider.limit_key, "limit_key is empty: models with equal limit_key share their rate limits"

        self.run(look)

    def test_answers(self) -> None:
        async def ask(provider: Provider) -> None:
            check_response(await provider.complete(self.request()))

        self.run(ask)

    def test_leaves_the_request_alone(self) -> None:
        async def ask(provider: Provider) -> None:
            request = self.request()
            before = copy.deepcopy(request)
            await provider.complete(request)
            assert request == before, "complete() changed the request"

        self.run(ask)

    def test_an_answer_can_be_journaled(self) -> None:
        """It holds no object of an SDK: the journal writes it down."""

        async def ask(provider: Provider) -> None:
            answer = await provider.complete(self.request())
            assert pickle.loads(pickle.dumps(answer)) == answer  # noqa: S301 - made one line above
            assert json.loads(canonical_json(answer))["text"] == answer.text

        self.run(ask)

    def test_answers_many_at_once(self) -> None:
        async def ask(provider: Provider) -> None:
            request = self.request()
            prompts = [f"{request.prompt}\n{number}" for number in range(_CALLS)]
            for answer in await asyncio.gather(*(provider.complete(replace(request, prompt=p)) for p in prompts)):
                check_response(answer)

        self.run(ask)

    def test_stays_usable_after_a_cancelled_call(self) -> None:
        async def ask(provider: Provider) -> None:
            for pause in (0.0, 0.001, 0.02):
                call = asyncio.ensure_future(provider.complete(self.request()))
                await asyncio.sleep(pause)
                call.cancel()
                await asyncio.wait([call])
                assert call.cancelled() or call.exception() is None, f"a cancelled call ends with {call.exception()!r}"
            check_response(await provider.complete(self.request()))

        self.run(ask)

    def test_survives_hostile_prompts(self) -> None:
        async def ask(provider: Provider) -> None:
            for text in (*HOSTILE, *UNSTORABLE):
                try:
                    check_response(await provider.complete(replace(self.request(), prompt=text)))
                except ProviderError as exc:
                    check_error(exc)

        self.run(ask)

    def test_fails_with_a_classified_error(self) -> None:
        given = self.failing()
        if given is None:
            pytest.skip("failing() is not given")

        async def ask() -> None:
            provider, request = given
            try:
                with pytest.raises(ProviderError) as caught:
                    await provider.complete(request)
                check_error(caught.value)
                check_nothing_hangs_on_it(caught.value, self.secret)
            finally:
                await provider.aclose()

        asyncio.run(asyncio.wait_for(ask(), _PATIENCE))

    def test_shows_no_secret(self) -> None:
        if not self.secret:
            pytest.skip("secret is not given")

        async def look(provider: Provider) -> None:
            answer = await provider.complete(self.request())
            assert self.secret not in f"{provider!r} {provider} {provider.limit_key} {answer!r}", (
                "the secret shows in the provider's repr or limit_key, or in the answer"
            )

        self.run(look)

    def test_can_be_checked_for_nothing(self) -> None:
        """`querygen check --connect` calls `check`, so it must not cost anything."""

        async def check(provider: Provider) -> None:
            if not isinstance(provider, Checkable):
                pytest.skip("it has no check()")
            await provider.check()
            await provider.check()

        self.run(check)

    def test_says_what_it_costs(self) -> None:
        async def look(provider: Provider) -> None:
            price = provider.capabilities.price
            assert price is None or not provider.capabilities.free, (
                "capabilities say free=True and a price: give one of them"
            )
            if price is not None:
                used = (await provider.complete(self.request())).usage
                assert used.input, "usage.input is missing: without it the call's cost is unknown"
                assert used.output, "usage.output is missing: without it the call's cost is unknown"
                assert price.of(used) >= 0

        self.run(look)

    def test_closes_twice(self) -> None:
        async def close(provider: Provider) -> None:
            await provider.aclose()

        self.run(close)

    def run(self, work: Callable[[Provider], Awaitable[None]]) -> None:
        """Await `work(provider)` with a new provider, and close that; 30 seconds at most."""

        async def main() -> None:
            provider = self.provider()
            try:
                await work(provider)
            finally:
                await provider.aclose()

        asyncio.run(asyncio.wait_for(main(), _PATIENCE))


def check_response(answer: Response) -> None:
    assert isinstance(answer, Response), f"complete() returned {answer!r}, not a Response"
    assert isinstance(answer.text, str), f"text is {answer.text!r}"
    assert answer.finish in ("stop", "length", "blocked", "other"), f"finish is {answer.finish!r}"
    for name in ("reason", "model_version", "response_id"):
        assert isinstance(getattr(answer, name), str), f"{name} is {getattr(answer, name)!r}"
    usage = answer.usage
    counts = (usage.input, usage.output, usage.thinking, usage.cached)
    assert {type(count) for count in counts} <= {int, type(None)}, usage
    assert min(count or 0 for count in counts) >= 0, usage
    assert (usage.cached or 0) <= (usage.input or 0), f"usage.cached is part of usage.input and cannot be more: {usage}"


def check_nothing_hangs_on_it(error: ProviderError, secret: str) -> None:
    """An SDK's own error often holds the request, and with it the key: raise ours outside of the `except` block."""
    assert error.__cause__ is None or isinstance(error.__cause__, QuerygenError), (
        f"the error's __cause__ is {error.__cause__!r}: raise it outside of the `except` block, or `from None`"
    )
    assert error.__context__ is None or error.__suppress_context__, (
        f"the error's __context__ is {error.__context__!r}: raise it outside of the `except` block, or `from None`"
    )
    if secret:
        assert secret not in f"{error} {error!r} {vars(error)}", "the secret is in the error's message"
        assert secret.encode() not in pickle.dumps(error), "the secret is in the pickled error"


def check_error(error: ProviderError) -> None:
    assert error.kind in get_args(ProviderFailure), f"kind is {error.kind!r}"
    assert error.retry_after is None or error.retry_after >= 0, f"retry_after is {error.retry_after!r}"
    assert isinstance(error.indeterminate, bool)
    assert str(error).strip(), "the error has no message"
    assert all(isinstance(part, str) for part in error.args), f"the error carries {error.args!r}"
