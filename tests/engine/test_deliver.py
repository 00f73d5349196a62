"""From the journal to the sinks: each gets everything once, and its errors are its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from querygen_core.api import InputError, Receipt, SinkError
from querygen_core.contracts.errors import Exit, JournalError
from querygen_core.engine import deliver
from querygen_core.journal.sqlite import SqliteJournal
from querygen_core.testing import MemorySink, MemorySnapshotSink, ScriptedProvider, three_questions
from tests.engine.lab import Lab, product, products, states


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits two minutes for a sink in a test."""
    monkeypatch.setattr(deliver, "_PATIENCE", 1.8)


def sink(result, name: str = "table") -> dict:
    return result.report["sinks"][name]


def numbers(result, name: str = "table") -> tuple[int, int, int, int]:
    return tuple(sink(result, name)[key] for key in ("delivered", "unchanged", "retired", "pending"))


def test_a_sink_gets_what_is_finished_while_the_rest_is_made(tmp_path: Path):
    model = ScriptedProvider(three_questions, seconds=0.01)
    lab = Lab(tmp_path, products(60), model=model)
    result = lab.run()
    assert result.code == Exit.DONE
    assert len(lab.table.applied) > 1
    assert numbers(result) == (180, 0, 0, 0)
    assert set(lab.table.texts) == {item.key for item in products(60)}
    assert result.report["queries_saved_to_db"] == 180


def test_again_everything_is_unchanged_and_nothing_is_asked(tmp_path: Path):
    lab = Lab(tmp_path, products(10))
    lab.run()
    again = lab.run()
    assert numbers(again) == (0, 30, 0, 0)
    assert (again.report["calls"]["new"], again.report["calls"]["journal"]) == (0, 0)


def test_a_sink_added_later_gets_everything_without_a_call(tmp_path: Path):
    lab = Lab(tmp_path, products(10))
    lab.run()
    lab.sinks = {**lab.sinks, "later": MemorySink("lab/later"), "page": MemorySnapshotSink()}
    result = lab.run()
    assert result.report["calls"]["new"] == 0
    assert numbers(result, "later") == (30, 0, 0, 0)
    assert lab.sinks["later"].texts == lab.table.texts
    assert [outcome.product_key for outcome in lab.sinks["page"].published] == [item.key for item in products(10)]


def test_a_snapshot_is_in_input_order_and_published_once(tmp_path: Path):
    lab = Lab(tmp_path, products(450), sinks={"page": MemorySnapshotSink()})
    result = lab.run()
    page = lab.sinks["page"]
    assert page.publications == 1
    assert [outcome.product_key for outcome in page.published] == [item.key for item in products(450)]
    assert page.applied == [200, 200, 50]
    assert numbers(result, "page") == (1350, 0, 0, 0)


def test_a_snapshot_keeps_the_old_questions_of_a_product_that_has_no_new_ones(tmp_path: Path):
    lab = Lab(tmp_path, products(4), sinks={"page": MemorySnapshotSink()}, runtime={"max_failed_ratio": 1})
    lab.run()
    before = {outcome.product_key: outcome.queries for outcome in lab.sinks["page"].published}
    lab.records = [product(0), product(1, title="Renamed"), product(2), product(3)]
    lab.model = ScriptedProvider(
        lambda asked, number: ValueError("boom") if "Renamed" in asked.prompt else three_questions(asked, number)
    )
    result = lab.run()
    assert states(result) == {"done": 3, "failed": 1}
    assert {outcome.product_key: outcome.queries for outcome in lab.sinks["page"].published} == before
    assert numbers(result, "page")[3] == 0


def test_a_snapshot_keeps_what_is_there_if_the_journal_knows_nothing(tmp_path: Path):
    """As after the loss of the state folder, or on another machine."""
    lab = Lab(tmp_path, products(4), sinks={"page": MemorySnapshotSink()}, runtime={"max_failed_ratio": 1})
    lab.run()
    before = {outcome.product_key: outcome.queries for outcome in lab.sinks["page"].published}
    shutil.rmtree(lab.state.parent)
    lab.records = [product(0), product(1), product(2), product(7)]
    broken = (product(1).title, product(7).title)
    lab.model = ScriptedProvider(
        lambda asked, number: ValueError("boom") if asked.prompt.startswith(broken) else three_questions(asked, number)
    )
    result = lab.run()
    assert states(result) == {"done": 2, "failed": 2}
    assert {one.product_key: one.queries for one in lab.sinks["page"].published} == {
        product(number).key: before[product(number).key] for number in range(3)
    }
    assert numbers(result, "page")[3] == 0


