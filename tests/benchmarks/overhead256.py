"""As `overhead`, with 256 calls at a time, over HTTP only."""

from __future__ import annotations

from tests.benchmarks.measure import Row
from tests.benchmarks.overhead import measure_at


def measure(rounds: int, products: int) -> list[Row]:
    return measure_at(256, rounds, products, offline=False)
