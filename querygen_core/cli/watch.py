"""Follows a remote job: logs a line for each change and combines the exit codes of its shards."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterable
from dataclasses import dataclass

from querygen_core.api import Failure, Progress, Submission, Submitter
from querygen_core.contracts.errors import WORST_FIRST, Exit
from querygen_core.registry import BuiltComponent

log = logging.getLogger("querygen.submit")


@dataclass(frozen=True, slots=True)
class Watched:
    """Result of following a job."""

    progress: Progress
    """The last progress that the submitter reported."""
    exit_code: Exit
    """Combined exit code of the shards and the report; 130 if Ctrl-C ended the watching."""


async def watch(submitter: BuiltComponent[Submitter], submission: Submission) -> Watched:
    """Follow the job until it ends, or until Ctrl-C, which leaves the job running."""
    history = [Progress()]
    following = asyncio.create_task(_follow(submitter, submission, history))
    loop = asyncio.get_running_loop()
    previous_handler = signal.getsignal(signal.SIGINT)
    # The message tells this cancellation from any other.
    loop.add_signal_handler(signal.SIGINT, following.cancel, "Ctrl-C")
    try:
        await following
    except asyncio.CancelledError as exc:
        if exc.args != ("Ctrl-C",):
            raise
        log.warning("stopped watching; the job itself continues")
        return Watched(history[-1], Exit.INTERRUPTED)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, previous_handler)
    for failure in history[-1].failures:
        log.error("%s", _describe(failure))
    return Watched(history[-1], exit_code_of(history[-1]))


async def _follow(submitter: BuiltComponent[Submitter], submission: Submission, history: list[Progress]) -> None:
    """Append every change of the progress to `history`, and log it."""
    with submitter.guard:
        async for progress in submitter.instance.watch(submission):
            if progress != history[-1]:
                history.append(progress)
                log.info("%s", _line(progress))
    if not history[-1].ended:
        raise submitter.guard.violation("its watch ended before the job did")


def exit_code_of(progress: Progress) -> Exit:
    """Combine exit codes: 0 if everything succeeded, else the worst code of the shards.

    The report's failure counts only if no shard failed, because it does not run otherwise. A process without an exit
    code never started or lost its machine: 75. One with a code that querygen never exits with was killed, or has a
    bug: 70.
    """
    if not progress.failed and progress.report == "succeeded":
        return Exit.DONE
    failures = [failure for failure in progress.failures if failure.shard is not None or not progress.failed]
    return _worst(map(_code, failures))


def _worst(codes: Iterable[Exit]) -> Exit:
    return min(codes, key=WORST_FIRST.index, default=Exit.BUG)


def _code(failure: Failure) -> Exit:
    if failure.exit_code is None or failure.exit_code == Exit.INTERRUPTED:
        return Exit.TRY_AGAIN
    known = failure.exit_code in WORST_FIRST and failure.exit_code != Exit.DONE
    return Exit(failure.exit_code) if known else Exit.BUG


def _line(progress: Progress) -> str:
    shards = f"{progress.waiting} waiting, {progress.running} running, {progress.succeeded} succeeded"
    return f"shards: {shards}, {progress.failed} failed; report: {progress.report}"


def _describe(failure: Failure) -> str:
    process = "the report" if failure.shard is None else f"shard {failure.shard}"
    ending = "without an exit code" if failure.exit_code is None else f"with exit code {failure.exit_code}"
    reason = f": {failure.reason}" if failure.reason else ""
    log_place = f" (log: {failure.log})" if failure.log else ""
    return f"{process} ended {ending}{reason}{log_place}"
