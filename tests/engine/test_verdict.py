from __future__ import annotations

from dataclasses import replace

import pytest

from querygen_core.api import SinkError
from querygen_core.engine.deliver import Delivered, SinkRun
from querygen_core.engine.halt import Halt
from querygen_core.engine.meter import Meter
from querygen_core.engine.verdict import sink_report, verdict
from querygen_core.errors import Exit
from querygen_core.journal.interface import Tally
from querygen_core.report import SinkReport

TALLY = Tally(states={"done": 20}, not_in_input=0, kept=60, dropped={}, short={})
GOOD = SinkReport(name="table", identity="x", required=True, delivered=60, unchanged=0, retired=0, backup=0, pending=0)
BAD = replace(GOOD, name="bad", delivered=0, pending=60, error="it is down", exit_code=Exit.TRY_AGAIN)


def test_all_is_well():
    assert verdict(Halt(), Meter(read=20, seen=20), TALLY, [GOOD], 0.0) == (Exit.DONE, "")


def test_what_ended_the_run_early_counts_most():
    halt = Halt()
    halt.set(Exit.CREDENTIALS, "bad key")
    assert verdict(halt, Meter(read=7, seen=7), TALLY, [BAD], 0.0) == (Exit.CREDENTIALS, "bad key")


def test_what_does_not_add_up_counts_more_than_a_sink():
    code, message = verdict(Halt(), Meter(read=21, seen=21), TALLY, [BAD], 0.0)
    assert code == Exit.BUG
    assert "21 records read" in message


def test_a_product_left_behind_without_a_reason_is_a_bug():
    tally = replace(TALLY, states={"done": 19, "pending": 1})
    code, message = verdict(Halt(), Meter(read=20, seen=20), tally, [GOOD], 0.0)
    assert code == Exit.BUG
    assert "pending" in message


@pytest.mark.parametrize("required", [True, False])
def test_a_sink_counts_if_it_is_required(required):
    code, message = verdict(Halt(), Meter(read=20, seen=20), TALLY, [GOOD, replace(BAD, required=required)], 0.0)
    assert (code, message) == ((Exit.TRY_AGAIN, "sink bad: it is down") if required else (Exit.DONE, ""))


def test_the_ratio_may_be_reached_but_not_passed():
    tally = replace(TALLY, states={"done": 18, "failed": 1, "rejected": 1})
    assert verdict(Halt(), Meter(read=20, seen=20), tally, [GOOD], 0.1)[0] == Exit.DONE
    code, message = verdict(Halt(), Meter(read=20, seen=20), tally, [GOOD], 0.09)
    assert (code, message) == (Exit.INPUT_UNUSABLE, "10.0% of the input failed or was rejected; 9.0% may")


def test_nothing_read_is_unusable_input():
    empty = Tally(states={}, not_in_input=9, kept=0, dropped={}, short={})
    assert verdict(Halt(), Meter(read=0, seen=0), empty, [replace(GOOD, delivered=0)], 1.0)[0] == Exit.INPUT_UNUSABLE
    assert verdict(Halt(), Meter(read=0, seen=3), empty, [replace(GOOD, delivered=0)], 1.0)[0] == Exit.DONE, (
        "a shard may be without a record of the input"
    )


def test_a_sink_s_numbers_leave_pending_what_it_has_not_got():
    class Sink:
        identity = "host/db"

    run = SinkRun("table", "lab/table", Sink(), required=True, total=Delivered(10, 20, 5, 3, 4, 1))
    report = sink_report(run, 40)
    assert (report.pending, report.refused, report.exit_code, report.error) == (7, 4, Exit.DONE, "")
    run.error = SinkError("auth", "no right for postgres://me:hunter2@db")
    failed = sink_report(run, 40)
    assert (failed.exit_code, failed.error) == (Exit.CREDENTIALS, "no right for postgres://***@db")
