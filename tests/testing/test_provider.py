from __future__ import annotations

import asyncio

import pytest

from querygen_core.api import Capabilities, ProviderError, Response, Usage
from querygen_core.testing import ProviderContract, request
from tests.testing.verdict import catches

KEY = "key-4711-secret"


class Model:
    capabilities = Capabilities(free=True)
    limit_key = "test/model"

    def __init__(self, key=KEY):
        self._key = key
        self._free = asyncio.Semaphore(4)

    async def complete(self, given):
        if given.prompt == "fail":
            self.fail()
        async with self._free:
            await asyncio.sleep(0.001)
            return self.respond()

    def respond(self):
        return Response(text="{}", usage=Usage(input=10, cached=2, output=1))

    def fail(self):
        raise ProviderError("auth", "the key was refused")

    async def aclose(self):
        pass


class TestModel(ProviderContract):
    model = Model
    secret = KEY

    def provider(self):
        return self.model()

    def failing(self):
        return self.model(), request("fail")


class Talkative(Model):
    def __repr__(self):
        return f"Talkative(key={self._key})"

    def fail(self):
        raise ProviderError("auth", f"the key {self._key} was refused")


class Raw(Model):
    def fail(self):
        raise ConnectionError("reset by peer")


class Wrapping(Model):
    def respond(self):
        return {"text": "{}"}


class Carrying(Model):
    """Leaves an object of its SDK in the answer."""

    def respond(self):
        return Response(text="{}", reason=lambda: "STOP")


class Overcounting(Model):
    def respond(self):
        return Response(text="{}", usage=Usage(input=1, cached=2))


class Leaking(Model):
    """A cancelled call keeps its place for ever."""

    busy = 0

    async def complete(self, given):
        if self.busy:
            raise ProviderError("retry", "no free connection")
        self.busy += 1
        await asyncio.sleep(0.001)
        self.busy -= 1
        return self.respond()


class Pedantic(Model):
    closed = False

    async def aclose(self):
        assert not self.closed
        self.closed = True


class Nameless(Model):
    limit_key = ""


class Unknown(Model):
    def fail(self):
        raise ProviderError("server_error", "it failed")


class Strict(Model):
    async def complete(self, given):
        given.prompt.encode()
        return self.respond()


class Adding(Model):
    async def complete(self, given):
        given.schema["title"] = "changed"
        return self.respond()


@pytest.mark.parametrize(
    ("wrong", "test"),
    [
        (Talkative, "test_shows_no_secret"),
        (Talkative, "test_fails_with_a_classified_error"),
        (Raw, "test_fails_with_a_classified_error"),
        (Unknown, "test_fails_with_a_classified_error"),
        (Wrapping, "test_answers"),
        (Carrying, "test_an_answer_can_be_journaled"),
        (Overcounting, "test_answers"),
        (Leaking, "test_answers_many_at_once"),
        (Leaking, "test_stays_usable_after_a_cancelled_call"),
        (Pedantic, "test_closes_twice"),
        (Nameless, "test_says_what_it_is"),
        (Strict, "test_survives_hostile_prompts"),
        (Adding, "test_leaves_the_request_alone"),
    ],
)
def test_a_wrong_provider_is_caught(wrong, test, tmp_path):
    assert catches(type("Wrong", (TestModel,), {"model": wrong}), test, tmp_path)
