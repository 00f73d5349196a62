"""A last look at the records, when all are generated: of an input that is unfit, no snapshot may be published."""

from __future__ import annotations

from querygen_core.contracts.errors import Exit
from querygen_core.contracts.journal import Tally
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.tolerance import Tolerance
from querygen_core.report.build import failed_records


def judge_input(shutdown: Shutdown, stats: RunStats, tally: Tally, tolerance: Tolerance) -> None:
    """End the run if its input, read to the end, is unfit."""
    if not shutdown.is_set and stats.input_done and (why := why_unfit(stats, tally, tolerance)):
        shutdown.set(Exit.INPUT_UNUSABLE, why, "rejected_input")


def why_unfit(stats: RunStats, tally: Tally, tolerance: Tolerance) -> str:
    """The input has no records, or too many of them failed or were rejected; "" if neither is so."""
    if stats.seen == 0:  # a shard may be without a record, a job not
        return "the input has no records"
    if not tolerance.exceeded(bad := failed_records(tally), stats.read, stats.seen):
        return ""
    what = f"{bad:,} of {stats.read:,} records ({bad / stats.read:.1%}) failed or were rejected"
    limits = f"runtime.max_failed_ratio allows {tolerance.ratio:.1%}, runtime.max_failed {tolerance.number:,}"
    return f"{what}; {limits}"
