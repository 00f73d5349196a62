"""How a job goes that runs elsewhere: a log line for each change, and at the end an exit code of them all."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterable
from dataclasses import dataclass

from querygen_core.api import Failure, Progress, Submission, Submitter
from querygen_core.errors import WORST_FIRST, Exit, PluginError

log = logging.getLogger("querygen.submit")


@dataclass(frozen=True, slots=True)
class Watched:
    """How it was when it was last seen, and what to end with."""

    progress: Progress
    exit_code: Exit


async def watch(submitter: Submitter, submission: Submission) -> Watched:
    """Until it has ended, or somebody presses Ctrl-C: then 130, and the job goes on."""
    seen = [Progress()]
    following = asyncio.create_task(_follow(submitter, submission, seen))
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, following.cancel, "Ctrl-C")
    try:
        await following
    except asyncio.CancelledError as exc:
        if exc.args != ("Ctrl-C",):
            raise
        log.warning("no longer watched; the job itself goes on")
        return Watched(seen[-1], Exit.INTERRUPTED)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
    for failure in seen[-1].failures:
        log.error("%s", _told(failure))
    return Watched(seen[-1], exit_code_of(seen[-1]))


async def _follow(submitter: Submitter, submission: Submission, seen: list[Progress]) -> None:
    """Adds to `seen` whatever is new."""
    async for progress in submitter.watch(submission):
        if progress != seen[-1]:
            seen.append(progress)
            log.info("%s", _line(progress))
    if not seen[-1].ended:
        raise PluginError("the submitter broke its contract: it stopped watching before the end")


def exit_code_of(progress: Progress) -> Exit:
    """0 if all succeeded, else the one of the shards' codes that tells most.

    That the report does not run where a shard failed says nothing new. A process without an exit code never started or
    lost its machine: 75. One with a code that querygen never ends with was killed, or has a bug: 70.
    """
    if not progress.failed and progress.report == "succeeded":
        return Exit.DONE
    failures = [one for one in progress.failures if one.shard is not None or not progress.failed]
    return _worst(_code(one) for one in failures)


def _worst(codes: Iterable[Exit]) -> Exit:
    return min(codes, key=WORST_FIRST.index, default=Exit.BUG)


def _code(failure: Failure) -> Exit:
    if failure.exit_code is None or failure.exit_code == Exit.INTERRUPTED:
        return Exit.TRY_AGAIN
    known = failure.exit_code in WORST_FIRST and failure.exit_code != Exit.DONE
    return Exit(failure.exit_code) if known else Exit.BUG


def _line(progress: Progress) -> str:
    counts = {name: getattr(progress, name) for name in ("waiting", "running", "succeeded", "failed")}
    return f"shards: {', '.join(f'{count} {name}' for name, count in counts.items())}; report: {progress.report}"


def _told(failure: Failure) -> str:
    who = "the report" if failure.shard is None else f"shard {failure.shard}"
    how = "without an exit code" if failure.exit_code is None else f"with exit code {failure.exit_code}"
    reason = f": {failure.reason}" if failure.reason else ""
    log_of_it = f" (log: {failure.log})" if failure.log else ""
    return f"{who} ended {how}{reason}{log_of_it}"
