"""What a run's numbers come to: its exit code, and the one sentence that a user gets."""

from __future__ import annotations

from collections.abc import Sequence

from querygen_core.engine.deliver import SinkRun
from querygen_core.engine.halt import Halt
from querygen_core.engine.meter import Meter
from querygen_core.errors import Exit
from querygen_core.journal.interface import Tally
from querygen_core.masking import mask
from querygen_core.report import SinkReport, failed_ratio, imbalances

_URGENCY = (Exit.CREDENTIALS, Exit.SINK_FAILED, Exit.TRY_AGAIN, Exit.DONE)


def sink_report(sink: SinkRun, kept: int) -> SinkReport:
    """The sink's numbers; what it has not got of the `kept` queries is pending."""
    total, error = sink.total, sink.error
    return SinkReport(
        name=sink.name,
        identity=sink.sink.identity,
        required=sink.required,
        delivered=total.delivered,
        unchanged=total.unchanged,
        retired=total.retired,
        backup=total.backup,
        pending=kept - total.delivered - total.unchanged - total.backup,
        refused=total.refused,
        refused_products=total.refused_products,
        error=mask(str(error)) if error else "",
        exit_code=error.exit_code if error else Exit.DONE,
    )


def verdict(
    halt: Halt, meter: Meter, tally: Tally, sinks: Sequence[SinkReport], max_failed_ratio: float
) -> tuple[Exit, str]:
    """The first that applies: what ended the run early, counts that do not add up, a required sink, the input."""
    if halt.code is not None:
        return halt.code, halt.message
    if unbalanced := imbalances(meter.read, tally, sinks):
        return Exit.BUG, "the counts do not balance, which is a bug: " + "; ".join(unbalanced)
    if pending := tally.states.get("pending"):
        return Exit.BUG, f"nothing ended the run early, but {pending} products are pending, which is a bug"
    if failed := [sink for sink in sinks if sink.required and sink.error]:
        worst = min(failed, key=lambda sink: _URGENCY.index(sink.exit_code))
        return worst.exit_code, f"sink {worst.name}: {worst.error}"
    if meter.seen == 0:  # a shard may be without a record, a job not
        return Exit.INPUT_UNUSABLE, "the input holds no record"
    if (ratio := failed_ratio(tally, sinks)) > max_failed_ratio:
        return Exit.INPUT_UNUSABLE, f"{ratio:.1%} of the input failed or was rejected; {max_failed_ratio:.1%} may"
    return Exit.DONE, ""
