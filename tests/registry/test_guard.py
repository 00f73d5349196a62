"""Whatever a plugin lets out becomes one error that names the plugin and its own line."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from types import ModuleType

import pytest

from querygen_core.api import ConfigError, InputError, ProviderError, Stopped
from querygen_core.contracts.errors import PluginError
from querygen_core.logs import configure
from querygen_core.registry import PluginGuard
from querygen_core.registry.guard import last_frame
from querygen_core.secrets import masking

LABEL = "sink 'shop/table' (querygen-shop 1.2)"
GUARD = PluginGuard(LABEL, "querygen_shop")

LIBRARY = "def parse(text):\n    return int(text)\n"
PLUGIN = "def apply(parse):\n    return parse('many')\n"


def module(name: str, code: str, file: str) -> ModuleType:
    made = ModuleType(name)
    made.__package__ = name.rpartition(".")[0]
    exec(compile(code, f"/srv/somebody/site-packages/{file}", "exec"), made.__dict__)
    return made


plugin = module("querygen_shop.rows.table", PLUGIN, "querygen_shop/rows/table.py")
library = module("numbers_sdk", LIBRARY, "numbers_sdk.py")


@pytest.mark.parametrize(
    "error", [ValueError("boom"), SystemExit(0), MemoryError("much"), TimeoutError("late")], ids=repr
)
def test_a_stray_exception_becomes_an_error_that_names_the_plugin(error):
    with (
        pytest.raises(PluginError, match=re.escape(f"{LABEL} failed: {type(error).__name__}: {error}")) as caught,
        GUARD,
    ):
        raise error
    assert caught.value.__cause__ is error
    assert caught.value.frame == "", "no line of this file is the plugin's"


@pytest.mark.parametrize(
    "error", [ProviderError("quota", "x"), Stopped("x"), ConfigError("x"), KeyboardInterrupt()], ids=repr
)
def test_querygen_s_own_errors_and_an_interrupt_pass(error):
    with pytest.raises(type(error)) as caught, GUARD:
        raise error
    assert caught.value is error


def test_the_last_line_of_the_plugin_is_named_by_its_path_in_the_package():
    with pytest.raises(PluginError) as caught, GUARD:
        plugin.apply(library.parse)
    frame = "querygen_shop/rows/table.py:2 in apply"
    assert caught.value.frame == frame
    assert str(caught.value).endswith(f"'many' ({frame})")
    assert "somebody" not in str(caught.value), "nothing of this machine's folders"


def test_a_plugin_of_one_file_is_named_by_that_file():
    single = module("querygen_echo", "def complete():\n    raise KeyError('text')\n", "querygen_echo.py")
    with pytest.raises(KeyError) as caught:
        single.complete()
    assert last_frame(caught.value, "querygen_echo") == "querygen_echo.py:2 in complete"
    assert last_frame(caught.value, "querygen") == "", "a package whose name only begins in the same way"


def test_the_traceback_is_logged_at_debug_and_masked(monkeypatch):
    monkeypatch.setattr(masking, "_known", set())
    monkeypatch.setattr(masking, "_known_pattern", None)
    masking.register("canary-of-the-key")
    handlers, level = logging.root.handlers[:], logging.root.level
    written = {}
    try:
        for name in ("debug", "info"):
            stream = io.StringIO()
            configure(name, "json", stream)
            with pytest.raises(PluginError), GUARD:
                plugin.apply(lambda _text: {}["canary-of-the-key"])
            written[name] = stream.getvalue()
    finally:
        logging.root.handlers[:], logging.root.level = handlers, level
    assert written["info"] == ""
    (line,) = map(json.loads, written["debug"].splitlines())
    assert "querygen_shop/rows/table.py" in line["traceback"]
    assert "KeyError: '***'" in line["traceback"]
    assert "canary" not in written["debug"]


def test_the_message_of_an_exception_that_may_hold_a_secret_goes_nowhere(caplog):
    guard = PluginGuard("secret resolver 'shop/vault' (querygen-shop 1.2)", "querygen_shop", is_secret=True)
    with caplog.at_level(logging.DEBUG), pytest.raises(PluginError, match="failed with ValueError") as caught, guard:
        raise ValueError("hunter2hunter2")
    assert "hunter2" not in f"{caught.value} {caplog.text}"
    assert caught.value.__cause__ is None


def test_an_input_s_exception_is_an_input_error():
    with pytest.raises(InputError, match="failed: OSError") as caught, PluginGuard(LABEL, "x", error=InputError):
        raise OSError("gone")
    assert caught.value.exit_code == 65


def test_a_plugin_that_cancels_itself_breaks_its_contract():
    async def scenario() -> None:
        with GUARD:
            raise asyncio.CancelledError

    with pytest.raises(PluginError, match="broke its contract: it cancelled its own task"):
        asyncio.run(scenario())


def test_a_cancellation_from_outside_passes():
    async def call() -> None:
        with GUARD:
            await asyncio.sleep(60)

    async def scenario() -> None:
        task = asyncio.create_task(call())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await call()

    asyncio.run(scenario())


def test_one_guard_serves_calls_that_overlap():
    async def call(number: int) -> None:
        with GUARD:
            await asyncio.sleep(0.001 * number)
            raise ValueError(f"call {number}")

    async def scenario() -> list[object]:
        return await asyncio.gather(*(call(number) for number in range(5)), return_exceptions=True)

    errors = asyncio.run(scenario())
    assert [str(error) for error in errors] == [f"{LABEL} failed: ValueError: call {number}" for number in range(5)]
