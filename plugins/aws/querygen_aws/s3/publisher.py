"""Writing of a staged output to the objects of a job."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from querygen_aws.s3.body import Body
from querygen_aws.s3.bucket import MAX_ATTEMPTS, Bucket, ObjectInfo, back_off
from querygen_aws.s3.existing_objects import ExistingObjects
from querygen_aws.s3.object_keys import ObjectKeys
from querygen_aws.s3.parts import manifest
from querygen_aws.s3.staged_output import StagedOutput
from querygen_core.api import SinkError


class Publisher:
    """Writes one staged output. existing: the objects that the job had before."""

    def __init__(self, bucket: Bucket, keys: ObjectKeys, folder: Path, log: logging.Logger) -> None:
        self._bucket = bucket
        self._keys = keys
        self._folder = folder
        self._log = log
        self._all_parts = range(keys.partitions)
        self._known: dict[str, ObjectInfo] = {}

    def publish(self, output: StagedOutput, existing: ExistingObjects) -> bool:
        """Write the queries, and return whether the job has all its objects now: those of other shards may be missing.

        Raises:
            SinkError: an object cannot be written.
        """
        self._known = dict(existing.parts)  # saves a HEAD for each part that was just read
        if output.layout == "document":
            self._bucket.put(self._keys.document, output.document(), self._bucket.head(self._keys.document))
            return True
        # One listing instead of a HEAD per part; only parts that changed since they were read are asked for.
        etags = self._bucket.list(self._keys.folder)
        for number in output.shard.partitions:
            key = self._keys.part(number)
            with closing(output.parts(number)) as body:
                self._known[key] = self._bucket.put(key, body, self._info(key, etags.get(key)))
        return self._complete(output)

    def _complete(self, output: StagedOutput) -> bool:
        """Write the manifest if all parts exist, whichever process wrote them; return whether they do.

        The manifest is read before the parts. If another process replaces it meanwhile, that process may have seen
        newer parts than this one, and our version is refused.
        """
        for attempt in range(MAX_ATTEMPTS):
            current = self._bucket.head_own(self._keys.manifest)
            etags = self._bucket.list(self._keys.folder)
            parts = [(key, self._info(key, etags.get(key))) for key in map(self._keys.part, self._all_parts)]
            present = [(key.removeprefix(self._keys.folder), part) for key, part in parts if part is not None]
            if len(present) < len(self._all_parts):
                return False
            with closing(Body(self._folder, "application/json")) as body:
                body.write(manifest(output.job_id, present).encode())
                if self._bucket.try_put(self._keys.manifest, body, current):
                    return True
            back_off(attempt)
        raise SinkError("retry", f"other processes keep writing the manifest of {self._keys.folder}; run again")

    def _info(self, key: str, etag: str | None) -> ObjectInfo | None:
        """Return the object that a listing gave this ETag, from memory if it is unchanged; None if it is not listed."""
        known = self._known.get(key)
        if etag is None or (known is not None and known.etag == etag):
            return known if etag else None
        info = self._bucket.head_own(key)
        if info is not None:
            self._known[key] = info
        return info

    def list_short(self, output: StagedOutput) -> None:
        """Write the lists of products with too few questions.

        An empty list is written only over an existing one: nothing else would remove what that lists.
        """
        if self._keys.error_prefix is None:
            return
        existing_keys = self._bucket.list(self._keys.errors)
        if output.layout == "document":
            lists: list[tuple[int | None, Iterable[int]]] = [(None, self._all_parts)]
        else:
            lists = [(number, (number,)) for number in output.shard.partitions]
        for part, numbers in lists:
            key = self._keys.short(part)
            with closing(output.short(*numbers)) as body:
                if body.size or key in existing_keys:
                    self._bucket.put(key, body, self._bucket.head(key) if key in existing_keys else None)

    def clear(self, output: StagedOutput, existing: ExistingObjects) -> None:
        """Delete the job's objects of the other layout, once all objects of this one exist.

        Parts of another number of partitions are also of another layout: a job that was forgotten may begin with one.
        """
        errors = list(self._bucket.list(self._keys.errors)) if self._keys.error_prefix is not None else []
        if output.layout == "document":
            old = [self._keys.manifest, *self._keys.parts(existing.folder)] if existing.folder else []
            old += [key for key in self._keys.shorts(errors) if key != self._keys.short(None)]
        else:
            own = {*map(self._keys.part, self._all_parts), *map(self._keys.short, self._all_parts)}
            old = [self._keys.document] if existing.document else []
            listed = (*self._keys.parts(existing.folder), *self._keys.shorts(errors))
            old += [key for key in listed if key not in own]
        # The new layout is complete, so that what cannot be deleted is no failure of the sink.
        self._bucket.clear(old, self._log, "an object of another layout")
