"""Which job a file belongs to, so that no sink replaces what is not its own."""

from __future__ import annotations

import json
from dataclasses import dataclass

from querygen_core.api import SinkError
from querygen_files.output_file import OutputFile

_HEAD = b'{"job_id":'  # how both formats begin
_LONGEST = 1 << 14  # bytes; of a job id, 255 characters, however they are escaped


@dataclass(frozen=True, slots=True)
class Ownership:
    """What a sink may replace."""

    job_id: str | None
    """The job whose file it may replace; None: any job's, as with samples, which nobody relies on."""
    replace: bool = False
    """Whether it may replace every file."""

    def check(self, target: OutputFile) -> None:
        """Raise SinkError if the file is not to be replaced. An empty one is nobody's. Raises OSError, too."""
        if self.replace or (file := target.read()) is None:
            return
        with file:
            head = file.read(_LONGEST)
        owner = _owner(head)
        if head and (owner is None or self.job_id not in (None, owner)):
            whose = "querygen has not written it" if owner is None else f"it belongs to the job {owner!r}"
            advice = "choose another path, move it, or take it over with `replace: true`"
            raise SinkError("permanent", f"{target.identity} is there already, and {whose}; {advice}")


def _owner(head: bytes) -> str | None:
    """The job that has written a file that begins like this; None if querygen has not."""
    if not head.startswith(_HEAD):
        return None
    text = head[len(_HEAD) :].decode("utf-8", "replace")
    try:
        owner, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return owner if isinstance(owner, str) else None
