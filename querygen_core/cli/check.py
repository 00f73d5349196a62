from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from querygen_core.batch import shard_from
from querygen_core.cli.loading import Loaded, load
from querygen_core.engine.build import Builder, Settings
from querygen_core.engine.folder import make_folder
from querygen_core.engine.halt import Halt
from querygen_core.errors import ConfigError, Exit, QuerygenError
from querygen_core.logs import configure, printable


def check(arguments: argparse.Namespace) -> int:
    """Validate a config: shape, options, plugins, prompts; with --connect also what they stand for."""
    configure(arguments.log_level, arguments.log_format)
    loaded = load(arguments.config, arguments.set)
    if arguments.connect:
        asyncio.run(_connect(loaded))
    pipeline = loaded.pipeline
    parts = {
        "input": pipeline.input.use,
        "models": ", ".join(f"{name} ({one.part.use})" for name, one in pipeline.models.items()) or "none",
        "generators": ", ".join(f"{one.part.name} ({one.count} {one.query_type})" for one in pipeline.generators),
        "postprocessors": ", ".join(part.use for part in pipeline.postprocessors) or "none",
        "sinks": ", ".join(one.part.name for one in pipeline.sinks),
    }
    print(f"{arguments.config}: good, job {printable(pipeline.job_id)}")
    for name, text in parts.items():
        print(f"  {name:<15} {text}")
    return Exit.DONE


async def _connect(loaded: Loaded) -> None:
    """Try every model and every sink, then say all that is wrong at once. Spends nothing."""
    async with AsyncExitStack() as closing:
        settings = Settings(environ=dict(os.environ), shard=shard_from(os.environ))
        builder = Builder(loaded.pipeline, settings, loaded.registry, closing)
        make_folder(builder.folder)
        tried: list[tuple[str, Any]] = [
            (f"models.{name}", model.provider) for name, model in builder.models(Halt()).items()
        ]
        tried += [(f"sink {sink.name}", sink.sink) for sink in builder.sinks()]
        problems = [problem for where, what in tried if (problem := await _try(where, what))]
    if problems:
        _raise(problems)


async def _try(where: str, what: Any) -> tuple[str, Exit] | None:
    check_it = getattr(what, "check", None)
    if check_it is None:
        return None
    try:
        await check_it()
    except QuerygenError as exc:
        return f"{where}: {exc}", exc.exit_code
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - a plugin's code
        return f"{where}: {type(exc).__name__}: {exc}", Exit.CONFIG
    return None


def _raise(problems: Sequence[tuple[str, Exit]]) -> None:
    """One error for all, with the exit code of the first."""
    error = ConfigError([text for text, _ in problems])
    error.exit_code = problems[0][1]
    raise error
