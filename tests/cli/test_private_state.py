"""The state is the owner's alone, and nobody who may write into its folder can make a run write elsewhere."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

VICTIM = "somebody's own words"


@pytest.fixture(params=[0o022, 0o000], ids=["umask 022", "umask 000"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, str]:
    """Of what other users may do anything with."""
    found = {path.name: stat.S_IMODE(path.lstat().st_mode) for path in [folder, *folder.rglob("*")]}
    return {name: oct(mode) for name, mode in found.items() if mode & 0o077}


@pytest.mark.usefixtures("umask")
def test_what_a_run_makes_is_private(here, job, tmp_path: Path):
    job(runtime={"state_dir": "deep/er/state"})
    ended = here("run", "job.yaml")
    assert ended.code == 0
    assert "other users" not in ended.err
    assert modes(tmp_path / "deep") == {}


def test_what_an_earlier_version_left_open_is_closed(here, job, tmp_path: Path):
    job()
    assert here("run", "job.yaml").code == 0
    folder = tmp_path / ".querygen" / "job"
    for path in [folder, *folder.iterdir(), tmp_path / ".querygen" / "answers.sqlite"]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    ended = here("run", "job.yaml")
    assert ended.code == 0
    assert ".querygen/job: other users may look into it; `chmod 700` it" in ended.err
    assert not [name for name in modes(tmp_path / ".querygen") if "sqlite" in name and "lock" not in name]
    assert modes(folder).keys() <= {"job", "lock-0-of-1", "journal.sqlite.lock"}, "what holds data is closed"


LINKS = ["report.json.{pid}.partial", "config.json.{pid}.partial", "dead_letters.jsonl.{pid}.partial", ".probe-{pid}"]


def test_links_that_somebody_laid_are_not_followed(here, job, tmp_path: Path):
    job()
    folder = tmp_path / ".querygen" / "job"
    folder.mkdir(parents=True)
    (tmp_path / "victim").write_text(VICTIM)
    for link in (*LINKS, "report.json"):
        (folder / link.format(pid=os.getpid())).symlink_to(tmp_path / "victim")
    assert here("run", "job.yaml").code == 0
    assert (tmp_path / "victim").read_text() == VICTIM
    assert not (folder / "report.json").is_symlink()


@pytest.mark.parametrize("lock", ["job/lock-0-of-1", "job/journal.sqlite.lock", "answers.sqlite.lock"])
def test_a_link_in_the_place_of_a_lock_is_refused(here, job, tmp_path: Path, lock: str):
    """A run empties its lock and writes its number there."""
    job()
    path = tmp_path / ".querygen" / lock
    path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "victim").write_text(VICTIM)
    path.symlink_to(tmp_path / "victim")
    ended = here("run", "job.yaml")
    assert ended.code == 72
    assert f"{lock} cannot be written: Too many levels of symbolic links" in ended.err
    assert (tmp_path / "victim").read_text() == VICTIM
