"""A key shows nowhere: not in what is logged, reported, kept or delivered, whatever goes wrong."""

from __future__ import annotations

import base64

import pytest

from gemini_server import Gemini
from tests.jobs.gemini.jobs import EMBEDDED, JSONL, Job
from tests.jobs.traces import places

pytestmark = pytest.mark.slow

CANARY = "AIzaCanary-of/the+log=%7E0123456789"
FACTS = [{"use": "files/events", "path": "events.jsonl"}]
WILD = (
    "429_info",
    "429_differ",
    "429_html",
    "500",
    "502",
    "503",
    "504",
    "close",
    "reset",
    "half",
    "short",
    "not_json",
    "html",
    "huge",
    "error_200",
)
SPOILED = ("broken_json", "cut", "blocked_prompt", "safety", "empty", "unknown_finish", "malformed_response", "other")


@pytest.fixture
def unruly(server: Gemini) -> Gemini:
    """Most of what can go wrong does, once; and the canary is a good key."""
    script = [{"fault": fault, "nth": place} for place, fault in enumerate(WILD, 3)]
    script += [{"fault": fault, "nth": place} for place, fault in enumerate(SPOILED, 30)]
    server.set_faults(script=script, retry_after=0.05, huge=200_000)
    server.set_keys(**{CANARY: "valid"})
    return server


def test_a_key_is_found_nowhere(unruly, tmp_path):
    """With both forms of the log, and with two ways of refusing a key."""
    job = Job(
        tmp_path / "job",
        products=20,
        url=unruly.url,
        sinks=(JSONL, EMBEDDED),
        runtime={"max_failed_ratio": 1},
        changes={"observers": FACTS},
    )
    words = ("--log-level", "debug", "--log-format")
    ended = job.run(*words, "json", GEMINI_API_KEY=CANARY)
    assert ended.code == 0, ended.err
    met = unruly.stats()["by_fault"].keys()
    assert met >= {*WILD, *SPOILED}, "that is what the test is about"
    said = [ended.out, ended.err]

    unruly.set_faults(script=[{"fault": "404"}])
    for key, form, count, code in (("suspended", "json", 7, 77), ("leaked", "text", 7, 77), ("valid", "text", 8, 69)):
        unruly.set_keys(**{CANARY: key})
        ended = job.run(*words, form, "--set", f"generators.market.count={count}", GEMINI_API_KEY=CANARY)
        assert ended.code == code, ended.err
        assert key == "valid" or key in ended.err, "Google repeats such a key in its error"
        said += [ended.out, ended.err]
    for command in (("report", "shop", "--json"), ("check", "shop.yaml", "--connect", *words, "text")):
        shown = job.command(*command, GEMINI_API_KEY=CANARY)
        said += [shown.out, shown.err]
    assert places(CANARY, job.folder, *said) == []
    names = {path.name for path in job.folder.rglob("*") if path.is_file()}
    assert names >= {"events.jsonl", "journal.sqlite", "report.json", "dead_letters.jsonl", "out.jsonl", "PG_VERSION"}


def test_a_trace_would_be_found(tmp_path):
    for number, text in enumerate((CANARY, f"a{CANARY}", base64.b64encode(f"xy:{CANARY}z".encode()).decode())):
        (tmp_path / f"{number}.bin").write_bytes(b"\0" + text.encode())
    quoted = "AIzaCanary-of%2Fthe%2Blog%3D%257E0123456789"
    assert len(places(CANARY, tmp_path, quoted, CANARY.encode().hex(), "AIzaCanary")) == 5
