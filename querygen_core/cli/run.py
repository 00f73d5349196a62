from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from shlex import join

from querygen_core.batch import shard_from
from querygen_core.cli.loading import Loaded, load
from querygen_core.cli.main import show
from querygen_core.cli.progress import watch
from querygen_core.cli.summary import summarise
from querygen_core.engine.build import Settings
from querygen_core.engine.folder import job_folder, shard_folder
from querygen_core.engine.run import Result, run_job
from querygen_core.errors import Exit
from querygen_core.logs import configure, printable

log = logging.getLogger("querygen.run")

AUTO_INPUT = "files/auto"
DEFAULT_STATE_DIR = ".querygen"
_WIDEST = 70  # characters of a command; what is said of a longer one stands behind it


def run(arguments: argparse.Namespace) -> int:
    configure(arguments.log_level, arguments.log_format)
    if arguments.state_dir is not None:
        arguments.set.append(f"runtime.state_dir={json.dumps(arguments.state_dir)}")
    loaded = with_auto_input(arguments, load(arguments.config, arguments.set, job_id=arguments.job_id))
    return finish(arguments, loaded, settings_from(arguments))


def with_auto_input(arguments: argparse.Namespace, loaded: Loaded) -> Loaded:
    """Products on the command line replace the config's input by the one that takes them."""
    if not (arguments.products_file or arguments.product) or loaded.pipeline.input.use == AUTO_INPUT:
        return loaded
    log.info("products come from the command line, not from %s", loaded.pipeline.input.use)
    sets = [*arguments.set, f"input={{use: {AUTO_INPUT}}}"]
    return load(arguments.config, sets, job_id=loaded.pipeline.job_id)


def settings_from(arguments: argparse.Namespace) -> Settings:
    return Settings(
        environ=dict(os.environ),
        shard=shard_from(os.environ),
        products_file=getattr(arguments, "products_file", None),
        products=tuple(getattr(arguments, "product", ())),
        sample=getattr(arguments, "sample", None),
        wait=not arguments.no_wait,
    )


def finish(arguments: argparse.Namespace, loaded: Loaded, settings: Settings) -> int:
    """Run the job and print how it went. What plugins print goes where logs go."""
    with redirect_stdout(sys.stderr):
        result = asyncio.run(run_job(loaded.pipeline, settings, loaded.registry, watch))
    show(
        json.dumps(result.report, ensure_ascii=False)
        if arguments.json
        else _summary(arguments, loaded, settings, result)
    )
    return result.code


def _summary(arguments: argparse.Namespace, loaded: Loaded, settings: Settings, result: Result) -> str:
    folder = job_folder(Path(loaded.pipeline.runtime.state_dir), loaded.pipeline.job_id)
    text = summarise(result.report, shard_folder(folder, settings.shard), result.examples)
    return "\n".join([text, *map(printable, _next_steps(arguments, loaded, result))])


def _next_steps(arguments: argparse.Namespace, loaded: Loaded, result: Result) -> list[str]:
    """What a person would want to do now, as commands that a shell takes as they are."""
    config, report = loaded.pipeline.origin, result.report
    state_dir = loaded.pipeline.runtime.state_dir
    where = [] if state_dir == DEFAULT_STATE_DIR else ["--state-dir", state_dir]
    sets = [word for given in getattr(arguments, "set", ()) for word in ("--set", given)]
    same_job = ["--job-id", arguments.job_id] if getattr(arguments, "job_id", None) else []
    again = join(["querygen", "run", config, *sets, *same_job])
    steps: list[tuple[str, str]] = []
    if report["pending"]:
        steps.append((again, "goes on; what was paid is not paid again"))
    if report["failed"] or report["short_reasons"].keys() & {"blocked", "broken"}:
        retry = join(["querygen", "retry", loaded.pipeline.job_id, *where])
        steps.append((retry, "asks once more where no answer could be used"))
    if result.code == Exit.DONE and not steps:
        steps = [
            (join(["querygen", "prompts", "render", config]), "what a model is asked; edit prompts/*.j2, then"),
            (again, "only what the change touches is asked"),
        ]
        if result.statement:
            job = ["--set", f"job_id={json.dumps(arguments.job_id)}"] if same_job else []
            look = join(["querygen", "db", "query", config, *sets, *job, result.statement])
            steps.append((look, "what is in the database"))
    width = max((length for command, _ in steps if (length := len(command)) <= _WIDEST), default=0)
    return ["Next:", *(f"  {command:<{width}}  # {why}" for command, why in steps)] if steps else []
