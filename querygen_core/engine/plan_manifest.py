"""What a plan puts in the place of the job's journal: it tells what each record is, and writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from querygen_core.contracts.journal import ManifestEntry
from querygen_core.contracts.records import Event, State
from querygen_core.engine.plan_requests import SeenKeys
from querygen_core.journal.store_view import StoreView


@dataclass(slots=True)
class PlanManifest:
    """Implements `engine.ingest.Admits`."""

    store: StoreView
    """Knows the job's outcomes."""
    seen: SeenKeys
    """The products so far."""
    known_products: set[str]
    """Gets the keys of products that are called pending though they need nothing, for what their answers show."""
    shown: int
    """Number of such products, at most."""
    states: Counter[State] = field(default_factory=Counter)
    """Records by state."""

    async def admit(self, entries: Sequence[ManifestEntry]) -> Sequence[State]:
        states = [self._state(entry) for entry in entries]
        self.states.update(states)
        return [self._shown_as(entry, state) for entry, state in zip(entries, states, strict=True)]

    def _state(self, entry: ManifestEntry) -> State:
        if entry.reject is not None:
            return "rejected"
        content = self.seen.content_of(entry.key, entry.content_hash)
        if content is not None:
            return "duplicate" if content == entry.content_hash else "rejected"
        return self.store.outcome_state(entry.outcome_key) or "pending"

    def _shown_as(self, entry: ManifestEntry, state: State) -> State:
        if state not in ("done", "short") or self.shown <= 0:
            return state
        self.shown -= 1
        self.known_products.add(entry.key)
        return "pending"

    async def append_events(self, events: Sequence[Event]) -> None:
        """A plan is no event."""
