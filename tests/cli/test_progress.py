"""The figures of a run in words: the same on a terminal and in the log."""

from __future__ import annotations

from typing import Any

import pytest

from querygen_core.cli.progress import Pace, lines
from querygen_core.engine.figures import Figures

EMPTY: dict[str, Any] = {
    "completed": 0,
    "expected": None,
    "is_estimate": True,
    "failed": 0,
    "calls": 0,
    "from_journal": 0,
    "faults": {},
    "cost": 0.0,
    "max_cost": None,
    "delivered": {},
    "ending": "",
    "waits": [],
}


class Steady(Pace):
    """Two calls and half a product per second."""

    calls = 2.0

    def seconds_left(self, figures: Figures) -> float | None:
        return 2.0 * ((figures.expected or 0) - figures.completed)


@pytest.mark.parametrize(
    ("given", "pace", "said"),
    [
        ({}, Pace(), ["0 products", "0 calls, 0.00 USD"]),
        (
            {"completed": 1234, "expected": 5000, "calls": 2468, "cost": 0.0123, "max_cost": 5.0},
            Steady(),
            ["1,234 of about 5,000 products, about 2 h 6 min left", "2,468 calls (2.0/s), 0.0123 of 5.00 USD"],
        ),
        (
            {
                "completed": 4999,
                "expected": 5000,
                "is_estimate": False,
                "failed": 2,
                "from_journal": 7,
                "faults": {"throttled": 3, "retry": 1, "bad_answer": 1},
                "cost": None,
                "delivered": {"rows": 1200, "file": None},
                "waits": ["waiting for gemini: 12 s"],
            },
            Steady(),
            [
                "4,999 of 5,000 products, 2 failed, less than a minute left",
                "0 calls (2.0/s), 7 answers from the journal, 2 failed, 3 throttled, cost unknown",
                "delivered: rows 1,200, file at the end",
                "waiting for gemini: 12 s",
            ],
        ),
        (
            {"completed": 1, "expected": 9, "ending": "interrupted: waiting for the sinks, at most 3 s"},
            Steady(),
            ["1 of about 9 products", "0 calls (2.0/s), 0.00 USD", "interrupted: waiting for the sinks, at most 3 s"],
        ),
    ],
    ids=["nothing yet", "in the middle", "everything", "interrupted"],
)
def test_a_run_in_words(given, pace, said):
    assert list(lines(Figures(**{**EMPTY, **given}), pace)) == said


def test_a_rate_needs_some_time():
    moments = iter([0.0, 1.0, 4.0, 40.0])
    pace = Pace(lambda: next(moments))
    rates = []
    for calls in (1, 5, 9, 45):
        pace.note(Figures(**{**EMPTY, "calls": calls}))
        rates.append(pace.calls)
    assert rates == [None, None, 2.0, 1.0]
    assert pace.seconds_left(Figures(**{**EMPTY, "expected": 9})) is None
