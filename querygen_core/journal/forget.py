"""Removes the state of a job from the state folder."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path

from querygen_core.contracts.context import Shard
from querygen_core.journal.answer_db import AnswerDb
from querygen_core.journal.run_lock import RunLock

_OWN = ("journal.sqlite*", "lock-*", "report.json*", "config.json*", "dead_letters.jsonl*", "shard-*-of-*", ".probe-*")
"""What querygen itself writes to a job's folder. Everything else is a plugin's, such as a database of its own."""


def forget_job(folder: Path, job_id: str, answers: Path) -> list[str]:
    """Delete the job's own files and what the database of answers knows of it; names of what was left in the folder.

    Killed in between, it can be done again.

    Raises:
        JournalError: a run of the job is under way.
    """
    with ExitStack() as held:
        for path in sorted({folder / "lock-0-of-1", *folder.glob("lock-*")}):
            lock = RunLock(path, job_id)
            lock.take()
            held.callback(lock.release)
        if answers.exists():
            asyncio.run(_forget_spending(answers, job_id))
        for path in [path for pattern in _OWN for path in folder.glob(pattern)]:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    with suppress(OSError):  # not empty
        folder.rmdir()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


async def _forget_spending(file: Path, job_id: str) -> None:
    answers = AnswerDb(file, job_id, Shard())
    try:
        await answers.forget()
    finally:
        await answers.aclose()
