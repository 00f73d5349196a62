"""A plan says what a run does, and does nothing itself."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import end, environment, start, wait_for

PRICED = {"use": "gemini/api", "model": "gemini-3.5-flash-lite", "api_key": "${secret:env:NO_SUCH_KEY}"}
PROMPT = """---
name: any
output: plan
plan: {good: 1}
---
{% block system %}Ask.{% endblock %}
{% block user %}{{ product | untrusted("product") }} WORD{% endblock %}
"""


def files(folder: Path) -> dict[str, int]:
    """All there are but for clocks of a store, with the time of the last change of those that are no folders."""
    found = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.name != ".clock"}
    return {name: 0 if file.is_dir() else file.stat().st_mtime_ns for name, file in found.items()}


def requests(plan: dict[str, Any]) -> tuple[int, int]:
    return plan["requests"]["new"], plan["requests"]["known"]


def test_a_plan_says_what_a_run_then_sends_and_leaves_nothing_behind(here, job, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job()
    before = files(tmp_path)
    ended = here("plan", "job.yaml", "--json")
    assert ended.code == 0, ended.err
    assert files(tmp_path) == before
    plan = ended.json
    assert requests(plan) == (3, 0)
    assert (plan["format"], plan["job_id"], plan["states"]) == ("querygen-plan/1", "job", {"pending": 3})
    assert plan["usd"]["live"] == {"low": 0, "expected": 0, "high": 0}
    assert 0 < plan["tokens"]["in"]["low"] < plan["tokens"]["in"]["expected"] < plan["tokens"]["in"]["high"]
    assert [line["generator"] for line in plan["by"]] == ["product"]
    assert here("run", "job.yaml", "--json").json["calls"]["new"] == 3
    before = files(tmp_path)
    plan = here("plan", "job.yaml", "--json").json
    assert (requests(plan), plan["states"], plan["seconds"]) == ((0, 0), {"done": 3}, 0)
    assert files(tmp_path) == before


def test_only_what_changed_is_new(here, job, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompts").mkdir()
    generators = [{"name": name, "prompt": name, "model": "m", "count": 3} for name in ("own", "other")]
    for name in ("own", "other"):
        (tmp_path / f"prompts/{name}.j2").write_text(PROMPT.replace("WORD", name))
    job(generators=generators, prompts_dir="prompts")
    assert here("run", "job.yaml", "--json").json["calls"]["new"] == 6
    (tmp_path / "prompts/own.j2").write_text(PROMPT.replace("WORD", "changed"))
    plan = here("plan", "job.yaml", "--json").json
    assert [(line["generator"], *requests(line)) for line in plan["by"]] == [("own", 3, 0), ("other", 0, 3)]
    assert here("plan", "job.yaml", "--json", "--sample", "2").json["requests"]["new"] == 2
    assert requests(here("plan", "job.yaml", "--json", "--job-id", "copy").json) == (3, 3)
    assert here("run", "job.yaml", "--json").json["calls"]["new"] == 3
    assert requests(here("plan", "job.yaml", "--json", "--job-id", "copy").json) == (0, 6)


def test_equal_requests_of_two_products_are_sent_once(here, job, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job(input={"use": "files/catalogue", "path": "in.jsonl"})
    records = [{"product_id": f"{number}", "title": "Lamp"} for number in (1, 2, 2, 3)]
    records += [{"product_id": "3", "title": "Table"}, {"title": "No id"}]
    (tmp_path / "in.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    plan = here("plan", "job.yaml", "--json").json
    ran = here("run", "job.yaml", "--json").json
    assert requests(plan) == (ran["calls"]["new"], 2)
    assert plan["states"] == {"pending": 4, **{name: ran[name] for name in ("duplicate", "rejected")}}


@pytest.mark.slow
def test_a_run_that_is_under_way_is_not_disturbed(job, lab, tmp_path):
    job(models={"m": {"use": "lab/model", "seconds": 3}}, runtime={"concurrency": 1})
    run = start("run", "job.yaml", "--json", cwd=tmp_path, path=[lab])
    assert wait_for(run, (tmp_path / ".querygen/answers.sqlite").exists)
    plan = end(start("plan", "job.yaml", "--json", cwd=tmp_path, path=[lab]))
    assert plan.code == 0, plan.err
    assert sum(requests(plan.json)) <= 3
    ended = end(run)
    assert (ended.code, ended.json["calls"]["new"]) == (0, 3)


@pytest.mark.slow
def test_the_answers_of_a_store_are_known_on_an_empty_disk(here, job, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job(journal={"url": (tmp_path / "store").as_uri() + "/"})
    assert requests(here("plan", "job.yaml", "--json").json) == (3, 0)
    assert not (tmp_path / "store").exists()
    here("run", "job.yaml", "--sample", "2")
    before = files(tmp_path)
    plan = here("plan", "job.yaml", "--json", "--state-dir", "elsewhere").json
    assert (requests(plan), files(tmp_path)) == ((1, 2), before)


@pytest.mark.slow
def test_a_stricter_filter_needs_the_refills_that_the_plan_names(here, job, tmp_path, monkeypatch):
    """What is asked again depends on answers, and these are in the store."""
    monkeypatch.chdir(tmp_path)
    quality = {"use": "text/quality"}
    model = {"m": {"use": "offline/model"}}
    job(models=model, postprocessors=[quality], runtime={"refill_rounds": 1})
    assert here("run", "job.yaml", "--json").json["calls"]["new"] == 3
    job(models=model, postprocessors=[{**quality, "min_words": 13}], runtime={"refill_rounds": 1})
    plan = here("plan", "job.yaml", "--json").json
    assert plan["requests"]["known"] == 3
    assert plan["requests"]["new"] == here("run", "job.yaml", "--json").json["calls"]["new"] > 0


def test_the_limit_that_ends_the_run_is_named(here, job, tmp_path, monkeypatch):
    """No key is needed, though the model has one."""
    monkeypatch.chdir(tmp_path)
    job(models={"m": PRICED}, runtime={"max_cost": 0.001})
    ended = here("plan", "job.yaml", "--json")
    assert ended.code == 0, ended.err
    usd, stop = ended.json["usd"]["live"], ended.json["stops_at"]
    assert 0 < usd["low"] < usd["expected"] < usd["high"]
    assert (stop["limit"], stop["value"], stop["left"]) == ("max_cost", 0.001, 0.001)
    assert 0 < stop["requests"] < 3
    assert "NO_SUCH_KEY" in " ".join(ended.json["notes"])
    text = here("plan", "job.yaml").out
    assert "runtime.max_cost leaves 0.0010 USD: the run would end after about" in text
    job(models={"m": PRICED}, runtime={"max_cost": 9, "rpm": 3})
    plan = here("plan", "job.yaml", "--json").json
    assert plan["stops_at"] is None
    assert plan["seconds"] > 60


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sections", "code"),
    [
        ({"input": {"use": "files/catalogue", "path": "none.jsonl"}}, 66),
        ({"input": {"use": "lab/shelf", "fails": "broken"}}, 65),
        ({"input": {"use": "files/catalogue", "path": "junk.jsonl"}}, 65),
        ({"models": {"m": {**PRICED, "model": "gemini-0"}}, "runtime": {"max_cost": 1}}, 78),
    ],
    ids=["missing", "broken", "hopeless", "price"],
)
def test_what_keeps_a_run_from_asking_fails_the_plan_too(here, job, tmp_path, monkeypatch, sections, code):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "junk.jsonl").write_text('{"a": 1}\n' * 60)
    job(**sections)
    assert here("plan", "job.yaml").code == here("run", "job.yaml").code == code


def at_a_terminal(*words: str, cwd: Path, path: Iterable[Path], answer: str) -> tuple[int, str]:
    """Exit code of a command, and what the person saw who typed the answer."""
    person, terminal = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "querygen_core", *words],
        cwd=cwd,
        env=environment({}, [*path]),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    seen = b""
    while True:
        try:
            data = os.read(person, 4096)
        except OSError:  # the last holder of the terminal has ended
            break
        seen += data
        if seen.rstrip().endswith(b"[y/N]") and answer:
            os.write(person, f"{answer}\n".encode())
            answer = ""
    os.close(person)
    return child.wait(), seen.decode()


@pytest.mark.slow
def test_confirm_shows_the_plan_and_asks(job, lab, tmp_path):
    job()
    code, seen = at_a_terminal("run", "job.yaml", "--confirm", cwd=tmp_path, path=[lab], answer="n")
    assert code == 130
    assert "3 records: 3 to make" in seen
    assert "Nothing was sent." in seen
    assert not (tmp_path / ".querygen").exists()
    code, seen = at_a_terminal("run", "job.yaml", "--confirm", cwd=tmp_path, path=[lab], answer="y")
    assert code == 0
    assert "Send these requests? [y/N]" in seen


@pytest.mark.slow
def test_a_terminal_above_the_limit_asks_by_itself(job, lab, tmp_path):
    job(models={"m": PRICED}, runtime={"confirm_above": 0})
    code, seen = at_a_terminal("run", "job.yaml", cwd=tmp_path, path=[lab], answer="no")
    assert (code, "Send these requests?" in seen) == (130, True)
    job(runtime={"confirm_above": 0})  # a model that costs nothing
    code, seen = at_a_terminal("run", "job.yaml", cwd=tmp_path, path=[lab], answer="")
    assert (code, "Send these requests?" in seen) == (0, False)


@pytest.mark.slow
def test_without_a_terminal_nobody_is_asked(run, job, tmp_path):
    job(runtime={"confirm_above": 0})
    refused = run("run", "job.yaml", "--confirm")
    assert refused.code == 64
    assert "not a terminal" in refused.err
    assert not (tmp_path / ".querygen").exists()
    assert run("run", "job.yaml").code == 0
