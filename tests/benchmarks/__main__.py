from __future__ import annotations

import argparse

from tests.benchmarks import memory, overhead, overhead256, pace, postgres, resume, start
from tests.benchmarks.measure import show

BENCHMARKS = {
    module.__name__.rpartition(".")[2]: module
    for module in (overhead, overhead256, pace, memory, resume, start, postgres)
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="What querygen costs.")
    parser.add_argument("benchmark", choices=BENCHMARKS)
    parser.add_argument("--rounds", type=int, default=5, help="each figure is the median of so many (default 5)")
    parser.add_argument("--products", type=int, default=2_000, help="size of a run's catalogue (default 2000)")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    given = parser.parse_args()
    rows = BENCHMARKS[given.benchmark].measure(given.rounds, given.products)
    show(given.benchmark, given.rounds, rows, as_json=given.json)


if __name__ == "__main__":
    main()
