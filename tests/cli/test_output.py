"""What goes where: results to standard output, everything else to standard error, each in its form."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from querygen_core.cli.summary import in_usd
from tests.report.promised import KEYS

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (DEBUG|INFO|WARNING|ERROR|CRITICAL) \[[A-Z0-9_]+\] \S.*")


def test_json_is_one_object_with_every_promised_key(run, job):
    job()
    ended = run("run", "job.yaml", "--json")
    assert ended.code == 0
    assert ended.out.count("\n") == 1
    report = ended.json
    assert report.keys() >= KEYS
    assert (report["job_id"], report["exit_code"], report["state"], report["done"]) == ("job", 0, "done", 3)
    assert report["calls"] == {
        "new": 3,
        "journal": 0,
        "probe": 0,
        "duplicate": 0,
        "refused": 0,
        "indeterminate": 0,
        "abandoned": 0,
        "errors": {},
        "job": 3,
    }
    assert report["sinks"]["table"]["delivered"] == 9
    assert report["peak_rss_bytes"] > 10_000_000
    assert report["cpu_seconds"] > 0


@pytest.mark.parametrize(
    "sections",
    [
        {"input": {"use": "lab/shelf", "fails": "broken"}},
        {"models": {"m": {"use": "lab/model", "says": "auth"}}},
        {"sinks": [{"use": "lab/table", "path": "t", "fails": "check"}]},
    ],
    ids=["input", "model", "sink"],
)
def test_a_run_that_fails_has_a_report_too(here, job, sections):
    job(**sections)
    ended = here("run", "job.yaml", "--json")
    assert ended.json.keys() >= KEYS
    assert ended.json["exit_code"] == ended.code != 0
    assert ended.json["message"]
    assert here("report", "job", "--json").json == ended.json


def test_a_config_that_is_wrong_leaves_standard_output_empty(here, job):
    job(sinks=[])
    ended = here("run", "job.yaml", "--json")
    assert (ended.code, ended.out) == (78, "")


def test_logs_are_lines_on_standard_error(run, job):
    job(models={"m": {"use": "lab/model", "says": "raise"}}, observers=[{"use": "lab/ear", "path": "no/such/folder"}])
    ended = run("run", "job.yaml", "--log-level", "debug")
    assert ended.code == 69
    lines = ended.err.splitlines()
    assert len(lines) >= 4
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    assert ended.out.startswith("Job job: stopped")
    assert not re.search(r"^\d{4}-", ended.out, re.MULTILINE)


def test_logs_may_be_json(here, job):
    job(models={"m": {"use": "lab/model", "says": "raise"}})
    ended = here("run", "job.yaml", "--log-format", "json")
    entries = [json.loads(line) for line in ended.err.splitlines()]
    assert entries
    for entry in entries:
        assert entry.keys() >= {"time", "level", "component", "message"}
        assert entry["message"].startswith(f"[{entry['component']}] ")
    bound = [entry for entry in entries if "product" in entry["message"]]
    assert {(entry["job_id"], entry["attempt"], entry["shard"]) for entry in bound} == {("job", 1, 0)}


def test_a_quiet_run_says_nothing_but_its_summary(here, job):
    job()
    ended = here("run", "job.yaml", "--log-level", "error")
    assert ended.err == ""
    assert "3 records: 3 done" in ended.out
    assert "a note for the report" in ended.out


def test_the_summary_says_what_was_made_where_it_is_and_what_to_do_next(here, job, tmp_path: Path):
    job()
    out = here("run", "job.yaml").out
    for part in (
        "3 new, 0 answers from the journal",
        "9 generated, 9 kept",
        "table → table.json: 9 new",
        "Product 0",
        "What is good about it in way 0?",
        "querygen prompts render job.yaml",
    ):
        assert part in out
    assert json.loads((tmp_path / "table.json").read_text()).keys() == {f"default:{n}:en" for n in range(3)}


def test_after_a_failure_the_next_step_can_be_copied_into_a_shell(here, job):
    job(
        job_id="a b; rm -rf $HOME",
        models={"m": {"use": "lab/model", "says": "no", "about": "Product"}},
        runtime={"state_dir": "my state"},
    )
    out = here("run", "job.yaml").out
    assert "querygen retry 'a b; rm -rf $HOME' --state-dir 'my state'" in out


def test_after_a_budget_the_next_step_is_to_raise_it(here, job):
    job(runtime={"max_calls": 1, "concurrency": 1})
    out = here("run", "job.yaml", "--state-dir", "mine", "--set", "input.count=2").out
    assert "run job.yaml --set input.count=2 --state-dir mine  # resume, when you have raised the limit" in out


def test_after_a_useless_prompt_the_next_step_is_to_look_at_it_and_says_that_asking_again_costs(here, job):
    job(models={"m": {"use": "lab/model", "says": "nice product"}})
    ended = here("run", "job.yaml", "--set", "input.count=9")
    assert ended.code == 69
    assert "querygen prompts render job.yaml --set input.count=9 " in ended.out
    assert "useless answers are paid for again" in ended.out
    assert "None" not in ended.out


def test_after_too_many_rejects_the_next_step_is_to_mend_the_input(here, job):
    job(input={"use": "files/auto"})
    ended = here("run", "job.yaml", "--product", '{"id": 1}', "--product", '{"id": 2}')
    assert ended.code == 65
    assert "# resume, when the input is mended" in ended.out
    assert ended.out.count("are rejected") == 1


def test_a_job_that_is_named_by_its_id_goes_on_by_its_id(here, job):
    job(runtime={"max_calls": 1, "concurrency": 1})
    here("run", "job.yaml", "--set", "input.count=2")
    out = here("retry", "job").out
    assert "querygen retry job  # resume" in out
    assert "querygen run" not in out


def test_a_cost_that_is_small_is_not_shown_as_nothing():
    assert [in_usd(cost) for cost in (None, 0.0, 0.0028, 1.5)] == ["unknown", "0.00 USD", "0.0028 USD", "1.50 USD"]


def test_shards_that_are_named_share_a_job(here, job):
    job()
    parts = [here("run", "job.yaml", "--shard", f"{index}/2", "--state-dir", f"{index}", "--json") for index in (0, 1)]
    assert sum(part.json["done"] for part in parts) == 3
    assert [part.json["shard"] for part in parts] == [{"index": 0, "size": 2}, {"index": 1, "size": 2}]
    assert len({part.json["config_hash"] for part in parts}) == 1, "the state folder is the machine's, not the job's"
    assert (
        "job.yaml --state-dir 1 --shard 1/2  # send"
        in here("run", "job.yaml", "--shard", "1/2", "--state-dir", "1").out
    )
    assert here("run", "job.yaml", "--shard", "2/2").code == 64


def test_what_no_encoding_can_show_is_written_out(run, job):
    job(job_id="Küche – 日本")
    ended = run("run", "job.yaml", "--json", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert ended.code == 0
    assert ended.json["job_id"] == "Küche – 日本"


def test_reports_and_jobs_are_found_again(here, job):
    assert here("jobs").out == "no jobs in .querygen\n"
    assert here("jobs", "--json").json == []
    job(job_id="other", models={"m": {"use": "lab/model", "says": "auth"}})
    assert here("run", "job.yaml").code == 77
    job()
    ran = here("run", "job.yaml", "--json").json
    assert here("report", "job", "--json").json == ran
    assert "Job job: done" in here("report", "job").out
    assert here("report", "job.yaml", "--json").json == ran
    listed = here("jobs", "--json").json
    assert [(row["job_id"], row["state"], row["exit_code"]) for row in listed] == [
        ("job", "ended", 0),
        ("other", "ended", 77),
    ]
    assert [line.split()[0] for line in here("jobs").out.splitlines()] == ["job", "other"]
    assert here("jobs", "--state-dir", "elsewhere").out == "no jobs in elsewhere\n"


def test_a_job_without_a_finished_run_is_known_too(here, tmp_path: Path):
    folder = tmp_path / ".querygen" / "began"
    folder.mkdir(parents=True)
    (folder / "journal.sqlite").write_bytes(b"")
    assert "no run has begun" in here("jobs").out
    assert "no run has finished yet" in here("report", "began").out
    assert here("report", "began", "--json").json is None
    assert here("retry", "began").code == 64


def test_the_state_folder_holds_report_config_and_dead_letters(here, job, tmp_path: Path):
    job(models={"m": {"use": "lab/model", "says": "no", "about": "Product"}})
    here("run", "job.yaml", "--state-dir", "state")
    folder = tmp_path / "state" / "job"
    assert json.loads((folder / "report.json").read_text())["failed"] == 3
    assert json.loads((folder / "config.json").read_text())["runtime"]["state_dir"] == "state"
    letters = [json.loads(line) for line in (folder / "dead_letters.jsonl").read_text().splitlines()]
    assert [(letter["file"], letter["line"], letter["reason"], letter["raw"]) for letter in letters] == [
        ("shelf", number, "broken", "no") for number in (1, 2, 3)
    ]


def test_a_damaged_report_is_said_to_be(here, job, tmp_path: Path):
    job()
    here("run", "job.yaml")
    (tmp_path / ".querygen" / "job" / "report.json").write_text("{")
    ended = here("report", "job")
    assert (ended.code, ended.out) == (65, "")
    assert "report.json cannot be read" in ended.err
    assert here("run", "job.yaml").code == 0
    assert here("report", "job").code == 0
