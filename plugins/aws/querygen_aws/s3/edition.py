"""One pass over all outcomes of a job, or of a shard's part of it, on its way to the bucket."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Literal

from querygen_aws.s3.body import Body, Spool
from querygen_core.api import Outcome, Receipt, Shard, SinkError, partition_of
from querygen_core.formats import Document, Holdings, JsonLines, of_product, to_line

Layout = Literal["document", "parts"]

LARGEST_DOCUMENT = 5000
"""Products in a document where the layout is chosen by their number."""

_JSON, _LINES = "application/json", "application/x-ndjson"


class Edition:
    """Kept in every layout that it may yet get, on disk; in memory is one product at a time.

    layouts: one, or both if the number of products is to decide. What it makes depends on job and outcomes only, and
    a part on nothing but the products in it.
    """

    def __init__(self, job_id: str, shard: Shard, folder: Path, layouts: frozenset[Layout]) -> None:
        self.holdings = Holdings()
        self.shard = shard
        self.job_id = job_id
        self._folder = folder
        self._count = 0
        self._document = Document(job_id)
        self._lines_of = JsonLines(job_id).product
        self._body: Body | None = None
        self._lines: Spool | None = Spool(folder) if "parts" in layouts else None
        self._short = Spool(folder)
        self._whole = False
        if "document" in layouts:
            self._body = Body(folder, _JSON)
            self._body.write(self._document.head().encode())

    @property
    def layout(self) -> Layout:
        return "parts" if self._body is None else "document"

    def add(self, outcome: Outcome) -> Receipt:
        part = partition_of(outcome.product_key)
        if part not in self.shard.partitions:
            message = f"product {outcome.product_key} is another shard's by its key, which a preprocessor has changed"
            raise SinkError("permanent", f"{message}; run the job in one process, or write the key into the catalogue")
        self._count += 1
        if self._body is not None and self._lines is not None and self._count > LARGEST_DOCUMENT:
            self._body.close()
            self._body = None
        if self._body is not None:
            self._body.write(self._document.product(outcome).encode(), lines=len(outcome.queries), products=1)
        if self._lines is not None:
            lines = self._lines_of(outcome)
            self._lines.add(part, outcome.product_key, lines.encode(), len(outcome.queries))
        if outcome.state == "short":
            self._short.add(part, outcome.product_key, f"{_short(outcome)}\n".encode(), 1)
        return self.holdings.settle(outcome)

    def document(self) -> Body:
        """The document; nothing can be added any more."""
        assert self._body is not None, "the layout is parts"  # noqa: S101 - ours to see to
        if not self._whole:
            self._whole = True
            for piece in self._document.errors(line.decode().rstrip("\n") for line in self._short.lines()):
                self._body.write(piece.encode())
            self._body.write(self._document.tail().encode())
        return self._body

    def parts(self, *numbers: int) -> Body:
        """A part, or several one after the other. To be closed by the caller."""
        body = Body(self._folder, _LINES)
        for number in numbers:
            if self._lines is not None:
                self._lines.write(number, body)
        return body

    def short(self, *numbers: int) -> Body:
        """The products of some partitions that fell short. To be closed by the caller."""
        body = Body(self._folder, _LINES)
        for number in numbers:
            self._short.write(number, body)
        return body

    def close(self) -> None:
        self.holdings.close()
        self._short.close()
        for spool in (self._body, self._lines):
            if spool is not None:
                spool.close()


def _short(outcome: Outcome) -> str:
    """Why a product has fewer questions than it should."""
    dropped = Counter(query.dropped or "" for query in outcome.dropped)
    return to_line({
        **of_product(outcome),
        "state": outcome.state,
        "reasons": dict(sorted(outcome.reasons.items())),
        "kept": len(outcome.queries),
        "dropped": dict(sorted(dropped.items())),
    })  # fmt: skip