@pytest.mark.parametrize("records", [[], [*products(2), product(2, title="broken"), product(3, title="broken")]])
def test_a_snapshot_stays_if_the_input_is_unfit(tmp_path: Path, records):
    lab = Lab(tmp_path, products(4), sinks={"page": MemorySnapshotSink(), "table": MemorySink()})
    lab.run()
    lab.records = records
    lab.model = ScriptedProvider(
        lambda asked, number: ValueError("boom") if "broken" in asked.prompt else three_questions(asked, number)
    )
    result = lab.run()
    assert (result.code, result.report["stopped_by"]) == (Exit.INPUT_UNUSABLE, "rejected_input")
    assert lab.sinks["page"].publications == 1


@pytest.mark.usefixtures("impatient")
def test_a_sink_that_heals_gets_everything(tmp_path: Path):
    table = MemorySink(errors=[SinkError("retry", "busy"), SinkError("retry", "busy")])
    result = Lab(tmp_path, products(5), sinks={"table": table}).run()
    assert result.code == Exit.DONE
    assert numbers(result) == (15, 0, 0, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SinkError("retry", "the database is down"), Exit.TRY_AGAIN),
        (SinkError("permanent", "no such table"), Exit.SINK_FAILED),
        (SinkError("auth", "not allowed"), Exit.CREDENTIALS),
        (ValueError("boom"), Exit.SINK_FAILED),
        (InputError("a strange one"), Exit.SINK_FAILED),
        (SystemExit(0), Exit.SINK_FAILED),
    ],
    ids=repr,
)
@pytest.mark.parametrize("kind", [MemorySink, MemorySnapshotSink])
@pytest.mark.usefixtures("impatient")
def test_a_failing_sink_stops_neither_generation_nor_the_others(tmp_path: Path, kind, error, code):
    bad, good = kind("lab/bad", errors=[error] * 99), MemorySink("lab/good")
    lab = Lab(tmp_path, products(5), sinks={"bad": bad, "good": good})
    result = lab.run()
    assert (result.code, states(result)) == (code, {"done": 5})
    assert result.report["stopped_by"] == "sink"
    assert "sink bad" in result.message
    assert len(good.texts) == 5
    assert numbers(result, "bad") == (0, 0, 0, 15)
    assert sink(result, "bad")["error"]
    bad.errors.clear()
    healed = lab.run()
    assert (healed.code, healed.report["calls"]["new"]) == (Exit.DONE, 0)
    assert numbers(healed, "bad") == (15, 0, 0, 0)


@pytest.mark.parametrize("backup", [True, False])
def test_what_a_snapshot_could_not_publish_is_not_delivered(tmp_path: Path, backup):
    """Its receipts told what `publish` would come to; the error says whether there is a backup."""

    class Unpublished(MemorySnapshotSink):
        async def publish(self):
            raise SinkError("permanent", "refused", backup=backup)

    lab = Lab(tmp_path, products(5), sinks={"page": Unpublished()})
    result = lab.run()
    assert (result.code, states(result)) == (Exit.SINK_FAILED, {"done": 5})
    assert numbers(result, "page") == (0, 0, 0, 0 if backup else 15)
    assert sink(result, "page")["backup"] == (15 if backup else 0)
    assert result.report["queries_saved_to_db"] == 0
    lab.sinks = {"page": MemorySnapshotSink()}
    healed = lab.run()
    assert (healed.code, healed.report["calls"]["new"]) == (Exit.DONE, 0)
    assert numbers(healed, "page") == (15, 0, 0, 0)


