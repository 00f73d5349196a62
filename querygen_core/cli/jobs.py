"""What this machine knows of jobs: their last report, all of them, and another go for what failed."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from querygen_core.cli.check import with_parts
from querygen_core.cli.loading import STATE_DIR, load, load_again
from querygen_core.cli.run import DEFAULT_STATE_DIR, finish, settings_from
from querygen_core.cli.summary import summarise
from querygen_core.engine.build import Builder
from querygen_core.engine.folder import job_folder
from querygen_core.errors import Exit, InputError, UsageError
from querygen_core.logs import configure, printable
from querygen_core.merge import merge


def report(arguments: argparse.Namespace) -> int:
    """The shards' last reports as one. With a config, those that its journal keeps, else those on this disk."""
    if arguments.config:
        configure()
        merged, folder = _kept_report(arguments)
    else:
        folder = _known(arguments)
        merged = merge(_reports(folder))
    if arguments.json:
        print(json.dumps(merged, ensure_ascii=False))
    elif merged is None:
        print(f"Job {printable(arguments.job)}: no run has ended yet")
    else:
        print(summarise(merged, folder, ()))
    return Exit.DONE


def _kept_report(arguments: argparse.Namespace) -> tuple[Mapping[str, Any] | None, Path]:
    loaded = load(arguments.config, arguments.set, job_id=arguments.job)
    return with_parts(loaded, _from_journal)


async def _from_journal(builder: Builder) -> tuple[Mapping[str, Any] | None, Path]:
    journal = builder.journal()
    kept = getattr(journal, "reports", None)
    return merge(await kept() if kept else _reports(builder.folder)), builder.folder


def jobs(arguments: argparse.Namespace) -> int:
    state_dir = _state_dir(arguments)
    folders = sorted(path.parent for path in state_dir.glob("*/journal.sqlite")) if state_dir.is_dir() else []
    rows = [_row(folder) for folder in folders]
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False))
        return Exit.DONE
    for row in rows:
        numbers = f"{row['done']:,} done, {row['short']:,} short, {row['failed']:,} failed" if row["state"] else ""
        print(f"{printable(row['job_id']):<32} {row['state'] or 'no run has ended':<18} {numbers}")
    if not rows:
        print(f"no jobs in {state_dir}")
    return Exit.DONE


def retry(arguments: argparse.Namespace) -> int:
    """Run a job again as it ran last, with one more try for each request without a usable answer."""
    configure(arguments.log_level, arguments.log_format)
    folder = _known(arguments)
    runs = asyncio.run(_runs(folder, arguments.job))
    if not runs:
        raise UsageError(f"job {arguments.job!r} has no run that could be repeated")
    kept = runs[-1]["config"]
    loaded = load_again(kept, str(_state_dir(arguments)))
    given = {**kept["given"], "products": tuple(kept["given"]["products"])}
    return finish(arguments, loaded, replace(settings_from(arguments), retry=True, **given))


def _state_dir(arguments: argparse.Namespace) -> Path:
    return Path(arguments.state_dir or os.environ.get(STATE_DIR) or DEFAULT_STATE_DIR)


def _known(arguments: argparse.Namespace) -> Path:
    folder = job_folder(_state_dir(arguments), arguments.job)
    if not folder.is_dir():
        raise UsageError(f"no job {arguments.job!r} in {_state_dir(arguments)}; see: querygen jobs")
    return folder


def _reports(folder: Path) -> list[Mapping[str, Any]]:
    """The last report of each shard, of every number of shards that the job was ever cut into."""
    return [_read(path) for path in (*folder.glob("report.json"), *folder.glob("shard-*/report.json"))]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        report: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise InputError(f"{path} cannot be read: {exc}; the next run of the job writes it anew") from None
    return report


def _row(folder: Path) -> dict[str, Any]:
    last = merge(_reports(folder)) or {"job_id": unquote(folder.name), "state": None}
    names = ("job_id", "state", "exit_code", "attempt", "input", "done", "short", "failed", "pending")
    return {name: last.get(name) for name in names}


async def _runs(folder: Path, job: str) -> Sequence[Mapping[str, Any]]:
    from querygen_core.api import Context
    from querygen_core.journal.sqlite import SqliteJournal

    context = Context(job, "core/sqlite", state_dir=folder, config_dir=Path(), environ=dict(os.environ))
    journal = SqliteJournal(context)
    try:
        return await journal.runs()
    finally:
        await journal.aclose()
