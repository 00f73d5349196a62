"""`querygen answers prune`, over the two kinds of stores."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.parametrize("shared", [False, True])
def test_what_is_pruned_is_paid_again(here, job, tmp_path: Path, shared: bool):
    journal = {"url": f"file://{tmp_path}/store/"} if shared else {}
    job(journal=journal)
    assert here("run", "job.yaml", "--json").json["calls"]["new"] == 3
    assert here("answers", "prune", "--older-than", "1d", "job.yaml").out.startswith("0 answers deleted")
    pruned = here("answers", "prune", "--older-than", "0d", "job.yaml")
    assert pruned.out.startswith("3 answers deleted that were paid for before 20"), pruned.err
    again = here("run", "job.yaml", "--json").json["calls"]
    assert (again["new"], again["journal"]) == (0, 0), "the products are done, and need no answers"
    assert here("run", "job.yaml", "--job-id", "another", "--json").json["calls"]["new"] == 3


def test_a_folder_can_be_named_instead_of_a_config(here, job):
    job()
    here("run", "job.yaml", "--state-dir", "elsewhere")
    assert here("answers", "prune", "--older-than", "0d", "--state-dir", "elsewhere").out.startswith("3 answers")
    missing = here("answers", "prune", "--older-than", "0d", "--state-dir", "nowhere")
    assert (missing.code, missing.out) == (64, "")
    assert "there is no answer store at nowhere/answers.sqlite" in missing.err


@pytest.mark.parametrize("age", ["180", "d", "-1d", "1.5d", "1000000d", "²d"])
def test_an_age_is_a_number_of_days(here, age: str):
    ended = here("answers", "prune", f"--older-than={age}")
    assert (ended.code, ended.out) == (64, "")
    assert "should be a number of days such as 180d" in ended.err
