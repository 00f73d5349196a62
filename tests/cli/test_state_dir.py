"""Where a job's state goes: --state-dir, --set, QUERYGEN_STATE_DIR, the config, in this order."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("words", "environ", "place"),
    [
        ([], {}, "of config"),
        ([], {"QUERYGEN_STATE_DIR": ""}, "of config"),
        ([], {"QUERYGEN_STATE_DIR": "of machine"}, "of machine"),
        (["--set", "runtime.state_dir=set"], {"QUERYGEN_STATE_DIR": "of machine"}, "set"),
        (["--state-dir", "given"], {"QUERYGEN_STATE_DIR": "of machine"}, "given"),
    ],
)
def test_the_nearest_word_counts(here, job, words, environ, place):
    job(job_id="mine", runtime={"state_dir": "of config"})
    assert here("run", "job.yaml", *words, **environ).code == 0
    assert [path.parts[0] for path in Path().glob("*/mine/report.json")] == [place]


def test_what_asks_for_jobs_looks_there_too(here, job):
    job(job_id="mine")
    environ = {"QUERYGEN_STATE_DIR": "of machine"}
    assert here("run", "job.yaml", **environ).code == 0
    assert here("report", "mine", "--json", **environ).json["job_id"] == "mine"
    assert here("jobs", "--json", **environ).json[0]["job_id"] == "mine"
    assert here("retry", "mine", **environ).code == 0
    assert "no jobs in .querygen" in here("jobs").out
