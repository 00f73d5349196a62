"""Backup of a job's queries when the bucket refuses them: one object, or one local file, however often it is tried."""

from __future__ import annotations

import json
import logging
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from querygen_aws.s3.body import Body
from querygen_aws.s3.bucket import Bucket
from querygen_aws.s3.object_keys import ObjectKeys
from querygen_core.api import Shard, SinkError
from querygen_core.formats import replacing


class Backup:
    """The backup of one shard. Its name is chosen once and stored on disk before anything is written under it.

    The name contains a hash of bucket, job and shard, by which a run on another machine finds the backup and replaces
    it instead of leaving a second one.
    """

    def __init__(
        self, bucket: Bucket, keys: ObjectKeys, shard: Shard, *, state_dir: Path, folder: Path, log: logging.Logger
    ) -> None:
        owner = f"s3://{bucket.name}/{keys.prefix}\n{keys.job}\n{shard.label}"
        backup_id = uuid.uuid5(uuid.NAMESPACE_URL, owner).hex[:8]
        self._bucket = bucket
        self._key_prefix = keys.backups(backup_id)
        self._prefix = keys.prefix
        self._name_file = state_dir / f"s3-backup-{backup_id}.json"
        self._folder = folder
        self._log = log

    def write(self, body: Body, suffix: str) -> str:
        """Write `body` to the bucket, or to the local folder if that fails; return its URL or path.

        Raises:
            OSError: the local folder cannot be written either. SinkError: another process has taken over the job.
        """
        name = f"{self._stem()}{suffix}"
        key = f"{self._prefix}{name}"
        try:
            self._bucket.put(key, body, self._bucket.head(key))
        except SinkError as error:
            if error.kind == "fenced":
                raise
            self._log.warning("the backup cannot be written to the bucket: %s", error)
            return str(self._write_file(name, body))
        return f"s3://{self._bucket.name}/{key}"

    def _stem(self) -> str:
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):  # a damaged file counts as missing
            return str(json.loads(self._name_file.read_bytes())["name"])
        stem = self._stem_in_bucket()
        stem = stem or f"{self._key_prefix}{datetime.now(UTC):%Y%m%dT%H%M%SZ}".removeprefix(self._prefix)
        # Before the upload: after a crash in between, the next run writes to the same name.
        with replacing(self._name_file) as file:
            file.write(json.dumps({"name": stem}).encode())
        return stem

    def _stem_in_bucket(self) -> str:
        """Return the stem of a backup that a run on another machine wrote; "" if there is none."""
        try:
            keys = sorted(self._bucket.list(self._key_prefix))
        except SinkError:  # probably the reason why there is a backup at all
            return ""
        return keys[0].removeprefix(self._prefix).partition(".")[0] if keys else ""

    def _write_file(self, name: str, body: Body) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / name
        with replacing(path) as file:
            file.writelines(body.blocks())
        return path.absolute()
