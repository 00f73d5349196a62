"""`--log-level debug` tells of each request, delivery and decision, without what was asked or answered."""

from __future__ import annotations

import logging
from pathlib import Path

from querygen_core.api import ProviderError
from querygen_core.testing import questions
from tests.engine.lab import Lab, products


def throttled_first_and_too_few(asked, number):
    """A script: one question only, and to one product it is told to wait first."""
    if "Product 1 " in asked.prompt and number == 0:
        return ProviderError("throttled", "slow down", retry_after=0.01)
    subject = " ".join(asked.prompt.split()[:2])
    return questions(f"Is {subject} secret content {len(asked.prompt)}?")


def test_debug_tells_of_each_request_delivery_and_decision_without_content(tmp_path: Path, caplog):
    caplog.set_level(logging.DEBUG, "querygen")
    lab = Lab(tmp_path, products(3), script=throttled_first_and_too_few)
    result = lab.run()
    lines = [(record.name, record.getMessage()) for record in caplog.records if record.levelname == "DEBUG"]
    asked = [line for name, line in lines if name == "querygen.ask"]
    assert len(asked) == sum(lab.model.calls.values())
    assert sum(" to model m, try 0: usable after " in line for line in asked) == result.report["calls"]["new"]
    assert sum("no answer (throttled)" in line for line in asked) == 3, "once in each round"
    assert any("throttled: no call starts for" in line for name, line in lines if name == "querygen.throttle")
    delivered = [line for name, line in lines if name == "querygen.deliver" and line.startswith("sink table: ")]
    assert delivered
    assert any("refill 1, for what is missing: " in line for name, line in lines if name == "querygen.generate")
    assert not [line for _, line in lines if "secret content" in line]
