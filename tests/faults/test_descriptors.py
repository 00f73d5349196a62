"""A process that may open too few files asks to be run again, whatever it was about to open; nothing is lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import LIMIT, write_catalogue, write_config

pytestmark = pytest.mark.slow


def run(folder: Path, files: str) -> tuple[int, str]:
    words = [sys.executable, "-m", "querygen_core", "run", "job.yaml"]
    ended = subprocess.run(
        ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    return ended.returncode, ended.stderr


def test_too_few_files_are_no_end_for_good(tmp_path: Path):
    write_catalogue(tmp_path / "cat.jsonl", [{"id": f"L{n}", "title": f"Lux lamp {n}"} for n in range(9)])
    write_config(
        tmp_path / "job.yaml",
        input={"use": "files/catalogue", "path": "cat.jsonl"},
        models={"m": {"use": "offline/model"}},
        generators=[{"name": "product", "prompt": "product", "model": "m", "count": 2}],
        sinks=[{"use": "files/jsonl", "path": "out.jsonl"}],
    )
    ends = {files: run(tmp_path, str(files)) for files in (14, 16, 18, 20)}
    assert {code for code, _ in ends.values()} <= {0, 75}, ends
    assert 75 in {code for code, _ in ends.values()}, "there were always enough"
    assert run(tmp_path, "1024")[0] == 0
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(lines) == 9 * 2
    report = json.loads((tmp_path / ".querygen/job/report.json").read_text())
    assert report["calls"]["job"] == 9, "what was paid before was not paid again"
