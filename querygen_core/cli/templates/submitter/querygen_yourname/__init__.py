"""yourname/processes: a job's shards as processes of this machine. Declares it; `submitter.py` does the work."""

from __future__ import annotations

from pydantic import Field
from querygen_core.api import Component, Context, Options, Submitter, hookimpl

querygen_api = 1


class ProcessesOptions(Options):
    folder: str = Field(default="submissions", description="Folder for files and logs.")
    parallel: int = Field(
        default=2, ge=1, description="Shards that run at the same time."
    )
    command: tuple[str, ...] = Field(
        default=(), description="Program in place of querygen."
    )


def build_processes(options: ProcessesOptions, _context: Context) -> Submitter:
    # Imported here, so that a command that only reads the declaration does not load it.
    from querygen_yourname.submitter import Processes

    return Processes(options)


@hookimpl
def querygen_submitters() -> list[Component[ProcessesOptions, Submitter]]:
    return [
        Component(
            "processes",
            ProcessesOptions,
            build_processes,
            "Runs the shards of a job as local processes",
        )
    ]
