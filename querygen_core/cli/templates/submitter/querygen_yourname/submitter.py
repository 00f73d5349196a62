from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

from querygen_core.api import ConfigError, Failure, JobSpec, Progress, Submission

from querygen_yourname import ProcessesOptions
from querygen_yourname.supervisor import PROGRESS


class Processes:
    def __init__(self, options: ProcessesOptions) -> None:
        self._options = options
        folder = Path(options.folder).absolute()
        self._sent, self._runs = folder / "sent", folder / "runs"

    async def submit(self, job: JobSpec) -> Submission:
        run_id, place = uuid4().hex, f"{self._sent.as_uri()}/"
        try:
            await asyncio.to_thread(self._start, job, self._runs / run_id, place)
        except OSError as exc:
            raise ConfigError(
                f"cannot use the folder {self._runs}: {exc.strerror}"
            ) from None
        follow = (f"tail -F {self._runs / run_id}/*.log",)
        return Submission(
            id=run_id, report_id=f"{run_id}-report", place=place, follow=follow
        )

    async def watch(self, submission: Submission) -> AsyncIterator[Progress]:
        file = self._runs / submission.id / PROGRESS
        progress = Progress()
        while not progress.ended:
            await asyncio.sleep(0.2)
            if file.exists():
                state = json.loads(file.read_text("utf-8"))
                failures = tuple(
                    Failure(**failure) for failure in state.pop("failures")
                )
                yield (progress := Progress(**state, failures=failures))

    def _start(self, job: JobSpec, run: Path, place: str) -> None:
        """Write what is not there yet, then start a supervisor, which outlives this process."""
        for name, content in job.files.items():
            _send(self._sent / name, content)
        run.mkdir(parents=True)
        command = self._options.command or (sys.executable, "-m", "querygen_core")
        plan = {
            "folder": str(run),
            "shards": job.shards,
            "parallel": self._options.parallel,
            "run": [*command, *job.run(place)],
            "report": [*command, *job.report(place)],
        }
        words = [sys.executable, "-m", "querygen_yourname.supervisor", json.dumps(plan)]
        # In a process group of its own, so that Ctrl-C ends the watching and not the job.
        os.posix_spawn(sys.executable, words, os.environ, setpgroup=0)


def _send(target: Path, content: bytes | Path) -> None:
    # A name holds a hash of its content, so what is there already is the same.
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f"{target.name}.{uuid4().hex}")
        if isinstance(content, bytes):
            draft.write_bytes(content)
        else:
            shutil.copyfile(content, draft)
        draft.replace(target)
