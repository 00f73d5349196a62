"""`querygen jobs`: every job of the state folder, whether its run is under way, ended or was killed."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from querygen_core.cli.job_place import load_for, state_dir_of, with_journal
from querygen_core.cli.main import print_result
from querygen_core.cli.summary import in_usd
from querygen_core.contracts.errors import Exit, JournalError
from querygen_core.journal.job_status import RunStatus, newest_runs
from querygen_core.journal.remote.journal import RemoteJournal
from querygen_core.logs import configure, printable

_KEYS = (
    "job_id",
    "state",
    "shard",
    "pid",
    "lease",
    "products",
    "cost",
    "calls_per_s",
    "age",
    "store",
    "attempt",
    "exit_code",
)
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def jobs(arguments: argparse.Namespace) -> int:
    """List the jobs of a state folder; with a config, those of its store too."""
    state_dir, remote = state_dir_of(arguments), []
    if arguments.config:
        configure()
        loaded = load_for(arguments, arguments.config)
        state_dir = Path(loaded.pipeline.runtime.state_dir)
        remote = with_journal(loaded, _remote_rows) or []
    rows = _merged(list(_rows(state_dir)), remote)
    if arguments.json:
        print_result(json.dumps(rows, ensure_ascii=False))
    else:
        print_result("\n".join(map(_line, rows)) or f"no jobs in {state_dir}")
    return Exit.DONE


def _rows(state_dir: Path) -> Iterator[dict[str, Any]]:
    """A row for each shard of each job. A job that cannot be read has one that says why."""
    for file in sorted(state_dir.glob("*/journal.sqlite")):
        folder = file.parent
        unknown = {**dict.fromkeys(_KEYS), "job_id": unquote(folder.name), "state": "killed", "store": str(state_dir)}
        try:
            runs = newest_runs(folder)
        except JournalError as exc:
            yield {**unknown, "error": str(exc)}
            continue
        # Without a run, the job was killed before its first one had begun.
        yield from [{**unknown, **_row(run)} for run in runs] or [unknown]


async def _remote_rows(journal: RemoteJournal) -> list[dict[str, Any]]:
    return [{**dict.fromkeys(_KEYS), **_row(run)} for run in await journal.statuses()]


def _merged(here: list[dict[str, Any]], remote: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each shard once. Of the same run this machine knows more, but for the lease; of two runs the later counts."""
    by_run = {(row["job_id"], row["shard"]): row for row in remote}
    for row in here:
        key = (row["job_id"], row["shard"])
        known = by_run.get(key)
        if known is None or row["attempt"] is None or row["attempt"] > known["attempt"]:
            by_run[key] = row
        elif row["attempt"] == known["attempt"]:
            by_run[key] = {**row, "lease": known["lease"], "store": known["store"]}
    return [by_run[key] for key in sorted(by_run, key=lambda key: (key[0], key[1] or ""))]


def _row(run: RunStatus) -> dict[str, Any]:
    since_end = _seconds_since(run.finished) if run.finished else None
    since_start = _seconds_since(run.started)
    duration = since_start - (since_end or 0.0)
    rate = None if run.state == "killed" or run.calls is None or duration <= 0 else round(run.calls / duration, 2)
    return {
        "job_id": run.job_id,
        "state": run.state,
        "shard": run.shard.label,
        "pid": run.pid,
        "lease": run.lease,
        "store": run.store,
        "products": run.products,
        "cost": run.cost,
        "calls_per_s": rate,
        "age": since_start if since_end is None else since_end,
        "attempt": run.attempt,
        "exit_code": run.exit_code,
    }


def _seconds_since(time: str) -> float:
    """Never negative: the clock may have been set back."""
    return max(0.0, round((datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds(), 3))


def _line(row: Mapping[str, Any]) -> str:
    name = row["job_id"] if row["shard"] in (None, "0/1") else f"{row['job_id']} {row['shard']}"
    if error := row.get("error"):
        return printable(f"{name:<32} unreadable    {error}")
    if row["attempt"] is None:
        return printable(f"{name:<32} {row['state']:<13} no run has begun")
    state = row["state"] if row["exit_code"] is None else f"{row['state']} ({row['exit_code']})"
    cost = in_usd(row["cost"])
    rate = "" if row["calls_per_s"] is None else f"{row['calls_per_s']:.1f} calls/s"
    age = f"{'ended' if row['state'] == 'ended' else 'started'} {_duration(row['age'])} ago"
    host = f" on {row['lease']['host']}" if row["lease"] else ""
    pid = f", pid {row['pid']}{host}" if row["pid"] else ""
    products = "" if row["products"] is None else f"{row['products']:,} products"
    return printable(f"{name:<32} {state:<13} {products:>18} {cost:>12} {rate:>14}  {age}{pid}")


def _duration(seconds: float) -> str:
    return next((f"{seconds / length:.0f} {unit}" for length, unit in _UNITS if seconds >= length), f"{seconds:.0f} s")
