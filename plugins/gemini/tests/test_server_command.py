"""Starting and ending the stand-in, by hand and from a test."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

import gemini_server
from gemini_client import Client, opened, raw_request
from gemini_server.__main__ import read_faults
from gemini_server.pace import Latency
from gemini_wire import HEADERS, LITE, asking, path

PATIENCE = 10.0


@contextmanager
def started(*options):
    """By its command line."""
    command = [sys.executable, "-m", "gemini_server", "--answers", "canned", *options]
    with subprocess.Popen(command, cwd=gemini_server.FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield process, process.stdout.readline().decode().strip()
        finally:
            process.kill()


def ask_of(port, text="What?", **headers):
    with Client(port, {**HEADERS, **headers}) as client:
        return client.send("POST", path(LITE), asking(text))


def test_it_starts_by_hand_and_ends_on_sigterm():
    options = ("--key", "K", "--latency", "1ms", "--faults", "503=1", "--per-minute", "2")
    with started(*options) as (process, url):
        port = int(url.rpartition(":")[2])
        assert url == f"http://127.0.0.1:{port}"
        statuses = [ask_of(port, **{"x-goog-api-key": key}).status for key in ("K", "k", "K", "K")]
        assert statuses == [503, 400, 503, 429]
        with opened(port, raw_request(path(LITE), asking(), HEADERS)):
            process.terminate()
            assert process.wait(PATIENCE) == 0


def test_it_ends_with_whoever_started_it():
    with started("--until-eof") as (process, url):
        assert url
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def test_a_command_that_makes_no_sense_is_told(capfd):
    with started("--faults", "503=2") as (process, url):
        assert (url, process.wait(PATIENCE)) == ("", 2)
    assert "rates should sum up to at most 1" in capfd.readouterr().err


def test_a_line_for_each_paid_answer_outlives_a_kill(tmp_path):
    file = tmp_path / "paid.log"
    with gemini_server.running(answers="canned", log=str(file)) as server:
        server.set_faults(script=[{"fault": "503", "nth": 2}, {"fault": "not_json", "nth": 3}])
        statuses = [ask_of(server.port, text).status for text in ("a", "a", "a", "a", "b")]
        accounts = server.accounts()
        os.kill(server.pid, signal.SIGKILL)
    assert statuses == [200, 503, 200, 200, 200]
    a, b = accounts
    assert file.read_text().splitlines() == [f"{a} 1 STOP", f"{a} 4 STOP", f"{b} 1 STOP"]


def test_faults_of_the_command_line(tmp_path):
    file = tmp_path / "faults.json"
    file.write_text('{"script": [{"fault": "503", "nth": 1}], "seed": 9}')
    assert read_faults("503=0.1,429_minute=0.05", 4) == {"seed": 4, "rates": {"503": 0.1, "429_minute": 0.05}}
    assert read_faults(f"@{file}", 4)["seed"] == 9
    for wrong in ("x=0.1", "503=much", '{"rates": 1', "@nowhere"):
        with pytest.raises((ValueError, OSError)):
            read_faults(wrong, 0)


def test_settings_that_make_no_sense_are_told_at_once():
    for settings in ({"latency": "soon"}, {"faults": {"rates": {"x": 1}}}, {"speed": 1}):
        with pytest.raises((ValueError, TypeError)), gemini_server.running(**settings):
            pass


@pytest.mark.parametrize(
    ("text", "low", "middle", "high"),
    [
        ("200ms", 0.2, 0.2, 0.2),
        ("0.2s", 0.2, 0.2, 0.2),
        ("200", 0.2, 0.2, 0.2),
        ("uniform:100:300", 0.1, 0.2, 0.3),
        ("lognormal:200:0.4", 0, 0.2, 2),
    ],
)
def test_latencies(text, low, middle, high):
    latency = Latency.read(text)
    drawn = [latency.of(number / 1000) for number in range(1000)]
    assert low <= min(drawn) <= max(drawn) <= high
    assert latency.of(0.5) == pytest.approx(middle)


@pytest.mark.parametrize("text", ["soon", "-1", "uniform:1", "normal:1:2", "lognormal:200:x"])
def test_latencies_that_make_no_sense(text):
    with pytest.raises(ValueError, match=r"latency|float"):
        Latency.read(text)
