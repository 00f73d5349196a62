"""The runs of a job, over all its shards and machines: each has a number, a report, and what it granted."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from querygen_aws.journal.store import Found, Store
from querygen_core.api import Shard

_RUNS, _GRANTS, _REPORTS = "runs/", "grants/", "reports/"


def place_of(shard: Shard) -> str:
    return f"{shard.index}-of-{shard.size}.json"


def name_of(shard: Shard) -> str:
    """As `Kept.shard` has it."""
    return f"{shard.index}/{shard.size}"


def numbers(store: Store) -> set[int]:
    return _numbers(store, _RUNS)


def begin(store: Store, known: Collection[int], shard: Shard, started: str, config: Mapping[str, Any]) -> int:
    """The number of a new run, of no other shard's either. known: numbers that are in use."""
    number = max(known, default=0) + 1
    while store.create(f"{_RUNS}{number}.json", _run(number, shard, started, config)) is not None:
        number += 1
    return number


def _run(number: int, shard: Shard, started: str, config: Mapping[str, Any]) -> bytes:
    return _dump({"attempt": number, "shard": name_of(shard), "started": started, "config": config})


def shard_of(store: Store, number: int) -> str:
    """Which shard a run was of, "" if nobody can say."""
    return str(_read(store, f"{_RUNS}{number}.json").get("shard", ""))


def keep_grants(store: Store, number: int, tries: Mapping[str, int]) -> None:
    """tries: all that were ever granted, as far as is known here."""
    store.put(f"{_GRANTS}{number}.json", _dump(tries))


def granted(store: Store, known: Collection[int]) -> dict[str, int]:
    """What runs granted that are not among `known`. Several shards may have granted the same, so the most counts."""
    most: dict[str, int] = {}
    for number in sorted(_numbers(store, _GRANTS).difference(known)):
        for key, tries in _read(store, f"{_GRANTS}{number}.json").items():
            most[key] = max(most.get(key, 0), tries)
    return most


def keep_report(store: Store, shard: Shard, report: Mapping[str, Any]) -> None:
    named = {**report, "shard": {"index": shard.index, "size": shard.size}}
    store.put(f"{_REPORTS}{place_of(shard)}", _dump(named))


def reports(store: Store) -> list[Mapping[str, Any]]:
    """The last one of every shard; those that the job is cut into now come first."""
    places = [f"{_REPORTS}{name}" for page in store.list(_REPORTS) for name in page]
    found = [(one.written, body) for place in places if (one := store.get(place)) and (body := _body(one))]
    found.sort(key=lambda pair: pair[0])
    newest = {report["shard"]["size"]: number for number, (_, report) in enumerate(found)}
    return sorted(
        (report for _, report in found),
        key=lambda report: (-newest[report["shard"]["size"]], report["shard"]["index"]),
    )


def _numbers(store: Store, folder: str) -> set[int]:
    stems = (name.removesuffix(".json") for page in store.list(folder) for name in page)
    return {int(stem) for stem in stems if stem.isdecimal()}


def _read(store: Store, name: str) -> dict[str, Any]:
    """{} if it is not there, or damaged."""
    return _body(store.get(name))


def _body(found: Found | None) -> dict[str, Any]:
    try:
        body = json.loads(found.body) if found else {}
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _dump(value: object) -> bytes:
    """Lone surrogates stay escaped."""
    return json.dumps(value, default=str).encode()
