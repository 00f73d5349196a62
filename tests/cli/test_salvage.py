"""From exit code 72 to a job that goes on and pays for what was lost only."""

from __future__ import annotations

from pathlib import Path

import pytest

STATE = Path(".querygen")
ANSWERS, JOB = STATE / "answers.sqlite", STATE / "job" / "journal.sqlite"


def break_beginning(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(b"\xa5" * 100 + whole[100:])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["job.yaml", "job"], ids=["config", "job"])
@pytest.mark.parametrize("file", [ANSWERS, JOB], ids=["answers", "job"])
def test_after_it_the_job_goes_on_and_pays_nothing_again(here, job, monkeypatch, tmp_path: Path, file: Path, name: str):
    monkeypatch.chdir(tmp_path)
    job()
    assert here("run", "job.yaml", "--json").json["calls"]["new"] == 3
    break_beginning(file)
    words = ["run", "job.yaml", "--json", "--set", "runtime.refill_rounds=1"]
    damaged = here(*words)
    assert (damaged.code, "Traceback" in damaged.err) == (72, False), damaged.err
    assert f"{file}: it is not a database, or its beginning is damaged; `querygen salvage CONFIG`" in damaged.err
    done = here("salvage", name)
    assert done.code == 0, done.err
    (aside,) = file.parent.glob(f"{file.name}.damaged-*")
    (line,) = (line for line in done.out.splitlines() if line.startswith(f"{file}: kept "))
    assert line.endswith(f"the damaged file is {aside}")
    assert ("kept 3 answers" in line) == (file == ANSWERS)
    again = here(*words)
    assert (again.code, again.json["calls"]["new"], again.json["done"]) == (0, 0, 3), again.err
    assert here("salvage", name).out == f"{JOB}: not damaged\n{ANSWERS}: not damaged\n"


def test_a_job_that_is_not_there_is_said_to_be(here, job, monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    job()
    assert here("salvage", "job.yaml").out == f"{STATE / 'job'}: there is nothing yet\n"
    missing = here("salvage", "nothing")
    assert (missing.code, "no job 'nothing'" in missing.err) == (64, True)


def test_a_folder_of_another_s_is_named(here, job, monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    job()
    assert here("run", "job.yaml", "--state-dir", "mine").code == 0
    break_beginning(Path("mine") / "answers.sqlite")
    for words in (["job.yaml", "--state-dir", "mine"], ["job", "--state-dir", "mine"]):
        assert "mine/answers.sqlite: " in here("salvage", *words).out
    assert len([*Path("mine").glob("answers.sqlite.damaged-*")]) == 1
