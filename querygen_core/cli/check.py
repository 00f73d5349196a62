"""`querygen check`; and what all commands use that build a config's components without running a job."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext, redirect_stdout
from typing import TypeVar

from querygen_core.cli.loading import Loaded, load
from querygen_core.cli.main import print_result
from querygen_core.contracts.errors import ConfigError, ErrorKind, Exit, QuerygenError
from querygen_core.engine.build import Builder, RunOptions
from querygen_core.engine.file_uses import check_files
from querygen_core.engine.shards import shard_from
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.state_dir import make_folder
from querygen_core.logs import configure, printable
from querygen_core.registry import BuiltComponent
from querygen_core.registry.kinds import GENERATOR

T = TypeVar("T")


def check(arguments: argparse.Namespace) -> int:
    """Validate a config: shape, options, plugins and prompts; with --connect also what they connect to."""
    configure(arguments.log_level, arguments.log_format)
    loaded = load(arguments.config, arguments.set)
    with redirect_stdout(sys.stderr):
        asyncio.run(_with_builder(loaded, _check_parts, folder=False))
    if arguments.connect:
        with_builder(loaded, _connect)
    pipeline = loaded.pipeline
    rows = {
        "input": pipeline.input.use,
        "models": ", ".join(f"{name} ({model.component.use})" for name, model in pipeline.models.items()) or "none",
        "generators": ", ".join(
            f"{item.component.name} ({item.count} {item.query_type})" for item in pipeline.generators
        ),
        "postprocessors": ", ".join(step.use for step in pipeline.postprocessors) or "none",
        "sinks": ", ".join(sink.component.name for sink in pipeline.sinks),
    }
    print_result(f"{arguments.config}: valid, job {printable(pipeline.job_id)}")
    for name, text in rows.items():
        print_result(f"  {name:<15} {text}")
    return Exit.DONE


class ProblemCollector:
    """Makes calls to plugins and collects what goes wrong, to report all of it at the end."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, ErrorKind]] = []

    async def attempt(
        self, where: str, guard: AbstractContextManager[None], call: Callable[[], Awaitable[T]]
    ) -> T | None:
        """The result of a plugin's `call`; None if it fails in any way. where: what the problem is named after."""
        try:
            with guard:
                return await call()
        except QuerygenError as exc:
            self.add(f"{where}: {exc}", exc.kind)
        return None

    def add(self, problem: str, kind: ErrorKind) -> None:
        self.problems.append((problem, kind))

    def raise_all(self) -> None:
        """Raise one ConfigError with all problems and the kind of the first; do nothing if there are none."""
        if self.problems:
            error = ConfigError([text for text, _ in self.problems])
            error.kind = self.problems[0][1]
            raise error


def with_builder(loaded: Loaded, work: Callable[[Builder], Awaitable[T]]) -> T:
    """Call `work` with a builder of the config's components, then close them. Output of plugins goes to stderr."""
    with redirect_stdout(sys.stderr):
        return asyncio.run(_with_builder(loaded, work, folder=True))


async def _with_builder(loaded: Loaded, work: Callable[[Builder], Awaitable[T]], *, folder: bool) -> T:
    """folder: whether the job's state folder is made, which most components need."""
    async with AsyncExitStack() as closing:
        run_options = RunOptions(environ=dict(os.environ), shard=shard_from(os.environ))
        builder = Builder(loaded.pipeline, run_options, loaded.registry, closing)
        if folder:
            make_folder(builder.folder)
        return await work(builder)


def data_components(builder: Builder) -> list[tuple[str, BuiltComponent[object]]]:
    """Input, preprocessors and sinks, in the order in which a product passes them, each with a name for messages."""
    components: list[tuple[str, BuiltComponent[object]]] = [(f"input {builder.pipeline.input.use}", builder.input())]
    components += [(f"preprocessor {step.use}", step) for step in builder.preprocessors()]
    return components + [(f"sink {sink_run.name}", sink_run.component) for sink_run in builder.sinks()]


async def _check_parts(builder: Builder) -> None:
    """What a generator says of its prompt and options is known only when it is built; and which file is whose."""
    collector = ProblemCollector()
    try:
        check_files(builder)
    except ConfigError as exc:
        for problem in exc.problems:
            collector.add(problem, exc.kind)
    for generator in builder.pipeline.generators:
        try:
            builder.build(generator.component, GENERATOR)
        except QuerygenError as exc:
            collector.add(str(exc), exc.kind)
    collector.raise_all()


async def _connect(builder: Builder) -> None:
    """Call every component's `check`, then report all problems at once. No check makes a paid call."""
    collector = ProblemCollector()
    models = [(f"models.{name}", model.provider) for name, model in builder.models(Shutdown()).items()]
    if journal := builder.remote_journal():
        builder.closing.push_async_callback(journal.aclose)
        await collector.attempt("journal", nullcontext(), journal.check)
    observers = [(f"observer {name}", observer) for name, observer in builder.observers()]
    for where, component in [*models, *data_components(builder), *observers]:
        if component.checkable is not None:
            await collector.attempt(where, component.guard, component.checkable.check)
    collector.raise_all()
