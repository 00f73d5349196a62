"""`querygen report`, `retry` and `forget`: one job, named by its config or by its id."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from querygen_core.api import Context
from querygen_core.cli.job_place import JobPlace, job_place, state_dir_of, with_journal
from querygen_core.cli.loading import Loaded, load_again
from querygen_core.cli.main import columns, configure_logs, print_result
from querygen_core.cli.run import run_and_report, run_options_from, with_auto_input
from querygen_core.cli.summary import summarise
from querygen_core.contracts.errors import Exit, InputError, JournalError, UsageError
from querygen_core.engine.report_files import DEAD_LETTERS
from querygen_core.formats import safe_name
from querygen_core.journal.forget import forget_job
from querygen_core.journal.remote.journal import RemoteJournal
from querygen_core.journal.sqlite import SqliteJournal, answers_file
from querygen_core.logs import configure, printable
from querygen_core.report.merge import merge


def report(arguments: argparse.Namespace) -> int:
    """Print the last reports of a job's shards, merged: of a config from its journal, else from the state folder."""
    configure()
    place = job_place(arguments)
    remote = with_journal(place.loaded, RemoteJournal.reports) if place.loaded else None
    merged = merge(_reports(place.folder) if remote is None else remote)
    if arguments.json:
        print_result(json.dumps(merged, ensure_ascii=False))
    elif merged is None:
        print_result(f"Job {printable(place.job_id)}: no run has finished yet")
    else:
        print_result(summarise(merged, _letters(place, merged, in_store=remote is not None), columns=columns()))
    return Exit.DONE


def _letters(place: JobPlace, merged: Mapping[str, Any], *, in_store: bool) -> str:
    """Where the dead letters are: a store has those of every machine, a state folder those of its own."""
    if in_store and place.loaded is not None:
        url = f"{place.loaded.pipeline.journal.url}".rstrip("/")
        return f"{url}/jobs/{safe_name(place.job_id)}/dead_letters/"
    return f"{place.folder / ('*' if 'shards' in merged else '') / DEAD_LETTERS}"


def _reports(folder: Path) -> list[Mapping[str, Any]]:
    """The last report of each shard, for every number of shards that the job ever ran with."""
    return [_read(path) for path in (*folder.glob("report.json"), *folder.glob("shard-*/report.json"))]


def _read(path: Path) -> Mapping[str, Any]:
    try:
        report: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise InputError(f"{path} cannot be read: {exc}; the next run of the job rewrites it") from None
    return report


def retry(arguments: argparse.Namespace) -> int:
    """Run a job again, retrying each request without a usable answer once.

    JOB: with the config of its last run. CONFIG: with this config. Both read the products that the last run read.
    """
    configure_logs(arguments)
    place = job_place(arguments)
    kept = with_journal(place.loaded, RemoteJournal.last_config) if place.loaded else None
    kept = kept or asyncio.run(_last_config(place))
    if kept is None:
        raise UsageError(f"job {place.job_id!r} has not been run yet; start it with querygen run")
    given = {**kept["given"], "products": tuple(kept["given"]["products"])}
    loaded = _loaded(arguments, place, kept, given)
    return run_and_report(arguments, loaded, replace(run_options_from(arguments), retry=True, **given))


def _loaded(
    arguments: argparse.Namespace, place: JobPlace, kept: Mapping[str, Any], given: Mapping[str, Any]
) -> Loaded:
    if place.loaded is None:
        return load_again(kept, str(state_dir_of(arguments)))
    arguments.config, arguments.products_file, arguments.product = (
        arguments.job,
        given["products_file"],
        given["products"],
    )
    return with_auto_input(arguments, place.loaded)


async def _last_config(place: JobPlace) -> Mapping[str, Any] | None:
    """Of the job's last run in the state folder; None if there is none."""
    if not (place.folder / "journal.sqlite").exists():
        return None
    context = Context(place.job_id, "core/journal", place.folder, config_dir=Path(), environ=dict(os.environ))
    journal = SqliteJournal(context)
    try:
        runs = await journal.runs()
        return runs[-1]["config"] if runs else None
    finally:
        await journal.aclose()


def forget(arguments: argparse.Namespace) -> int:
    """Remove a job's state: its runs, outcomes and reports, and what it has spent. Answers belong to all jobs."""
    configure()
    place = job_place(arguments)
    loaded = place.loaded or _loaded_again(place)
    url = loaded.pipeline.journal.url if loaded else None
    if url is None and not (place.folder / "journal.sqlite").exists():
        raise UsageError(f"job {place.job_id!r} has no state in {place.folder.parent}")
    if loaded is not None:
        with_journal(loaded, RemoteJournal.forget)
    answers = answers_file(place.folder.parent, url)
    left = forget_job(place.folder, place.job_id, answers) if place.folder.exists() else []
    print_result(f"Job {printable(place.job_id)} is forgotten; answers stay in {url or answers}")
    if left:
        print_result(
            f"  left in {place.folder}: {', '.join(map(printable, left))}; a plugin's, remove it if you need it no more"
        )
    return Exit.DONE


def _loaded_again(place: JobPlace) -> Loaded | None:
    """The config of the job's last run if it names a store, where the job has state too; None if it names none."""
    try:
        kept = asyncio.run(_last_config(place))
    except JournalError:  # damaged: what is here can be removed all the same
        return None
    has_store = kept is not None and kept["resolved"]["journal"].get("url")
    return load_again(kept, str(place.folder.parent)) if kept and has_store else None
