from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from querygen_core.api import Progress, Submitter
from querygen_core.testing import PluginContract, SubmitterContract, context

from querygen_yourname import ProcessesOptions, build_processes

ONE_FAILS = "import os; raise SystemExit(int(os.environ['AWS_BATCH_JOB_ARRAY_INDEX']))"


class TestPlugin(PluginContract):
    package = "querygen_yourname"


class TestProcesses(SubmitterContract):
    def submitter(self, folder: Path) -> Submitter:
        return self.running("pass")

    def stored(self) -> Mapping[str, bytes]:
        files = (
            path
            for path in (self.folder / "submissions" / "sent").rglob("*")
            if path.is_file()
        )
        return {path.as_uri(): path.read_bytes() for path in files}

    def lost(self) -> Submitter:
        (self.folder / "file").touch()
        return build_processes(
            ProcessesOptions(folder=str(self.folder / "file")), context(self.folder)
        )

    def running(self, program: str) -> Submitter:
        """Its shards are a line of Python."""
        options = ProcessesOptions(
            folder=str(self.folder / "submissions"),
            command=(sys.executable, "-c", program),
        )
        return build_processes(options, context(self.folder))

    @pytest.mark.parametrize(
        ("program", "failed"),
        [
            ("pass", 0),
            ("import os; exit(int(os.environ['AWS_BATCH_JOB_ARRAY_INDEX']))", 1),
        ],
    )
    def test_watches_to_the_end(self, program: str, failed: int) -> None:
        async def last() -> Progress:
            submitter = self.running(program)
            async for progress in submitter.watch(
                await submitter.submit(self.order(shards=2))
            ):
                if progress.ended:
                    return progress
            raise AssertionError("it stopped watching before the end")

        progress = asyncio.run(last())
        assert (progress.succeeded, progress.failed) == (2 - failed, failed)
        assert progress.report == ("failed" if failed else "succeeded")
