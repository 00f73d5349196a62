"""A submitter whose machines are processes here: they know the bundle's URL and what `environ` says, nothing else."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from pydantic import Field

from querygen_core.api import Component, Context, Failure, JobSpec, Options, Progress, Submission, hookimpl

querygen_api = 1


class LaneOptions(Options):
    place: str = Field(description="The folder that everything is sent to.")
    home: str = Field(".", description="The folder that the processes run in.")
    environ: dict[str, str] = Field({}, description="All that they have in their environment, beside Python's own.")
    runs: bool = Field(True, description="Whether anything is run at all.")
    stalls: bool = Field(False, description="Whether it never ends.")


class Lane:
    def __init__(self, options: LaneOptions, context: Context) -> None:
        self.options = options
        self.state_dir = context.state_dir
        self.order: JobSpec | None = None
        self.shards: list[asyncio.subprocess.Process] = []

    async def submit(self, order: JobSpec) -> Submission:
        assert self.state_dir.is_dir()
        url = self.put(order)
        self.order = order
        if self.options.runs:
            self.shards = [await self.start(order.run(url), index) for index in range(order.shards)]
        return Submission(id="lane-1", report_id="lane-2", place=url, follow=("cat lane",))

    def put(self, order: JobSpec) -> str:
        place = Path(self.options.place).absolute()
        for name, content in order.files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        return f"{place.as_uri()}/"

    async def watch(self, submission: Submission) -> AsyncIterator[Progress]:
        assert self.order
        size = self.order.shards
        yield Progress(running=size)
        if self.options.stalls:
            await asyncio.to_thread(Path("stalling").touch)
            await asyncio.sleep(600)
        failures = [
            Failure(shard=index, exit_code=code, reason="it failed", log=f"shard-{index}.log")
            for index, process in enumerate(self.shards)
            if (code := await process.wait())
        ]
        counts = {"succeeded": size - len(failures), "failed": len(failures)}
        if failures:
            yield Progress(**counts, report="failed", failures=(*failures, Failure(shard=None, exit_code=None)))
            return
        yield Progress(**counts)
        code = await (await self.start(self.order.report(submission.place), None)).wait()
        last = (Failure(shard=None, exit_code=code),) if code else ()
        yield Progress(**counts, report="failed" if code else "succeeded", failures=last)

    async def start(self, words: tuple[str, ...], index: int | None) -> asyncio.subprocess.Process:
        assert self.order
        array = {"AWS_BATCH_JOB_ARRAY_INDEX": f"{index}", "AWS_BATCH_JOB_ARRAY_SIZE": f"{self.order.shards}"}
        own = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        environ = {**own, **self.options.environ, **(array if index is not None and self.order.shards > 1 else {})}
        name = "report" if index is None else f"shard-{index}"
        home = Path(self.options.home)
        with (home / f"{name}.out").open("wb") as out, (home / f"{name}.log").open("wb") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "querygen_core",
                *words,
                cwd=home,
                env=environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=log,
            )


@hookimpl
def querygen_submitters() -> Any:
    return [Component("local", LaneOptions, Lane, "Runs shards as processes of this machine.")]
