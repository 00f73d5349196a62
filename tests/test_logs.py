from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextvars import copy_context

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from querygen_core import logs
from querygen_core.contracts.last_resort import LastResort
from querygen_core.secrets.masking import register

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (DEBUG|INFO|WARNING|ERROR|CRITICAL) \[[A-Z0-9_]+\] .*")
Lines = Callable[..., list[str]]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """Configures logging, calls a function, gives the lines that it logged; leaves logging as it was."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    root, ours = logging.getLogger(), logging.getLogger("querygen")
    before = root.level, ours.level

    def run(action: Callable[[], object], level: str = "INFO", log_format: logs.Format = "text") -> list[str]:
        stream = io.StringIO()
        root.handlers.clear()  # those of pytest raise where a real one must not
        logs.configure(level, log_format, stream)
        copy_context().run(action)
        return stream.getvalue().split("\n")[:-1]

    yield run
    root.handlers.clear()
    root.setLevel(before[0])
    ours.setLevel(before[1])
    logging.captureWarnings(False)


def log(name: str = "querygen.generate") -> logging.Logger:
    return logging.getLogger(name)


def fail(message: str = "no luck") -> None:
    try:
        {}["inner"]
    except KeyError as exc:
        raise ValueError(message) from exc


def log_failure(message: str = "no luck") -> None:
    try:
        fail(message)
    except ValueError:
        log().exception("it failed")


def test_a_line_has_time_level_component_message(logged: Lines) -> None:
    (line,) = logged(lambda: log().info("%d of %d", 3, 7))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO \[GENERATE\] 3 of 7", line)


@pytest.mark.parametrize(
    ("name", "component"),
    [
        ("querygen", "QUERYGEN"),
        ("querygen.generate.ask", "GENERATE"),
        ("querygen.my-plugin", "MY_PLUGIN"),
        ("botocore.hooks", "BOTOCORE"),
        ("querygen_files.jsonl", "QUERYGEN_FILES"),
        ("root", "ROOT"),
    ],
)
def test_the_component_is_the_logger_s(logged: Lines, name: str, component: str) -> None:
    (line,) = logged(lambda: log(name).warning("x"))
    assert f" WARNING [{component}] x" in line


def test_json_lines_carry_the_same_message_and_what_is_bound(logged: Lines) -> None:
    def action() -> None:
        logs.bind(job_id="job\n1", attempt=2)
        logs.bind(shard=0)
        log().info("hello\nworld")

    (line,) = logged(action, log_format="json")
    record = json.loads(line)
    assert record.pop("time").endswith("Z")
    assert record == {
        "level": "INFO",
        "component": "GENERATE",
        "message": "[GENERATE] hello\nworld",
        "job_id": "job\n1",
        "attempt": 2,
        "shard": 0,
    }


def test_what_is_bound_reaches_tasks_and_stays_in_its_context(logged: Lines) -> None:
    async def task(name: str) -> None:
        logs.bind(product=name)
        await asyncio.sleep(0)
        log().info("x")

    async def main() -> None:
        logs.bind(job_id="j")
        await asyncio.gather(task("a"), task("b"))
        log().info("x")

    records = [json.loads(line) for line in logged(lambda: asyncio.run(main()), log_format="json")]
    assert [record.get("product") for record in records] == ["a", "b", None]
    assert all(record["job_id"] == "j" for record in records)


def test_levels(logged: Lines) -> None:
    def action() -> None:
        log().debug("ours, debug")
        log().info("ours, info")
        log("httpx2").info("GET https://model.example/?key=secret")
        anthropic = log("anthropic._client")
        anthropic.setLevel(logging.DEBUG)  # as its ANTHROPIC_LOG=debug would
        anthropic.debug("a request")
        anthropic.warning("careful")

    def messages(level: str) -> list[str]:
        return [line.partition("] ")[2] for line in logged(action, level)]

    assert messages("debug") == ["ours, debug", "ours, info", "careful"]
    assert messages("INFO") == ["ours, info", "careful"]
    assert messages("error") == []


def test_configuring_again_replaces(logged: Lines) -> None:
    logged(lambda: None)
    assert len(logged(lambda: log().info("once"))) == 1


def test_an_error_is_told_in_the_line_with_its_cause_and_place(logged: Lines) -> None:
    (line,) = logged(log_failure)
    assert re.search(r"it failed \| ValueError: no luck \(test_logs.py:\d+\) ← KeyError: 'inner' \(test_logs.py:", line)
    assert "Traceback" not in line


def test_a_traceback_is_shown_at_debug_level_still_in_the_line(logged: Lines) -> None:
    (line,) = logged(log_failure, "DEBUG")
    assert r"Traceback (most recent call last):\n" in line
    (line,) = logged(log_failure, "DEBUG", "json")
    record = json.loads(line)
    assert record["error"].startswith("ValueError: no luck")
    assert "\nTraceback (most recent call last):\n" in record["traceback"]


def test_a_group_of_errors_tells_each(logged: Lines) -> None:
    (line,) = logged(lambda: log().error("x", exc_info=ExceptionGroup("two", [ValueError("a"), KeyError("b")])))
    assert "ExceptionGroup: ValueError: a; KeyError: 'b'" in line


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_odd_records_are_still_one_line_each(logged: Lines, log_format: logs.Format) -> None:
    class ShyError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def action() -> None:
        log().info("%d apples", "many")
        log().info("%s and %s", "one")
        log().info(["no text"])
        log().info("%s", "x" * 100_000)
        log().error("shy", exc_info=ShyError())
        log().error("nothing is wrong", exc_info=True)
        log("\x1b[31m\n").error("x")

    lines = logged(action, log_format=log_format)
    assert len(lines) == 7
    assert all(len(line) < 20_000 and line.isprintable() for line in lines)
    if log_format == "text":
        assert all(LINE.fullmatch(line) for line in lines)


SECRET = 'hunter-2/"ü\\n'


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(), max_size=60), st.sampled_from(["text", "json"]), st.sampled_from(["INFO", "DEBUG"]))
def test_any_text_is_one_line_without_controls_or_secrets(
    logged: Lines, text: str, log_format: logs.Format, level: str
) -> None:
    register(SECRET)

    def action() -> None:
        logs.bind(job_id=text + SECRET)
        log().info(text.replace("%", "%%"))
        log().info("%s %s %s", text, SECRET, json.dumps({text: SECRET}))
        log_failure(text + SECRET)

    lines = logged(action, level, log_format)
    assert len(lines) == 3
    for line in lines:
        assert len(line.splitlines()) == 1
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", line)
        assert "hunter-2" not in line
        if log_format == "text":
            assert LINE.fullmatch(line)
        else:
            assert json.loads(line)["message"].startswith("[GENERATE] ")
    if log_format == "json":
        assert json.loads(lines[1])["message"].startswith(f"[GENERATE] {text}"[:100].rstrip("*"))


def test_a_stream_that_takes_ascii_only_gets_escapes(logged: Lines) -> None:
    raw = io.BytesIO()
    logged(lambda: None)
    logs.configure("INFO", "text", io.TextIOWrapper(raw, "ascii", write_through=True))
    log().info("Größe \ud800")
    assert rb"Gr\xf6\xdfe \ud800" in raw.getvalue()


def test_a_closed_stream_stops_nothing_and_tells_nothing(logged: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    logged(lambda: None)
    logs.configure("INFO", "text", stream)
    stream.close()
    log().info("hunter-2")
    assert capsys.readouterr() == ("", "")


UNCAUGHT = """
import asyncio, sys, threading, warnings
from querygen_core import logs
from querygen_core.secrets.masking import register
register("hunter-2")
logs.configure("INFO", sys.argv[1])
warnings.warn("old hunter-2\\nthing")
def boom(): raise ValueError("bad\\nhunter-2")
thread = threading.Thread(target=boom, name="reader"); thread.start(); thread.join()
async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(logs.log_loop_error)
    loop.call_soon(boom)
    await asyncio.sleep(0)
