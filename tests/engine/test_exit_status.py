from __future__ import annotations

from dataclasses import replace

import pytest

from querygen_core.api import SinkError
from querygen_core.contracts.errors import Exit
from querygen_core.contracts.journal import Tally
from querygen_core.engine.deliver import SinkRun, SinkTotals
from querygen_core.engine.exit_status import exit_status, sink_report
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.tolerance import Tolerance
from querygen_core.report.build import RunEnd, SinkReport
from tests.engine.world import built

TALLY = Tally(states={"done": 20}, not_in_input=0, kept=60, dropped={}, short={})
GOOD = SinkReport(name="table", identity="x", required=True, delivered=60, unchanged=0, retired=0, backup=0, pending=0)
BAD = replace(GOOD, name="bad", delivered=0, pending=60, error="it is down", exit_code=Exit.TRY_AGAIN)


def test_all_is_well():
    assert exit_status(Shutdown(), RunStats(read=20, seen=20), TALLY, [GOOD], Tolerance()) == RunEnd(Exit.DONE)


def test_what_ended_the_run_early_counts_most():
    shutdown = Shutdown()
    shutdown.set(Exit.CREDENTIALS, "bad key", "auth", retry_after=7.5)
    end = exit_status(shutdown, RunStats(read=7, seen=7), TALLY, [BAD], Tolerance())
    assert end == RunEnd(Exit.CREDENTIALS, "bad key", "auth", 7.5)


def test_what_does_not_add_up_counts_more_than_a_sink():
    end = exit_status(Shutdown(), RunStats(read=21, seen=21), TALLY, [BAD], Tolerance())
    assert (end.code, end.stopped_by) == (Exit.BUG, None)
    assert "21 records read" in end.message


def test_a_product_left_behind_without_a_reason_is_a_bug():
    tally = replace(TALLY, states={"done": 19, "pending": 1})
    end = exit_status(Shutdown(), RunStats(read=20, seen=20), tally, [GOOD], Tolerance())
    assert end.code == Exit.BUG
    assert "pending" in end.message


@pytest.mark.parametrize("required", [True, False])
def test_a_sink_counts_if_it_is_required(required):
    end = exit_status(
        Shutdown(), RunStats(read=20, seen=20), TALLY, [GOOD, replace(BAD, required=required)], Tolerance()
    )
    assert end == (RunEnd(Exit.TRY_AGAIN, "sink bad: it is down", "sink") if required else RunEnd(Exit.DONE))


def test_the_ratio_may_be_reached_but_not_passed():
    tally = replace(TALLY, states={"done": 18, "failed": 1, "rejected": 1})
    assert exit_status(Shutdown(), RunStats(read=20, seen=20), tally, [GOOD], Tolerance(0.1)).code == Exit.DONE
    assert exit_status(Shutdown(), RunStats(read=20, seen=20), tally, [GOOD], Tolerance(0.09)) == RunEnd(
        Exit.INPUT_UNUSABLE,
        "2 of 20 records (10.0%) failed or were rejected; runtime.max_failed_ratio allows 9.0%, runtime.max_failed 0",
        "rejected_input",
    )


@pytest.mark.parametrize(
    ("bad", "read", "seen", "number", "code"),
    [
        (1, 6, 6, 1, Exit.DONE),
        (1, 6, 6, 0, Exit.INPUT_UNUSABLE),
        (2, 6, 6, 1, Exit.INPUT_UNUSABLE),
        (2, 6, 6, 2, Exit.DONE),
        (1, 1, 1, 1, Exit.INPUT_UNUSABLE),
        (3, 3, 3, 9, Exit.INPUT_UNUSABLE),
        (1, 1, 40, 1, Exit.DONE),
    ],
    ids=["one", "none is allowed", "two", "two are allowed", "the only one", "all", "the shard's only one"],
)
def test_a_few_may_fail_whatever_share_of_a_small_input_they_are(bad, read, seen, number, code):
    tally = replace(TALLY, states={"done": read - bad, "rejected": bad})
    stats = RunStats(read=read, seen=seen)
    assert exit_status(Shutdown(), stats, tally, [GOOD], Tolerance(0.05, number)).code == code


@pytest.mark.parametrize(
    ("refused", "ratio", "required", "code"),
    [
        (1, 0.05, True, Exit.DONE),
        (2, 0.05, True, Exit.SINK_FAILED),
        (2, 0.1, True, Exit.DONE),
        (20, 1.0, True, Exit.DONE),
        (20, 0.0, False, Exit.DONE),
    ],
)
def test_a_sink_may_refuse_a_few_products_whatever_the_input_may_lack(refused, ratio, required, code):
    sink = replace(
        GOOD, delivered=60 - refused, pending=refused, refused=refused, refused_products=refused, products=20
    )
    sink = replace(sink, refusal="it is too long", required=required)
    end = exit_status(Shutdown(), RunStats(read=20, seen=20), TALLY, [sink], Tolerance(1.0, 9, ratio))
    assert end.code == code
    if code:
        assert end.stopped_by == "sink"
        assert "refused 2 of 20 products (10.0%), the first because: it is too long" in end.message


def test_nothing_read_is_unusable_input():
    empty = Tally(states={}, not_in_input=9, kept=0, dropped={}, short={})
    end = exit_status(Shutdown(), RunStats(read=0, seen=0), empty, [replace(GOOD, delivered=0)], Tolerance(1.0))
    assert (end.code, end.stopped_by) == (Exit.INPUT_UNUSABLE, "rejected_input")
    end = exit_status(Shutdown(), RunStats(read=0, seen=3), empty, [replace(GOOD, delivered=0)], Tolerance(1.0))
    assert end.code == Exit.DONE, "a shard may be without a record of the input"


def test_the_end_is_logged_as_an_error_once(caplog):
    exit_status(Shutdown(), RunStats(read=20, seen=20), TALLY, [GOOD], Tolerance())
    assert caplog.records == []
    exit_status(Shutdown(), RunStats(read=20, seen=20), TALLY, [BAD], Tolerance())
    shutdown = Shutdown()
    shutdown.set(Exit.CREDENTIALS, "bad key")
    shutdown.set(Exit.TRY_AGAIN, "SIGTERM received", deadline=5.0)
    exit_status(shutdown, RunStats(read=7, seen=7), TALLY, [BAD], Tolerance())
    logged = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert logged == [
        ("ERROR", "sink bad: it is down [stopped_by=sink exit_code=75]"),
        ("ERROR", "bad key; no further call starts [stopped_by=none exit_code=77]"),
    ]


def test_a_sink_s_numbers_leave_pending_what_it_has_not_got():
    sink = built(None, "lab/table")
    run = SinkRun(
        "table",
        sink,
        "host/db",
        required=True,
        total=SinkTotals(delivered=10, unchanged=20, retired=5, backup=3, refused=4, refused_products=1),
    )
    report = sink_report(run, 40)
    assert (report.pending, report.refused, report.exit_code, report.error) == (7, 4, Exit.DONE, "")
    run.error = SinkError("auth", "no right for postgres://me:hunter2@db")
    failed = sink_report(run, 40)
    assert (failed.exit_code, failed.error) == (Exit.CREDENTIALS, "no right for postgres://***@db")
