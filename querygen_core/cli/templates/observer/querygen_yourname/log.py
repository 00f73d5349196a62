from __future__ import annotations

import json
import os
from pathlib import Path

from querygen_core.api import Event

from querygen_yourname import LogOptions

_Feed = tuple[str, int]
"""Job id and shard: `seq` counts the events of one of them."""


class Log:
    def __init__(self, options: LogOptions) -> None:
        self._path = Path(options.path).absolute()
        # querygen keeps under this name which events the file has got.
        self.identity = str(self._path)
        self._last: dict[_Feed, int] | None = None

    def on_event(self, event: Event) -> None:
        """Called in a thread, in order. After an exception the same event is sent again later, or by the next run."""
        if self._last is None:
            self._last = _last_events(self._path)
        feed = (event.job_id, event.shard)
        # An event is sent again if a run was killed before it noted that we have it.
        if event.seq <= self._last.get(feed, 0):
            return
        line = {
            "job_id": event.job_id,
            "shard": event.shard,
            "seq": event.seq,
            "time": event.time,
            "kind": event.kind,
            "data": dict(event.data),
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(line)}\n")
        self._last[feed] = event.seq


def _last_events(path: Path) -> dict[_Feed, int]:
    """The highest `seq` of each feed in the file. A last line that a kill cut short is removed."""
    last: dict[_Feed, int] = {}
    if not path.exists():
        return last
    whole = 0
    with path.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                entry = json.loads(line)
                last[entry["job_id"], entry["shard"]] = entry["seq"]
                whole += len(line)
    os.truncate(path, whole)
    return last
