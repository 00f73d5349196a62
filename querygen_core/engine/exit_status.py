"""How a run ended, from its numbers: exit code, cause, and the one sentence for the user."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from querygen_core.contracts.errors import Exit
from querygen_core.contracts.journal import Tally
from querygen_core.engine.deliver import SinkRun
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown, end_words
from querygen_core.engine.tolerance import Tolerance
from querygen_core.engine.unfit_input import why_unfit
from querygen_core.report.build import RunEnd, SinkReport, imbalances
from querygen_core.secrets.masking import mask

log = logging.getLogger("querygen.run")

# Of several sinks the one whose exit code comes first decides: what only a person can repair.
_URGENCY = (Exit.CREDENTIALS, Exit.SINK_FAILED, Exit.TRY_AGAIN, Exit.DONE)


def sink_report(sink: SinkRun, kept: int) -> SinkReport:
    """The sink's numbers. kept: queries of the job; those that the sink did not get are pending."""
    total, error = sink.total, sink.error
    held = kept if sink.left_out else total.held
    return SinkReport(
        name=sink.name,
        identity=sink.identity,
        required=sink.required,
        delivered=total.delivered,
        unchanged=total.unchanged,
        retired=total.retired,
        displaced=total.displaced,
        backup=total.backup,
        held=held,
        pending=kept - total.delivered - total.unchanged - total.backup - held,
        refused=total.refused,
        refused_products=total.refused_products,
        refusal=total.refusal,
        products=total.products,
        error=mask(str(error)) if error else "",
        exit_code=error.exit_code if error else Exit.DONE,
    )


def exit_status(
    shutdown: Shutdown, stats: RunStats, tally: Tally, sinks: Sequence[SinkReport], tolerance: Tolerance
) -> RunEnd:
    """The first that applies: an early end, counts that do not balance, a required sink that failed, unusable input.

    Logged here as an error, unless it is an early end: that was logged when it came.
    """
    if shutdown.code is not None:
        return RunEnd(shutdown.code, shutdown.message, shutdown.stopped_by, shutdown.retry_after)
    end = _end_by_numbers(stats, tally, sinks, tolerance)
    if end.code != Exit.DONE:
        log.error("%s%s", end.message, end_words(end.code, end.stopped_by))
    return end


def _end_by_numbers(stats: RunStats, tally: Tally, sinks: Sequence[SinkReport], tolerance: Tolerance) -> RunEnd:
    if unbalanced := imbalances(stats.read, tally, sinks):
        return RunEnd(Exit.BUG, "the counts do not balance, which is a bug: " + "; ".join(unbalanced))
    if pending := tally.states.get("pending"):
        return RunEnd(Exit.BUG, f"nothing ended the run early, but {pending} products are pending, which is a bug")
    if failed := [sink for sink in sinks if sink.required and sink.error]:
        worst = min(failed, key=lambda sink: _URGENCY.index(sink.exit_code))
        return RunEnd(worst.exit_code, f"sink {worst.name}: {worst.error}", "sink")
    if refusing := [
        sink for sink in sinks if sink.required and tolerance.too_many_refused(sink.refused_products, sink.products)
    ]:
        return RunEnd(Exit.SINK_FAILED, _refusal(refusing[0], tolerance), "sink")
    if why := why_unfit(stats, tally, tolerance):
        return RunEnd(Exit.INPUT_UNUSABLE, why, "rejected_input")
    return RunEnd(Exit.DONE)


def _refusal(sink: SinkReport, tolerance: Tolerance) -> str:
    share = f"{sink.refused_products:,} of {sink.products:,} products ({sink.refused_products / sink.products:.1%})"
    return (
        f"sink {sink.name} refused {share}, the first because: {sink.refusal}; runtime.max_refused_ratio allows "
        f"{tolerance.refused:.1%}; mend what the dead letters name and run again: nothing is paid for again"
    )