asyncio.run(main())
boom()
"""


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_whatever_goes_wrong_outside_is_one_masked_line(log_format: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNCAUGHT, log_format], capture_output=True, text=True, timeout=60, check=False
    )
    lines = done.stderr.splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (1, "", 4)
    assert "hunter-2" not in done.stderr
    if log_format == "json":
        assert [json.loads(line)["component"] for line in lines] == ["WARNINGS", "QUERYGEN", "QUERYGEN", "QUERYGEN"]
    else:
        assert all(LINE.fullmatch(line) for line in lines)
        assert "[WARNINGS] " in lines[0]
        assert "UserWarning: old ***" in lines[0]
        assert "uncaught exception in thread reader" in lines[1]
        assert "CRITICAL [QUERYGEN] uncaught exception | ValueError: bad\\n***" in lines[3]


def raises(error: BaseException) -> None:
    raise error


def in_thread(error: BaseException) -> None:
    thread = threading.Thread(target=raises, args=(error,))
    thread.start()
    thread.join()


def in_callback(error: BaseException) -> None:
    logs.log_loop_error(None, {"message": "x", "exception": error})


def in_del(error: BaseException) -> None:
    type("Left", (), {"__del__": lambda _: raises(error)})()


def in_future(error: BaseException) -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(raises, error)
        await asyncio.sleep(0)

    asyncio.run(main())


def in_executor(error: BaseException) -> None:
    logging.getLogger("concurrent.futures").critical("Exception in worker", exc_info=error)


@pytest.mark.parametrize("place", [in_thread, in_callback, in_del, in_future, in_executor])
def test_a_lack_of_memory_that_no_caller_got_is_noted(
    logged: Lines, monkeypatch: pytest.MonkeyPatch, place: Callable[[BaseException], None]
) -> None:
    watch = LastResort()
    monkeypatch.setattr(logs, "last_resort", watch)
    assert len(logged(lambda: place(ValueError("x")))) == 1
    assert not watch.noted
    assert len(logged(lambda: place(MemoryError()))) == 1
    assert watch.noted


def test_logs_import_nothing_heavy() -> None:
    code = "import sys, querygen_core.logs; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not {"asyncio", "pydantic", "jinja2", "yaml", "rich", "dataclasses"} & set(done.stdout.split())
