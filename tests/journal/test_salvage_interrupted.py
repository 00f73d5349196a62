"""A salvage beside other processes, and one that is killed."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from querygen_core.contracts.errors import Exit, JournalError
from querygen_core.journal.salvage import Salvaged, salvage_job
from tests.journal.opened import ANSWERS, JOB, change, opened
from tests.journal.test_salvage import COUNT, PAGE, fill, numbers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    opened(tmp_path / "job", fill)
    return tmp_path / "job"


WRITER = """
import pathlib, sys
from contextlib import closing
from querygen_core.contracts.errors import Exit, JournalError
from querygen_core.journal.schema import ANSWERS, connect
number = 0
while True:
    try:
        with closing(connect(pathlib.Path(sys.argv[1]), ANSWERS)) as db:
            db.execute("INSERT INTO grants VALUES ('other-job', ?, 1)", (f"{number}",))
    except JournalError as error:
        assert error.exit_code == Exit.TRY_AGAIN, error
        continue
    print(number, flush=True)
    number += 1
"""


def test_what_another_job_writes_meanwhile_is_not_lost(folder: Path):
    """It opens the store again and again; between its looks at the file and its writes the file is replaced."""
    command = [sys.executable, "-c", WRITER, str(folder / ANSWERS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "0\n"
        for number in range(10):
            damage = "UPDATE answers SET body = x'00' WHERE key = ?"
            change(folder, damage, f"{number:064}", file=ANSWERS)
            while salvaged_meanwhile(folder).damaged is None:
                pass
        process.kill()
        written = {line.strip() for line in process.stdout} | {"0"}
    there = opened(folder, lambda journal: journal.grants(), job_id="other-job")
    assert len(written) > 10
    assert written <= there.keys()


def salvaged_meanwhile(folder: Path) -> Salvaged:
    """Salvage the answers as soon as nobody else has them open."""
    while True:
        try:
            return next(result for result in salvage_job(folder / "state", "test-job") if result.path.name == ANSWERS)
        except JournalError as error:
            assert error.exit_code == Exit.TRY_AGAIN


KILLED = """
import os, pathlib, signal, sys
from querygen_core.journal.salvage import salvage_job
left = int(sys.argv[2])
def before(call):
    def counted(*given, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **named)
    return counted
for name in ("fsync", "link", "rename", "replace", "unlink"):
    setattr(os, name, before(getattr(os, name)))
salvage_job(pathlib.Path(sys.argv[1]) / "state", "test-job")
"""


@pytest.mark.slow
@pytest.mark.parametrize("file", [ANSWERS, JOB])
def test_a_salvage_that_was_killed_anywhere_is_completed_by_another(folder: Path, tmp_path: Path, file: str):
    damaged = bytearray((folder / file).read_bytes())
    if file == JOB:
        with closing(sqlite3.connect(folder / JOB)) as db:
            root = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'runs'").fetchone()[0]
        damaged[(root - 1) * PAGE : root * PAGE] = bytes(PAGE)
    else:
        damaged[:100] = b"\xa5" * 100
    (folder / file).write_bytes(damaged)
    for number in range(1, 100):
        case = tmp_path / f"case-{number}"
        shutil.copytree(folder, case)
        (case / f"{file}-wal").write_bytes(b"of another time")
        ended = subprocess.run([sys.executable, "-c", KILLED, str(case), str(number)], check=False)
        if ended.returncode == 0:
            assert number > 5
            return
        assert (case / file).is_file()
        try:
            assert opened(case, numbers) == set(range(COUNT)), "the new one was in place already"
        except JournalError as error:
            assert error.exit_code == Exit.STATE_UNUSABLE
            assert "querygen salvage" in str(error)
        salvage_job(case / "state", "test-job")
        assert opened(case, numbers) == set(range(COUNT))
        assert change(case, "UPDATE outcomes SET kept = kept") == COUNT
        (aside,) = (path for path in case.glob(f"{file}.damaged-*") if not path.name.endswith("-wal"))
        assert aside.read_bytes() == damaged
    raise AssertionError("it never came to its end")
