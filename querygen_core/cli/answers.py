"""`querygen answers`: the answers that all jobs share."""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from querygen_core.cli.check import with_builder
from querygen_core.cli.job_place import state_dir_of
from querygen_core.cli.loading import load
from querygen_core.cli.main import print_result
from querygen_core.contracts.context import Shard
from querygen_core.contracts.errors import Exit, UsageError
from querygen_core.engine.build import Builder
from querygen_core.journal.answer_db import AnswerDb
from querygen_core.journal.sqlite import ANSWERS_FILE
from querygen_core.logs import configure


def prune(arguments: argparse.Namespace) -> int:
    """Delete the answers that are older than so many days. What they made stays; asked again, they are paid again."""
    configure()
    oldest = datetime.now(UTC) - timedelta(days=arguments.older_than)
    file = state_dir_of(arguments) / ANSWERS_FILE
    if arguments.config is not None:
        loaded = load(arguments.config, arguments.set)
        file = Path(arguments.state_dir or loaded.pipeline.runtime.state_dir) / ANSWERS_FILE
    if arguments.config is not None and loaded.pipeline.journal.url is not None:
        answers = with_builder(loaded, lambda builder: _prune_store(builder, oldest))
    elif file.is_file():
        answers = asyncio.run(_prune_file(file, oldest))
    else:
        raise UsageError(f"there is no answer store at {file}; name its folder with --state-dir, or a config")
    print_result(f"{answers:,} answers deleted that were paid for before {oldest:%Y-%m-%d %H:%M} UTC")
    return Exit.DONE


async def _prune_store(builder: Builder, oldest: datetime) -> int:
    journal = builder.remote_journal()
    assert journal is not None  # noqa: S101 - the config has a `journal.url`
    try:
        return await journal.prune(oldest)
    finally:
        await journal.aclose()


async def _prune_file(path: Path, oldest: datetime) -> int:
    answers = AnswerDb(path, "", Shard())
    try:
        return await answers.prune(oldest)
    finally:
        await answers.aclose()
