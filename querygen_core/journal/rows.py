"""How records lie in the journal: JSON, checksummed, so that a flipped bit is found before it is used."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Mapping
from operator import attrgetter
from typing import Any

from querygen_core.canonical import canonical_json, plain
from querygen_core.journal.interface import DeadLetter, Kept
from querygen_core.records import Outcome, Query, Response, Usage


def checksum(*parts: str | bytes) -> bytes:
    """Eight bytes over all parts; no part's end can pass for another's beginning."""
    hashed = hashlib.blake2b(digest_size=8)
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        hashed.update(len(data).to_bytes(8, "big"))
        hashed.update(data)
    return hashed.digest()


def dump(value: object) -> str:
    """JSON as SQLite can store it: lone surrogates, which have no UTF-8, stay escaped."""
    return json.dumps(plain(value), ensure_ascii=True, separators=(",", ":"))


def stored_text(value: str) -> str:
    """SQLite stores UTF-8; what has none (lone surrogates) is replaced."""
    return value.encode("utf-8", "replace").decode()


def encode_response(response: Response) -> str:
    return dump(response)


def answer_row(kept: Kept) -> tuple[str, int, bool, str, bytes]:
    body = encode_response(kept.response)
    return kept.key, kept.number, kept.usable, body, checksum(kept.key, str(kept.number), body)


def decode_response(body: str) -> Response:
    data = json.loads(body)
    return Response(**{**data, "usage": Usage(**data["usage"])})


OUTCOME = ("outcome_key", "product_key", "state", "kept", "dropped", "reasons", "body")


def outcome_checksum(row: Mapping[str, Any] | sqlite3.Row) -> bytes:
    """Over all columns of `OUTCOME`: each of them is counted, delivered or reported."""
    values = (row[name] for name in OUTCOME)
    return checksum(*(value if isinstance(value, bytes) else str(value) for value in values))


_SOURCE = ("generator", "query_type", "provider", "model", "prompt_hash", "request_key", "round")
_source_of = attrgetter(*_SOURCE)


def encode_outcome(outcome: Outcome) -> bytes:
    """Provenance once per request instead of once per query; compressed, since answers can rebuild it."""
    sources: dict[tuple[Any, ...], int] = {}

    def pack(query: Query) -> list[Any]:
        number = sources.setdefault(_source_of(query), len(sources))
        return [number, query.text, query.sub_type, dict(query.labels), query.dropped]

    body = {
        "title": outcome.title,
        "brand": outcome.brand,
        "queries": [pack(query) for query in outcome.queries],
        "dropped": [pack(query) for query in outcome.dropped],
        "sources": [list(source) for source in sources],
    }
    return zlib.compress(json.dumps(body, default=plain, separators=(",", ":")).encode(), 1)


def decode_outcome(row: Mapping[str, Any], ordinal: int, content_hash: str, refs: str) -> Outcome:
    """The outcome in a row of `outcomes`, placed where the manifest has its product."""
    body = json.loads(zlib.decompress(row["body"]))
    sources = [dict(zip(_SOURCE, source, strict=True)) for source in body["sources"]]

    def unpack(packed: list[Any]) -> Query:
        number, text, sub_type, labels, dropped = packed
        return Query(text=text, sub_type=sub_type, labels=labels, dropped=dropped, **sources[number])

    return Outcome(
        product_key=row["product_key"],
        title=body["title"],
        brand=body.get("brand", ""),  # absent in journals from before it was kept
        content_hash=content_hash,
        outcome_key=row["outcome_key"],
        state=row["state"],
        queries=tuple(map(unpack, body["queries"])),
        dropped=tuple(map(unpack, body["dropped"])),
        reasons=json.loads(row["reasons"]),
        ordinal=ordinal,
        refs=json.loads(refs),
    )


def dropped_counts(outcome: Outcome) -> str:
    return canonical_json(Counter(query.dropped or "" for query in outcome.dropped))


def encode_letter(letter: DeadLetter) -> str:
    return dump(letter)


def decode_letter(body: str) -> DeadLetter:
    return DeadLetter(**json.loads(body))
