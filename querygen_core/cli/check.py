"""Whether a config is good, and what it stands for; and how a command tries the built parts of a config."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, redirect_stdout
from typing import Any, TypeVar

from querygen_core.batch import shard_from
from querygen_core.cli.loading import Loaded, load
from querygen_core.engine.build import Builder, Settings
from querygen_core.engine.folder import make_folder
from querygen_core.engine.halt import Halt
from querygen_core.errors import ConfigError, Exit, PluginError, QuerygenError
from querygen_core.logs import configure, printable

T = TypeVar("T")


def check(arguments: argparse.Namespace) -> int:
    """Validate a config: shape, options, plugins, prompts; with --connect also what they stand for."""
    configure(arguments.log_level, arguments.log_format)
    loaded = load(arguments.config, arguments.set)
    if arguments.connect:
        with_parts(loaded, _connect)
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


class Attempts:
    """Tries one thing of a plugin after the other, to say at the end all at once what went wrong."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, Exit]] = []

    async def make(self, where: str, work: Callable[[], Awaitable[T]]) -> T | None:
        """What `work` gives; None if it fails, however it does."""
        try:
            return await work()
        except QuerygenError as exc:
            self.add(f"{where}: {exc}", exc.exit_code)
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) is None or task.cancelling():
                raise
            self.add(f"{where}: it cancelled itself", PluginError.exit_code)
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - a plugin's code
            self.add(f"{where}: {type(exc).__name__}: {exc}", PluginError.exit_code)
        return None

    def add(self, problem: str, code: Exit) -> None:
        self.problems.append((problem, code))

    def finish(self) -> None:
        """Raise one error for all, with the exit code of the first; nothing if all went well."""
        if self.problems:
            error = ConfigError([text for text, _ in self.problems])
            error.exit_code = self.problems[0][1]
            raise error


def with_parts(loaded: Loaded, work: Callable[[Builder], Awaitable[T]]) -> T:
    """What `work` makes of the parts that it builds; they are closed then. What plugins print goes where logs go."""
    with redirect_stdout(sys.stderr):
        return asyncio.run(_with_parts(loaded, work))


async def _with_parts(loaded: Loaded, work: Callable[[Builder], Awaitable[T]]) -> T:
    async with AsyncExitStack() as closing:
        settings = Settings(environ=dict(os.environ), shard=shard_from(os.environ))
        builder = Builder(loaded.pipeline, settings, loaded.registry, closing)
        make_folder(builder.folder)
        return await work(builder)


def data_parts(builder: Builder) -> list[tuple[str, Any]]:
    """The parts that read or keep data, in a product's order, each with what it is called."""
    parts: list[tuple[str, Any]] = [(f"input {builder.pipeline.input.use}", builder.input())]
    parts += [(f"preprocessor {use}", step) for use, step in builder.preprocessors()]
    return parts + [(f"sink {one.name}", one.sink) for one in builder.sinks()]


async def _connect(builder: Builder) -> None:
    """Try every part that can be tried, then say all that is wrong at once. Spends nothing."""
    attempts = Attempts()
    models = [(f"models.{name}", model.provider) for name, model in builder.models(Halt()).items()]
    journal = (f"journal {builder.pipeline.journal.use}", builder.journal())
    observers = [(f"observer {name}", observer) for name, observer in builder.observers()]
    for where, part in [*models, journal, *data_parts(builder), *observers]:
        if check_it := getattr(part, "check", None):
            await attempts.make(where, check_it)
    attempts.finish()
