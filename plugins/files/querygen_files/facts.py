"""`files/facts`: what happened, one JSON object a line, appended."""

from __future__ import annotations

import fcntl
import os

from querygen_core.api import Fact, SinkError
from querygen_core.formats import from_line, to_line
from querygen_files.target import Target, open_plain

_START = b'{"seq":'
_BLOCK = 2**16


class FactsFile:
    """Every fact is durable when `on_fact` returns, for it is not told again. Facts are rare (stages, failures, ends;
    none per question), so each may cost an fsync. Several jobs may share a file, also at once.
    """

    def __init__(self, target: Target) -> None:
        self.identity = target.identity
        self._target = target
        self._newest: dict[str, tuple[int, str]] | None = None

    def on_fact(self, fact: Fact) -> None:
        """Opens the file anew each time: one that was moved away is made again, and nothing is left to close."""
        with self._target.failures():
            self._target.path.parent.mkdir(parents=True, exist_ok=True)
            file = open_plain(self._target.path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                self._add(file, fact)
            finally:
                os.close(file)  # which also unlocks it

    def _add(self, file: int, fact: Fact) -> None:
        self._cut_torn_tail(file)
        if self._newest is None:
            self._newest = _newest(file)
        if not _is_repeat(fact, self._newest.get(fact.job_id)):
            _append(file, _line(fact))
            self._newest[fact.job_id] = (fact.seq, fact.time)

    def _cut_torn_tail(self, file: int) -> None:
        """A line without an end is what a kill or a power cut left of a fact that will be told again."""
        size = os.fstat(file).st_size
        end = _end_of_last_line(file, size)
        self._refuse_strangers(os.pread(file, len(_START), 0))
        if end < size:
            self._refuse_strangers(os.pread(file, size - end, end))
            os.ftruncate(file, end)

    def _refuse_strangers(self, beginning: bytes) -> None:
        """Zeroes are what a power cut may leave where a line was to be."""
        if not _START.startswith(beginning.strip(b"\0")[: len(_START)]):
            message = f"cannot write {self.identity}: it is there, but is no file of facts; choose another path"
            raise SinkError("permanent", message)


def _line(fact: Fact) -> bytes:
    record = {
        "seq": fact.seq,
        "time": fact.time,
        "kind": fact.kind,
        "job_id": fact.job_id,
        "attempt": fact.attempt,
        "shard": fact.shard,
        "data": fact.data,
    }
    return f"{to_line(record)}\n".encode()


def _append(file: int, line: bytes) -> None:
    """All of the line, durably, or nothing."""
    before = os.fstat(file).st_size
    try:
        rest = line
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    except OSError:
        os.ftruncate(file, before)
        raise


def _end_of_last_line(file: int, size: int) -> int:
    end = size
    while end > 0:
        start = max(0, end - _BLOCK)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def _newest(file: int) -> dict[str, tuple[int, str]]:
    """The last fact of each job in the file. Lines that a person has spoilt are passed over."""
    newest = {}
    with os.fdopen(os.dup(file), "rb") as lines:
        lines.seek(0)
        for line in lines:
            try:
                record = from_line(line)
                newest[str(record["job_id"])] = (int(record["seq"]), str(record["time"]))
            except (ValueError, KeyError, TypeError):
                continue
    return newest


def _is_repeat(fact: Fact, newest: tuple[int, str] | None) -> bool:
    """A lower number at a later time is no repeat: the job's journal was lost, and counts from 1 again."""
    return newest is not None and fact.seq <= newest[0] and fact.time <= newest[1]
