"""A permanent failure ends the run after few calls, not after the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field

from querygen_core.engine.halt import Halt
from querygen_core.errors import Exit, ProviderError

_PATIENCE = {"auth": 1, "quota": 1, "bad_request": 3, "retry": 3, "throttled": 3, "bad_answer": 5}
_EXIT = {
    "auth": Exit.CREDENTIALS,
    "quota": Exit.PROVIDER_REFUSES,
    "bad_request": Exit.PROVIDER_REFUSES,
    "bad_answer": Exit.PROVIDER_REFUSES,
}


@dataclass(slots=True)
class Breaker:
    """One model's: opens when so many requests in a row have failed for good, without one success between them."""

    halt: Halt
    model: str
    _in_a_row: dict[str, int] = field(default_factory=dict)

    def succeeded(self) -> None:
        self._in_a_row.clear()

    def failed(self, error: ProviderError) -> None:
        """A request is given up. Ends the run once that has happened too often in a row."""
        times = self._in_a_row[error.kind] = self._in_a_row.get(error.kind, 0) + 1
        if times >= _PATIENCE.get(error.kind, times + 1):
            code = _EXIT.get(error.kind, Exit.TRY_AGAIN)
            self.halt.set(code, f"model {self.model!r} fails ({error.kind}): {error}")
