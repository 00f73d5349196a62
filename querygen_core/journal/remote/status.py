"""The jobs of a store, as runs on any machine have left them, and the end of one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from querygen_core.api import JournalError, Shard
from querygen_core.formats import safe_name
from querygen_core.journal.job_status import RunState, RunStatus
from querygen_core.journal.remote.folder import RemoteFolder, parse_checked
from querygen_core.journal.remote.lease import expired

_LEASES, _REPORTS, _RUNS = "leases/", "reports/", "runs/"


@dataclass(frozen=True, slots=True)
class _Holder:
    """The process that has a shard's lease, if it renews it."""

    pid: int | None
    lease: Mapping[str, Any] | None
    """Host, age of the last renewal and time to live in seconds, fence."""


def remote_runs(root: RemoteFolder) -> Iterator[RunStatus]:
    """The newest run of each shard of each job of the store, without shards of an earlier count.

    Raises:
        JournalError: the store cannot be read.
    """
    by_job: defaultdict[str, list[str]] = defaultdict(list)
    for name, _ in root.entries("jobs/"):
        job, _, rest = name.partition("/")
        if rest.startswith(_RUNS):
            by_job[job].append(rest)
    for job, names in sorted(by_job.items()):
        stems = (name.removeprefix(_RUNS).removesuffix(".json") for name in names)
        numbers = sorted((int(stem) for stem in stems if stem.isdecimal()), reverse=True)
        yield from _newest(root.below(f"jobs/{job}"), numbers)


def _newest(job: RemoteFolder, numbers: list[int]) -> Iterator[RunStatus]:
    """numbers: of the job's runs, the newest first."""
    seen: dict[int, RunStatus] = {}
    size = 0
    for number in numbers:
        run = _read(job, f"{_RUNS}{number}.json")
        index, _, of = str(run.get("shard", "")).partition("/")
        if not (index.isdecimal() and of.isdecimal()):
            continue
        shard = Shard(int(index), int(of))
        size = size or shard.size
        if shard.size == size and shard.index not in seen:
            seen[shard.index] = _status(job, run, shard)
        if len(seen) == size:
            break
    yield from (seen[index] for index in sorted(seen))


def _status(job: RemoteFolder, run: Mapping[str, Any], shard: Shard) -> RunStatus:
    report = _read(job, f"{_REPORTS}{shard.name}.json")
    noted = _read(job, f"spent/{run['attempt']}.json").get("days", {}).values()
    calls, cost = sum(day[0] for day in noted), sum(day[2] for day in noted)
    ended = report.get("attempt") == run["attempt"]
    holder = _Holder(None, None) if ended else _holder(job, shard)
    state: RunState = "ended" if ended else "running" if holder.lease else "killed"
    before = report.get("cost_job") or 0.0
    return RunStatus(
        job_id=run["config"]["job_id"],
        shard=shard,
        attempt=run["attempt"],
        state=state,
        pid=holder.pid,
        lease=holder.lease,
        started=run["started"],
        finished=report["finished"] if ended else None,
        exit_code=report["exit_code"] if ended else None,
        products=report["products_processed"] if ended else None,
        calls=calls,
        cost=report["cost_job"] if ended else before + cost,
        store=job.url.rpartition("jobs/")[0],
    )


def _read(job: RemoteFolder, name: str) -> dict[str, Any]:
    return parse_checked(job.get(name), name)


def _holder(job: RemoteFolder, shard: Shard) -> _Holder:
    name = f"{_LEASES}{shard.name}.json"
    stored = job.get(name)
    body = parse_checked(stored, name)
    if stored is None or expired(stored, body):
        return _Holder(None, None)
    lease = {name: body.get(name) for name in ("host", "seconds", "fence")}
    return _Holder(body.get("pid"), {**lease, "age": stored.age})


def forget_remote(root: RemoteFolder, job_id: str) -> int:
    """Delete what the store has of a job, except for answers and for what the day has cost; the number of objects.

    Raises:
        JournalError: a run of the job is under way, or the store does not allow it.
    """
    job = root.below(f"jobs/{safe_name(job_id)}")
    leases = [f"{_LEASES}{name}" for name, _ in job.entries(_LEASES)]
    for name in leases:
        stored = job.get(name)
        body = parse_checked(stored, name)
        if stored is not None and not expired(stored, body):
            holder = f"pid {body.get('pid')} on {body.get('host')}"
            raise JournalError(
                f"job {job_id!r} is being run by another process ({holder}); try again when it has ended"
            )
    # Leases last: they have the fence, which must not fall behind while anything of the job is there.
    names = [name for name, _ in job.entries() if name not in leases] + leases
    for name in names:
        job.delete(name)
    return len(names)
