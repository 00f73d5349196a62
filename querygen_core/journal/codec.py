"""Encoding of records for the journal: JSON with a checksum, so that a flipped bit is found before it is used."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from querygen_core.contracts.canonical import canonical_json, plain
from querygen_core.contracts.dead_letter import DeadLetter
from querygen_core.contracts.errors import JournalError
from querygen_core.contracts.journal import AnswerRecord
from querygen_core.contracts.records import Outcome, Query, Response, Usage
from querygen_core.journal.failures import SALVAGE


def checksum(*parts: str | bytes) -> bytes:
    """Hash all parts to eight bytes, each with its length, so that moving a border between two parts is noticed."""
    hashed = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        hashed.update(len(data).to_bytes(8, "big"))
        hashed.update(data)
    return hashed.digest()


def dump(value: object) -> str:
    """JSON in ASCII: SQLite stores UTF-8, which has no lone surrogates."""
    return json.dumps(plain(value), ensure_ascii=True, separators=(",", ":"))


def load(text: str) -> Any:
    """The value of a column of JSON that has no checksum.

    Raises:
        JournalError: it is damaged.
    """
    try:
        return json.loads(text)
    except ValueError:
        raise _damaged() from None


def _damaged() -> JournalError:
    return JournalError(f"journal: a row is damaged; {SALVAGE}", kind="unusable")


def stored_text(value: str) -> str:
    """`value` with lone surrogates replaced, which SQLite cannot store. For columns that are compared as text."""
    return value.encode("utf-8", "replace").decode()


def pack(value: object) -> bytes:
    """Compressed JSON. Those of the quickstart shrink to a quarter of their size."""
    return zlib.compress(json.dumps(value, default=plain, separators=(",", ":")).encode(), 1)


def unpack(body: bytes) -> Any:
    return json.loads(zlib.decompress(body))


ANSWER_COLUMNS = ("key", "number", "usable", "job", "run", "shard", "time", "cost", "body")


def answer_row(answer: AnswerRecord) -> dict[str, Any]:
    """The row of `answers`, with its checksum, but not whether it was sent to another store."""
    row = {
        "key": answer.key,
        "number": answer.number,
        "usable": int(answer.usable),
        "job": stored_text(answer.job),
        "run": answer.run,
        "shard": answer.shard,
        "time": answer.time,
        "cost": float(answer.cost),
        "body": pack(answer.response),
    }
    return {**row, "checksum": row_checksum(row, ANSWER_COLUMNS)}


def decode_answer(row: Mapping[str, Any]) -> AnswerRecord:
    data = unpack(row["body"])
    return AnswerRecord(
        key=row["key"],
        number=row["number"],
        response=Response(**{**data, "usage": Usage(**data["usage"])}),
        usable=bool(row["usable"]),
        cost=row["cost"],
        job=row["job"],
        run=row["run"],
        shard=row["shard"],
        time=row["time"],
    )


OUTCOME_COLUMNS = ("outcome_key", "product_key", "state", "kept", "dropped", "reasons", "body")


def row_checksum(row: Mapping[str, Any] | sqlite3.Row, columns: Iterable[str]) -> bytes:
    """The checksum of these columns of a row, whatever their types."""
    values = (row[name] for name in columns)
    return checksum(*(value if isinstance(value, bytes) else str(value) for value in values))


def outcome_checksum(row: Mapping[str, Any] | sqlite3.Row) -> bytes:
    """The checksum of all `OUTCOME_COLUMNS`: each of them is counted, delivered or reported."""
    return row_checksum(row, OUTCOME_COLUMNS)


_PROVENANCE = ("generator", "query_type", "provider", "model", "prompt_hash", "request_key", "round")
_provenance_of = attrgetter(*_PROVENANCE)


def encode_outcome(outcome: Outcome) -> bytes:
    """Compressed JSON, with provenance once per request: a product has about 50 queries of 2 requests."""
    sources: dict[tuple[Any, ...], int] = {}

    def packed(query: Query) -> list[Any]:
        number = sources.setdefault(_provenance_of(query), len(sources))
        return [number, query.text, query.sub_type, dict(query.labels), query.dropped]

    body = {
        "title": outcome.title,
        "brand": outcome.brand,
        "queries": [packed(query) for query in outcome.queries],
        "dropped": [packed(query) for query in outcome.dropped],
        "sources": [list(source) for source in sources],
    }
    return pack(body)


def questions_by_source(body: bytes) -> Iterator[tuple[Mapping[str, Any], int]]:
    """What the body of an outcome says of each of its requests, and the number of questions that came of it."""
    data = unpack(body)
    numbers = Counter(packed[0] for packed in (*data["queries"], *data["dropped"]))
    for number, source in enumerate(data["sources"]):
        yield dict(zip(_PROVENANCE, source, strict=True)), numbers[number]


def decode_outcome(row: Mapping[str, Any]) -> Outcome:
    """The outcome in a row of `outcomes` that is joined with the product's row in the manifest."""
    body = unpack(row["body"])
    sources = [dict(zip(_PROVENANCE, source, strict=True)) for source in body["sources"]]

    def query(packed: list[Any]) -> Query:
        number, text, sub_type, labels, dropped = packed
        return Query(text=text, sub_type=sub_type, labels=labels, dropped=dropped, **sources[number])

    return Outcome(
        product_key=row["product_key"],
        title=body["title"],
        brand=body["brand"],
        content_hash=row["content_hash"],
        outcome_key=row["outcome_key"],
        state=row["state"],
        queries=tuple(map(query, body["queries"])),
        dropped=tuple(map(query, body["dropped"])),
        reasons=json.loads(row["reasons"]),
        ordinal=row["ordinal"],
        refs=load(row["refs"]),
        version=row["version"],
    )


def dropped_counts(outcome: Outcome) -> str:
    """JSON: reason → number of dropped queries."""
    return canonical_json(Counter(query.dropped or "" for query in outcome.dropped))


def encode_dead_letter(dead_letter: DeadLetter) -> str:
    return dump(dead_letter)


def decode_dead_letter(body: str) -> DeadLetter:
    try:
        return DeadLetter(**load(body))
    except TypeError:  # of a field's name
        raise _damaged() from None
