"""Products that left the input: with `runtime.removed_products: retire` each gets an outcome `deleted`."""

from __future__ import annotations

from dataclasses import dataclass

from querygen_core.contracts.errors import Exit
from querygen_core.contracts.journal import Journal
from querygen_core.contracts.records import Event
from querygen_core.engine.run_stats import RunStats
from querygen_core.engine.shutdown import Shutdown


@dataclass(frozen=True, slots=True)
class RemovedProducts:
    """Withdraws the products that this job has questions for and its input no longer holds."""

    journal: Journal
    """Knows the products of earlier runs."""
    stats: RunStats
    """Says whether the input was read to its end."""
    shutdown: Shutdown
    """Ends the run if too many are gone."""
    max_ratio: float
    """Largest share of the products, 0 to 1, that may be gone: half a catalogue is more likely a broken feed."""

    async def retire(self) -> None:
        """Give each an outcome `deleted`, unless they are too many. Not in a run that ends early: it may not have seen
        all of the input.
        """
        if self.shutdown.is_set or not self.stats.input_done:
            return
        removed = await self.journal.removed()
        known = removed.gone + removed.present
        if removed.gone > self.max_ratio * known:
            self.shutdown.set(Exit.INPUT_UNUSABLE, self._refusal(removed.gone, known), "removed_products")
            return
        await self.journal.retire_removed(self.stats.seen)
        if removed.gone:
            data = {"removed": removed.gone, "in_input": removed.present}
            await self.journal.append_events([Event(kind="products_removed", data=data)])

    def _refusal(self, gone: int, known: int) -> str:
        return (
            f"{gone:,} of {known:,} products ({gone / known:.1%}) are no longer in the input; "
            f"runtime.max_retired_ratio allows {self.max_ratio:.1%}: nothing was delivered; if they are really gone, "
            "raise it for one run"
        )
