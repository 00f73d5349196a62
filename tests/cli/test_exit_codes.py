"""Every documented exit code by a process that ends with it; users' faults without a traceback."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.process import end, environment, start, wait_for


def model(**options: Any) -> dict[str, Any]:
    return {"models": {"m": {"use": "lab/model", **options}}}


def sink(**options: Any) -> dict[str, Any]:
    return {"sinks": [{"use": "lab/table", "name": "table", "path": "table.json", **options}]}


def shelf(**options: Any) -> dict[str, Any]:
    return {"input": {"use": "lab/shelf", **options}}


CASES = {
    "all is well": (0, {}, ""),
    "input with a broken end": (65, shelf(fails="broken"), "the shelf is broken"),
    "input with a bug": (65, shelf(fails="raise"), "input 'lab/shelf' (querygen-lab 1.0) failed: ZeroDivisionError"),
    "empty input": (65, shelf(count=0), "the input has no records"),
    "products that get no answer": (69, model(says="I would rather not", about="Product"), "no answer to 3 products"),
    "products that are refused": (65, model(says="bad_request", about="Product"), "(100.0%) failed or were rejected"),
    "products that the model's code fails for": (
        65,
        model(says="raise", about="Product"),
        "(100.0%) failed or were rejected",
    ),
    "answers that cannot be used": (69, model(says="I would rather not"), "it begins 'I would rather not'"),
    "model with a bug": (69, model(says="raise"), "RuntimeError: a bug near"),
    "model that leaves": (69, model(says="exit"), "SystemExit"),
    "missing input": (66, {"input": {"use": "files/catalogue", "path": "nowhere.csv"}}, "nowhere.csv"),
    "quota": (69, model(says="quota"), "the model says quota"),
    "refused requests": (69, model(says="bad_request"), ""),
    "budget": (69, {"runtime": {"max_calls": 1}}, "max_calls"),
    "receipts that do not add up": (70, sink(fails="forget"), "do not balance"),
    "store with a bug": (
        78,
        {"journal": {"url": "broken://x"}},
        "storage 'lab/broken' (querygen-lab 1.0) failed: ZeroDivisionError",
    ),
    "no such store": (78, {"journal": {"url": "nowhere://x"}}, "no installed plugin reads 'nowhere://'"),
    "no folder of a store": (78, {"journal": {"url": "s3"}}, "journal.url: should be the URL of a folder"),
    "failing sink": (74, sink(fails="permanent"), "cannot write"),
    "unready sink": (74, sink(fails="check"), "there is no such table"),
    "sink with a bug": (74, sink(fails="raise"), "sink 'lab/table' (querygen-lab 1.0) failed: ZeroDivisionError"),
    "sink that takes nothing": (
        74,
        sink(fails="refuse"),
        "refused 3 of 3 products (100.0%), the first because: ",
    ),
    "model that is down": (75, {**model(says="retry"), "runtime": {"retry_for": 0}}, "the model says retry"),
    "bad key": (77, model(says="auth"), "the model says auth"),
    "sink without its secret": (77, sink(password="${secret:env:NO_SUCH_KEY}"), "sink table: the secret in"),
    "sink without a right": (77, sink(fails="auth"), "cannot write"),
    "unknown plugin": (78, {"models": {"m": {"use": "offlin/model"}}}, "offline"),
    "wrong option": (78, model(sayz="x"), "says"),
    "wrong value": (78, {"runtime": {"concurrency": "many"}}, "runtime.concurrency"),
    "unwritable state": (78, {"runtime": {"state_dir": "job.yaml"}}, "state_dir job.yaml"),
    "missing secret": (77, model(key="${secret:env:NO_SUCH_KEY}"), "NO_SUCH_KEY"),
}


IN_PROCESSES = (
    "all is well",
    "input with a broken end",
    "missing input",
    "budget",
    "receipts that do not add up",
    "failing sink",
    "model that is down",
    "bad key",
    "wrong option",
)
"""One for each code; the others are tried in this process, which is the same but for the process."""


@pytest.mark.parametrize("case", CASES)
def test_a_run_ends_with_its_code_and_one_clear_message(request, job, case: str):
    command = request.getfixturevalue("run" if case in IN_PROCESSES else "here")
    code, sections, says = CASES[case]
    job(**sections)
    ended = command("run", "job.yaml", "--log-level", "warning")
    assert (ended.code, "Traceback" in ended.err + ended.out) == (code, False), ended
    assert says in ended.err + ended.out
    if ended.out == "":
        assert ended.err.strip()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "COMMAND"),
        (["fly"], "fly"),
        (["run"], "CONFIG"),
        (["run", "a.yaml", "b.yaml"], "b.yaml"),
        (["run", "job.yaml", "--sample", "0"], "--sample"),
        (["run", "job.yaml", "--sample", "x"], "--sample"),
        (["run", "job.yaml", "--log-level", "loud"], "--log-level"),
        (["run", "job.yaml", "--js"], "--js"),
        (["report", "nothing"], "no job 'nothing'"),
        (["retry", "nothing"], "no job 'nothing'"),
        (["plugins", "new", "Not A Name"], "Not A Name"),
        (["plugins", "info", "lab/nothing"], "nothing"),
        (
            ["prompts", "render", "job.yaml", "--generator", "nothing"],
            "job.yaml has no generator 'nothing', only product",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words_are_64(here, job, words: list[str], says: str):
    job()
    ended = here(*words)
    assert (ended.code, ended.out) == (64, "")
    assert says in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", [["run"], ["check"], ["extras"], ["prompts", "render"]], ids=" ".join)
def test_a_config_that_is_not_there_is_78(here, command: list[str]):
    ended = here(*command, "nowhere.yaml")
    assert (ended.code, ended.out) == (78, "")
    assert ended.err == "nowhere.yaml: there is no such file\n"


def test_a_batch_environment_that_makes_no_sense_is_64(here, job):
    job()
    ended = here("run", "job.yaml", AWS_BATCH_JOB_ARRAY_INDEX="4", AWS_BATCH_JOB_ARRAY_SIZE="4")
    assert ended.code == 64
    assert "AWS_BATCH_JOB_ARRAY_INDEX='4'" in ended.err


def test_a_plugin_that_cannot_be_imported_is_named_with_the_cause(run, job):
    job()
    ended = run("run", "job.yaml", LAB_BREAKS="1")
    assert ended.code == 78
    assert "plugin 'lab' (querygen-lab 1.0) cannot be imported: ImportError: libstrange.so.1" in ended.err
    assert "Traceback" not in ended.err


def test_a_broken_plugin_that_nobody_named_breaks_nothing(run, job, tmp_path: Path):
    job(
        input={"use": "files/auto"}, models={"m": {"use": "offline/model"}}, sinks=[{"use": "files/jsonl", "path": "o"}]
    )
    ended = run("run", "job.yaml", "--product", '{"id": 1, "title": "A kettle"}', LAB_BREAKS="1")
    assert ended.code == 0
    assert "lab" not in ended.err
    listed = run("plugins", "list", LAB_BREAKS="1")
    assert listed.code == 0
    assert "broken" in listed.out


TEN_MISTAKES = """\
job_id: 5
input: {use: lab/shelv, count: 3}
models:
  m: {use: lab/model, sayz: questions, key: "${GONE}"}
