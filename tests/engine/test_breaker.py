from __future__ import annotations

import pytest

from querygen_core.api import ProviderError
from querygen_core.engine.breaker import Breaker
from querygen_core.engine.halt import Halt
from querygen_core.errors import Exit

_CASES = [
    ("auth", 1, Exit.CREDENTIALS),
    ("quota", 1, Exit.PROVIDER_REFUSES),
    ("bad_request", 3, Exit.PROVIDER_REFUSES),
    ("bad_answer", 5, Exit.PROVIDER_REFUSES),
    ("retry", 3, Exit.TRY_AGAIN),
    ("throttled", 3, Exit.TRY_AGAIN),
]


@pytest.mark.parametrize(("kind", "times", "code"), _CASES)
def test_it_opens_after_so_many_in_a_row(kind, times, code):
    breaker = Breaker(Halt(), "flash")
    for _ in range(times - 1):
        breaker.failed(ProviderError(kind, "no"))
        assert not breaker.halt.is_set
    breaker.failed(ProviderError(kind, "no"))
    assert breaker.halt.code == code
    assert "flash" in breaker.halt.message


@pytest.mark.parametrize(("kind", "times", "code"), [case for case in _CASES if case[1] > 1])
def test_a_success_between_them_closes_it(kind, times, code):
    breaker = Breaker(Halt(), "flash")
    for _ in range(3 * times):
        breaker.failed(ProviderError(kind, "no"))
        breaker.answered(None)
    assert not breaker.halt.is_set


def test_a_blocked_answer_opens_nothing():
    breaker = Breaker(Halt(), "flash")
    for _ in range(100):
        breaker.failed(ProviderError("blocked", "no"))
    assert not breaker.halt.is_set
