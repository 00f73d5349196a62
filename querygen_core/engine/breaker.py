"""A permanent failure ends the run after few calls, not after the catalogue."""

from __future__ import annotations

from dataclasses import dataclass, field

from querygen_core.engine.halt import Halt
from querygen_core.errors import AnswerFailure, Exit, ProviderError

_PATIENCE = {"auth": 1, "quota": 1, "bad_request": 3, "retry": 3, "throttled": 3, "bad_answer": 5}
_EXIT = {
    "auth": Exit.CREDENTIALS,
    "quota": Exit.PROVIDER_REFUSES,
    "bad_request": Exit.PROVIDER_REFUSES,
    "bad_answer": Exit.PROVIDER_REFUSES,
}
_USELESS = {"cut": 5, "broken": 30, "empty": 30}  # answers, each of them paid


@dataclass(slots=True)
class Breaker:
    """One model's: opens when so many requests in a row have failed for good, without one success between them."""

    halt: Halt
    model: str
    _in_a_row: dict[str, int] = field(default_factory=dict)

    def answered(self, failure: AnswerFailure | None, reason: str = "") -> None:
        """An answer came. Ends the run once too many in a row were of no use; one that is blocked says nothing of the
        model.
        """
        if failure not in _USELESS:
            self._in_a_row.clear()
            return
        said = f" ({reason})" if reason else ""
        self._count(failure, _USELESS[failure], Exit.PROVIDER_REFUSES, f"its answers are of no use{said}")

    def failed(self, error: ProviderError) -> None:
        """A request is given up. Ends the run once that has happened too often in a row."""
        self._count(error.kind, _PATIENCE.get(error.kind), _EXIT.get(error.kind, Exit.TRY_AGAIN), str(error))

    def _count(self, kind: str, patience: int | None, code: Exit, message: str) -> None:
        times = self._in_a_row[kind] = self._in_a_row.get(kind, 0) + 1
        if patience is not None and times >= patience:
            self.halt.set(code, f"model {self.model!r} fails ({kind}): {message}")
