from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

from querygen_core.cli.confirm import is_confirmed
from querygen_core.cli.loading import Loaded, load, overrides
from querygen_core.cli.main import OutputError, columns, configure_logs, print_result, report_error
from querygen_core.cli.next_steps import next_steps
from querygen_core.cli.progress import watch
from querygen_core.cli.summary import summarise
from querygen_core.contracts.early_exit import heed_signals_with
from querygen_core.contracts.errors import Exit, JournalError
from querygen_core.contracts.last_resort import last_resort
from querygen_core.engine.build import RunOptions
from querygen_core.engine.report_files import DEAD_LETTERS
from querygen_core.engine.run import RunResult, run_job
from querygen_core.engine.shards import shard_from, shard_named
from querygen_core.engine.shutdown import cause_of, end_words
from querygen_core.engine.state_dir import job_folder, shard_folder
from querygen_core.logs import printable

log = logging.getLogger("querygen.run")

AUTO_INPUT = "files/auto"


def run(arguments: argparse.Namespace) -> int:
    configure_logs(arguments)
    loaded = with_auto_input(arguments, load(arguments.config, overrides(arguments), job_id=arguments.job_id))
    run_options = run_options_from(arguments)
    if not is_confirmed(loaded, run_options, asked_for=arguments.confirm):
        return Exit.INTERRUPTED
    return run_and_report(arguments, loaded, run_options)


def with_auto_input(arguments: argparse.Namespace, loaded: Loaded) -> Loaded:
    """Products on the command line replace the config's input by `files/auto`, which reads them."""
    if not (arguments.products_file or arguments.product) or loaded.pipeline.input.use == AUTO_INPUT:
        return loaded
    log.info("reading products from the command line instead of %s", loaded.pipeline.input.use)
    sets = [*overrides(arguments), f"input={{use: {AUTO_INPUT}}}"]
    return load(arguments.config, sets, job_id=loaded.pipeline.job_id)


def run_options_from(arguments: argparse.Namespace) -> RunOptions:
    return RunOptions(
        environ=dict(os.environ),
        shard=shard_named(arguments.shard) if arguments.shard else shard_from(os.environ),
        products_file=getattr(arguments, "products_file", None),
        products=tuple(getattr(arguments, "product", ())),
        sample=getattr(arguments, "sample", None),
        wait=not getattr(arguments, "no_wait", False),
    )


def run_and_report(arguments: argparse.Namespace, loaded: Loaded, run_options: RunOptions) -> int:
    """Run the job, print its report or summary, and return the exit code. Output of plugins goes to stderr."""
    stdout = sys.stdout

    def on_end(result: RunResult) -> None:
        with redirect_stdout(stdout):
            _print(arguments, loaded, run_options, result)
        heed_signals_with(result.code)

    shown = None if arguments.quiet else watch
    # Closing the loop waits for its tasks: the last resort comes first.
    with redirect_stdout(sys.stderr), asyncio.Runner() as runner, last_resort:
        try:
            return runner.run(run_job(loaded.pipeline, run_options, loaded.registry, shown, on_end)).code
        except JournalError as error:  # the run has not begun, so that nothing else tells of its end
            failure = error
    log.error("%s%s", failure, end_words(failure.exit_code, cause_of(failure)))
    return failure.exit_code


def _print(arguments: argparse.Namespace, loaded: Loaded, run_options: RunOptions, result: RunResult) -> None:
    """What cannot be printed changes neither what is delivered nor the exit code."""
    folder = shard_folder(
        job_folder(Path(loaded.pipeline.runtime.state_dir), loaded.pipeline.job_id), run_options.shard
    )
    report = json.dumps(result.report, ensure_ascii=False)
    try:
        print_result(report if arguments.json else _summary(arguments, loaded, run_options, result))
    except OutputError as exc:
        report_error(OutputError(f"{exc}; the report is in {folder / 'report.json'}"))


def _summary(arguments: argparse.Namespace, loaded: Loaded, run_options: RunOptions, result: RunResult) -> str:
    folder = job_folder(Path(loaded.pipeline.runtime.state_dir), loaded.pipeline.job_id)
    letters = f"{shard_folder(folder, run_options.shard) / DEAD_LETTERS}"
    text = summarise(result.report, letters, result.examples, columns=columns())
    return "\n".join([text, *map(printable, next_steps(arguments, loaded, run_options, result))])
