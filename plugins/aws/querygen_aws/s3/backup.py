"""Where the queries go when their own place takes nothing: one object, or one file, however often it is tried."""

from __future__ import annotations

import json
import logging
import os
import uuid
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from querygen_aws.s3.body import Body
from querygen_aws.s3.bucket import Bucket
from querygen_aws.s3.names import Names
from querygen_core.api import Shard, SinkError


class Backup:
    """One shard's. Its name is chosen once, and on disk before anything is sent under it.

    Eight characters of the name are made from bucket, job and shard, so that a run on another machine finds it.
    """

    def __init__(
        self, bucket: Bucket, names: Names, shard: Shard, *, state_dir: Path, folder: Path, log: logging.Logger
    ) -> None:
        who = f"s3://{bucket.name}/{names.prefix}\n{names.job}\n{shard.index}/{shard.size}"
        mark = uuid.uuid5(uuid.NAMESPACE_URL, who).hex[:8]
        self._bucket = bucket
        self._beginning = names.backups(mark)
        self._prefix = names.prefix
        self._record = state_dir / f"s3-backup-{mark}.json"
        self._folder = folder
        self._log = log

    def write(self, body: Body, ending: str) -> str:
        """Where it is now. Raises OSError if no place takes it."""
        name = f"{self._name()}{ending}"
        key = f"{self._prefix}{name}"
        try:
            self._bucket.put(key, body, self._bucket.look(key))
        except SinkError as error:
            self._log.warning("no backup in the bucket: %s", error)
            return str(self._write_here(name, body))
        return f"s3://{self._bucket.name}/{key}"

    def _name(self) -> str:
        """Without its ending."""
        with suppress(FileNotFoundError, ValueError, KeyError, TypeError):  # a damaged one is as good as none
            return str(json.loads(self._record.read_bytes())["name"])
        name = self._find() or f"{self._beginning}{datetime.now(UTC):%Y%m%dT%H%M%SZ}".removeprefix(self._prefix)
        _write(self._record, [json.dumps({"name": name}).encode()])
        return name

    def _find(self) -> str:
        """The name of a backup that was made where this machine's state is not."""
        try:
            found = sorted(self._bucket.list(self._beginning))
        except SinkError:
            return ""
        return found[0].removeprefix(self._prefix).partition(".")[0] if found else ""

    def _write_here(self, name: str, body: Body) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / name
        _write(path, body.blocks())
        return path.absolute()


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    """Replace a file in one step, durably."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        for block in blocks:
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
