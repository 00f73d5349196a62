"""All outcomes of a job, or of one of its shards, staged on disk before they are uploaded."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

from querygen_aws.s3.body import Body, PartitionBuffer
from querygen_core.api import Outcome, Receipt, Shard, SinkError, partition_of
from querygen_core.formats import Document, JsonLines, PreviousContents, of_product, to_line

Layout = Literal["document", "parts"]

LARGEST_DOCUMENT = 5000
"""Largest number of products for which layout `auto` chooses a document."""

_JSON, _LINES = "application/json", "application/x-ndjson"


class StagedOutput:
    """Stages the outcomes on disk in every layout that is still possible; one product at a time is in memory.

    layouts: one, or both if the number of products decides. The bytes depend only on job id and outcomes, and those of
    a part only on its products, so that a repeated delivery sends nothing.
    """

    def __init__(self, job_id: str, shard: Shard, folder: Path, layouts: frozenset[Layout]) -> None:
        self.previous = PreviousContents()
        self.shard = shard
        self.job_id = job_id
        self._folder = folder
        self._count = 0
        self._document = Document(job_id)
        self._lines_of = JsonLines(job_id).product
        self._body: Body | None = None
        self._lines: PartitionBuffer | None = PartitionBuffer(folder) if "parts" in layouts else None
        self._short = PartitionBuffer(folder)
        self._finished = False
        if "document" in layouts:
            self._body = Body(folder, _JSON)
            self._body.write(self._document.head().encode())

    @property
    def layout(self) -> Layout:
        return "parts" if self._body is None else "document"

    def add(self, outcome: Outcome) -> Receipt:
        """Stage one outcome and compare it with what was delivered before.

        Raises:
            SinkError: the product belongs to another shard.
        """
        # Of the key after preprocessing, which may have changed it.
        part = partition_of(outcome.product_key, self.shard.partition_count)
        if part not in self.shard.partitions:
            message = f"product {outcome.product_key} belongs to another shard, because a preprocessor changed its key"
            raise SinkError("permanent", f"{message}; run the job in one process, or set this key in the catalogue")
        self._count += 1
        # With `auto` both layouts are staged until the number of products excludes the document.
        if self._body is not None and self._lines is not None and self._count > LARGEST_DOCUMENT:
            self._body.close()
            self._body = None
        if self._body is not None:
            self._body.write(self._document.product(outcome).encode(), lines=len(outcome.queries), products=1)
        if self._lines is not None:
            lines = self._lines_of(outcome)
            self._lines.add(part, outcome.product_key, lines.encode(), len(outcome.queries))
        if outcome.state == "short":
            self._short.add(part, outcome.product_key, f"{_short_line(outcome)}\n".encode(), 1)
        return self.previous.receipt(outcome)

    def document(self) -> Body:
        """Complete and return the document. No outcome can be added afterwards."""
        assert self._body is not None, "the layout is parts"  # noqa: S101 - the callers check `layout`
        if not self._finished:
            self._finished = True
            for chunk in self._document.errors(line.decode().rstrip("\n") for line in self._short.lines()):
                self._body.write(chunk.encode())
            self._body.write(self._document.tail().encode())
        return self._body

    def parts(self, *numbers: int) -> Body:
        """Return one part, or several in a row. The caller closes the body."""
        body = Body(self._folder, _LINES)
        for number in numbers:
            if self._lines is not None:
                self._lines.write(number, body)
        return body

    def short(self, *numbers: int) -> Body:
        """Return the products of these partitions that have too few questions. The caller closes the body."""
        body = Body(self._folder, _LINES)
        for number in numbers:
            self._short.write(number, body)
        return body

    def close(self) -> None:
        self.previous.close()
        self._short.close()
        for staged in (self._body, self._lines):
            if staged is not None:
                staged.close()


def _short_line(outcome: Outcome) -> str:
    """Return a line of JSON that tells why a product has too few questions."""
    dropped = Counter(query.dropped or "" for query in outcome.dropped)
    return to_line(
        {
            **of_product(outcome),
            "state": outcome.state,
            "reasons": dict(sorted(outcome.reasons.items())),
            "kept": len(outcome.queries),
            "dropped": dict(sorted(dropped.items())),
        }
    )
