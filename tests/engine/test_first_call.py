"""Before the first paid call: models say whether they will answer; what may heal by waiting is no verdict."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from querygen_core.api import ConfigError, CredentialsError, ProviderError, QuerygenError
from querygen_core.contracts.errors import Exit, Stopped
from querygen_core.engine.first_call import FirstCall
from querygen_core.engine.shutdown import Shutdown
from querygen_core.testing import ScriptedProvider
from tests.engine.lab import Lab, products
from tests.engine.world import built


class Described(ScriptedProvider):
    """A model that can be checked. error: what it then says, if anything."""

    error: Exception | None = None
    checks = 0

    async def check(self) -> None:
        self.checks += 1
        if self.error is not None:
            raise self.error


def described(error: Exception | None = None) -> Described:
    model = Described()
    model.error = error
    return model


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProviderError("bad_request", "no such model"), 69),
        (ProviderError("auth", "no such key"), 77),
        (CredentialsError("no such secret"), 77),
        (ConfigError("no region is set"), 78),
        (ZeroDivisionError("a bug"), 78),
    ],
)
def test_a_model_that_says_no_ends_the_run_without_a_call(tmp_path: Path, error: Exception, code: int):
    model = described(error)
    result = Lab(tmp_path, products(3), model=model).run()
    assert (result.code, model.calls.total(), model.checks) == (code, 0, 1)
    assert str(error) in result.message


@pytest.mark.parametrize(
    "error",
    [
        ProviderError("retry", "503"),
        ProviderError("throttled", "429"),
        ProviderError("quota", "429 for today"),
        ProviderError("bad_answer", "not JSON"),
        CredentialsError("the vault is slow", transient=True),
    ],
)
def test_trouble_that_may_pass_is_no_verdict(tmp_path: Path, error: Exception, caplog: pytest.LogCaptureFixture):
    model = described(error)
    lab = Lab(tmp_path, products(3), model=model)
    assert (lab.run().code, model.calls.total(), model.checks) == (0, 3, 1)
    assert f"could not be checked: {error}" in caplog.text
    assert (lab.run(retry=True).code, model.checks) == (0, 1), "a run that asks nothing checks nothing"


def first_call(*models: QuerygenError | None) -> tuple[FirstCall, list[Described]]:
    providers = [described(error) for error in models]
    parts = [replace(built(one, "test/model"), checkable=one) for one in providers]
    return FirstCall(Shutdown(), [(f"model {number}", part) for number, part in enumerate(parts)]), providers


def test_all_that_fails_is_said_and_the_worst_decides():
    async def main() -> None:
        first, models = first_call(ProviderError("bad_request", "gone"), None, ProviderError("auth", "locked"))
        calls = [asyncio.ensure_future(first.allowed()) for _ in range(5)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(one, Stopped) for one in ended)
        assert [one.checks for one in models] == [1, 1, 1]
        assert (first.shutdown.code, first.shutdown.stopped_by) == (Exit.CREDENTIALS, "auth")
        assert first.shutdown.message == (
            "model 0 fails (bad_request): gone; model 2 fails (auth): locked; nothing was asked yet"
        )
        await first.close()

    asyncio.run(main())


def test_a_run_that_ends_waits_for_no_check():
    async def main() -> None:
        first, (model,) = first_call(None)
        model.check = asyncio.Event().wait  # type: ignore[method-assign]
        waiting = asyncio.ensure_future(first.allowed())
        await asyncio.sleep(0)
        first.shutdown.set(Exit.TRY_AGAIN, "a signal")
        with pytest.raises(Stopped):
            await waiting
        await first.close()

    asyncio.run(main())
