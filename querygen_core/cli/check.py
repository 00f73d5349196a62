"""`querygen check`; and what all commands use that build a config's components without running a job."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, redirect_stdout
from functools import partial
from typing import TypeVar

from querygen_core.cli.loading import Loaded, load
from querygen_core.cli.main import configure_logs, print_result
from querygen_core.cli.problems import ProblemCollector
from querygen_core.cli.readiness import Readiness
from querygen_core.cli.run import with_auto_input
from querygen_core.contracts.errors import ConfigError, Exit, QuerygenError
from querygen_core.engine.build import Builder, RunOptions
from querygen_core.engine.file_uses import check_files
from querygen_core.engine.shards import shard_from
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.state_dir import make_folder
from querygen_core.logs import printable
from querygen_core.registry.kinds import GENERATOR

T = TypeVar("T")


def check(arguments: argparse.Namespace) -> int:
    """Look at a config, and at as much of what it names as was asked for."""
    configure_logs(arguments)
    loaded = with_auto_input(arguments, load(arguments.config, arguments.set))
    run_options = RunOptions(
        environ=dict(os.environ),
        shard=shard_from(os.environ),
        products_file=arguments.products_file,
        products=tuple(arguments.product),
    )
    work = partial(_look, connect=arguments.connect, config_only=arguments.config_only)
    with redirect_stdout(sys.stderr):
        asyncio.run(_with_builder(loaded, work, run_options, folder=arguments.connect))
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


def with_builder(loaded: Loaded, work: Callable[[Builder], Awaitable[T]]) -> T:
    """Call `work` with a builder of the config's components, then close them. Output of plugins goes to stderr."""
    run_options = RunOptions(environ=dict(os.environ), shard=shard_from(os.environ))
    with redirect_stdout(sys.stderr):
        return asyncio.run(_with_builder(loaded, work, run_options, folder=True))


async def _with_builder(
    loaded: Loaded, work: Callable[[Builder], Awaitable[T]], run_options: RunOptions, *, folder: bool
) -> T:
    """folder: whether the job's state folder is made, which most components need."""
    async with AsyncExitStack() as closing:
        builder = Builder(loaded.pipeline, run_options, loaded.registry, closing)
        if folder:
            make_folder(builder.folder)
        return await work(builder)


async def _look(builder: Builder, *, connect: bool, config_only: bool) -> None:
    """Report all problems at once. connect: of all that a run connects to; config_only: of nothing but the config."""
    collector = ProblemCollector()
    readiness = Readiness(builder, collector)
    _check_files(builder, collector)
    _build_generators(builder, collector)
    if connect:
        await readiness.connect()
    else:
        _build_models(builder, collector)
        if not config_only:
            await readiness.look()
    collector.raise_all()


def _check_files(builder: Builder, collector: ProblemCollector) -> None:
    try:
        check_files(builder)
    except ConfigError as exc:
        for problem in exc.problems:
            collector.add(problem, exc.kind)


def _build_generators(builder: Builder, collector: ProblemCollector) -> None:
    """What a generator says of its prompt and options is known only when it is built."""
    for generator in builder.pipeline.generators:
        try:
            builder.build(generator.component, GENERATOR)
        except QuerygenError as exc:
            collector.add(str(exc), exc.kind)


def _build_models(builder: Builder, collector: ProblemCollector) -> None:
    """Only where there is a limit of money: whether the prices are known is what building them tells."""
    runtime = builder.pipeline.runtime
    models = builder.pipeline.models.values()
    # One with a secret in a plain option fetches it when it is built.
    if (runtime.max_cost, runtime.max_cost_per_day) == (None, None) or any(model.component.late for model in models):
        return
    try:
        builder.models(Shutdown())
    except QuerygenError as exc:
        collector.add(str(exc), exc.kind)
