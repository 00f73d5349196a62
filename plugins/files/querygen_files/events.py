"""`files/events`: appends every event to a file, one JSON object a line."""

from __future__ import annotations

import fcntl
import os

from querygen_core.api import Event, SinkError
from querygen_core.formats import from_line, to_line
from querygen_files.output_file import OutputFile, open_regular_file

_LINE_START = b'{"seq":'
_BLOCK = 2**16


class EventsFile:
    """An observer whose events are durable when `on_event` returns, since they are not sent again.

    Events are rare (stages, failures, ends; none per question), so each may cost an fsync. Several jobs may write to
    one file, also at the same time.
    """

    def __init__(self, file: OutputFile) -> None:
        self.identity = file.identity
        self._file = file
        self._last_events: dict[str, tuple[int, str]] | None = None  # job id → seq and time

    def on_event(self, event: Event) -> None:
        """Opens the file for each event, so that a file that was moved away is created again (log rotation)."""
        with self._file.failures():
            self._file.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = open_regular_file(self._file.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._append_new(descriptor, event)
            finally:
                os.close(descriptor)  # which also releases the lock

    def _append_new(self, descriptor: int, event: Event) -> None:
        """Append the event unless the file has it: after a crash the engine sends the last events again."""
        self._remove_partial_line(descriptor)
        if self._last_events is None:
            self._last_events = _read_last_events(descriptor)
        if not _is_repeated(event, self._last_events.get(event.job_id)):
            _append(descriptor, _to_line(event))
            self._last_events[event.job_id] = (event.seq, event.time)

    def _remove_partial_line(self, descriptor: int) -> None:
        """A line without an end is what a kill or a power failure left of an event that will be sent again."""
        size = os.fstat(descriptor).st_size
        end = _end_of_last_line(descriptor, size)
        self._check_line_start(os.pread(descriptor, len(_LINE_START), 0))
        if end < size:
            self._check_line_start(os.pread(descriptor, size - end, end))
            os.ftruncate(descriptor, end)

    def _check_line_start(self, content: bytes) -> None:
        """Refuse to change another program's file. Zeroes are what a power failure may leave in place of a line."""
        if not _LINE_START.startswith(content.strip(b"\0")[: len(_LINE_START)]):
            message = f"cannot write {self.identity}: it exists but is not an event file; choose another path"
            raise SinkError("permanent", message)


def _to_line(event: Event) -> bytes:
    record = {
        "seq": event.seq,
        "time": event.time,
        "kind": event.kind,
        "job_id": event.job_id,
        "attempt": event.attempt,
        "shard": event.shard,
        "data": event.data,
    }
    return f"{to_line(record)}\n".encode()


def _append(descriptor: int, line: bytes) -> None:
    """Append all of the line durably, or nothing of it."""
    size_before = os.fstat(descriptor).st_size
    try:
        rest = line
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size_before)
        raise


def _end_of_last_line(descriptor: int, size: int) -> int:
    """Offset behind the last line break; 0 if there is none. Reads backwards, as the file may be long."""
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _read_last_events(descriptor: int) -> dict[str, tuple[int, str]]:
    """Job id → seq and time of its last event in the file. Lines that somebody has damaged are skipped."""
    last_events = {}
    with os.fdopen(os.dup(descriptor), "rb") as lines:
        lines.seek(0)
        for line in lines:
            try:
                record = from_line(line)
                last_events[str(record["job_id"])] = (int(record["seq"]), str(record["time"]))
            except (ValueError, KeyError, TypeError):
                continue
    return last_events


def _is_repeated(event: Event, last: tuple[int, str] | None) -> bool:
    """A lower number at a later time is a new event: the job's journal was lost and counts from 1 again."""
    return last is not None and event.seq <= last[0] and event.time <= last[1]
