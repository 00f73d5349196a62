"""A last look at the records, when all are generated: of an input that is unfit, no snapshot may be published."""

from __future__ import annotations

from querygen_core.contracts.errors import Exit
from querygen_core.contracts.journal import Tally
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.tolerance import Tolerance


def judge_input(shutdown: Shutdown, stats: RunStats, tally: Tally, tolerance: Tolerance) -> None:
    """End the run if the input has no records, or if too many of them failed or were rejected."""
    if shutdown.is_set or not stats.input_done:
        return
    if stats.seen == 0:  # a shard may be without a record, a job not
        shutdown.set(Exit.INPUT_UNUSABLE, "the input has no records", "rejected_input")
    bad = tally.states.get("failed", 0) + tally.states.get("rejected", 0)
    if tolerance.exceeded(bad, stats.read, stats.seen):
        what = f"{bad:,} of {stats.read:,} records ({bad / stats.read:.1%}) failed or were rejected"
        limits = f"runtime.max_failed_ratio allows {tolerance.ratio:.1%}, runtime.max_failed {tolerance.number:,}"
        shutdown.set(Exit.INPUT_UNUSABLE, f"{what}; {limits}", "rejected_input")
