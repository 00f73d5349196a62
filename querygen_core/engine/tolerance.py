"""How much may fail, be rejected or refused before a run has failed."""

from __future__ import annotations

from dataclasses import dataclass

_HALF = 0.5  # what is no catalogue at all gives more rejects than products


@dataclass(frozen=True, slots=True)
class Tolerance:
    """`runtime.max_failed_ratio` and `runtime.max_failed`: either one excuses what went wrong with the input."""

    ratio: float = 0.0
    """Share of the records, from 0 to 1."""
    number: int = 0
    """Records, whatever share of the input they are; but never all that there are."""
    refused: float = 0.0
    """`runtime.max_refused_ratio`: share of the products that a sink may refuse, from 0 to 1."""

    def exceeded(self, bad: int, records: int, all_shards: int) -> bool:
        """Whether too many of this shard's records are bad. all_shards: the records of the whole input."""
        return bad > self.ratio * records and (bad > self.number or bad >= all_shards)

    def too_many_refused(self, refused: int, products: int) -> bool:
        """Whether a sink refuses too much. products: that it was offered."""
        return refused > self.refused * products

    def hopeless(self, rejected: int, first: int) -> bool:
        """Whether so many of the first records are rejected that it is no use to ask for the others."""
        return rejected >= _HALF * first and rejected > self.ratio * first and rejected > self.number