@pytest.mark.usefixtures("impatient")
def test_a_sink_that_need_not_work_is_only_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    sinks = {"table": MemorySink(), "extra": MemorySink("lab/extra", errors=[SinkError("permanent", "no such table")])}
    result = Lab(tmp_path, products(3), sinks=sinks, optional={"extra"}).run()
    assert result.code == Exit.DONE
    assert "no such table" in sink(result, "extra")["error"]
    assert numbers(result, "extra") == (0, 0, 0, 9)
    assert "no such table" in caplog.text
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_of_several_failing_sinks_the_most_urgent_counts(tmp_path: Path):
    sinks = {
        "one": MemorySink("1", errors=[SinkError("permanent", "no table")]),
        "two": MemorySink("2", errors=[SinkError("auth", "no right")]),
    }
    result = Lab(tmp_path, products(2), sinks=sinks).run()
    assert result.code == Exit.CREDENTIALS
    assert "sink two" in result.message


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SinkError("permanent", "no such table"), Exit.SINK_FAILED),
        (SinkError("retry", "down"), Exit.TRY_AGAIN),
        (SinkError("auth", "no right"), Exit.CREDENTIALS),
        (ValueError("boom"), Exit.SINK_FAILED),
        (SystemExit(0), Exit.SINK_FAILED),
    ],
    ids=repr,
)
def test_nothing_is_paid_while_a_required_sink_cannot_be_written(tmp_path: Path, error, code, required):
    sinks = {"table": MemorySink(), "bad": MemorySink("lab/bad", check_error=error)}
    lab = Lab(tmp_path, products(3), sinks=sinks, optional=set() if required else {"bad"})
    result = lab.run()
    assert result.code == (code if required else Exit.DONE)
    assert sum(lab.model.calls.values()) == (0 if required else 3)
    assert numbers(result, "bad") == (0, 0, 0, 0 if required else 9)
    if required:
        assert "bad" in result.message
        assert result.report["stopped_by"] == "sink"


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("kind", [MemorySink, MemorySnapshotSink])
def test_a_sink_that_knows_a_later_process_ends_the_run_at_once(tmp_path: Path, kind, required, caplog):
    error = SinkError("fenced", "another process has taken over")
    bad, good = kind("lab/bad", errors=[error] * 9), MemorySnapshotSink("lab/good")
    lab = Lab(
        tmp_path,
        products(60),
        model=ScriptedProvider(three_questions, seconds=0.01),
        sinks={"bad": bad, "good": good},
        optional=set() if required else {"bad"},
    )
    result = lab.run()
    assert (result.code, result.message) == (Exit.TRY_AGAIN, "sink bad: another process has taken over")
    assert result.report["stopped_by"] == "held"
    assert len(bad.errors) == 8, "it is not tried again"
    assert good.published is None
    if kind is MemorySink:
        assert lab.model.calls.total() < 60, "no call starts any more"
    assert numbers(result, "good")[:3] == (0, 0, 0)
    assert caplog.text.count("another process has taken over") == 1


def test_a_later_process_is_a_reason_not_to_begin_whatever_the_sink(tmp_path: Path):
    error = SinkError("fenced", "another process has taken over")
    sinks = {"table": MemorySink(), "extra": MemorySink("lab/extra", check_error=error)}
    lab = Lab(tmp_path, products(3), sinks=sinks, optional={"extra"})
    assert lab.run().code == Exit.TRY_AGAIN
    assert lab.model.calls.total() == 0


@pytest.mark.parametrize(
    ("kind", "asked"),
    [*((MemorySink, asked) for asked in range(2)), *((MemorySnapshotSink, asked) for asked in range(3))],
)
def test_without_a_lease_nothing_more_is_delivered(tmp_path: Path, monkeypatch, kind, asked):
    """Lost before the first call of the sink, before the next, or after the last."""

    class Leased(SqliteJournal):
        asked = 0

        def check_lease(self):
            self.asked += 1
            if self.asked > asked:
                raise JournalError("taken over by another process", kind="fenced")

    lab = Lab(tmp_path, products(3), sinks={"table": MemorySink()})
    lab.run()
    lab.sinks = {"table": kind()}
    monkeypatch.setattr("querygen_core.journal.sqlite.SqliteJournal", Leased)
    result = lab.run()
    assert (result.code, result.message) == (Exit.TRY_AGAIN, "taken over by another process")
    assert result.report["stopped_by"] == "held"
    calls = len(lab.table.applied) + (kind is MemorySnapshotSink and lab.table.publications)
    assert calls == min(asked, 1 if kind is MemorySink else 2)


