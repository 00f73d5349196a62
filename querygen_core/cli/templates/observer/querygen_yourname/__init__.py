"""yourname/log: the events of jobs in a file. Declares it; `log.py` does the work."""

from __future__ import annotations

from pydantic import Field
from querygen_core.api import Component, Context, Observer, Options, hookimpl

querygen_api = 1


class LogOptions(Options):
    path: str = Field(
        min_length=1,
        description="File that events are appended to, one JSON object per line.",
    )


def build_log(options: LogOptions, _context: Context) -> Observer:
    # Imported here, so that a command that only reads the declaration does not load it.
    from querygen_yourname.log import Log

    return Log(options)


@hookimpl
def querygen_observers() -> list[Component[LogOptions, Observer]]:
    return [
        Component(
            "log", LogOptions, build_log, "Appends every event of a job to a file"
        )
    ]
