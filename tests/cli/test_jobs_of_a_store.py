"""A job whose machine is gone: all commands work from an empty disk, over the store alone."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.cli.process import LIMIT, end, start, wait_for


@pytest.fixture
def stored(job, tmp_path: Path):
    """Writes job.yaml with a store in a folder, and says where its URL is."""
    url = f"file://{tmp_path}/store/"

    def write(lease=60, **sections):
        model = {"use": "lab/model", "says_in": "says", "about": "Product", **sections.pop("model", {})}
        job(models={"m": model}, journal={"url": url, "lease": lease}, **sections)
        return url

    (tmp_path / "says").write_text("questions")
    return write


def lose_the_disk(tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / ".querygen")


@pytest.mark.slow
def test_report_retry_jobs_and_forget_need_the_store_only(here, stored, tmp_path: Path):
    url = stored(input={"use": "lab/shelf", "count": 9})
    (tmp_path / "says").write_text("no")
    ran = here("run", "job.yaml", "--sample", "2", "--json")
    assert (ran.code, ran.json["failed"]) == (69, 2)
    assert ran.json["calls"]["new"] - ran.json["calls"]["probe"] == 4, "two tries each"
    lose_the_disk(tmp_path)
    assert here("report", "job.yaml", "--json").json == ran.json
    assert f"{url}jobs/job/dead_letters/" in here("report", "job.yaml").out, "not in a folder that is gone"
    (row,) = here("jobs", "job.yaml", "--json").json
    assert (row["job_id"], row["state"], row["shard"], row["store"]) == ("job", "ended", "0/1", url)
    assert (row["exit_code"], row["attempt"], row["products"], row["lease"]) == (69, 1, 0, None)
    assert "ended (69)" in here("jobs", "job.yaml").out
    lose_the_disk(tmp_path)
    (tmp_path / "says").write_text("questions")
    healed = here("retry", "job.yaml", "--json")
    assert (healed.code, healed.json["done"], healed.json["calls"]["new"]) == (0, 2, 2), "what the last run read"
    assert healed.json["attempt"] == 2

    lose_the_disk(tmp_path)
    assert here("forget", "job.yaml").code == 0
    assert here("jobs", "job.yaml", "--json").json == []
    assert here("report", "job.yaml", "--json").json is None
    again = here("run", "job.yaml", "--sample", "2", "--json").json
    assert (again["attempt"], again["calls"]["new"]) == (1, 0), "answers stay"
    assert here("forget", "job").code == 0, "by its id, with the store of its last run"
    assert here("jobs", "job.yaml", "--json").json == []
    assert list((tmp_path / "store" / "answers").rglob("*.json"))


@pytest.mark.slow
def test_jobs_of_other_machines_are_listed_beside_those_of_this_one(here, stored, tmp_path: Path):
    stored(job_id="Küche/${x:-1} $$")
    assert here("run", "job.yaml").code == 0
    first = here("jobs", "job.yaml", "--json").json
    lose_the_disk(tmp_path)
    for index in range(2):
        array = {"AWS_BATCH_JOB_ARRAY_INDEX": f"{index}", "AWS_BATCH_JOB_ARRAY_SIZE": "2"}
        assert here("run", "job.yaml", "--job-id", "parts", **array).code == 0
    rows = here("jobs", "job.yaml", "--json").json
    assert [(row["job_id"], row["shard"], row["state"]) for row in rows] == [
        (first[0]["job_id"], "0/1", "ended"),
        ("parts", "0/2", "ended"),
        ("parts", "1/2", "ended"),
    ]
    assert sum(row["products"] for row in rows) == 6
    assert {row["cost"] for row in rows} == {0}
    assert here("jobs", "--json").json[0]["job_id"] == "parts", "of this machine"


@pytest.mark.slow
def test_a_run_of_another_machine_is_running_as_long_as_it_renews_its_lease(here, stored, lab, tmp_path: Path):
    stored(lease=5, input={"use": "lab/shelf", "count": 50}, model={"seconds": 1.0}, runtime={"concurrency": 1})
    words = ("run", "job.yaml", "--json", "--state-dir", "elsewhere")
    process = start(*words, cwd=tmp_path, path=[lab])
    try:
        assert wait_for(process, lambda: bool(here("jobs", "job.yaml", "--json").json))
        (row,) = here("jobs", "job.yaml", "--json").json
        assert (row["state"], row["pid"], row["products"]) == ("running", process.pid, None)
        assert row["lease"].keys() == {"host", "age", "seconds", "fence"}
        refused = here("forget", "job.yaml")
        assert (refused.code, f"pid {process.pid} on" in refused.err) == (75, True)
    finally:
        process.send_signal(signal.SIGKILL)
        end(process)
    assert wait_for_killed(here), "its lease runs out"
    (row,) = here("jobs", "job.yaml", "--json").json
    assert (row["state"], row["pid"], row["lease"]) == ("killed", None, None)
    assert here("forget", "job.yaml").code == 0


def wait_for_killed(here) -> bool:
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        if here("jobs", "job.yaml", "--json").json[0]["state"] == "killed":
            return True
        time.sleep(0.2)
    return False


@pytest.mark.slow
def test_a_damaged_object_hides_no_job(here, stored, tmp_path: Path):
    stored()
    for name in ("a", "b"):
        assert here("run", "job.yaml", "--job-id", name).code == 0
    (tmp_path / "store" / "jobs" / "a" / "reports" / "0-of-1.json").write_text("{")
    lose_the_disk(tmp_path)
    rows = here("jobs", "job.yaml", "--json").json
    assert [(row["job_id"], row["state"]) for row in rows] == [("a", "killed"), ("b", "ended")]
    (tmp_path / "store" / "jobs" / "b" / "runs" / "1.json").write_text(json.dumps({"shard": 5}))
    assert [row["job_id"] for row in here("jobs", "job.yaml", "--json").json] == ["a"]


@pytest.mark.slow
def test_products_that_left_the_input_are_known_from_the_store(here, stored, tmp_path: Path):
    def run(count: int, ratio: float = 0.5, code: int = 0) -> dict:
        lose_the_disk(tmp_path)
        retire = {"removed_products": "retire", "max_retired_ratio": ratio, "partitions": 8}
        stored(input={"use": "lab/shelf", "count": count}, runtime=retire)
        ended = here("run", "job.yaml", "--json")
        assert (ended.code, ended.json["not_in_input"]) == (code, 0 if code == 0 else 5), ended.err
        return ended.json

    (tmp_path / ".querygen").mkdir()
    assert run(8)["deleted"] == 0
    gone = run(6)
    assert (gone["input"], gone["deleted"]) == (8, 2)
    assert list(json.loads((tmp_path / "table.json").read_text()).values())[6:] == [[], []]
    assert run(6)["deleted"] == 0, "it is counted once"
    back = run(7)
    assert (back["done"], back["deleted"], back["calls"]["new"]) == (7, 0, 0)
    assert run(6)["deleted"] == 1
    stopped = run(1, ratio=0.3, code=65)
    assert (stopped["stopped_by"], stopped["deleted"]) == ("removed_products", 0)
    assert run(6)["deleted"] == 0
