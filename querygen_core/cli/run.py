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

from querygen_core.cli.loading import Loaded, load
from querygen_core.cli.main import print_result
from querygen_core.cli.progress import watch
from querygen_core.cli.summary import summarise
from querygen_core.contracts.errors import Exit
from querygen_core.contracts.last_resort import last_resort
from querygen_core.engine.build import RunOptions
from querygen_core.engine.report_files import DEAD_LETTERS
from querygen_core.engine.run import RunResult, run_job
from querygen_core.engine.shards import shard_from, shard_named
from querygen_core.engine.state_dir import job_folder, shard_folder
from querygen_core.logs import configure, printable

log = logging.getLogger("querygen.run")

AUTO_INPUT = "files/auto"
DEFAULT_STATE_DIR = ".querygen"
_RESUME = {
    "budget": "resume, when you have raised the limit or, if it is the day's, tomorrow",
    "quota": "resume, when the quota is renewed",
    "auth": "resume, when the credentials are right",
    "dead_model": "resume, when the model answers again or the config names another",
    "useless_prompt": "resume, when the prompt or the model is another; useless answers are paid for again",
    "low_yield": "resume, when the prompt, the model or the filters have changed",
    "rejected_input": "resume, when the input is mended",
}
_PROMPT_AT_FAULT = ("useless_prompt", "low_yield")
_WIDEST = 70  # characters; a longer command does not widen the column of commands


def run(arguments: argparse.Namespace) -> int:
    configure(arguments.log_level, arguments.log_format)
    if arguments.state_dir is not None:
        arguments.set.append(f"runtime.state_dir={json.dumps(arguments.state_dir)}")
    loaded = with_auto_input(arguments, load(arguments.config, arguments.set, job_id=arguments.job_id))
    return run_and_report(arguments, loaded, run_options_from(arguments))


def with_auto_input(arguments: argparse.Namespace, loaded: Loaded) -> Loaded:
    """Products on the command line replace the config's input by `files/auto`, which reads them."""
    if not (arguments.products_file or arguments.product) or loaded.pipeline.input.use == AUTO_INPUT:
        return loaded
    log.info("reading products from the command line instead of %s", loaded.pipeline.input.use)
    sets = [*arguments.set, f"input={{use: {AUTO_INPUT}}}"]
    return load(arguments.config, sets, job_id=loaded.pipeline.job_id)


def run_options_from(arguments: argparse.Namespace) -> RunOptions:
    return RunOptions(
        environ=dict(os.environ),
        shard=shard_named(arguments.shard) if arguments.shard else shard_from(os.environ),
        products_file=getattr(arguments, "products_file", None),
        products=tuple(getattr(arguments, "product", ())),
        sample=getattr(arguments, "sample", None),
        wait=not arguments.no_wait,
    )


def run_and_report(arguments: argparse.Namespace, loaded: Loaded, run_options: RunOptions) -> int:
    """Run the job, print its report or summary, and return the exit code. Output of plugins goes to stderr."""
    # Closing the loop waits for its tasks: the last resort comes first.
    with redirect_stdout(sys.stderr), asyncio.Runner() as runner, last_resort:
        result = runner.run(run_job(loaded.pipeline, run_options, loaded.registry, watch))
    print_result(
        json.dumps(result.report, ensure_ascii=False)
        if arguments.json
        else _summary(arguments, loaded, run_options, result)
    )
    return result.code


def _summary(arguments: argparse.Namespace, loaded: Loaded, run_options: RunOptions, result: RunResult) -> str:
    folder = job_folder(Path(loaded.pipeline.runtime.state_dir), loaded.pipeline.job_id)
    text = summarise(result.report, f"{shard_folder(folder, run_options.shard) / DEAD_LETTERS}", result.examples)
    return "\n".join([text, *map(printable, _next_steps(arguments, loaded, result))])


def _next_steps(arguments: argparse.Namespace, loaded: Loaded, result: RunResult) -> list[str]:
    """Suggested commands, quoted for a shell, each with a comment."""
    config, report = loaded.pipeline.origin, result.report
    state_dir = loaded.pipeline.runtime.state_dir
    state_flag = [] if state_dir == DEFAULT_STATE_DIR else ["--state-dir", state_dir]
    same_shard = ["--shard", arguments.shard] if arguments.shard else []
    # What `run` added to `--set` for this flag is named by the flag where there is one.
    same_folder = ["--state-dir", arguments.state_dir] if arguments.state_dir is not None else []
    all_sets = [word for override in getattr(arguments, "set", ()) for word in ("--set", override)]
    sets = all_sets[:-2] if same_folder else all_sets
    same_job = ["--job-id", arguments.job_id] if getattr(arguments, "job_id", None) else []
    retry = join(["querygen", "retry", loaded.pipeline.job_id, *state_flag, *same_shard])
    # Without a config on the command line only the job itself knows with which `--set` it was run.
    known = "config" in arguments
    run_again = join(["querygen", "run", config, *sets, *same_job, *same_folder, *same_shard]) if known else retry
    render = join(["querygen", "prompts", "render", config, *sets])
    steps: list[tuple[str, str]] = []
    if report["stopped_by"] in _PROMPT_AT_FAULT and known:
        steps.append((render, "show what the models are asked"))
    if report["pending"] or report["stopped_by"] == "rejected_input":
        steps.append((run_again, _RESUME.get(report["stopped_by"], "resume; answers that were paid for are reused")))
    unusable = report["failed"] or report["short_reasons"].keys() & {"blocked", "broken"}
    if unusable and not (report["pending"] and run_again == retry):
        steps.append((retry, "retry the requests without a usable answer; they are paid for again"))
    if result.code == Exit.DONE and not steps:
        steps = [
            (
                render,
                "show what the models are asked; edit prompts/*.j2, then",
            ),
            (run_again, "send only the requests that the edit changed"),
        ]
        if result.statement:
            job = ["--set", f"job_id={json.dumps(arguments.job_id)}"] if same_job else []
            query = join(["querygen", "db", "query", config, *all_sets, *job, result.statement])
            steps.append((query, "read the rows from the database"))
    width = max((length for command, _ in steps if (length := len(command)) <= _WIDEST), default=0)
    return ["Next:", *(f"  {command:<{width}}  # {comment}" for command, comment in steps)] if steps else []
