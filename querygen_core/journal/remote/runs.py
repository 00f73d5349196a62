"""The runs of a job on all its shards and machines: number, report and granted retries of each."""

from __future__ import annotations

import gzip
import io
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from querygen_core.api import Shard
from querygen_core.journal.partitions import refuse_other_partitions
from querygen_core.journal.remote.folder import RemoteFolder, dump_checked, parse_checked

_RUNS, _GRANTS, _REPORTS, _DEAD_LETTERS = "runs/", "grants/", "reports/", "dead_letters/"


def keep_partitions(job: RemoteFolder, job_id: str, partitions: int) -> None:
    """Fix the number of partitions in the job's first run.

    Raises:
        ConfigError: this run has another number than the first.
    """
    if existing := job.create("job.json", dump_checked({"job": job_id, "partitions": partitions})):
        first = parse_checked(existing, "job.json").get("partitions", partitions)
        refuse_other_partitions(job_id, partitions, first)


def numbers(job: RemoteFolder) -> set[int]:
    return _numbers(job, _RUNS)


def begin(job: RemoteFolder, known: Collection[int], shard: Shard, started: str, config: Mapping[str, Any]) -> int:
    """Register a new run and return its number, unique among all shards. known: numbers that are in use."""
    number = max(known, default=0) + 1
    while job.create(f"{_RUNS}{number}.json", _run(number, shard, started, config)) is not None:
        number += 1
    return number


def _run(number: int, shard: Shard, started: str, config: Mapping[str, Any]) -> bytes:
    return dump_checked({"attempt": number, "shard": shard.label, "started": started, "config": config})


def keep_grants(job: RemoteFolder, number: int, tries: Mapping[str, int]) -> None:
    """Store the granted tries by key. tries: all that this process knows of."""
    job.put(f"{_GRANTS}{number}.json", dump_checked(tries))


def granted(job: RemoteFolder, known: Collection[int]) -> dict[str, int]:
    """Return the tries granted by other runs than `known`. Several shards may grant the same, so the maximum counts."""
    most: dict[str, int] = {}
    for number in sorted(_numbers(job, _GRANTS).difference(known)):
        for key, tries in _read(job, f"{_GRANTS}{number}.json").items():
            most[key] = max(most.get(key, 0), tries)
    return most


def keep_report(job: RemoteFolder, shard: Shard, report: Mapping[str, Any]) -> None:
    named = {**report, "shard": {"index": shard.index, "size": shard.size}}
    job.put(f"{_REPORTS}{shard.name}.json", dump_checked(named))


def keep_dead_letters(job: RemoteFolder, shard: Shard, lines: Iterable[bytes]) -> None:
    """Store the dead letters of the shard's last run. lines: of JSON, read one by one."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=4, mtime=0) as file:
        file.writelines(lines)
    job.put(f"{_DEAD_LETTERS}{shard.name}.jsonl.gz", packed.getvalue())


def last_config(job: RemoteFolder) -> Mapping[str, Any] | None:
    """Return the config of the last run that can be read; None if there is none."""
    for number in sorted(_numbers(job, _RUNS), reverse=True):
        if run := _read(job, f"{_RUNS}{number}.json"):
            config: Mapping[str, Any] = run["config"]
            return config
    return None


def reports(job: RemoteFolder) -> list[Mapping[str, Any]]:
    """Return the last report of every shard, those of the latest number of shards first."""
    dated = [(written, body) for name, written in job.entries(_REPORTS) if (body := _read(job, f"{_REPORTS}{name}"))]
    dated.sort(key=lambda pair: pair[0])
    newest = {report["shard"]["size"]: number for number, (_, report) in enumerate(dated)}
    return sorted(
        (report for _, report in dated),
        key=lambda report: (-newest[report["shard"]["size"]], report["shard"]["index"]),
    )


def _numbers(job: RemoteFolder, folder: str) -> set[int]:
    stems = (name.removesuffix(".json") for name, _ in job.entries(folder))
    return {int(stem) for stem in stems if stem.isdecimal()}


def _read(job: RemoteFolder, name: str) -> dict[str, Any]:
    """Return the content; {} if the object is missing or damaged."""
    return parse_checked(job.get(name), name)