def test_what_a_sink_refuses_for_good_is_a_dead_letter_and_the_rest_goes_on(tmp_path: Path, caplog):
    table = MemorySink(refuses=lambda outcome: "too long" if outcome.title == "Product 1" else None)
    limits = {"max_failed_ratio": 0, "max_failed": 0}
    lab = Lab(tmp_path, products(4), sinks={"table": table}, runtime={**limits, "max_refused_ratio": 0.25})
    result = lab.run()
    assert (result.code, states(result)) == (Exit.DONE, {"done": 4}), "the input is as good as can be"
    assert numbers(result) == (9, 0, 0, 3)
    assert (result.report["sinks"]["table"]["refused"], result.report["sinks"]["table"]["refused_products"]) == (3, 1)
    (letter,) = lab.dead_letters()
    expected = {"stage": "deliver", "reason": "refused", "message": "too long", "sink": "table", "attempt": 1}
    expected |= {"file": "list", "line": 1}
    assert {name: letter[name] for name in expected} == expected
    assert letter["product_key"] == product(1).key
    told = [json.loads(data) for kind, data in lab.rows("SELECT kind, data FROM events") if kind == "product_refused"]
    assert [(one["product"], one["sink"], one["message"]) for one in told] == [(product(1).key, "table", "too long")]
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [f"product {product(1).key} refused by sink table at list:1: too long"]


def test_a_sink_that_refuses_more_than_is_allowed_has_failed_not_the_input(tmp_path: Path, caplog):
    table = MemorySink(refuses=lambda outcome: "too long" if outcome.title == "Product 1" else None)
    result = Lab(tmp_path, products(4), sinks={"table": table}).run()
    assert (result.code, result.report["stopped_by"]) == (Exit.SINK_FAILED, "sink")
    assert "sink table refused 1 of 4 products (25.0%), the first because: too long" in result.message
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors == [f"{result.message} [stopped_by=sink exit_code=74]"]


def test_a_refusal_of_an_optional_sink_fails_nothing(tmp_path: Path):
    sinks = {"table": MemorySink(), "extra": MemorySink("lab/extra", refuses=lambda _: "never")}
    result = Lab(tmp_path, products(4), sinks=sinks, optional={"extra"}).run()
    assert result.code == Exit.DONE


@pytest.mark.parametrize(
    "receipts",
    [
        lambda made: made[1:],
        lambda made: made[::-1],
        lambda made: [*made, made[0]],
        lambda _: None,
        lambda made: [None],
    ],
    ids=["fewer", "other order", "more", "none", "no receipts"],
)
def test_a_sink_that_breaks_its_contract_is_named(tmp_path: Path, receipts):
    class Wrong(MemorySink):
        async def apply(self, outcomes):
            return receipts(await super().apply(outcomes))

    wrong = Wrong()
    lab = Lab(tmp_path, products(3), sinks={"table": MemorySnapshotSink()})
    lab.run()
    lab.sinks = {"table": wrong}  # which gets all three at once
    result = lab.run()
    assert result.code == Exit.SINK_FAILED
    assert "lab/table" in result.message


def test_receipts_that_do_not_add_up_end_with_70(tmp_path: Path):
    class Forgetful(MemorySink):
        async def apply(self, outcomes):
            return [*(await super().apply(outcomes[:-1])), Receipt(product_key=outcomes[-1].product_key)]

    result = Lab(tmp_path, products(3), sinks={"table": Forgetful()}).run()
    assert result.code == Exit.BUG
    assert "table" in result.message
    assert "of 9 kept queries" in result.message


def test_a_changed_recipe_retires_what_is_gone(tmp_path: Path):
    lab = Lab(tmp_path, products(3))
    lab.run()
    lab.count = 2
    result = lab.run()
    assert numbers(result) == (0, 6, 3, 0)


def test_a_secret_in_a_sink_s_error_is_masked(tmp_path: Path):
    table = MemorySink(errors=[SinkError("permanent", "cannot log in to postgres://me:hunter2hunter2@db/x")])
    lab = Lab(tmp_path, products(1), sinks={"table": table})
    result = lab.run()
    assert "cannot log in" in result.message
    for text in (result.message, str(result.report), (lab.state / "report.json").read_text()):
        assert "hunter2" not in text
    assert b"hunter2" not in (lab.state / "journal.sqlite").read_bytes()
