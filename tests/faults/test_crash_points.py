"""Killed before its first write, before a later one, … until it gets through: after each, one run more completes it.

QUERYGEN_KILLS, if it is set: before every single write.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.process import environment
from tests.faults.shop import CONCURRENCY, Shop

pytestmark = pytest.mark.slow


ALL = "QUERYGEN_KILLS" in os.environ


@pytest.mark.timeout(7200 if ALL else 600)
@pytest.mark.parametrize("remote", [False, True], ids=["state folder", "shared folder"])
def test_a_kill_before_any_write_is_made_good_by_the_next_run(tmp_path: Path, remote):
    """In a shared folder the next run waits until the lease of the killed one is over, so fewer writes are tried."""
    shop = Shop(tmp_path / "shop", products=2, latency_ms=0, flaws=0.0, runtime={"concurrency": 2})
    if remote:
        shop.changes = {"journal": {"url": f"file://{tmp_path}/run/store/", "lease": 2}}
        shop.write()
    program = Path(__file__).with_name("crashes.py")
    command = [
        sys.executable,
        str(program),
        str(shop.folder / "shop.yaml"),
        str(tmp_path / "run"),
        "1" if ALL else "23" if remote else "3",
    ]
    env = environment({}, [shop.folder / "site"])
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=True)
    tries = [json.loads(line) for line in done.stdout.splitlines()]
    through = tries[-1]
    assert (through["first"], through["place"]) == (0, "")
    assert len(tries) > 5
    if ALL or not remote:  # every 23rd may happen to be neither
        assert {one["place"] for one in tries} >= {"COMMIT", "fsync", ""}
    for one in tries[:-1]:
        assert (one["first"], one["second"]) == (-9, 0), one
        assert one["outputs"] == through["outputs"], one
        assert one["paid"] <= through["paid"] + CONCURRENCY, one
        assert one["files"] == sorted({*through["files"], "place"}), one
    assert done.stderr == ""
