"""What a run shows on a terminal, as a person sees it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import write_catalogue
from tests.cli.terminal import Terminal, torn

HOSTILE = "\x1b[2J\x1b]0;title\x07 [bold red]Kettle[/] :smile:"
COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-9]m")
SLOW = {"m": {"use": "lab/model", "seconds": 600}}


@pytest.fixture
def terminal(tmp_path: Path, lab: Path, job) -> Any:
    def call(*words: str, rows: int = 24, environ: dict[str, str] | None = None, **sections: Any) -> Terminal:
        job(**sections)
        return Terminal("run", "job.yaml", *words, cwd=tmp_path, path=[lab], rows=rows, **(environ or {}))

    return call


@pytest.mark.slow
def test_what_is_printed_and_logged_scrolls_by_above_the_bar(terminal, tmp_path: Path):
    write_catalogue(tmp_path / "in.jsonl", [{"id": f"{number}", "title": f"{HOSTILE} {number}"} for number in range(4)])
    sections = {
        "input": {"use": "files/catalogue", "path": "in.jsonl"},
        "models": {"m": {"use": "lab/model", "says": "noise", "seconds": 0.7}},
        "runtime": {"concurrency": 1},
    }
    with terminal("--log-level", "debug", rows=60, **sections) as screen:
        lines = screen.wait_for(lambda lines: sum("noise on" in line for line in lines) > 1)
        assert torn(lines) == []
        assert sum("0:00:0" in line for line in lines) == 1
        assert screen.end() == 0
        lines = screen.show("ended")
        assert torn(lines) == []
        assert not any("0:00:0" in line for line in lines)
        assert sum(line == "noise on standard output" for line in lines) == 4
        assert any("poorest" in line and "[bold red]Kettle[/] :smile: " in line for line in lines)
        assert b"\x1b[2J" not in screen.raw
        assert b"\x1b]0" not in screen.raw
        assert COLOUR.search(screen.raw)
        assert b"\x1b[?25l" not in screen.raw, "a killed process leaves the cursor as it is"


@pytest.mark.slow
def test_quiet_is_quiet(terminal):
    with terminal("--quiet", models={"m": {"use": "lab/model", "seconds": 0.3}}) as screen:
        assert screen.end() == 0
        assert screen.lines[0].startswith("Job job: done")
        assert b"\x1b" not in screen.raw


@pytest.mark.slow
def test_no_color_is_heeded(terminal):
    with terminal(models={"m": {"use": "lab/model", "seconds": 0.5}}, environ={"NO_COLOR": "1"}) as screen:
        assert screen.end() == 0
        assert b" products" in screen.raw
        assert not COLOUR.search(screen.raw)


@pytest.mark.slow
def test_a_terminal_that_can_do_nothing_gets_lines(terminal):
    with terminal(environ={"TERM": "dumb"}) as screen:
        assert screen.end() == 0
        assert b"\x1b" not in screen.raw


@pytest.mark.slow
def test_a_closed_window_is_a_signal(terminal, tmp_path: Path):
    with terminal(models=SLOW, runtime={"drain": 9}) as screen:
        screen.wait_for("0 calls")
        screen.wait_for(lambda _: (tmp_path / "asked").exists())
        screen.hang_up()
        assert screen.end() == 75
    report = json.loads((tmp_path / ".querygen" / "job" / "report.json").read_text())
    assert (report["stopped_by"], report["message"]) == ("signal", "SIGHUP received")
