"""`aws/s3`: uploads the result when all outcomes are there, each object as a whole: no reader sees half of one."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from querygen_aws.clients import client
from querygen_aws.options import S3Options
from querygen_aws.s3.backup import Backup
from querygen_aws.s3.body import Body
from querygen_aws.s3.bucket import Bucket
from querygen_aws.s3.existing_objects import ExistingObjects, ExistingObjectsReader
from querygen_aws.s3.fence import Fence
from querygen_aws.s3.object_keys import ObjectKeys, job_name
from querygen_aws.s3.object_settings import ObjectSettings
from querygen_aws.s3.publisher import Publisher
from querygen_aws.s3.run_objects import RunObjects
from querygen_aws.s3.staged_output import Layout, StagedOutput
from querygen_core.api import ConfigError, Context, RunRecord, SinkError
from querygen_core.formats import PreviousContents, SnapshotWriter

_PROBE = "querygen-probe"
_PROBE_TEXT = b'{"about": "querygen writes this to find out whether it may"}\n'
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class S3Sink(SnapshotWriter[StagedOutput]):
    def __init__(self, options: S3Options, context: Context) -> None:
        if options.layout == "document" and context.shard.size > 1:
            raise ConfigError("aws/s3: `layout: document` works only in one process; with shards use `auto` or `parts`")
        super().__init__()
        self.identity = f"s3://{options.bucket}/{options.prefix}"
        self._context = context
        self._layouts = _layouts(options, context)
        self.takes_samples = True  # they have keys of their own
        partitions = context.shard.partition_count
        job = job_name(context.job_id)
        self._keys = ObjectKeys(options.prefix, options.error_prefix, job, partitions, context.sample)
        settings = ObjectSettings(options.sse, options.kms_key_id, options.acl)
        access = client("s3", context.environ, options.region), options.bucket, self._keys.job, settings
        unfenced = Bucket(*access, replace=options.replace)
        self._fence = Fence(unfenced, self._keys, context.shard, context.fence, context.state_dir)
        self._bucket = Bucket(*access, self._fence.check, replace=options.replace)
        folder = Path(options.backup_dir).expanduser() if options.backup_dir else context.state_dir
        self._backup = Backup(
            self._bucket, self._keys, context.shard, state_dir=context.state_dir, folder=folder, log=context.log
        )
        self._existing = ExistingObjects()

    def _check_place(self) -> None:
        self._bucket.check()
        self._fence.check()
        # Find objects of other jobs before anything is paid, although each write checks its object again.
        self._bucket.head_own(self._keys.document)
        if self._bucket.head_own(self._keys.manifest) is None:  # a manifest of ours lists only parts of ours
            existing_keys = self._bucket.list(self._keys.folder)
            for key in map(self._keys.part, self._context.shard.partitions):
                if key in existing_keys:
                    self._bucket.head_own(key)
        for prefix in {self._keys.prefix, self._keys.error_prefix} - {None}:
            self._probe(f"{prefix}{_PROBE}")

    def _probe(self, key: str) -> None:
        with closing(Body(self._context.state_dir, "application/json")) as body:
            body.write(_PROBE_TEXT)
            if not self._bucket.probe(key, body):
                message = "s3://%s/%s stays there, since the job has no s3:DeleteObject; it may be deleted at any time"
                self._context.log.info(message, self._bucket.name, key)

    def _stage(self) -> StagedOutput:
        self._fence.raise_mark()
        context = self._context
        output = StagedOutput(context.job_id, context.shard, context.state_dir, self._layouts)
        try:
            reader = ExistingObjectsReader(self._bucket, self._keys, context.shard, context.log)
            self._existing = reader.read(output.previous)
        except BaseException:
            output.close()
            raise
        return output

    def _read_held(self, previous: PreviousContents) -> None:
        ExistingObjectsReader(self._bucket, self._keys, self._context.shard, self._context.log).read(previous)

    def _put_in_place(self, staged: StagedOutput) -> None:
        publisher = Publisher(self._bucket, self._keys, self._context.state_dir, self._context.log)
        try:
            complete = publisher.publish(staged, self._existing)
        except SinkError as error:
            if error.kind == "fenced" or self._context.sample:  # nobody misses a sample
                raise
            raise self._back_up(staged, error) from error
        # Only now, so that a failure to write these lists cannot keep the queries from being written.
        publisher.list_short(staged)
        if complete:
            publisher.clear(staged, self._existing)

    async def keep_run(self, run: RunRecord) -> None:
        objects = RunObjects(self._bucket, self._keys, self._context)
        with closing(objects), self._failures():
            await objects.stage(run)
            await asyncio.to_thread(objects.write, whole=run.whole)

    def _failures(self) -> AbstractContextManager[None]:
        return _disk_errors()

    def _back_up(self, output: StagedOutput, error: SinkError) -> SinkError:
        """Write the queries to the backup and return the error to raise, which says where they are."""
        try:
            if output.layout == "document":
                location = self._backup.write(output.document(), ".json")
            else:
                with closing(output.parts(*output.shard.partitions)) as body:
                    location = self._backup.write(body, ".jsonl")
        except OSError as failure:
            message = f"{error}; no backup could be written either ({failure}); all queries are still in the journal"
            return SinkError("permanent", message)
        return SinkError(
            "permanent", f"{error}; the queries are safe in {location}; fix the cause and run again", backup=True
        )


def _layouts(options: S3Options, context: Context) -> frozenset[Layout]:
    """Return the layouts that are possible: with both, the number of products decides."""
    if options.layout != "auto":
        return frozenset({options.layout})
    return frozenset({"parts"} if context.shard.size > 1 else {"document", "parts"})


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Translate errors of the temporary files. A full disk may be emptied, so it is worth a retry."""
    try:
        yield
    except OSError as error:
        message = f"aws/s3: cannot write temporary files to the state folder: {error.strerror or error}"
        raise SinkError("retry" if error.errno in _DISK_FULL else "permanent", message) from error
    except sqlite3.Error as error:
        raise SinkError("retry", f"aws/s3: cannot write temporary files to the state folder: {error}") from error
