"""Products that stand for a job: the one with the fewest questions, and one drawn from all."""

from __future__ import annotations

import hashlib

from querygen_core.contracts.journal import Journal, Tally
from querygen_core.contracts.records import Outcome

_LOOKED_AT = 200  # records, where the drawn ones have no outcome
_PAGE = 20


async def examples(journal: Journal, tally: Tally, job_id: str) -> list[Outcome]:
    """The poorest product and another one. The draw depends on the job's name alone, so that runs can be compared."""
    if tally.poorest is None:
        return []
    poorest = (await journal.snapshot(tally.poorest - 1, 1))[0].outcome
    drawn = await _drawn(journal, sum(tally.states.values()), job_id, poorest)
    return [poorest] if drawn is None else [poorest, drawn]


async def _drawn(journal: Journal, records: int, job_id: str, poorest: Outcome) -> Outcome | None:
    """The first product with an outcome from a random place on, or from the beginning."""
    place = int.from_bytes(hashlib.sha256(job_id.encode("utf-8", "surrogatepass")).digest()[:8]) % records
    for start in (place, 0):
        position, end = start - 1, start + _LOOKED_AT
        while position < end and (page := await journal.snapshot(position, _PAGE)):
            for pending in page:
                if pending.current and pending.outcome.ordinal != poorest.ordinal:
                    return pending.outcome
            position = page[-1].position
    return None
