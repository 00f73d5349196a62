"""What is no file in the place of a database's files is named, and no retry is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from querygen_core.api import JournalError
from querygen_core.contracts.errors import Exit
from querygen_core.journal.salvage import salvage_job
from tests.journal.opened import ANSWERS, JOB, opened, settle_two

ODD: dict[str, Callable[[Path], None]] = {
    "dangling link": lambda file: file.symlink_to("/nonexistent/folder/file"),
    "link to itself": lambda file: file.symlink_to(file.name),
    "pipe": os.mkfifo,
    "/dev/null": lambda file: file.symlink_to("/dev/null"),
    "/dev/full": lambda file: file.symlink_to("/dev/full"),
    "folder": Path.mkdir,
}


@pytest.fixture(params=[ANSWERS, JOB])
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Where a database of `tmp_path` is to be."""
    opened(tmp_path, settle_two)
    path = tmp_path / request.param
    for leftover in path.parent.glob(f"{path.name}*"):
        leftover.unlink()
    return path


def is_refused(folder: Path, odd: Path) -> None:
    for use in (lambda: opened(folder, lambda journal: journal.spent()), lambda: salvage_job(folder / "state", "test")):
        with pytest.raises(JournalError) as caught:
            use()
        assert (caught.value.exit_code, str(odd) in str(caught.value)) == (Exit.STATE_UNUSABLE, True), caught.value


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
def test_it_is_refused_in_the_place_of_a_database(tmp_path: Path, file: Path, make: Callable[[Path], None]):
    make(file)
    is_refused(tmp_path, file)


@pytest.mark.parametrize("end", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("make", ["folder", "pipe", "dangling link"])
def test_it_is_refused_in_the_place_of_a_file_beside_a_database(tmp_path: Path, file: Path, make: str, end: str):
    opened(tmp_path, settle_two)
    odd = file.with_name(f"{file.name}{end}")
    ODD[make](odd)
    is_refused(tmp_path, odd)


def test_it_is_refused_in_the_place_of_a_lock(tmp_path: Path, file: Path):
    odd = file.with_name(f"{file.name}.lock")
    ODD["dangling link"](odd)
    with pytest.raises(JournalError) as caught:
        opened(tmp_path, lambda journal: journal.spent())
    assert (caught.value.exit_code, str(odd) in str(caught.value)) == (Exit.STATE_UNUSABLE, True)


def test_a_link_to_a_file_of_another_folder_is_no_odd_file(tmp_path: Path, file: Path):
    (tmp_path / "elsewhere").mkdir()
    file.symlink_to(tmp_path / "elsewhere" / "file")
    opened(tmp_path, lambda journal: journal.spent())
    assert (tmp_path / "elsewhere" / "file").is_file()
