"""A look at the first records, before anything is paid: is the input a catalogue at all?"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from querygen_core.contracts.errors import Exit
from querygen_core.engine.shutdown import Shutdown
from querygen_core.engine.tolerance import Tolerance

_ENOUGH = 50  # records
_PATIENCE = 5.0  # seconds: a slow source is not waited for
_NAMED = 3  # reasons


@dataclass(slots=True)
class FirstRecords:
    """Counts this shard's first records. Until they are judged, no product goes to the generators; if half or
    more are rejected, the run ends.
    """

    shutdown: Shutdown
    """Ends the run."""
    tolerance: Tolerance
    """Says how many rejects are too many."""
    judged: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the products may go on, or the run has ended."""
    _records: int = 0
    _reasons: Counter[str] = field(default_factory=Counter)
    """Reason → rejected records."""
    _timer: asyncio.TimerHandle | None = None

    def add(self, reasons: Sequence[str | None]) -> None:
        """Count records by the reasons why they are rejected; None: not rejected."""
        if self.judged.is_set() or not reasons:
            return
        first = reasons[: _ENOUGH - self._records]
        self._records += len(first)
        self._reasons.update(reason for reason in first if reason is not None)
        if self._records >= _ENOUGH:
            self.judge()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PATIENCE, self.judge)

    def judge(self) -> None:
        """Judge by what was counted so far, unless that was done already."""
        if self._timer is not None:
            self._timer.cancel()
        if self.judged.is_set():
            return
        rejected = self._reasons.total()
        if self.tolerance.hopeless(rejected, self._records):
            reasons = ", ".join(f"{reason} {number}" for reason, number in self._reasons.most_common(_NAMED))
            self.shutdown.set(
                Exit.INPUT_UNUSABLE,
                f"{rejected} of the first {self._records} records are rejected ({reasons}), so nothing was asked; is "
                "this the right file, and are its fields mapped? Their messages are in the dead letters",
                "rejected_input",
            )
        self.judged.set()
