"""The job that a command is about: CONFIG or JOB, and where its state is."""

from __future__ import annotations

import argparse
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from querygen_core.cli.check import with_builder
from querygen_core.cli.loading import DEFAULT_STATE_DIR, STATE_DIR, Loaded, load, overrides
from querygen_core.contracts.errors import UsageError
from querygen_core.engine.build import Builder
from querygen_core.engine.state_dir import job_folder
from querygen_core.journal.remote.journal import RemoteJournal

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class JobPlace:
    """A job, as a command line names it."""

    job_id: str
    """As the config says."""
    folder: Path
    """Its state folder."""
    loaded: Loaded | None
    """The config, if the command line names one."""


def job_place(arguments: argparse.Namespace) -> JobPlace:
    """The job of `arguments.job`.

    Raises:
        UsageError: the state folder has no such job. A config's job need not have any state yet.
    """
    if is_config(arguments.job):
        loaded = load_for(arguments, arguments.job, arguments.job_id)
        job_id = loaded.pipeline.job_id
        return JobPlace(job_id, job_folder(Path(loaded.pipeline.runtime.state_dir), job_id), loaded)
    state_dir = state_dir_of(arguments)
    folder = job_folder(state_dir, arguments.job)
    if not folder.is_dir():
        raise UsageError(
            f"no job {arguments.job!r} in {state_dir}; `querygen jobs` lists the jobs that are there; name the "
            f"config of a job that is in a store only (`journal.url`)"
        )
    return JobPlace(arguments.job, folder, None)


def load_for(arguments: argparse.Namespace, config: str, job_id: str | None = None) -> Loaded:
    """Load a config with the flags that all commands on jobs have."""
    return load(config, overrides(arguments), job_id=job_id)


def with_journal(loaded: Loaded, work: Callable[[RemoteJournal], Awaitable[T]]) -> T | None:
    """Call `work` with the journal of a config that other machines use too; None if it has none."""

    async def call(builder: Builder) -> T | None:
        journal = builder.remote_journal()
        if journal is None:
            return None
        try:
            return await work(journal)
        finally:
            await journal.aclose()

    return with_builder(loaded, call)


def is_config(name: str) -> bool:
    """Whether CONFIG|JOB names a config: an existing file, `*.yaml`, or a URL."""
    # Not `Path.is_file`, which fails for a job id that is too long to be a path.
    return "://" in name or name.endswith(".yaml") or os.path.isfile(name)  # noqa: PTH113


def state_dir_of(arguments: argparse.Namespace) -> Path:
    """The state folder of a command without a config."""
    return Path(arguments.state_dir or os.environ.get(STATE_DIR) or DEFAULT_STATE_DIR)
