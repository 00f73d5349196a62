"""The command that rehearses configs/prod.yaml, as a process: what it exports is all that the job needs."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.process import LIMIT, querygen
from tests.faults.shop import balanced
from tests.rehearsal.__main__ import NEXT, ROOT, UNSET, build_parser, shell_lines

CONFIG = str(ROOT / "configs" / "prod.yaml")


@contextmanager
def rehearsing(*words: str) -> Iterator[subprocess.Popen[str]]:
    """In a session of its own, as in a terminal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.rehearsal", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=LIMIT)


def ended_by(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """What it says when all processes of its terminal get the signal, as with Ctrl-C."""
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, err
    return err


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
def test_prod_runs_with_what_it_exports_and_nothing_is_left_behind(tmp_path):
    with rehearsing("--json", "--latency", "1ms") as process:
        given = json.loads(process.stdout.readline())["export"]
        checked = querygen("check", CONFIG, "--connect", cwd=tmp_path, **given)
        assert checked.code == 0, checked.err
        ended = querygen("run", CONFIG, "--json", cwd=tmp_path, **given)
        assert ended.code == 0, ended.err
        report = ended.json
        assert balanced(report)
        assert (report["job_id"], report["input"], report["pending"]) == ("rehearsal", 50, 0)
        kept = report["queries"]["kept"]
        assert {name: sink["delivered"] for name, sink in report["sinks"].items()} == {
            "postgres/queries": kept,
            "aws/s3": kept,
        }
        assert report["events_undelivered"] == 0
        ports = [urlsplit(given[name]).port for name in ("AWS_ENDPOINT_URL", "QUERYGEN_GEMINI_URL")]
        ports.append(int(re.search(r":(\d+)/", report["sinks"]["postgres/queries"]["identity"])[1]))
        assert [is_open(port) for port in ports] == [True] * 3
        folder = Path(given["QUERYGEN_STATE_DIR"]).parent
        assert (folder / "postgres").is_dir()
        assert list(tmp_path.iterdir()) == [], "what the job keeps is removed with the rest"
        assert ended_by(process, signal.SIGINT) == "Everything is stopped and removed.\n"
    assert [is_open(port) for port in ports] == [False] * 3
    assert not folder.exists()


@pytest.mark.slow
def test_told_to_end_while_it_starts_it_leaves_nothing_either(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with rehearsing() as process:
        while not list(tmp_path.glob("querygen-rehearsal-*/postgres")):
            assert process.poll() is None, process.stderr.read()
        assert ended_by(process, signal.SIGTERM) == "Everything is stopped and removed.\n"
    assert list(tmp_path.iterdir()) == []


def test_the_lines_are_what_a_shell_reads(tmp_path):
    given = {"QUERYGEN_STATE_DIR": f"{tmp_path}/it's a folder $HOME", "AWS_REGION": "eu-central-1"}
    told = f"{shlex.quote(sys.executable)} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    script = "\n".join((*shell_lines(given), told))
    environ = {**os.environ, **dict.fromkeys(UNSET, "of a real account")}
    done = subprocess.run(["sh", "-eu", "-c", script], env=environ, capture_output=True, text=True, check=True)
    seen: Mapping[str, str] = json.loads(done.stdout)
    assert given.items() <= seen.items()
    assert not seen.keys() & {*UNSET}


def test_the_commands_that_it_names_are_understood():
    from querygen_core.cli.parser import build_parser as querygen_parser

    for line in re.findall(r"uv run querygen (.*)", NEXT):
        querygen_parser().parse_args(shlex.split(line))


def test_a_catalogue_that_is_not_there_is_said():
    done = subprocess.run(
        [sys.executable, "-m", "tests.rehearsal", "--catalogue", "nowhere.csv"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "nowhere.csv is not a file\n")
    assert build_parser().parse_args([]).catalogue.is_file()
