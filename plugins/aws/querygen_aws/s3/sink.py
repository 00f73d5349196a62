"""`aws/s3`: written as a whole when all outcomes are there; nobody sees half of a document or of a part."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from typing import TypeVar

from querygen_aws.clients import client
from querygen_aws.s3.backup import Backup
from querygen_aws.s3.bucket import Bucket
from querygen_aws.s3.edition import Edition, Layout
from querygen_aws.s3.found import Finder, Found
from querygen_aws.s3.names import Names, name_of
from querygen_aws.s3.publisher import Publisher
from querygen_aws.s3_options import S3Options
from querygen_core.api import ConfigError, Context, Outcome, Receipt, SinkError

R = TypeVar("R")

_MAY_HEAL = {errno.ENOSPC, errno.EDQUOT}


class S3Sink:
    """The first `apply` begins an edition, `publish` ends it. All work is done in a thread, one step at a time.

    A failure in the middle of an edition is final for this object; the next run begins again.
    """

    def __init__(self, options: S3Options, context: Context) -> None:
        if options.layout == "document" and context.shard.size > 1:
            raise ConfigError(
                "aws/s3: `layout: document` is for a job in one process; use `auto` or `parts` with shards"
            )
        self.identity = f"s3://{options.bucket}/{options.prefix}"
        self._context = context
        self._layouts = _layouts(options, context)
        self._names = Names(options.prefix, options.error_prefix, name_of(context.job_id))
        self._bucket = Bucket(client("s3", context.environ, options.region), options.bucket, self._names.job)
        folder = Path(options.backup_dir).expanduser() if options.backup_dir else context.state_dir
        self._backup = Backup(
            self._bucket, self._names, context.shard, state_dir=context.state_dir, folder=folder, log=context.log
        )
        self._edition: Edition | None = None
        self._found = Found()
        self._failure: Exception | None = None
        self._one_at_a_time = Lock()  # of the threads: a cancelled call's thread works on

    async def check(self) -> None:
        await asyncio.to_thread(self._check)

    async def apply(self, outcomes: Sequence[Outcome]) -> Sequence[Receipt]:
        return await asyncio.to_thread(self._guard, lambda: self._apply(outcomes))

    async def publish(self) -> int:
        return await asyncio.to_thread(self._guard, self._publish)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._close)

    def _check(self) -> None:
        with self._one_at_a_time:
            self._bucket.check()
            self._bucket.look_at_ours(self._names.document)
            if self._bucket.look_at_ours(self._names.manifest) is None:  # else all its parts were ours
                there = self._bucket.list(self._names.folder)
                for key in map(self._names.part, self._context.shard.partitions):
                    if key in there:
                        self._bucket.look_at_ours(key)
            probe = f"querygen-probe-{uuid.uuid4().hex}"
            for prefix in {self._names.prefix, self._names.error_prefix} - {None}:
                self._bucket.probe(f"{prefix}{probe}")

    def _guard(self, step: Callable[[], R]) -> R:
        with self._one_at_a_time:
            if self._failure is not None:
                raise self._failure
            try:
                with _disk_failures():
                    return step()
            except Exception as failure:
                self._failure = failure
                self._drop()
                raise

    def _apply(self, outcomes: Sequence[Outcome]) -> list[Receipt]:
        edition = self._current()
        return [edition.add(outcome) for outcome in outcomes]

    def _publish(self) -> int:
        edition = self._current()
        publisher = Publisher(self._bucket, self._names, self._context.state_dir, self._context.log)
        try:
            complete = publisher.publish(edition, self._found)
        except SinkError as error:
            raise self._secured(edition, error) from error
        publisher.list_short(edition)
        if complete:
            publisher.clear(edition, self._found)
        retired = edition.holdings.rest()
        self._drop()
        return retired

    def _secured(self, edition: Edition, error: SinkError) -> SinkError:
        """The error to end with, once the queries are somewhere else."""
        try:
            if edition.layout == "document":
                place = self._backup.write(edition.document(), ".json")
            else:
                with closing(edition.parts(*edition.shard.partitions)) as body:
                    place = self._backup.write(body, ".jsonl")
        except OSError as failure:
            message = f"{error}; no backup could be written either ({failure}); the journal has all queries"
            return SinkError("permanent", message)
        return SinkError("permanent", f"{error}; the queries are safe in {place}; repair it and run again", backup=True)

    def _current(self) -> Edition:
        if self._edition is None:
            context = self._context
            self._edition = Edition(context.job_id, context.shard, context.state_dir, self._layouts)
            finder = Finder(self._bucket, self._names, context.shard, context.log)
            self._found = finder.find(self._edition.holdings)
        return self._edition

    def _close(self) -> None:
        with self._one_at_a_time:
            self._drop()

    def _drop(self) -> None:
        if self._edition is not None:
            self._edition.close()
            self._edition = None


def _layouts(options: S3Options, context: Context) -> frozenset[Layout]:
    """One; or both, and the number of products decides."""
    if options.layout != "auto":
        return frozenset({options.layout})
    return frozenset({"parts"} if context.shard.size > 1 else {"document", "parts"})


@contextmanager
def _disk_failures() -> Iterator[None]:
    """Of what is spooled: a full disk may heal."""
    try:
        yield
    except OSError as error:
        message = f"aws/s3: cannot spool to disk: {error.strerror or error}"
        raise SinkError("retry" if error.errno in _MAY_HEAL else "permanent", message) from error
    except sqlite3.Error as error:
        raise SinkError("retry", f"aws/s3: cannot spool to disk: {error}") from error
