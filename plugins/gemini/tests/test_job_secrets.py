"""A key shows nowhere: not in what is logged, reported, kept or delivered, whatever goes wrong."""

from __future__ import annotations

import base64

import pytest

from plugins.gemini.tests.jobs import EMBEDDED, JSONL, Job
from plugins.gemini.tests.traces import places
from tests.servers.gemini import Gemini

CANARY = "AIzaCanary-of/the+log=%7E0123456789"
FACTS = [{"use": "files/facts", "path": "facts.jsonl"}]
WILD = (
    "429_info", "429_differ", "429_html", "500", "502", "503", "504", "close", "reset", "half", "short", "not_json",
    "html", "huge", "error_200",
)  # fmt: skip
SPOILED = ("broken_json", "cut", "blocked_prompt", "safety", "empty", "unknown_finish", "malformed_response", "other")


@pytest.fixture
def unruly(server: Gemini) -> Gemini:
    """Most of what can go wrong does, once; and the canary is a good key."""
    script = [{"fault": fault, "nth": place} for place, fault in enumerate(WILD, 3)]
    script += [{"fault": fault, "nth": place} for place, fault in enumerate(SPOILED, 30)]
    server.set_faults(script=script, retry_after=0.05, huge=200_000)
    server.set_keys(**{CANARY: "valid"})
    return server


@pytest.mark.parametrize(("form", "state"), [("json", "suspended"), ("text", "leaked")])
def test_a_key_is_found_nowhere(unruly, tmp_path, form, state):
    job = Job(
        tmp_path / "job", products=20, url=unruly.url, sinks=(JSONL, EMBEDDED), runtime={"max_failed_ratio": 1},
        changes={"observers": FACTS},
    )  # fmt: skip
    words = ("--log-level", "debug", "--log-format", form)
    ended = job.run(*words, GEMINI_API_KEY=CANARY)
    assert ended.code == 0, ended.err
    met = unruly.stats()["by_fault"].keys()
    assert met >= {*WILD, *SPOILED}, "that is what the test is about"
    said = [ended.out, ended.err]

    unruly.set_faults(script=[{"fault": "404"}])
    for key, count, code in ((state, 7, 77), ("valid", 8, 69)):
        unruly.set_keys(**{CANARY: key})
        ended = job.run(*words, "--set", f"generators.market.count={count}", GEMINI_API_KEY=CANARY)
        assert ended.code == code, ended.err
        said += [ended.out, ended.err]
    assert state in said[3], "Google repeats a suspended key in its error"
    for command in (("report", "shop", "--json"), ("check", "shop.yaml", "--connect", *words)):
        shown = job.command(*command, GEMINI_API_KEY=CANARY)
        said += [shown.out, shown.err]
    assert places(CANARY, job.folder, *said) == []
    names = {path.name for path in job.folder.rglob("*") if path.is_file()}
    assert names >= {"facts.jsonl", "journal.sqlite", "report.json", "dead_letters.jsonl", "out.jsonl", "PG_VERSION"}
    assert (job.folder / ".querygen" / "shop" / "dead_letters.jsonl").stat().st_size > 0


def test_a_trace_would_be_found(tmp_path):
    for number, text in enumerate((CANARY, f"a{CANARY}", base64.b64encode(f"xy:{CANARY}z".encode()).decode())):
        (tmp_path / f"{number}.bin").write_bytes(b"\0" + text.encode())
    quoted = "AIzaCanary-of%2Fthe%2Blog%3D%257E0123456789"
    assert len(places(CANARY, tmp_path, quoted, CANARY.encode().hex(), "AIzaCanary")) == 5
