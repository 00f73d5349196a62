"""A paid run on a terminal, from its start to its end: `pytest -n0 -m slow -s` prints the screens to look at."""

from __future__ import annotations

import pytest

from gemini_fixtures import KEY
from tests.cli.process import wait_for
from tests.cli.terminal import Terminal, torn
from tests.faults.shop import CONCURRENCY, Shop
from tests.jobs.gemini.jobs import EMBEDDED, JSONL, Job

UNDER_WAY = "SELECT count(*) FROM calls WHERE state = 'open'"

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("columns", [80, 120])
def test_nothing_tears(server, tmp_path, columns: int):
    server.set_pace(latency="400ms")
    runtime = {"max_cost": 5.0, "drain": 30}
    job = Job(tmp_path / "job", products=600, url=server.url, runtime=runtime, sinks=(EMBEDDED, JSONL))
    path = [job.folder / "site"]
    words = ("run", "shop.yaml", "--log-level", "debug")
    with Terminal(*words, cwd=job.folder, path=path, columns=columns, rows=30, GEMINI_API_KEY=KEY) as screen:
        screen.wait_for("products")
        assert torn(screen.show("start")) == []
        screen.wait_for(lambda lines: any("left" in line for line in lines))
        screen.wait_for(lambda lines: any(" of 5.00 USD" in line and "/s)" in line for line in lines))
        screen.wait_for(lambda lines: any("delivered: rows " in line and "at the end" in line for line in lines))
        assert torn(screen.show("middle")) == []
        for wide in (200 - columns, columns):
            screen.resize(wide, 30)
            screen.wait_for_change()
            assert torn(screen.show(f"{wide} columns")) == []
        server.set_faults(rates={"429_info": 1.0}, retry_after=4)
        screen.wait_for("waiting for gemini: ")
        server.set_faults()
        server.set_pace(latency="60s")
        assert torn(screen.show("throttled")) == []
        screen.wait_for(lambda lines: "waiting for gemini" not in "".join(lines))
        wait_for(screen.process, lambda: Shop.count(job, UNDER_WAY, "answers.sqlite") == CONCURRENCY)
        screen.type("\x03")
        screen.wait_for(f"interrupted: waiting for {CONCURRENCY} calls under way and the sinks, at most ")
        assert torn(screen.show("interrupted")) == []
        whole = "".join(screen.lines).replace(" ", "")  # the terminal breaks lines
        assert "waitingfor6callsunderwayandthesinks,atmost29s;Ctrl-Cagainendsatonce" in whole
        screen.type("\x03")
        assert screen.end() == 130
        assert torn(screen.show("ended")) == []
        assert "6 calls are abandoned" in screen.text
        assert "poorest" in screen.text
        assert "did not end by itself" not in screen.text
