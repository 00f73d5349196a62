"""What is to be known of a run: its report beside the questions, and the lists of what it could not process."""

from __future__ import annotations

import json

from querygen_aws.s3.body import Body
from querygen_aws.s3.bucket import Bucket
from querygen_aws.s3.object_keys import ObjectKeys
from querygen_core.api import LETTER_KINDS, Context, LetterKind, RunRecord
from querygen_core.formats import to_line


class RunObjects:
    """The objects of one run of one shard, staged on disk before they are written. Those of other shards stay."""

    def __init__(self, bucket: Bucket, keys: ObjectKeys, context: Context) -> None:
        self._bucket = bucket
        self._keys = keys
        self._context = context
        self._report = Body(context.state_dir, "application/json")
        self._letters: dict[LetterKind, Body] = {}

    async def stage(self, run: RunRecord) -> None:
        report = json.dumps(run.report, ensure_ascii=False, indent=1)
        self._report.write(f"{report}\n".encode(errors="replace"))  # lone surrogates
        for kind in LETTER_KINDS if self._keys.error_prefix is not None else ():
            body = self._letters[kind] = Body(self._context.state_dir, "application/x-ndjson")
            async for letter in run.letters(kind):
                body.write(f"{to_line(letter)}\n".encode(errors="replace"), lines=1)

    def write(self, *, whole: bool) -> None:
        """Write report and lists. whole: the run has done all its work, so that lists of earlier runs are out of date;
        a list that became empty is written as such, since nothing else would remove what it held.

        Raises:
            SinkError: an object cannot be written.
        """
        shard, log = self._context.shard, self._context.log
        self._put(self._keys.run(shard), self._report)
        old = self._keys.all_runs(self._bucket.list(self._keys.runs))
        if self._letters:
            existing = self._bucket.list(self._keys.errors)
            for kind, body in self._letters.items():
                key = self._keys.letters(kind, shard)
                if body.size or (whole and key in existing):
                    self._put(key, body)
            old += self._keys.all_letters(existing)
        if whole:
            of_this_size = f"-of-{shard.size}.json"
            current = {self._keys.run(shard), *(self._keys.letters(kind, shard) for kind in LETTER_KINDS)}
            stale = [key for key in old if key not in current and of_this_size not in key]
            self._bucket.clear(stale, log, "an object of a run with another number of processes")

    def _put(self, key: str, body: Body) -> None:
        self._bucket.put(key, body, self._bucket.head(key))

    def close(self) -> None:
        for body in (self._report, *self._letters.values()):
            body.close()
