"""Killed before its first write, before its second, … until it gets through: after each, one run more completes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.cli.process import environment
from tests.faults.shop import CONCURRENCY, Shop


def test_a_kill_before_any_write_is_made_good_by_the_next_run(tmp_path: Path):
    shop = Shop(tmp_path / "shop", products=2, latency_ms=0, flaws=0.0, runtime={"concurrency": 2})
    program = Path(__file__).with_name("crashes.py")
    command = [sys.executable, str(program), str(shop.folder / "shop.yaml"), str(tmp_path / "run")]
    env = environment({}, [shop.folder / "site"])
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=280)
    tries = [json.loads(line) for line in done.stdout.splitlines()]
    through = tries[-1]
    assert (through["first"], through["place"]) == (0, "")
    assert len(tries) > 20
    assert {one["place"] for one in tries} >= {"BEGIN", "COMMIT", "fsync", ""}
    for one in tries[:-1]:
        assert (one["first"], one["second"]) == (-9, 0), one
        assert one["outputs"] == through["outputs"], one
        assert one["paid"] <= through["paid"] + CONCURRENCY, one
        assert one["files"] == sorted({*through["files"], "place"}), one
    assert done.stderr == ""
