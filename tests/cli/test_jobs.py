"""Jobs from the outside: what is known of each, by its config or by its id, and how one is forgotten."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.cli.process import end, start, wait_for

ANSWERS = Path(".querygen/answers.sqlite")


@pytest.fixture
def slow(job, lab, tmp_path: Path):
    """A run that takes for ever, with one product done, and how to start it."""
    job(
        input={"use": "lab/shelf", "count": 9},
        models={"m": {"use": "lab/model", "seconds": 0.2}},
        runtime={"concurrency": 1},
    )
    process = start("run", "job.yaml", "--json", cwd=tmp_path, path=[lab])
    yield process
    process.kill()
    end(process)


def only(here) -> dict:
    (row,) = here("jobs", "--json").json
    return row


@pytest.mark.slow
def test_a_run_is_running_until_it_has_ended_or_its_process_is_gone(here, slow):
    assert wait_for(slow, lambda: Path(".querygen/job/journal.sqlite").exists() and only(here)["products"] > 0)
    row = only(here)
    assert (row["job_id"], row["state"], row["shard"], row["pid"]) == ("job", "running", "0/1", slow.pid)
    assert (row["attempt"], row["exit_code"], row["lease"], row["store"]) == (1, None, None, ".querygen")
    assert row["cost"] == 0
    assert row["calls_per_s"] > 0 < row["age"]
    assert f"pid {slow.pid}" in here("jobs").out
    refused = here("forget", "job")
    assert (refused.code, f"another process (pid {slow.pid})" in refused.err) == (75, True)

    slow.send_signal(signal.SIGKILL)
    end(slow)
    killed = only(here)
    assert (killed["state"], killed["pid"], killed["calls_per_s"], killed["exit_code"]) == ("killed", None, None, None)
    assert here("run", "job.yaml").code == 0
    ended = only(here)
    assert (ended["state"], ended["attempt"], ended["exit_code"], ended["products"]) == ("ended", 2, 0, 9)
    assert "ended (0)" in here("jobs").out


def test_one_job_that_cannot_be_read_hides_no_other(here, job, tmp_path: Path):
    for name in ("a", "b", "c"):
        job(job_id=name)
        assert here("run", "job.yaml").code == 0
    (tmp_path / ".querygen" / "a" / "report.json").write_text("{")
    (tmp_path / ".querygen" / "b" / "journal.sqlite").write_bytes(b"no database" * 1000)
    listed = here("jobs", "--json")
    assert listed.code == 0
    rows = {row["job_id"]: row for row in listed.json}
    assert [rows[name].get("error", "") == "" for name in "abc"] == [True, False, True]
    assert "not a database" in rows["b"]["error"]
    assert len(here("jobs").out.splitlines()) == 3


def test_a_store_of_answers_that_cannot_be_read_leaves_the_cost_unknown(here, job):
    job()
    here("run", "job.yaml")
    ANSWERS.write_bytes(b"no database" * 1000)
    row = only(here)
    assert (row["state"], row["products"], row["cost"], row["calls_per_s"]) == ("ended", 3, None, None)
    assert "unknown" in here("jobs").out


def test_a_config_is_a_job_too(here, job, tmp_path: Path):
    job(
        job_id="mine",
        runtime={"state_dir": "state"},
        models={"m": {"use": "lab/model", "says_in": "says", "about": "Product"}},
    )
    (tmp_path / "says").write_text("no")
    assert here("report", "job.yaml", "--json").json is None
    assert here("run", "job.yaml", "--sample", "2").code == 69
    for words in (["job.yaml"], ["job.yaml", "--set", "runtime.concurrency=2"], ["mine", "--state-dir", "state"]):
        assert here("report", *words, "--json").json["failed"] == 2
    assert [row["job_id"] for row in here("jobs", "job.yaml", "--json").json] == ["mine"]
    assert here("report", "mine").code == 64
    assert here("report", "gone.yaml").code == 78, "a name that ends so is a config's"
    (tmp_path / "says").write_text("questions")
    healed = here("retry", "job.yaml", "--json")
    assert (healed.code, healed.json["done"]) == (0, 2), "the products that the last run read"


def test_retry_takes_the_config_that_is_named(here, job, tmp_path: Path):
    (tmp_path / "says").write_text("no")
    model = {"use": "lab/model", "says_in": "says"}
    job(models={"m": model})
    (tmp_path / "mine.jsonl").write_text('{"id": "P1", "title": "A pan"}')
    here("run", "job.yaml", "--products-file", "mine.jsonl")
    (tmp_path / "says").write_text("questions")
    job(models={"m": model}, sinks=[{"use": "lab/table", "name": "table", "path": "other.json"}])
    assert here("retry", "job.yaml", "--json").json["done"] == 1
    assert len(json.loads((tmp_path / "other.json").read_text())) == 1


def test_a_job_that_is_forgotten_leaves_only_answers_and_what_was_delivered(here, job, tmp_path: Path):
    job()
    here("run", "job.yaml")
    delivered = (tmp_path / "table.json").read_bytes()
    assert here("forget", "job").code == 0
    assert [path.name for path in (tmp_path / ".querygen").iterdir() if path.is_dir()] == []
    assert (tmp_path / "table.json").read_bytes() == delivered
    assert here("forget", "job").code == here("forget", "job.yaml").code == 64
    again = here("run", "job.yaml", "--json").json
    assert (again["attempt"], again["calls"]["new"], again["calls"]["job"]) == (1, 0, 0)


def test_what_a_plugin_keeps_in_the_folder_is_not_querygen_s_to_forget(here, job, tmp_path: Path):
    job()
    here("run", "job.yaml")
    database = tmp_path / ".querygen" / "job" / "postgres"
    database.mkdir()
    said = here("forget", "job.yaml").out
    assert "left in .querygen/job: postgres" in said
    assert list((tmp_path / ".querygen" / "job").iterdir()) == [database]
    assert here("run", "job.yaml", "--json").json["attempt"] == 1