generators:
  - {name: product, prompt: product, model: n, count: 0}
  - {name: product, promt: market, model: m}
sinks:
  - {use: lab/table, path: out}
  - {use: lab/table, path: out}
runtime: {concurency: 8}
"""


def test_ten_mistakes_are_ten_lines(run, tmp_path: Path):
    (tmp_path / "ten.yaml").write_text(TEN_MISTAKES)
    ended = run("run", "ten.yaml")
    assert (ended.code, ended.out) == (78, "")
    assert [line.partition(": ")[0] for line in ended.err.splitlines()] == [
        "ten.yaml:1:1",
        "ten.yaml:2:9",
        "ten.yaml:4:23",
        "ten.yaml:4:40",
        "ten.yaml:6:38",
        "ten.yaml:6:48",
        "ten.yaml:7:6",
        "ten.yaml:7:21",
        "ten.yaml:10:5",
        "ten.yaml:11:11",
    ]


def test_a_plugin_that_prints_does_not_spoil_json(run, job):
    job(**model(says="noise"))
    ended = run("run", "job.yaml", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["done"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("words", [["run", "job.yaml"], ["run", "job.yaml", "--json"], ["plugins", "list"], ["jobs"]])
def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path, lab: Path, job, words: list[str]):
    job(**shelf(fails="broken"))
    command = [sys.executable, "-m", "querygen_core", *words]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment({}, [lab]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(60) == (65 if words[0] == "run" else 0)
    assert "BrokenPipe" not in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_an_observer_that_hangs_holds_nobody_up_for_long(run, job):
    job(observers=[{"use": "lab/ear", "path": "events.jsonl", "hangs": True}])
    ended = run("run", "job.yaml", "--json")
    assert (ended.code, ended.json["done"]) == (0, 3)
    assert ended.json["events_undelivered"] > 0


@pytest.mark.slow
def test_an_input_that_hangs_does_not_outlive_the_drain(tmp_path: Path, lab: Path, job):
    job(**shelf(count=1, fails="hang"), runtime={"drain": 9})
    process = start("run", "job.yaml", "--log-level", "info", cwd=tmp_path, path=[lab])
    wait_for(process, lambda: events_in(tmp_path / ".querygen" / "job" / "journal.sqlite") > 0)
    process.send_signal(signal.SIGTERM)
    ended = end(process)
    assert ended.code == 75
    assert "SIGTERM received" in ended.err


def events_in(journal: Path) -> int:
    """How many there are, as another process sees it; the first one says that the run has begun."""
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM events").fetchone()[0]
    except sqlite3.OperationalError:  # it is just being made
        return 0
