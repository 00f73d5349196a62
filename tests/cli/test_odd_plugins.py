"""F64: a component of any kind that raises, ends the process, returns what it must not or prints is named, and breaks
nothing but its own part: the report is whole, standard output is the report alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import install, write_config

SECTIONS = {
    "input": "input",
    "preprocessor": "preprocessors",
    "provider": "models",
    "generator": "generators",
    "postprocessor": "postprocessors",
    "sink": "sinks",
    "observer": "observers",
}
WAYS = ("", "raise", "exit", "calamity", "none", "wrong", "print")
HARMLESS = {(kind, way) for kind in SECTIONS for way in ("", "print")} | {("observer", "none"), ("observer", "wrong")}
QUICK = {
    ("sink", "exit"),
    ("postprocessor", "calamity"),
    ("provider", "none"),
    ("input", "wrong"),
    ("generator", "print"),
}


def config(kind: str, does: str) -> dict[str, Any]:
    """All seven, of which one misbehaves."""
    parts = {one: {"use": f"odd/{one}", "does": does if one == kind else ""} for one in SECTIONS}
    asked = {"name": "asked", "prompt": "product", "model": "m", "query_type": "product", "count": 2}
    made = {**parts["generator"], "name": "made", "query_type": "market", "count": 1}
    return {
        "job_id": "job",
        "input": parts["input"],
        "preprocessors": [parts["preprocessor"]],
        "models": {"m": parts["provider"]},
        "generators": [asked, made],
        "postprocessors": [parts["postprocessor"]],
        "sinks": [parts["sink"]],
        "observers": [parts["observer"]],
        "runtime": {"retry_for": 0},
    }


CASES = [
    pytest.param(
        kind, way, marks=() if (kind, way) in QUICK else pytest.mark.slow, id=f"{kind} {way or 'as it should'}"
    )
    for kind in SECTIONS
    for way in WAYS
]


@pytest.mark.parametrize(("kind", "does"), CASES)
def test_what_misbehaves_is_named_and_breaks_nothing_else(here, tmp_path: Path, monkeypatch, kind: str, does: str):
    source = Path(__file__).with_name("querygen_odd.py").read_text("utf-8")
    monkeypatch.syspath_prepend(install(tmp_path / "site", "odd", source))
    monkeypatch.chdir(tmp_path)
    write_config(tmp_path / "job.yaml", **config(kind, does))
    ended = here("run", "job.yaml", "--json")
    report = ended.json
    assert report["exit_code"] == ended.code
    assert report["input"] == sum(report[state] for state in ("done", "short", "rejected", "failed", "pending"))
    assert "Traceback" not in ended.err
    if (kind, does) in HARMLESS:
        assert (ended.code, report["done"]) == (0, 2), ended.err
        return
    letters = tmp_path / ".querygen" / "job" / "dead_letters.jsonl"
    told = ended.err + (letters.read_text() if letters.exists() else "")
    assert f"odd/{kind}" in told
    if kind == "observer":
        assert (ended.code, report["done"]) == (0, 2)
        assert report["events_undelivered"] > 0
    else:
        assert ended.code in (65, 69, 74, 78), ended.err
