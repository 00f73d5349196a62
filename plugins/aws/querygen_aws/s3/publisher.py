"""From an edition to the objects of a job."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from querygen_aws.s3.body import Body
from querygen_aws.s3.bucket import TURNS, Bucket, Seen, pause
from querygen_aws.s3.edition import Edition
from querygen_aws.s3.found import Found
from querygen_aws.s3.names import Names
from querygen_aws.s3.parts import manifest
from querygen_core.api import PARTITIONS, SinkError

_ALL = range(PARTITIONS)


class Publisher:
    """Writes one edition. found: what the job had before it."""

    def __init__(self, bucket: Bucket, names: Names, folder: Path, log: logging.Logger) -> None:
        self._bucket = bucket
        self._names = names
        self._folder = folder
        self._log = log
        self._known: dict[str, Seen] = {}

    def publish(self, edition: Edition, found: Found) -> bool:
        """Write the queries. Whether the job has all its objects now: other shards' may be missing."""
        self._known = dict(found.parts)
        if edition.layout == "document":
            self._bucket.put(self._names.document, edition.document(), self._bucket.look(self._names.document))
            return True
        there = self._bucket.list(self._names.folder)
        for number in edition.shard.partitions:
            key = self._names.part(number)
            with closing(edition.parts(number)) as body:
                self._known[key] = self._bucket.put(key, body, self._look(key, there.get(key)))
        return self._complete(edition)

    def _complete(self, edition: Edition) -> bool:
        """Write the manifest if all parts are there, from whoever; whether they are.

        The manifest is looked at before the parts: if another replaces it meanwhile, he may have seen newer parts than
        we did, and our version is refused.
        """
        for turn in range(TURNS):
            seen = self._bucket.look_at_ours(self._names.manifest)
            there = self._bucket.list(self._names.folder)
            parts = [(key, self._look(key, there.get(key))) for key in map(self._names.part, _ALL)]
            present = [(key.removeprefix(self._names.folder), part) for key, part in parts if part is not None]
            if len(present) < PARTITIONS:
                return False
            with closing(Body(self._folder, "application/json")) as body:
                body.write(manifest(edition.job_id, present).encode())
                if self._bucket.try_to_put(self._names.manifest, body, seen):
                    return True
            pause(turn)
        raise SinkError("retry", f"the manifest of {self._names.folder} is written without end by others; run again")

    def _look(self, key: str, etag: str | None) -> Seen | None:
        """The object, of which a listing tells the ETag; None if it is not there."""
        known = self._known.get(key)
        if etag is None or (known is not None and known.etag == etag):
            return known if etag else None
        seen = self._bucket.look_at_ours(key)
        if seen is not None:
            self._known[key] = seen
        return seen

    def list_short(self, edition: Edition) -> None:
        """Write the products that fell short; where there are none, nothing, or an empty object over an old one."""
        if self._names.error_prefix is None:
            return
        there = self._bucket.list(self._names.errors)
        if edition.layout == "document":
            lists: list[tuple[int | None, Iterable[int]]] = [(None, _ALL)]
        else:
            lists = [(number, (number,)) for number in edition.shard.partitions]
        for part, numbers in lists:
            key = self._names.short(part)
            with closing(edition.short(*numbers)) as body:
                if body.size or key in there:
                    self._bucket.put(key, body, self._bucket.look(key) if key in there else None)

    def clear(self, edition: Edition, found: Found) -> None:
        """Remove what the job has in the other layout, now that all of it is there in this one."""
        errors = list(self._bucket.list(self._names.errors)) if self._names.error_prefix is not None else []
        if edition.layout == "document":
            old = [self._names.manifest, *self._names.parts(found.others)] if found.others else []
            old += [key for key in self._names.shorts(errors) if key != self._names.short(None)]
        else:
            old = [self._names.document] if found.document else []
            old += [key for key in errors if key == self._names.short(None)]
        for key in old:
            try:
                if (seen := self._bucket.look(key)) is not None:
                    self._bucket.remove(key, seen)
            except SinkError as error:
                self._log.warning("an object of another layout is left over and should be removed: %s", error)
