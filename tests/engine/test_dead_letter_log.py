from __future__ import annotations

from dataclasses import replace

from querygen_core.contracts.dead_letter import DeadLetter
from querygen_core.engine.dead_letter_log import DeadLetterLog

REFUSED = DeadLetter(
    stage="deliver",
    reason="refused",
    message="column price: violates check constraint",
    product_key="shop:1:en",
    component="postgres/queries",
    sink="table",
    constraint="price_check",
)
REJECTED = DeadLetter(
    stage="input", reason="no_title", message="it has no title", component="files/catalogue", file="a.csv", line=12
)
FAILED = DeadLetter(
    stage="generate",
    reason="broken",
    message="broken answer",
    product_key="shop:2:en",
    component="core/prompt",
    model="flash",
    request_key="ab12",
)


def logged(caplog) -> list[tuple[str, str, str]]:
    return [(record.name, record.levelname, record.getMessage()) for record in caplog.records]


def test_each_has_a_line_that_tells_who_why_and_where(caplog):
    log = DeadLetterLog()
    for letter in (REFUSED, REJECTED, FAILED):
        log.add(letter)
    log.end()
    assert logged(caplog) == [
        (
            "querygen.deliver",
            "WARNING",
            "product shop:1:en refused by sink table (constraint price_check): column price: violates check constraint",
        ),
        (
            "querygen.input",
            "WARNING",
            "a record rejected by files/catalogue (no_title) at a.csv:12: it has no title",
        ),
        (
            "querygen.generate",
            "WARNING",
            "product shop:2:en failed in core/prompt (broken, model flash): broken answer",
        ),
    ]


def test_of_one_reason_a_few_are_shown_and_the_others_counted(caplog):
    log = DeadLetterLog()
    for line in range(1000):
        log.add(replace(REJECTED, line=line))
    log.add(replace(REJECTED, reason="bad_json"))
    log.add(REFUSED)
    log.end()
    lines = [message for _, _, message in logged(caplog)]
    assert len(lines) == 23
    assert lines[-3].startswith("a record rejected by files/catalogue (bad_json)")
    assert lines[-1] == "980 more rejected by files/catalogue (no_title); the dead letters have each of them"


def test_an_event_has_what_is_known_but_not_the_record():
    letter = replace(REFUSED, raw="secret stuff", message="x" * 5_000)
    details = letter.details
    assert details.keys() == {"product", "reason", "message", "component", "sink", "constraint"}
    assert len(details["message"]) == 1_000
    assert (REFUSED.kind, REJECTED.kind, FAILED.kind) == ("refused", "rejected", "failed")
    assert replace(REJECTED, stage="preprocess").kind == "rejected"
